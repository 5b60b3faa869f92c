/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest reads and writes by the kernel. They respect the area's protection,
 * fault in memory that was not touched yet, and stop at holes.
 *
 * All of them may sleep and must not be given user memory. Zero bytes are always
 * fine, wherever. Errors, at the first byte that could not be reached: -EFAULT
 * for a hole, an address outside the space or a range that wraps; -EACCES when
 * the area forbids the access; -ENOMEM when there was no frame for an untouched
 * page; -EOPNOTSUPP for linear memory that the HAL cannot reach.
 */
#ifndef _AXAS_ACCESS_H
#define _AXAS_ACCESS_H

#include <axas/device.h>
#include <axas/space.h>

/**
 * axas_read() - read guest memory, all of it
 * @space: the space
 * @gpa: from where
 * @buf: to where
 * @len: bytes
 *
 * Context: May sleep.
 * Return: 0, or an error as above; then @buf is as it was.
 */
int axas_read(struct axas_space *space, struct axas_gpa gpa, void *buf, size_t len);

/**
 * axas_write() - write guest memory, all of it
 * @space: the space
 * @gpa: to where
 * @buf: from where
 * @len: bytes
 *
 * Context: May sleep.
 * Return: 0, or an error as above; then no byte of the guest was written, though
 * untouched pages of the range may have got their frames of zeroes.
 */
int axas_write(struct axas_space *space, struct axas_gpa gpa, const void *buf, size_t len);

/**
 * axas_read_partial() - read as much guest memory as can be had
 * @space: the space
 * @gpa: from where
 * @buf: to where
 * @len: bytes
 *
 * Context: May sleep.
 * Return: bytes read, or an error as above when there were none.
 */
ssize_t axas_read_partial(struct axas_space *space, struct axas_gpa gpa, void *buf,
			  size_t len);

/**
 * axas_write_partial() - write as much guest memory as can be had
 * @space: the space
 * @gpa: to where
 * @buf: from where
 * @len: bytes
 *
 * Context: May sleep.
 * Return: bytes written, or an error as above when there were none.
 */
ssize_t axas_write_partial(struct axas_space *space, struct axas_gpa gpa,
			   const void *buf, size_t len);

/**
 * axas_read_obj() - read an integer from guest memory
 * @space: the space
 * @gpa: from where
 * @width: how wide
 * @val: the value, in the host's byte order
 *
 * One single access when @gpa is a multiple of the width, so that no other CPU's
 * write is seen by halves. Any other @gpa works too, byte by byte.
 *
 * Context: May sleep.
 * Return: 0, or an error as above; then @val is as it was.
 */
int axas_read_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		  u64 *val);

/**
 * axas_write_obj() - write an integer to guest memory
 * @space: the space
 * @gpa: to where
 * @width: how wide
 * @val: the value, in the host's byte order; bits beyond the width are ignored
 *
 * One single access when @gpa is a multiple of the width. Any other @gpa works
 * too, byte by byte.
 *
 * Context: May sleep.
 * Return: 0, or an error as above; then nothing was written.
 */
int axas_write_obj(struct axas_space *space, struct axas_gpa gpa, enum axas_width width,
		   u64 val);

/**
 * axas_read_volatile() - read a register, or memory that others change
 * @space: the space
 * @gpa: from where, a multiple of the width
 * @width: how wide
 * @val: the value, in the host's byte order
 *
 * Exactly one access of this width; by the I/O accessors where a linear area maps
 * a device.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an unaligned @gpa, or an error as above.
 */
int axas_read_volatile(struct axas_space *space, struct axas_gpa gpa,
		       enum axas_width width, u64 *val);

/**
 * axas_write_volatile() - write a register, or memory that others read
 * @space: the space
 * @gpa: to where, a multiple of the width
 * @width: how wide
 * @val: the value, in the host's byte order; bits beyond the width are ignored
 *
 * Exactly one access of this width; by the I/O accessors where a linear area maps
 * a device.
 *
 * Context: May sleep.
 * Return: 0, -EINVAL for an unaligned @gpa, or an error as above.
 */
int axas_write_volatile(struct axas_space *space, struct axas_gpa gpa,
			enum axas_width width, u64 val);

#endif /* _AXAS_ACCESS_H */
