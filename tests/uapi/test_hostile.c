// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process that has a descriptor may try with it and with its mappings: each call of the
 * memory management, accesses by other processes, rights that it was not given, memory that fails,
 * and memory that is removed while somebody else holds a page of it.
 */
#include "uapi.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)
#define SIZE	(4 * MIB)

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

static const u32 kinds[] = { 0, AXAS_MAP_HUGE_WHOLE, AXAS_MAP_HUGE_ALWAYS };

/* A space and a mapping of it, filled with 7. */
static u8 *filled(int fd, u32 flags)
{
	u8 *p;

	expect_ok(axas_map_alloc(fd, AREA, SIZE, RW, flags));
	p = map_rw(fd, AREA, SIZE);
	memset(p, 7, SIZE);
	return p;
}

static void with_each_kind(void (*run)(int fd, u8 *p))
{
	catch_bus();
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		int fd = new_kind(i % 2);
		u8 *p;

		snprintf(test_context, sizeof(test_context), "flags 0x%x, %s: ", kinds[i / 2],
			 i % 2 ? "pinnable" : "watched");
		p = filled(fd, kinds[i / 2]);
		run(fd, p);
		expect_ok(axas_clear(fd));
		expect_eq(info(fd).frames, 0);
		munmap(p, SIZE);
		close(fd);
	}
}

/* Mapping and space agree, and hold @val. */
static void holds(int fd, const u8 *p, u64 at, u8 val)
{
	u8 byte = ~val;

	expect_eq(p[at], val);
	expect_eq(axas_read(fd, AREA + at, &byte, 1), 1);
	expect_eq(byte, val);
}

/* Each advice but those that make memory fail. */
static void advise(int fd, u8 *p)
{
	for (int advice = 0; advice < 110; advice++) {
		if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE ||
		    advice == MADV_REMOVE)
			continue;
		for (int part = 0; part < 3; part++) {
			/* all, a part of 2 MiB, and a page */
			u64 at = part ? MIB : 0, len = part ? part == 1 ? MIB : PAGE : SIZE;

			madvise(p + at, len, advice);
		}
		holds(fd, p, 0, 7);
		holds(fd, p, MIB, 7);
		holds(fd, p, SIZE - 1, 7);
	}
	expect_eq(madvise(p, SIZE, MADV_DODUMP), -1);
	expect_ok(madvise(p + PAGE, PAGE, MADV_REMOVE));
	holds(fd, p, PAGE, 0);
	holds(fd, p, 2 * PAGE, 7);
}

static void test_advice(void)
{
	with_each_kind(advise);
}

/* Mappings that are moved, cut and overlaid. */
static void remap(int fd, u8 *p)
{
	u8 *q;

	expect(mremap(p, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED);
	expect(mremap(p, 0, SIZE, MREMAP_MAYMOVE) == MAP_FAILED);
	/* another part in the middle, then the hole in it, then protection in pieces */
	q = mmap(p + MIB, 2 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, AREA);
	expect(q == p + MIB);
	p[5] = 8;
	expect_eq(q[5], 8);
	holds(fd, p, 5, 8);
	expect_libc(munmap(q + PAGE, PAGE));
	expect_eq(read_signal(q + PAGE), SIGSEGV);
	for (u64 at = 0; at < MIB; at += 4 * PAGE)
		expect_libc(mprotect(p + at, PAGE, PROT_READ));
	expect_eq(write_signal(p, 1), SIGSEGV);
	expect_eq(write_signal(p + PAGE, 9), 0);
	expect_libc(mprotect(p, MIB, PROT_READ | PROT_WRITE));
	expect_eq(write_signal(p, 9), 0);
	holds(fd, p, 0, 9);
	/* moved by a page: no 2 MiB fit any more */
	q = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(q != MAP_FAILED);
	q = mremap(map_rw(fd, AREA, MIB), MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE);
	expect(q != MAP_FAILED);
	expect_eq(q[PAGE], 9);
	expect_ok(punch(fd, AREA + PAGE, PAGE));
	expect_eq(q[PAGE], 0);
	expect_ok(syscall(SYS_remap_file_pages, q, (long)PAGE, 0L, (long)(AREA / PAGE + 300), 0L));
	expect_eq(q[0], 7);
	if (sizeof(long) == 8)
		expect_eq(syscall(SYS_remap_file_pages, q, (long)PAGE, 0L,
				  (long)(space_end(fd) / PAGE), 0L), -1);
	munmap(q, MIB);
}

static void test_remap(void)
{
	with_each_kind(remap);
}

/* NUMA calls succeed without effect, or tell that the pages cannot be moved. */
static void numa(int fd, u8 *p)
{
	unsigned long node = 1, both = 3;
	void *pages[2] = { p, p + MIB };
	int nodes[2] = { 0, 0 }, status[2] = { 7, 7 };

	syscall(SYS_mbind, p, (long)SIZE, 1L /* MPOL_PREFERRED */, &node, 8L,
		2L /* MPOL_MF_MOVE */);
	syscall(SYS_mbind, p, (long)PAGE, 2L /* MPOL_BIND */, &both, 8L, 7L);
	syscall(SYS_move_pages, 0, 2, pages, nodes, status, 2);
	nodes[0] = 1;
	syscall(SYS_move_pages, 0, 2, pages, nodes, status, 4);
	syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0);
	syscall(SYS_migrate_pages, 0, 8, &node, &both);
	write_file("/proc/sys/vm/compact_memory", "1");
	write_file("/proc/sys/vm/drop_caches", "3");
	holds(fd, p, 0, 7);
	holds(fd, p, MIB, 7);
	expect_ok(punch(fd, AREA, PAGE));
	holds(fd, p, 0, 0);
}

