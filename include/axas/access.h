/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest reads and writes by the kernel. They respect the area's protection, fault in
 * untouched memory, and stop at holes. 1, 2, 4 or 8 naturally aligned bytes are a single
 * access in every function.
 *
 * All functions may sleep and must not be given user memory. Zero bytes succeed at any
 * address. Errors, at the first byte that cannot be accessed: -EFAULT for a hole, an address
 * outside the space or a range that wraps; -EACCES if the area forbids the access; -ENOMEM
 * if no frame can be allocated for an untouched page; -EOPNOTSUPP for linear memory that the
 * HAL cannot access; -EINTR if a fatal signal interrupts a fault.
 *
 * An access to a missing page (AXAS_MAP_MISSING) waits until the page is supplied or unmapped, or
 * the task is killed. In a kernel thread, which cannot be killed, it fails after a second with
 * -ETIMEDOUT. With AXAS_MAP_MISSING_FAIL it fails at once with -EFAULT.
 */
#ifndef _AXAS_ACCESS_H
#define _AXAS_ACCESS_H

#include <axas/device.h>
#include <axas/space.h>

/**
 * axas_read() - read guest memory, all or nothing
 * @space: the space
 * @gpa: source
 * @buf: destination
 * @len: bytes
 *
 * Context: May sleep.
 * Return: 0, or an error as above, with @buf unchanged.
 */
int __must_check axas_read(struct axas_space *space, struct axas_gpa gpa, void *buf, size_t len);

/**
 * axas_write() - write guest memory, all or nothing
 * @space: the space
 * @gpa: destination
 * @buf: source
 * @len: bytes
 *
 * Context: May sleep.
 * Return: 0, or an error as above, with no byte of the guest written; untouched pages of the
 * range may have been given zeroed frames.
 */
int __must_check axas_write(struct axas_space *space, struct axas_gpa gpa, const void *buf,
			    size_t len);

/**
 * axas_read_partial() - read guest memory up to the first error
 * @space: the space
 * @gpa: source
 * @buf: destination
 * @len: bytes
 *
 * Context: May sleep.
 * Return: bytes read, or an error as above if none were.
 */
ssize_t __must_check axas_read_partial(struct axas_space *space, struct axas_gpa gpa, void *buf,
				       size_t len);

/**
 * axas_write_partial() - write guest memory up to the first error
 * @space: the space
 * @gpa: destination
 * @buf: source
 * @len: bytes
 *
 * Context: May sleep.
 * Return: bytes written, or an error as above if none were.
 */
ssize_t __must_check axas_write_partial(struct axas_space *space, struct axas_gpa gpa,
					const void *buf, size_t len);

/**
 * axas_read_obj() - read an integer from guest memory
 * @space: the space
 * @gpa: source
 * @width: width of the access
 * @val: the value, in the host's byte order
 *
 * A single access if @gpa is a multiple of the width: concurrent writes of other CPUs are
 * not torn. Other addresses are read byte by byte.
 *
 * Context: May sleep.
 * Return: 0, or an error as above, with @val unchanged.
 */
int __must_check axas_read_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
			       u64 *val);

/**
 * axas_write_obj() - write an integer to guest memory
 * @space: the space
 * @gpa: destination
 * @width: width of the access
 * @val: the value, in the host's byte order; bits beyond the width are ignored
 *
 * A single access if @gpa is a multiple of the width. Other addresses are written byte by
 * byte.
 *
 * Context: May sleep.
 * Return: 0, or an error as above, with nothing written.
 */
int __must_check axas_write_obj(struct axas_space *space, struct axas_gpa gpa,
				enum axas_width width, u64 val);

/**
 * axas_read_volatile() - read a register, or memory with concurrent writers
 * @space: the space
 * @gpa: source, a multiple of the width
 * @width: width of the access
 * @val: the value, in the host's byte order
 *
 * Exactly one access of this width, by the I/O accessors (readl() and the like) if a linear
 * area maps a device.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an unaligned @gpa, or an error as above.
 */
int __must_check axas_read_volatile(struct axas_space *space, struct axas_gpa gpa,
				    enum axas_width width, u64 *val);

/**
 * axas_write_volatile() - write a register, or memory with concurrent readers
 * @space: the space
 * @gpa: destination, a multiple of the width
 * @width: width of the access
 * @val: the value, in the host's byte order; bits beyond the width are ignored
 *
 * Exactly one access of this width, by the I/O accessors (readl() and the like) if a linear
 * area maps a device.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an unaligned @gpa, or an error as above.
 */
int __must_check axas_write_volatile(struct axas_space *space, struct axas_gpa gpa,
				     enum axas_width width, u64 val);

#endif /* _AXAS_ACCESS_H */
