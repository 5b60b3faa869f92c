/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libaxas: the user API of axas and axvcpu for C programs.
 *
 *   space.c   every ioctl of <axas/axas.h>; guest memory
 *   vcpu.c    every ioctl of <axas/vcpu.h>
 *   names.c   what the numbers of both are called
 *
 * A call returns 0 or a positive value, or -errno: errno itself stays as libc left it, and
 * means nothing. What an ioctl's errors are stands in <axas/axas.h> and <axas/vcpu.h>; here
 * are those that the library adds. It sets the size of each struct, prints nothing, keeps no
 * state, and needs libc alone. Any number of threads may be in it at once.
 *
 * Guest-physical addresses, and lengths, are bytes; both are multiples of 4 KiB but where it
 * is said otherwise. @space is the descriptor of a space, @vcpu that of a vCPU, @dev one of
 * /dev/axas or /dev/axvcpu.
 */
#ifndef LIBAXAS_H
#define LIBAXAS_H

#include <axas/axas.h>
#include <axas/vcpu.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AXAS_DEV_PATH		"/dev/axas"
#define AXVCPU_DEV_PATH		"/dev/axvcpu"

/**
 * axas_ioctl() - any ioctl, as it stands
 * @fd: a device, a space or a vCPU
 * @nr: number of the ioctl
 * @arg: its argument; nothing is checked or filled in
 *
 * For what the other functions do not let one say, as a test must.
 *
 * Return: what the ioctl returns, or -errno.
 */
int axas_ioctl(int fd, unsigned long nr, void *arg);

/* Spaces: <axas/axas.h> */

/**
 * axas_open() - open the device that creates spaces
 * @path: where it is; NULL: AXAS_DEV_PATH
 *
 * Return: a descriptor (O_RDWR | O_CLOEXEC), or -errno: -ENOENT when the module is not loaded.
 */
int axas_open(const char *path);

/**
 * axas_get_api_version() - which version of the API the module has
 * @dev: of axas
 *
 * Return: AXAS_API_VERSION, or -errno: -ENOTTY when @dev is another device.
 */
int axas_get_api_version(int dev);

/**
 * axas_get_format() - what a format offers
 * @dev: of axas
 * @format: AXAS_FORMAT_*
 * @info: what it offers; its @format is @format with AXAS_FORMAT_DEFAULT resolved
 *
 * Return: 0, or -errno: -EOPNOTSUPP when this build has no such format, or no default one.
 */
int axas_get_format(int dev, __u32 format, struct axas_format_info *info);

/**
 * axas_create() - create a space
 * @dev: of axas
 * @create: what space, but for @size; NULL: one for this host's CPU, of the usual size
 *
 * Return: its descriptor (O_RDWR | O_CLOEXEC), or -errno.
 */
int axas_create(int dev, const struct axas_create *create);

/**
 * axas_open_space() - create a space where the device is not open
 * @path: as axas_open()
 * @create: as axas_create()
 *
 * Return: as axas_create(), or an error of axas_open().
 */
int axas_open_space(const char *path, const struct axas_create *create);

/**
 * axas_map_linear() - map a fixed host-physical range
 * @space: where to
 * @gpa: first guest-physical address
 * @hpa: first host-physical address, 4 KiB aligned
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 *
 * Return: 0, or -errno.
 */
int axas_map_linear(int space, __u64 gpa, __u64 hpa, __u64 length, __u32 prot, __u32 type);

/**
 * axas_map_alloc() - map zeroed memory of the page allocator, of AXAS_TYPE_NORMAL
 * @space: where to
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @flags: AXAS_MAP_*
 *
 * Return: 0, or -errno.
 */
int axas_map_alloc(int space, __u64 gpa, __u64 length, __u32 prot, __u32 flags);

/**
 * axas_unmap() - remove what a range maps
 * @space: where from
 * @gpa: first guest-physical address
 * @length: bytes
 *
 * Return: 0, also where nothing was, or -errno.
 */
int axas_unmap(int space, __u64 gpa, __u64 length);

/**
 * axas_protect() - change the protection of a range
 * @space: of which
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: the new AXAS_PROT_*
 *
 * Return: 0, also where nothing was, or -errno.
 */