static void test_numa(void)
{
	with_each_kind(numa);
}

/* mlock() and MAP_LOCKED count nothing and pin nothing; MAP_POPULATE fills what can be. */
static void lock(int fd, u8 *p)
{
	u8 vec[SIZE / PAGE], *q;

	expect_ok(mlock2(p, SIZE, MLOCK_ONFAULT));
	expect_ok(mlock(p, SIZE));
	expect_ok(punch(fd, AREA, PAGE));
	holds(fd, p, 0, 0);
	expect_ok(munlock(p, SIZE));
	expect_ok(msync(p, SIZE, MS_ASYNC | MS_INVALIDATE));
	expect_ok(mincore(p, SIZE, vec));
	q = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_LOCKED | MAP_POPULATE,
		 fd, AREA);
	expect(q != MAP_FAILED);
	holds(fd, q, PAGE, 7);
	expect_eq(read_signal(q + SIZE), SIGBUS);
	/* a hole: as for the end of a file */
	expect_eq(mlock(q, 2 * SIZE), -1);
	expect_eq(errno, ENOMEM);
	expect_ok(axas_unmap(fd, AREA, PAGE));
	expect_eq(read_signal(q), SIGBUS);
	munmap(q, 2 * SIZE);
}

static void test_lock(void)
{
	with_each_kind(lock);
}

#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED	0x2000
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC		0x8000
#endif

static int new_userfault(u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

static void userfault(int fd, u8 *p)
{
	static const u64 modes[] = {
		UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP, UFFDIO_REGISTER_MODE_MINOR,
	};
	int uffd = new_userfault(0);

	if (uffd < 0)
		skip("no userfaultfd()");
	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		struct uffdio_register reg = {
			.range = { (uintptr_t)p, SIZE }, .mode = modes[i],
		};

		expect_eq(ioctl(uffd, UFFDIO_REGISTER, &reg), -1);
		expect_eq(errno, EINVAL);
	}
	close(uffd);
	holds(fd, p, 0, 7);
}

static void test_userfault(void)
{
	with_each_kind(userfault);
}

/*
 * From Linux 6.7 on, writes to any mapping can be tracked by userfaultfd, which leaves markers
 * where no page is mapped.
 */
