/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libaxas: the user API of axas and axvcpu for C programs.
 *
 *   space.c   every ioctl of <axas/axas.h>; guest memory
 *   vcpu.c    every ioctl of <axas/vcpu.h>
 *   names.c   names of the constants of both
 *
 * A call returns 0 or a positive value, or -errno; the value of errno itself is unspecified.
 * <axas/axas.h> and <axas/vcpu.h> document the errors of each ioctl; this header lists those
 * that the library adds. The library sets the size of each struct, prints nothing, keeps no
 * state, and needs libc only. All functions are thread-safe.
 *
 * A handle is the kernel's file descriptor itself: it can be passed to a process, polled, mapped,
 * read and closed as any other, and nothing has to be in step with it.
 *
 * Guest-physical addresses and lengths are in bytes, and multiples of 4 KiB unless stated
 * otherwise. @space is the descriptor of a space, @image that of an image, @vcpu that of a vCPU,
 * @dev that of /dev/axas or /dev/axvcpu.
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
 * axas_ioctl() - issue a raw ioctl
 * @fd: descriptor of a device, a space or a vCPU
 * @nr: number of the ioctl
 * @arg: its argument, passed unchecked and unchanged
 *
 * For arguments that the other functions cannot pass, as tests need.
 *
 * Return: what the ioctl returns, or -errno.
 */
int axas_ioctl(int fd, unsigned long nr, void *arg);

/* Spaces: <axas/axas.h> */

/**
 * axas_open() - open the device that creates spaces
 * @path: device node; NULL: AXAS_DEV_PATH
 *
 * Return: a descriptor (O_RDWR | O_CLOEXEC), or -errno: -ENOENT when the module is not loaded.
 */
int axas_open(const char *path);

/**
 * axas_get_api_version() - read the API version of the module
 * @dev: of axas
 *
 * Return: AXAS_API_VERSION, or -errno: -ENOTTY when @dev is another device.
 */
int axas_get_api_version(int dev);

/**
 * axas_get_format() - read the properties of a format
 * @dev: of axas
 * @format: AXAS_FORMAT_*
 * @info: out: its properties; info->format is @format with AXAS_FORMAT_DEFAULT resolved
 *
 * Return: 0, or -errno: -EOPNOTSUPP when this build has no such format, or no default one.
 */
int axas_get_format(int dev, __u32 format, struct axas_format_info *info);

/**
 * axas_create() - create a space
 * @dev: of axas
 * @create: its properties, size field ignored; NULL: default size, format of the host's CPU
 *
 * Return: its descriptor (O_RDWR | O_CLOEXEC), or -errno.
 */
int axas_create(int dev, const struct axas_create *create);

/**
 * axas_open_space() - open the device, create a space, close the device
 * @path: as axas_open()
 * @create: as axas_create()
 *
 * Return: as axas_create(), or an error of axas_open().
 */
int axas_open_space(const char *path, const struct axas_create *create);

/**
 * axas_map_linear() - map a fixed host-physical range
 * @space: the space
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
 * axas_map_alloc() - map zeroed AXAS_TYPE_NORMAL memory of the page allocator
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @flags: AXAS_MAP_*
 *
 * Return: 0, or -errno.
 */
int axas_map_alloc(int space, __u64 gpa, __u64 length, __u32 prot, __u32 flags);

/**
 * axas_map_file() - map a file's content, shared until it is written
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @fd: a sealed memfd, or a file that nobody has open for writing
 * @offset: offset of the first byte in the file
 * @prot: AXAS_PROT_*
 * @flags: AXAS_MAP_POPULATE, AXAS_MAP_AROUND()
 *
 * Return: 0, or -errno.
 */
int axas_map_file(int space, __u64 gpa, __u64 length, int fd, __u64 offset, __u32 prot,
		  __u32 flags);

/**
 * axas_map_shared() - map memory of another space
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @source: the other space
 * @source_gpa: first guest-physical address there
 * @prot: AXAS_PROT_*
 * @flags: AXAS_MAP_POLICY flags
 *
 * Return: 0, or -errno.
 */