int axas_protect(int space, __u64 gpa, __u64 length, __u32 prot);

/**
 * axas_clear() - remove every area
 * @space: of which
 *
 * Return: 0, or -errno.
 */
int axas_clear(int space);

/**
 * axas_populate() - give every untouched page of a range its frame
 * @space: of which
 * @gpa: first guest-physical address
 * @length: bytes
 *
 * All of it, however many calls of the kernel that takes.
 *
 * Return: 0, or -errno: the pages before the one that failed keep their frames then.
 */
int axas_populate(int space, __u64 gpa, __u64 length);

/**
 * axas_populate_some() - one call of AXAS_POPULATE
 * @space: of which
 * @gpa: first guest-physical address; out: of what is still to be done
 * @length: bytes, not 0; out: bytes that are still to be done
 *
 * Return: 0 when it came further, or -errno: @gpa and @length are as they were then.
 */
int axas_populate_some(int space, __u64 *gpa, __u64 *length);

/**
 * axas_collapse() - put small leaves together to larger ones
 * @space: of which
 * @gpa: first guest-physical address
 * @length: bytes
 * @collapsed: how many tables of leaves one leaf has replaced; may be NULL
 *
 * Return: 0, or -errno.
 */
int axas_collapse(int space, __u64 gpa, __u64 length, __u64 *collapsed);

/**
 * axas_fault() - handle a guest access as a vCPU would
 * @space: of which
 * @gpa: the address of the access, of any alignment
 * @access: what it needs: one or more of AXAS_PROT_*
 * @level: level of the leaf, as struct axas_fault says; may be NULL
 *
 * Return: AXAS_FAULT_*, or -errno.
 */
int axas_fault(int space, __u64 gpa, __u32 access, __u32 *level);

/**
 * axas_translate() - what a guest-physical address maps to
 * @space: of which
 * @gpa: the address, of any alignment
 * @to: what it maps to
 *
 * Return: 0, or -errno: -ENOENT when no leaf maps @gpa.
 */
int axas_translate(int space, __u64 gpa, struct axas_translate *to);

/**
 * axas_get_info() - what a space is and holds
 * @space: which
 * @info: what
 *
 * Return: 0, or -errno.
 */
int axas_get_info(int space, struct axas_info *info);

/**
 * axas_get_areas() - one call of AXAS_GET_AREAS
 * @space: of which
 * @start: first address to look at; out: where the next call goes on
 * @areas: room for areas
 * @nr: for how many; 0 only asks whether there are any
 * @more: whether areas behind those written were left over; may be NULL
 *
 * Return: how many were written, AXAS_GET_AREAS_MAX at most, or -errno.
 */
int axas_get_areas(int space, __u64 *start, struct axas_area_info *areas, __u32 nr, __u32 *more);

/**
 * struct axas_areas - an iterator over the areas of a space; 40 KiB
 * @space: of which
 * @err: 0, or -errno, why there were no more
 * @start: where the next call goes on
 * @more: areas are left for it
 * @i: the next area of @buf
 * @nr: how many are there
 * @buf: what the last call wrote
 *
 * For a program but for @err the library's own.
 */
struct axas_areas {
	int space;
	int err;
	__u64 start;
	__u32 more;
	__u32 i;
	__u32 nr;
	struct axas_area_info buf[AXAS_GET_AREAS_MAX];
};

/**
 * axas_areas_begin() - begin to go over the areas of a space, in order of address
 * @it: the iterator
 * @space: of which
 * @start: first address to look at: an area that begins before it and reaches it is the first
 *
 * The areas are those of one moment, AXAS_GET_AREAS_MAX at a time; there is nothing to end.
 */
void axas_areas_begin(struct axas_areas *it, int space, __u64 start);

/**
 * axas_areas_next() - the next area
 * @it: the iterator
 *
 * Return: the area, until the next call; NULL when there are no more, or @it->err tells why
 * they could not be read.
 */
const struct axas_area_info *axas_areas_next(struct axas_areas *it);

/**
 * axas_read() - one pread() of guest memory
 * @space: of which
 * @gpa: guest-physical address, of any alignment
 * @buf: where the bytes go
 * @length: how many
 *
 * Of 1, 2, 4 or 8 bytes at their own alignment it is one access.
 *
 * Return: how many bytes were read, fewer than @length where a hole or memory that may not be
 * read follows, or -errno: -EFAULT for a hole at @gpa, -EACCES, -ENOMEM.
 */