static void track(int fd, u8 *p)
{
	int uffd = new_userfault(UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
	struct uffdio_register reg = {
		.range = { (uintptr_t)p, SIZE }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect protect = {
		.range = { (uintptr_t)p, SIZE }, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (uffd < 0)
		skip("userfaultfd() cannot track writes");
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		skip("userfaultfd() does not track writes here: %s", strerror(errno));
	expect_ok(ioctl(uffd, UFFDIO_WRITEPROTECT, &protect));
	expect_ok(punch(fd, AREA, MIB));
	expect_ok(madvise(p + MIB, MIB, MADV_DONTNEED));
	expect_ok(ioctl(uffd, UFFDIO_WRITEPROTECT, &protect));
	holds(fd, p, 0, 0);
	holds(fd, p, MIB, 7);
	expect_eq(write_signal(p + 2 * PAGE, 5), 0);
	holds(fd, p, 2 * PAGE, 5);
	expect_eq(write_signal(p + MIB + PAGE, 5), 0);
	expect_eq(write_signal(p + 3 * MIB, 5), 0);
	holds(fd, p, MIB + PAGE, 5);
	holds(fd, p, 3 * MIB, 5);
	expect_ok(axas_protect(fd, AREA + MIB, PAGE, RO));
	expect_eq(write_signal(p + MIB, 1), SIGBUS);
	close(uffd);
	holds(fd, p, MIB + PAGE, 5);
}

static void test_track(void)
{
	with_each_kind(track);
}

/* The kernel's own view of a mapping, and the bits that it clears there. */
static void proc_files(int fd, u8 *p)
{
	static const char *const files[] = { "smaps", "smaps_rollup", "numa_maps", "maps" };
	static char text[65536];
	char bits[2] = "1";
	u64 entry;
	int map;

	for (; bits[0] <= '5'; bits[0]++) {
		expect(write_file("/proc/self/clear_refs", bits));
		p[PAGE] = bits[0];
		holds(fd, p, PAGE, bits[0]);
		holds(fd, p, MIB, 7);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
		read_file(path, text, sizeof(text));
	}
	map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	expect_eq(pread(map, &entry, 8, (uintptr_t)p / PAGE * 8), 8);
	expect(entry >> 63);
	/* soft-dirty write protection does not make memory writable that is not */
	expect_ok(axas_protect(fd, AREA, PAGE, RO));
	expect(write_file("/proc/self/clear_refs", "4"));
	expect_eq(write_signal(p, 1), SIGBUS);
	close(map);
}

static void test_proc(void)
{
	with_each_kind(proc_files);
}

/* Another process reads and writes a mapping by process_vm_*, /proc/PID/mem and ptrace. */
static void by_others(int fd, u8 *p)
{
	u8 *ro = map_at(fd, AREA, SIZE, PROT_READ), buf[64];
	struct iovec local = { buf, sizeof(buf) }, remote = { p + PAGE - 10, sizeof(buf) };
	struct iovec fixed = { ro, sizeof(buf) };
	char path[64];
	pid_t pid = fork();
	int mem;

	expect(pid >= 0);
	if (!pid) {
		expect_libc(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		raise(SIGSTOP);
		_exit(0);
	}
	expect_eq(waitpid(pid, NULL, 0), pid);
	memset(buf, 3, sizeof(buf));
	expect_eq(process_vm_writev(pid, &local, 1, &remote, 1, 0), sizeof(buf));
	holds(fd, p, PAGE, 3);
	expect_eq(process_vm_writev(pid, &local, 1, &fixed, 1, 0), -1);
	expect_eq(ptrace(PTRACE_POKEDATA, pid, ro, 5), -1);
	expect_ok(ptrace(PTRACE_POKEDATA, pid, p, (void *)0x0505));
	holds(fd, p, 0, 5);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDWR | O_CLOEXEC);
	expect_libc(mem);
	expect_eq(pwrite(mem, buf, 1, (uintptr_t)ro), -1);
	expect_eq(pread(mem, buf, 1, (uintptr_t)ro), 1);
	expect_eq(buf[0], 5);
	expect_ok(axas_protect(fd, AREA, PAGE, RO));
	expect_eq(process_vm_writev(pid, &local, 1, &(struct iovec){ p, 8 }, 1, 0), -1);
	expect_eq(errno, EFAULT);
	expect_ok(axas_unmap(fd, AREA, PAGE));
	expect_eq(process_vm_readv(pid, &local, 1, &(struct iovec){ p, 8 }, 1, 0), -1);
	expect_eq(errno, EFAULT);
	expect_eq(pread(mem, buf, 1, (uintptr_t)p), -1);
	close(mem);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(ro, SIZE);
}

static void test_by_others(void)
{
	with_each_kind(by_others);
}

/* A page that a pipe holds over a removal stays the pipe's, and is guest memory no more. */
static void hold(int fd, u8 *p)
{
	u8 *fill, buf[PAGE];
	int pipes[2];

	expect_libc(pipe(pipes));
	for (int i = 0; i < 8; i++) {
		struct iovec iov = { p + i * 37 * PAGE, PAGE };

		expect_eq(vmsplice(pipes[1], &iov, 1, i % 2 ? SPLICE_F_GIFT : 0), PAGE);
	}
	expect_ok(punch(fd, AREA, MIB));
	expect_ok(axas_unmap(fd, AREA + MIB, MIB));
	/* would the pages be free, they would be somebody else's soon */
	fill = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	expect(fill != MAP_FAILED);
	memset(fill, 1, 64 * MIB);
	memset(p, 2, MIB);
	for (int i = 0; i < 8; i++) {
		expect_eq(read(pipes[0], buf, PAGE), PAGE);
		expect_eq(buf[0], 7);
		expect_eq(buf[PAGE - 1], 7);
	}
	munmap(fill, 64 * MIB);
	close(pipes[0]);
	close(pipes[1]);
}

static void test_hold(void)
{
	with_each_kind(hold);
}

/* O_DIRECT to a RAM disk, if there is one, from and to memory that is discarded meanwhile. */
static void direct(int fd, u8 *p)
{
	u32 seed = test_seed;
	int disk = open("/dev/ram0", O_RDWR | O_DIRECT | O_CLOEXEC);
	pid_t pid;

	if (disk < 0)
		skip("no RAM disk");
	pid = fork();
	expect(pid >= 0);
	if (!pid)
		for (;;)
			punch(fd, AREA + random_u32(&seed) % 256 * PAGE, PAGE);
	for (int i = 0; i < 300; i++) {
		u64 at = random_u32(&seed) % 224 * PAGE;

		expect_eq(pwrite(disk, p + at, 32 * PAGE, 0), 32 * PAGE);
		expect_eq(pread(disk, p + at, 32 * PAGE, 0), 32 * PAGE);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	memset(p, 4, MIB);
	expect_eq(pwrite(disk, p, MIB, 0), MIB);
	expect_ok(punch(fd, AREA, MIB));
	expect_eq(pread(disk, p, MIB, 0), MIB);
	holds(fd, p, MIB - 1, 4);
	close(disk);
}

static void test_direct(void)
{
	with_each_kind(direct);
}

static void send_fd(int sock, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.head = {
			.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		},
	};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	expect_eq(sendmsg(sock, &msg, 0), 1);
}

static int receive_fd(int sock)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room),
	};
	int fd;

	expect_eq(recvmsg(sock, &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Nobody, with a read-only descriptor, reads, and that is all. */
static void read_as_nobody(void *arg)
{
	int sock = *(int *)arg, fd;
	struct axas_translate t;
	u8 *p;

	become_nobody();
	fd = receive_fd(sock);
	catch_bus();
	p = map_at(fd, AREA, SIZE, PROT_READ);
	expect_eq(p[MIB], 7);
	expect_eq(mprotect(p, PAGE, PROT_READ | PROT_WRITE), -1);
	expect_eq(errno, EACCES);
	expect(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, AREA) == MAP_FAILED);
	expect_eq(errno, EACCES);
	expect_eq(write_signal(p, 1), SIGSEGV);
	expect_eq(madvise(p, PAGE, MADV_REMOVE), -1);
	expect_eq(errno, EACCES);
	expect_eq(punch(fd, AREA, PAGE), -1);
	expect_eq(errno, EBADF);
	expect_eq(reopen(fd, O_RDWR), -1);
	expect_eq(errno, EACCES);
	expect_eq(fchmod(fd, 0666), -1);
	expect_eq(errno, EPERM);
	expect_eq(axas_fault(fd, AREA, RO, NULL), -EBADF);
	expect_ok(axas_translate(fd, AREA, &t));
	expect_eq(t.hpa, AXAS_HPA_NONE);
	/* untouched memory is touched by reading, as by pread() */
	expect_eq(info(fd).areas, 1);
}

static void test_nobody(void)
{
	int fd = new_space(), pair[2], ro;

	filled(fd, 0);
	ro = reopen(fd, O_RDONLY);
	expect_libc(ro);
	expect_libc(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	send_fd(pair[0], ro);
	in_child(read_as_nobody, &pair[1]);
}

/* Opens and calls that a file of memory has no use for. */
static void test_odd_files(void)
{
	int fd = new_space(), path, pipes[2];
	u64 word = 0;
	char name[64];

	filled(fd, 0);
	path = reopen(fd, O_PATH);
	expect_libc(path);
	expect_eq(axas_read(path, AREA, &word, 8), -EBADF);
	expect_eq(axas_unmap(path, AREA, PAGE), -EBADF);
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, path, AREA) == MAP_FAILED);
	expect_eq(errno, EBADF);
	/* what has it by O_PATH can open it */
	expect_libc(reopen(path, O_RDWR));
	expect_eq(reopen(fd, O_RDWR | O_DIRECT), -1);
	expect_eq(fcntl(fd, F_SETFL, O_APPEND), -1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	expect_eq(swapon(name, 0), -1);
	expect_eq(syscall(SYS_finit_module, fd, "", 0), -1);
	expect_eq(mount(name, "/mnt", NULL, MS_BIND, NULL), -1);
	expect_eq(link(name, "/tmp/axas-link"), -1);
	expect_eq(fchdir(fd), -1);
	expect_libc(pipe(pipes));
	/* nothing of a mapping can be executed by another way */
	expect_eq(syscall(SYS_execveat, fd, "", (char *[]){ NULL }, (char *[]){ NULL }, 0x1000),
		  -1);
	expect_eq(axas_write(fd, AREA, "x", 1), 1);
}

/* The last descriptor is closed, and the mapping goes on until it ends, in whichever process. */
static void child_goes_on(void *arg)
{
	u8 *p = arg;

	expect_eq(p[MIB], 7);
	p[0] = 1;
	expect_ok(madvise(p + PAGE, PAGE, MADV_REMOVE));
	expect_eq(p[PAGE], 0);
}

static void test_closed(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		int fd = new_space();
		u8 *p = filled(fd, kinds[i]);

		close(fd);
		in_child(child_goes_on, p);
		expect_eq(p[0], 1);
		expect_ok(madvise(p, SIZE, MADV_REMOVE));
		expect_eq(p[MIB], 0);
		munmap(p, SIZE);
	}
}

/* A child that executes another program gives its mapping up at once. */
static void test_exec(void)
{
	int fd = new_space();
	u8 *p = filled(fd, AXAS_MAP_HUGE_WHOLE);

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		expect(pid >= 0);
		if (!pid) {
			p[i * PAGE] = i;
			execl("/proc/self/exe", "axas_uapi_test", "--is-open", "0", NULL);
			_exit(99);
		}
		expect_ok(punch(fd, AREA + i * 13 * PAGE, PAGE));
		expect_eq(waitpid(pid, NULL, 0), pid);
	}
	expect_ok(axas_clear(fd));
	expect_eq(info(fd).frames, 0);
}