int axas_map_shared(int space, __u64 gpa, __u64 length, int source, __u64 source_gpa, __u32 prot,
		    __u32 flags);

/**
 * axas_map_backend() - map memory that another kernel module supplies
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @name: the name of its backend
 * @arg: tells the backend which object
 * @offset: first byte in the object
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @flags: AXAS_MAP_POLICY flags
 *
 * Return: 0, or -errno: -ENOENT also for a name that is too long.
 */
int axas_map_backend(int space, __u64 gpa, __u64 length, const char *name, __u64 arg, __u64 offset,
		     __u32 prot, __u32 type, __u32 flags);

/**
 * axas_unmap() - unmap a range
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 *
 * Return: 0, also if nothing was mapped, or -errno.
 */
int axas_unmap(int space, __u64 gpa, __u64 length);

/**
 * axas_protect() - change the protection of a range
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: the new AXAS_PROT_*
 *
 * Return: 0, also if nothing was mapped, or -errno.
 */
int axas_protect(int space, __u64 gpa, __u64 length, __u32 prot);

/**
 * axas_set_policy() - change the frame size and the fault-around of a range
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @flags: AXAS_MAP_HUGE_*, AXAS_MAP_AROUND()
 *
 * Return: 0, also if nothing was mapped, or -errno.
 */
int axas_set_policy(int space, __u64 gpa, __u64 length, __u32 flags);

/**
 * axas_set_limit() - change the limit of frames of a space that was created with one
 * @space: the space
 * @max_frames: limit of 4 KiB frames; 0: none
 *
 * Return: 0, or -errno.
 */
int axas_set_limit(int space, __u64 max_frames);

/**
 * axas_discard() - give the frames of ranges back; the next touch finds zeroes
 * @space: the space
 * @extents: the ranges, in any order
 * @count: their number, at most AXAS_DISCARD_MAX
 * @done: out: bytes discarded, in the order of @extents; may be NULL
 *
 * Return: 0, or -errno.
 */
int axas_discard(int space, const struct axas_extent *extents, __u32 count, __u64 *done);

/**
 * axas_start_log() - begin to log which pages of a range are written
 * @space: the space
 * @gpa: first address
 * @length: bytes
 *
 * Return: 0, or -errno.
 */
int axas_start_log(int space, __u64 gpa, __u64 length);

/**
 * axas_stop_log() - end the log in a range
 * @space: the space
 * @gpa: first address
 * @length: bytes
 *
 * Return: 0, or -errno.
 */
int axas_stop_log(int space, __u64 gpa, __u64 length);

/**
 * axas_get_log() - get the pages of a range that were written
 * @space: the space
 * @gpa: first address
 * @length: bytes
 * @bitmap: out: bit n % 64 of word n / 64 is page n of the range; whole words are written
 * @epoch: out: the epoch, for axas_clear_log(); may be NULL
 *
 * Return: 0, or -errno.
 */
int axas_get_log(int space, __u64 gpa, __u64 length, __u64 *bitmap, __u64 *epoch);

/**
 * axas_get_log_extents() - the same as extents
 * @space: the space
 * @gpa: first address; out: the first one not looked at
 * @length: bytes
 * @extents: out: ranges that were written, in order
 * @count: room in @extents
 * @epoch: out: the epoch; may be NULL
 *
 * Return: the number of extents written, or -errno. If *@gpa is not the end of the range then,
 * call again from there.
 */
int axas_get_log_extents(int space, __u64 *gpa, __u64 length, struct axas_extent *extents,
			 __u32 count, __u64 *epoch);

/**
 * axas_clear_log() - mark pages as clean
 * @space: the space
 * @gpa: first address
 * @length: bytes
 * @bitmap: the pages, as axas_get_log() returned them, or fewer
 * @epoch: of that call; 0: any
 *
 * Return: 0, or -errno.
 */
int axas_clear_log(int space, __u64 gpa, __u64 length, const __u64 *bitmap, __u64 epoch);