ssize_t axas_read(int space, __u64 gpa, void *buf, size_t length);

/**
 * axas_write() - one pwrite() of guest memory
 * @space: of which
 * @gpa: guest-physical address, of any alignment
 * @buf: the bytes
 * @length: how many
 *
 * Return: as axas_read().
 */
ssize_t axas_write(int space, __u64 gpa, const void *buf, size_t length);

/**
 * axas_read_all() - read all of a range of guest memory
 * @space: of which
 * @gpa: guest-physical address, of any alignment
 * @buf: where the bytes go
 * @length: how many
 * @done: how many bytes were read, also where there was an error; may be NULL
 *
 * Return: 0, or an error of axas_read(), at @gpa + @done.
 */
int axas_read_all(int space, __u64 gpa, void *buf, size_t length, size_t *done);

/**
 * axas_write_all() - write all of a range of guest memory
 * @space: of which
 * @gpa: guest-physical address, of any alignment
 * @buf: the bytes
 * @length: how many
 * @done: how many bytes were written, also where there was an error; may be NULL
 *
 * Return: 0, or an error of axas_write(), at @gpa + @done.
 */
int axas_write_all(int space, __u64 gpa, const void *buf, size_t length, size_t *done);

/* vCPUs: <axas/vcpu.h> */

/**
 * axvcpu_open() - open the device that creates vCPUs
 * @path: where it is; NULL: AXVCPU_DEV_PATH
 *
 * Return: a descriptor (O_RDWR | O_CLOEXEC), or -errno: -ENOENT when the module is not loaded.
 */
int axvcpu_open(const char *path);

/**
 * axvcpu_get_api_version() - which version of the API the module has
 * @dev: of axvcpu
 *
 * Return: AXVCPU_API_VERSION, or -errno: -ENOTTY when @dev is another device.
 */
int axvcpu_get_api_version(int dev);

/**
 * axvcpu_create() - create a vCPU
 * @dev: of axvcpu
 * @create: what vCPU, but for @size. A @preferred_cpu of 0 is CPU 0, not any
 *
 * Return: its descriptor (O_RDWR | O_CLOEXEC), or -errno.
 */
int axvcpu_create(int dev, const struct axvcpu_create *create);

/**
 * axvcpu_open_vcpu() - create a vCPU where the device is not open, for any CPU of the host
 * @path: as axvcpu_open()
 * @space: the space that it runs on
 * @id: its number in the guest
 * @flags: 0 or AXVCPU_CREATE_BSP
 *
 * Return: as axvcpu_create(), or an error of axvcpu_open().
 */
int axvcpu_open_vcpu(const char *path, int space, __u32 id, __u32 flags);

/**
 * axvcpu_setup() - say how the guest starts
 * @vcpu: which
 * @setup: how, but for @size
 *
 * Return: 0, or -errno.
 */
int axvcpu_setup(int vcpu, const struct axvcpu_setup *setup);

/**
 * axvcpu_get_regs() - read the registers
 * @vcpu: of which
 * @regs: the registers; fit for axvcpu_set_regs()
 *
 * Return: 0, or -errno.
 */
int axvcpu_get_regs(int vcpu, struct axvcpu_regs *regs);

/**
 * axvcpu_set_regs() - write the registers
 * @vcpu: of which
 * @regs: the registers, but for @size; @flags is looked at
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_regs(int vcpu, const struct axvcpu_regs *regs);

/**
 * axvcpu_set_gpr() - write one general register
 * @vcpu: of which
 * @reg: AXVCPU_REG_*, or its number on arm64 and RISC-V
 * @val: its value
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_gpr(int vcpu, __u32 reg, __u64 val);

/**
 * axvcpu_run() - run the guest until it needs the VMM
 * @vcpu: which
 * @exit: out: why it came back; after an error AXVCPU_EXIT_NOTHING
 *
 * One AXVCPU_RUN: after AXVCPU_EXIT_NOTHING, and after -EINTR if the program has no use for
 * it, a VMM calls it again.
 *
 * Return: 0, or -errno: -EINTR for a signal or axvcpu_kick().
 */