/* Addresses that 32 bits cannot hold. */
static void test_far(void)
{
	u64 top = space_end(new_space()) - 2 * MIB;
	u64 at[] = { 4 * GIB - PAGE, 5 * GIB, TIB / 2, top };

	catch_bus();
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		int fd = new_space();
		u64 word = 0;
		u8 *p;

		/* a 32-bit program passes the offset in pages, also of 32 bits */
		if (sizeof(long) == 4 && at[i] >> 44)
			continue;
		expect_ok(axas_map_alloc(fd, at[i], 2 * MIB, RW, 0));
		p = map_rw(fd, at[i], 2 * MIB);
		memcpy(p + MIB, "far away", 8);
		expect_eq(axas_read(fd, at[i] + MIB, &word, 8), 8);
		expect(!memcmp(&word, "far away", 8));
		expect_eq(lseek(fd, 0, SEEK_DATA), at[i] + MIB);
		expect_ok(punch(fd, at[i] + MIB, PAGE));
		expect_eq(p[MIB], 0);
		expect_ok(axas_protect(fd, at[i], 2 * MIB, RO));
		expect_eq(write_signal(p + MIB, 1), SIGBUS);
	}
}

/* io_uring's fixed buffers are long-term pins: from Linux 6.5 on of pinnable mappings only. */
static int register_buffer(void *p, size_t len)
{
	struct io_uring_params params = { 0 };
	struct iovec iov = { p, len };
	int ring = syscall(SYS_io_uring_setup, 4, &params), err;

	if (ring < 0)
		skip("no io_uring");
	err = syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1) ? -errno : 0;
	if (err)
		close(ring);
	return err ?: ring;
}