/**
 * axas_clear_log_extents() - the same for extents
 * @space: the space
 * @extents: the ranges
 * @count: their number, at least 1
 * @epoch: of the call that returned them; 0: any
 *
 * Return: 0, or -errno.
 */
int axas_clear_log_extents(int space, const struct axas_extent *extents, __u32 count,
			   __u64 epoch);

/**
 * axas_supply() - supply missing pages (AXAS_MAP_MISSING) from a buffer
 * @space: the space
 * @gpa: first guest-physical address
 * @buf: @length bytes of content; NULL: zeroes (AXAS_SUPPLY_ZERO)
 * @length: bytes
 * @flags: 0 or AXAS_SUPPLY_SKIP
 * @done: out: bytes supplied or skipped, also after an error; may be NULL
 *
 * Issues AXAS_SUPPLY until the whole range is done.
 *
 * Return: 0, or -errno at the first page that is not done.
 */
int axas_supply(int space, __u64 gpa, const void *buf, __u64 length, __u32 flags, __u64 *done);

/**
 * axas_supply_from() - supply missing pages from a space
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @from: descriptor of the space to copy from
 * @from_gpa: guest-physical address of the content in @from
 * @flags: as axas_supply()
 * @done: as axas_supply()
 *
 * Return: as axas_supply().
 */
int axas_supply_from(int space, __u64 gpa, __u64 length, int from, __u64 from_gpa, __u32 flags,
		     __u64 *done);

/**
 * axas_get_missing() - list the missing pages that accesses by the host wait for
 * @space: the space
 * @flags: 0 or AXAS_MISSING_AGAIN
 * @gpas: filled with their addresses, each reported once; poll() says POLLPRI while there are some
 * @nr: capacity of @gpas
 * @more: out: 1 if others remain; may be NULL
 *
 * Return: number of pages, or -errno.
 */
int axas_get_missing(int space, __u32 flags, __u64 *gpas, __u32 nr, __u32 *more);

/**
 * axas_freeze() - make an image of a space, which goes on as its clone
 * @space: the space
 *
 * Return: the image's descriptor (O_RDONLY | O_CLOEXEC), or -errno.
 */
int axas_freeze(int space);

/**
 * axas_clone() - make spaces with the content of an image
 * @image: the image
 * @flags: 0 or AXAS_CREATE_PINNABLE
 * @max_frames: limit of the frames that each clone holds itself; 0: none
 * @fds: out: descriptors of the clones
 * @count: their number, 1 to AXAS_CLONE_MAX
 *
 * Return: 0 with all clones made, or -errno with none.
 */
int axas_clone(int image, __u32 flags, __u64 max_frames, int *fds, __u32 count);

/**
 * axas_clone_one() - make one space with the content of an image
 * @image: the image
 *
 * Return: the clone's descriptor, or -errno.
 */
int axas_clone_one(int image);

/**
 * axas_reset() - make a space a clone of an image again
 * @space: the space
 * @image: its image, or another one of a space of the same kind
 * @flags: 0: keep frames that are written often; AXAS_RESET_DROP
 *
 * Return: 0, or -errno.
 */
int axas_reset(int space, int image, __u32 flags);

/**
 * axas_diff() - find pages that a clone does not share with its image
 * @space: the space
 * @gpa: first guest-physical address; out: the first one not looked at
 * @length: bytes; out: bytes not looked at
 * @extents: out: the ranges, in order
 * @count: room in @extents
 *
 * Return: the number of extents written, or -errno. Unless *@length is 0 then, call again.
 */
int axas_diff(int space, __u64 *gpa, __u64 *length, struct axas_diff_extent *extents,
	      __u32 count);

/**
 * axas_get_image_info() - read the numbers of an image
 * @image: the image
 * @info: out: its properties and counters
 *
 * Return: 0, or -errno.
 */
int axas_get_image_info(int image, struct axas_image_info *info);

/**
 * axas_clear() - remove every area
 * @space: the space
 *
 * Return: 0, or -errno.
 */
int axas_clear(int space);