int axvcpu_run(int vcpu, struct axvcpu_exit *exit);

/**
 * axvcpu_set_return() - answer the last exit
 * @vcpu: of which
 * @val: what the guest gets
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_return(int vcpu, __u64 val);

/**
 * axvcpu_inject() - send the guest an interrupt
 * @vcpu: which gets it
 * @vector: 32 to 255
 *
 * Return: 0, or -errno.
 */
int axvcpu_inject(int vcpu, __u32 vector);

/**
 * axvcpu_kick() - end the run that is under way, or the next one
 * @vcpu: whose
 *
 * Safe in a signal handler.
 *
 * Return: 0, or -errno.
 */
int axvcpu_kick(int vcpu);

/**
 * axvcpu_get_state() - what a vCPU is and does
 * @vcpu: which
 * @state: what
 *
 * Return: 0, or -errno.
 */
int axvcpu_get_state(int vcpu, struct axvcpu_state *state);

/**
 * axvcpu_set_affinity() - say where a vCPU may run
 * @vcpu: which
 * @preferred_cpu: a CPU of the host, or AXVCPU_CPU_ANY
 * @cpu_set: CPUs of the host: bit n is CPU n; 0: any
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_affinity(int vcpu, __u32 preferred_cpu, __u64 cpu_set);

/*
 * Names. Each function takes any number, and returns a constant text: "?" for what it does not
 * know.
 */

/**
 * axas_prot_name() - a protection as people write it
 * @prot: AXAS_PROT_*
 *
 * Return: "rwx", "r-x", "---", or "???".
 */
const char *axas_prot_name(__u32 prot);

/**
 * axas_type_name() - a memory type: "normal", "device", "uncached"
 * @type: AXAS_TYPE_*
 *
 * Return: its name.
 */
const char *axas_type_name(__u32 type);

/**
 * axas_format_name() - a format: "default", "ept", "svm", "s2", "gstage"
 * @format: AXAS_FORMAT_*
 *
 * Return: its name.
 */
const char *axas_format_name(__u32 format);

/**
 * axas_backend_name() - a backend: "linear", "alloc"
 * @backend: AXAS_BACKEND_*
 *
 * Return: its name.
 */
const char *axas_backend_name(__u32 backend);

/**
 * axas_fault_name() - what a fault came to: "fixed", "spurious", "retry", "hole", ...
 * @result: AXAS_FAULT_*
 *
 * Return: its name.
 */
const char *axas_fault_name(__u32 result);

/**
 * axas_leaf_name() - the bytes of a leaf: "4K", "2M", "1G", "512G"
 * @level: its level, below AXAS_LEAF_LEVELS
 *
 * Return: its name.
 */
const char *axas_leaf_name(__u32 level);

/**
 * axas_cap_name() - one capability: "ept-xonly", "svm-nx", "native", ...
 * @cap: one AXAS_CAP_*
 *
 * Return: its name.
 */
const char *axas_cap_name(__u32 cap);

/**
 * axvcpu_exit_name() - why a guest came back: "Nothing", "Hypercall", "MmioRead", ...
 * @reason: AXVCPU_EXIT_*
 *
 * Return: its name.
 */
const char *axvcpu_exit_name(__u32 reason);

/**
 * axas_parse_prot() - what axas_prot_name() writes
 * @text: letters of r, w and x, each once at most, in any order; - stands for none
 * @prot: AXAS_PROT_*; as it was after an error
 *
 * Return: 0 or -EINVAL.
 */
int axas_parse_prot(const char *text, __u32 *prot);

/**
 * axas_parse_type() - what axas_type_name() writes, in any case
 * @text: the name
 * @type: AXAS_TYPE_*; as it was after an error
 *
 * Return: 0 or -EINVAL.
 */
int axas_parse_type(const char *text, __u32 *type);

/**
 * axas_parse_format() - what axas_format_name() writes, in any case
 * @text: the name
 * @format: AXAS_FORMAT_*; as it was after an error
 *
 * Return: 0 or -EINVAL.
 */
int axas_parse_format(const char *text, __u32 *format);

#ifdef __cplusplus
}
#endif

#endif /* LIBAXAS_H */