static void pin(bool pinnable, u32 flags)
{
	int fd = new_kind(pinnable), ring;
	u8 *p = filled(fd, flags);

	ring = register_buffer(p, MIB);
	if (kernel_version() < 6005 || !pinnable) {
		expect_eq(ring, kernel_version() < 6005 ? -EOPNOTSUPP : -EFAULT);
		return;
	}
	expect_libc(ring);
	/* pinned pages are guest memory no more, and not free, after they are discarded */
	expect_ok(punch(fd, AREA, SIZE));
	holds(fd, p, 0, 0);
	p[0] = 1;
	close(ring);
	holds(fd, p, 0, 1);
	expect_ok(axas_clear(fd));
}

static void test_pin(void)
{
	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(kinds); i++)
		pin(i % 2, kinds[i / 2]);
}

/*
 * Memory failure. The mapping by which it is reported, and others: SIGBUS that tells so, or what
 * was there, never anything else. The page is lost, and only it, unless its frame is compound.
 */
static void poison(int fd, u8 *p)
{
	u8 *q = map_rw(fd, AREA, SIZE);
	int nr;

	if (madvise(p + 3 * PAGE, PAGE, MADV_SOFT_OFFLINE))
		note("MADV_SOFT_OFFLINE: %s", strerror(errno));
	holds(fd, p, 3 * PAGE, 7);
	if (madvise(p + PAGE, PAGE, MADV_HWPOISON))
		note("MADV_HWPOISON: %s", strerror(errno));
	nr = read_signal(p + PAGE);
	note("access by the same mapping: %s, code %d", nr ? strsignal(nr) : "none",
	     nr ? signal_code() : 0);
	nr = read_signal(q + PAGE);
	note("by another one: %s, code %d", nr ? strsignal(nr) : "none", nr ? signal_code() : 0);
	expect_eq(nr, SIGBUS);
	expect_eq(signal_code(), BUS_MCEERR_AR);
	expect_eq(write_signal(q + PAGE, 1), SIGBUS);
	expect_eq(read_signal(q), 0);
	expect_eq(q[2 * PAGE], 7);
	/* discard brings a good page */
	expect_ok(punch(fd, AREA + PAGE, PAGE));
	holds(fd, p, PAGE, 0);
	expect_eq(read_signal(q + PAGE), 0);
	munmap(q, SIZE);
}