/**
 * axas_populate() - allocate and map the missing frames of a range
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 *
 * Issues AXAS_POPULATE until the whole range is done.
 *
 * Return: 0, or -errno: the pages before the one that failed keep their frames.
 */
int axas_populate(int space, __u64 gpa, __u64 length);

/**
 * axas_populate_some() - issue AXAS_POPULATE once
 * @space: the space
 * @gpa: first guest-physical address; out: of the rest
 * @length: bytes, not 0; out: of the rest
 *
 * Return: 0 after progress, or -errno with @gpa and @length unchanged.
 */
int axas_populate_some(int space, __u64 *gpa, __u64 *length);

/**
 * axas_collapse() - replace tables of small leaves with larger leaves
 * @space: the space
 * @gpa: first guest-physical address
 * @length: bytes
 * @collapsed: out: number of tables replaced, each by one leaf; may be NULL
 *
 * Return: 0, or -errno.
 */
int axas_collapse(int space, __u64 gpa, __u64 length, __u64 *collapsed);

/**
 * axas_fault() - handle a guest access as a vCPU would
 * @space: the space
 * @gpa: address of the access, any alignment
 * @access: rights that the access needs: one or more of AXAS_PROT_*
 * @level: out: level of the leaf, see struct axas_fault; may be NULL
 *
 * Return: AXAS_FAULT_*, or -errno.
 */
int axas_fault(int space, __u64 gpa, __u32 access, __u32 *level);

/**
 * axas_translate() - translate a guest-physical address
 * @space: the space
 * @gpa: the address, any alignment
 * @to: out: the translation
 *
 * Return: 0, or -errno: -ENOENT when no leaf maps @gpa.
 */
int axas_translate(int space, __u64 gpa, struct axas_translate *to);

/**
 * axas_get_info() - read the properties and counters of a space
 * @space: the space
 * @info: out: properties and counters
 *
 * Return: 0, or -errno.
 */
int axas_get_info(int space, struct axas_info *info);

/**
 * axas_get_areas() - issue AXAS_GET_AREAS once
 * @space: the space
 * @start: address to start at; out: @start of the next call
 * @areas: out: the areas
 * @nr: capacity of @areas; 0 only queries @more
 * @more: out: whether areas remain after those written; may be NULL
 *
 * Return: number of areas written, at most AXAS_GET_AREAS_MAX, or -errno.
 */
int axas_get_areas(int space, __u64 *start, struct axas_area_info *areas, __u32 nr, __u32 *more);

/**
 * struct axas_areas - an iterator over the areas of a space; 40 KiB
 * @space: the space
 * @err: 0, or -errno that ended the iteration
 * @start: start address of the next AXAS_GET_AREAS
 * @more: areas remain for it
 * @i: index of the next area in @buf
 * @nr: number of areas in @buf
 * @buf: result of the last AXAS_GET_AREAS
 *
 * Private to the library, except @err.
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
 * axas_areas_begin() - start iterating over the areas of a space, in address order
 * @it: the iterator
 * @space: the space
 * @start: address to start at; an area that contains it comes first
 *
 * Each batch of AXAS_GET_AREAS_MAX areas is a consistent snapshot. Nothing needs to be ended.
 */
void axas_areas_begin(struct axas_areas *it, int space, __u64 start);

/**
 * axas_areas_next() - get the next area
 * @it: the iterator
 *
 * Return: the area, valid until the next call; NULL at the end, or after an error (it->err).
 */
const struct axas_area_info *axas_areas_next(struct axas_areas *it);

/**
 * axas_is_hole() - whether no area covers an address
 * @space: the space
 * @gpa: guest-physical address
 *
 * axas_read() and axas_write() return -EFAULT for a hole and for a bad buffer: this tells which.
 *
 * Return: 1 for a hole, also beyond the space; 0; or -errno.
 */
int axas_is_hole(int space, __u64 gpa);

/**
 * axas_read() - read guest memory with one pread()
 * @space: the space
 * @gpa: guest-physical address, any alignment
 * @buf: out: the bytes
 * @length: number of bytes
 *
 * A naturally aligned read of 1, 2, 4 or 8 bytes is a single access.
 *
 * Return: number of bytes read, fewer than @length if a hole or memory without read permission
 * follows, or -errno: -EFAULT for a hole at @gpa, -EACCES, -ENOMEM.
 */
ssize_t axas_read(int space, __u64 gpa, void *buf, size_t length);

/**
 * axas_write() - write guest memory with one pwrite()
 * @space: the space
 * @gpa: guest-physical address, any alignment
 * @buf: the bytes
 * @length: number of bytes
 *
 * Return: as axas_read().
 */
ssize_t axas_write(int space, __u64 gpa, const void *buf, size_t length);

/**
 * axas_read_all() - read a whole range of guest memory
 * @space: the space
 * @gpa: guest-physical address, any alignment
 * @buf: out: the bytes
 * @length: number of bytes
 * @done: out: number of bytes read, also on error; may be NULL
 *
 * Return: 0, or an error of axas_read(), at @gpa + @done.
 */
int axas_read_all(int space, __u64 gpa, void *buf, size_t length, size_t *done);

/**
 * axas_write_all() - write a whole range of guest memory
 * @space: the space
 * @gpa: guest-physical address, any alignment
 * @buf: the bytes
 * @length: number of bytes
 * @done: out: number of bytes written, also on error; may be NULL
 *
 * Return: 0, or an error of axas_write(), at @gpa + @done.
 */
int axas_write_all(int space, __u64 gpa, const void *buf, size_t length, size_t *done);

/* vCPUs: <axas/vcpu.h> */

/**
 * axvcpu_open() - open the device that creates vCPUs
 * @path: device node; NULL: AXVCPU_DEV_PATH
 *
 * Return: a descriptor (O_RDWR | O_CLOEXEC), or -errno: -ENOENT when the module is not loaded.
 */
int axvcpu_open(const char *path);

/**
 * axvcpu_get_api_version() - read the API version of the module
 * @dev: of axvcpu
 *
 * Return: AXVCPU_API_VERSION, or -errno: -ENOTTY when @dev is another device.
 */
int axvcpu_get_api_version(int dev);

/**
 * axvcpu_create() - create a vCPU
 * @dev: of axvcpu
 * @create: its properties, size field ignored. A preferred_cpu of 0 means CPU 0, not any CPU
 *
 * Return: its descriptor (O_RDWR | O_CLOEXEC), or -errno.
 */
int axvcpu_create(int dev, const struct axvcpu_create *create);

/**
 * axvcpu_open_vcpu() - open the device, create a vCPU for any CPU of the host, close the device
 * @path: as axvcpu_open()
 * @space: the space on which it runs
 * @id: number of the vCPU in the guest
 * @flags: 0 or AXVCPU_CREATE_BSP
 *
 * Return: as axvcpu_create(), or an error of axvcpu_open().
 */
int axvcpu_open_vcpu(const char *path, int space, __u32 id, __u32 flags);

/**
 * axvcpu_setup() - set the initial state of the guest
 * @vcpu: the vCPU
 * @setup: the state, size field ignored
 *
 * Return: 0, or -errno.
 */
int axvcpu_setup(int vcpu, const struct axvcpu_setup *setup);

/**
 * axvcpu_get_regs() - read the registers
 * @vcpu: the vCPU
 * @regs: out: the registers, in the form that axvcpu_set_regs() takes
 *
 * Return: 0, or -errno.
 */
int axvcpu_get_regs(int vcpu, struct axvcpu_regs *regs);

/**
 * axvcpu_set_regs() - write the registers
 * @vcpu: the vCPU
 * @regs: the registers, size field ignored, flags field passed on
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_regs(int vcpu, const struct axvcpu_regs *regs);

/**
 * axvcpu_set_gpr() - write one general register
 * @vcpu: the vCPU
 * @reg: AXVCPU_REG_*; on arm64 and RISC-V the register number
 * @val: its value
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_gpr(int vcpu, __u32 reg, __u64 val);

/**
 * axvcpu_run() - run the guest until an exit that the VMM must handle
 * @vcpu: the vCPU
 * @exit: out: the exit; AXVCPU_EXIT_NOTHING after an error
 *
 * Issues AXVCPU_RUN once. The VMM calls again after AXVCPU_EXIT_NOTHING, and after -EINTR that
 * it does not use itself.
 *
 * Return: 0, or -errno: -EINTR for a signal or axvcpu_kick().
 */