static void poison_in_child(void *arg)
{
	(void)arg;
	with_each_kind(poison);
}

static void test_poison(void)
{
	if (access("/proc/sys/vm/memory_failure_recovery", F_OK))
		skip("no memory failure handling");
	/* the kernel may kill the process that reports the failure */
	in_child(poison_in_child, NULL);
}

static const struct test tests[] = {
	{ "each madvise() leaves the contents alone", test_advice },
	{ "mappings are moved, cut and overlaid", test_remap },
	{ "NUMA calls, compaction and dropped caches move nothing", test_numa },
	{ "locked mappings count nothing and pin nothing", test_lock },
	{ "userfaultfd() is refused", test_userfault },
	{ "writes that userfaultfd() tracks", test_track },
	{ "what /proc shows and clears", test_proc },
	{ "accesses by another process keep to the protection", test_by_others },
	{ "a page held over a removal is not free", test_hold },
	{ "O_DIRECT beside discards", test_direct },
	{ "R18 nobody with a read-only descriptor can read, and no more", test_nobody },
	{ "calls that have no meaning for guest memory fail", test_odd_files },
	{ "a mapping outlives its descriptors", test_closed },
	{ "a mapping ends with exec", test_exec },
	{ "addresses beyond 32 bits", test_far },
	{ "long-term pins", test_pin },
	{ "memory that fails is SIGBUS for those who map it later", test_poison },
};

const struct suite suite_hostile = { "hostile", tests, ARRAY_SIZE(tests), false };