int axvcpu_run(int vcpu, struct axvcpu_exit *exit);

/**
 * axvcpu_run_window() - run the guest until an exit, or until it accepts an interrupt
 * @vcpu: the vCPU
 * @vector: 32 to 255
 * @exit: out: as axvcpu_run(); AXVCPU_EXIT_WINDOW when axvcpu_inject_now() will succeed
 *
 * Return: as axvcpu_run().
 */
int axvcpu_run_window(int vcpu, __u32 vector, struct axvcpu_exit *exit);

/**
 * axvcpu_set_return() - complete the last exit with a value for the guest
 * @vcpu: the vCPU
 * @val: the value
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_return(int vcpu, __u64 val);

/**
 * axvcpu_set_return_fault() - complete the last exit, of an MSR, with a fault
 * @vcpu: the vCPU
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_return_fault(int vcpu);

/**
 * axvcpu_inject_now() - inject an interrupt that the guest takes at once
 * @vcpu: the vCPU
 * @vector: 32 to 255
 *
 * Return: 0, or -errno: -EAGAIN when the guest does not accept it now.
 */
int axvcpu_inject_now(int vcpu, __u32 vector);

/**
 * axvcpu_inject_exception() - raise an exception in the guest
 * @vcpu: the vCPU
 * @vector: 0 to 31, but not 2
 * @error: its error code, for vectors that have one
 *
 * Return: 0, or -errno.
 */
int axvcpu_inject_exception(int vcpu, __u32 vector, __u32 error);

/**
 * axvcpu_reset() - return to the state before axvcpu_setup()
 * @vcpu: the vCPU
 *
 * Return: 0, or -errno.
 */
int axvcpu_reset(int vcpu);

/**
 * axvcpu_save() - read all registers and pending events
 * @vcpu: the vCPU
 * @state: out: its state: the architecture's struct axvcpu_ARCH_state
 * @size: bytes of the struct
 *
 * Return: 0, or -errno.
 */
int axvcpu_save(int vcpu, void *state, __u32 size);

/**
 * axvcpu_restore() - replace all registers and pending events
 * @vcpu: the vCPU, after axvcpu_setup()
 * @state: a state that axvcpu_save() returned
 * @size: its bytes
 *
 * Return: 0, or -errno.
 */
int axvcpu_restore(int vcpu, const void *state, __u32 size);

/**
 * axvcpu_inject() - inject an interrupt into the guest
 * @vcpu: the vCPU
 * @vector: 32 to 255
 *
 * Return: 0, or -errno.
 */
int axvcpu_inject(int vcpu, __u32 vector);

/**
 * axvcpu_set_line() - set the level of an interrupt line of a RISC-V vCPU
 * @vcpu: the vCPU
 * @line: AXVCPU_RISCV_LINE_*
 * @level: 0 if it is low
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_line(int vcpu, __u32 line, int level);

/**
 * axvcpu_interrupt() - change an interrupt of an arm64 vCPU
 * @vcpu: the vCPU
 * @how: 0, AXVCPU_INJECT_RAISE, AXVCPU_INJECT_LOWER or AXVCPU_INJECT_TIMER
 * @id: the interrupt (INTID), 0 to 255
 * @priority: its priority, 0 to 255; with AXVCPU_INJECT_LOWER zero
 *
 * Return: 0, 1 when AXVCPU_INJECT_LOWER took back an interrupt, or -errno.
 */
int axvcpu_interrupt(int vcpu, __u32 how, __u32 id, __u32 priority);

/**
 * axvcpu_flush() - flush what a RISC-V vCPU has cached of its guest's own tables
 * @vcpu: the vCPU
 *
 * Return: 0, or -errno.
 */
int axvcpu_flush(int vcpu);

/**
 * axvcpu_kick() - end the current AXVCPU_RUN, or the next one
 * @vcpu: the vCPU
 *
 * Async-signal-safe.
 *
 * Return: 0, or -errno.
 */
int axvcpu_kick(int vcpu);

/**
 * axvcpu_get_state() - read the state and counters of a vCPU
 * @vcpu: the vCPU
 * @state: out: state and counters
 *
 * Return: 0, or -errno.
 */
int axvcpu_get_state(int vcpu, struct axvcpu_state *state);

/**
 * axvcpu_set_affinity() - set the CPUs on which a vCPU may run
 * @vcpu: the vCPU
 * @preferred_cpu: a CPU of the host, or AXVCPU_CPU_ANY
 * @cpu_set: CPUs of the host: bit n is CPU n; 0: any
 *
 * Return: 0, or -errno.
 */
int axvcpu_set_affinity(int vcpu, __u32 preferred_cpu, __u64 cpu_set);

/*
 * Names. Each function accepts any number and returns a constant string: "?" for an unknown
 * number.
 */

/**
 * axas_prot_name() - name of a protection
 * @prot: AXAS_PROT_*
 *
 * Return: "rwx", "r-x", "---", or "???".
 */
const char *axas_prot_name(__u32 prot);

/**
 * axas_type_name() - name of a memory type: "normal", "device", "uncached"
 * @type: AXAS_TYPE_*
 *
 * Return: its name.
 */
const char *axas_type_name(__u32 type);

/**
 * axas_format_name() - name of a format: "default", "ept", "svm", "s2", "gstage"
 * @format: AXAS_FORMAT_*
 *
 * Return: its name.
 */
const char *axas_format_name(__u32 format);

/**
 * axas_backend_name() - name of a backend: "linear", "alloc"
 * @backend: AXAS_BACKEND_*
 *
 * Return: its name.
 */
const char *axas_backend_name(__u32 backend);

/**
 * axas_fault_name() - name of a fault's result: "fixed", "spurious", "retry", "hole", ...
 * @result: AXAS_FAULT_*
 *
 * Return: its name.
 */
const char *axas_fault_name(__u32 result);

/**
 * axas_leaf_name() - size of a leaf: "4K", "2M", "1G", "512G"
 * @level: its level, below AXAS_LEAF_LEVELS
 *
 * Return: its name.
 */
const char *axas_leaf_name(__u32 level);

/**
 * axas_cap_name() - name of a capability: "ept-xonly", "svm-nx", "native", ...
 * @cap: one AXAS_CAP_*
 *
 * Return: its name.
 */
const char *axas_cap_name(__u32 cap);

/**
 * axvcpu_exit_name() - name of an exit reason: "Nothing", "Hypercall", "MmioRead", ...
 * @reason: AXVCPU_EXIT_*
 *
 * Return: its name.
 */
const char *axvcpu_exit_name(__u32 reason);

/**
 * axas_parse_prot() - parse a name of axas_prot_name()
 * @text: letters r, w and x, each at most once, in any order; - is ignored
 * @prot: out: AXAS_PROT_*; unchanged on error
 *
 * Return: 0 or -EINVAL.
 */
int axas_parse_prot(const char *text, __u32 *prot);

/**
 * axas_parse_type() - parse a name of axas_type_name(), ignoring case
 * @text: the name
 * @type: out: AXAS_TYPE_*; unchanged on error
 *
 * Return: 0 or -EINVAL.
 */
int axas_parse_type(const char *text, __u32 *type);

/**
 * axas_parse_format() - parse a name of axas_format_name(), ignoring case
 * @text: the name
 * @format: out: AXAS_FORMAT_*; unchanged on error
 *
 * Return: 0 or -EINVAL.
 */
int axas_parse_format(const char *text, __u32 *format);

#ifdef __cplusplus
}
#endif

#endif /* LIBAXAS_H */
