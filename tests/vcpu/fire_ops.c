// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a host thread of test_fire.c does: one random operation on a random object at a time. Each
 * operation returns the call's result; allow() judges it. Calls libaxas, the harness and libc.
 */
#include "fire.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Mappings: two of each space, to write and to read, and one of each image. */
#define NR_MAPS		(2 * NR_SPACES + NR_IMAGES)

static u8 *maps;
static const char *group;	/* a memory cgroup with a limit, or NULL */
static struct window reserved;	/* host-physical memory, or of size 0 */

/* A range of some pages, or regions of 2 MiB. */
struct run {
	int space;
	u32 slot, family;
	u64 gpa, len;
};

static struct run any_run(struct actor *a)
{
	u32 slot = below(a, NR_SPACES), unit = below(a, 3) ? PAGE : 2 * MIB;
	struct run r = { SPACE(slot), slot, FAMILY(slot), any_gpa(a, unit), 0 };
	u64 most = VM_TEST + AREA_SIZE - r.gpa;

	r.len = (1 + below(a, unit == PAGE ? 40 : 3)) * (u64)unit;
	if (r.len > most)
		r.len = most;
	return r;
}

static int op_write(struct actor *a)
{
	struct run r = any_run(a);
	u64 words[PAGE / 4], gpa = r.gpa + below(a, PAGE / 8) * 8;
	u64 len = (1 + below(a, ARRAY_SIZE(words))) * 8;

	if (gpa + len > VM_TEST + AREA_SIZE)
		len = VM_TEST + AREA_SIZE - gpa;
	fill_words(r.family, gpa, words, len);
	return axas_write(r.space, gpa, words, len);
}

static int check_read(int fd, u32 family, u64 gpa, u64 *words, u64 len)
{
	int n = axas_read(fd, gpa, words, len);

	for (int i = 0; i < n / 8; i++)
		check_word(family, gpa + i * 8, words[i], "pread");
	return n;
}

static int op_read(struct actor *a)
{
	struct run r = any_run(a);
	u64 words[PAGE / 4];

	return check_read(r.space, r.family, r.gpa, words, sizeof(words));
}

static int op_read_image(struct actor *a)
{
	u32 slot = below(a, NR_IMAGES);
	u64 words[PAGE / 4];

	return check_read(IMAGE(slot), FAMILY(slot), any_gpa(a, PAGE), words, sizeof(words));
}

static u32 family_of_map(u32 map)
{
	return map < 2 * NR_SPACES ? FAMILY(map / 2) : FAMILY(map - 2 * NR_SPACES);
}

static int op_load(struct actor *a)
{
	u32 map = below(a, NR_MAPS);
	u64 at = any_gpa(a, 8) - VM_TEST, word;

	if (try_load((u64 *)(maps + map * AREA_SIZE + at), &word))
		return -EFAULT;
	check_word(family_of_map(map), VM_TEST + at, word, "load");
	return 0;
}

static int op_store(struct actor *a)
{
	u32 map = 2 * below(a, NR_SPACES);
	u64 at = any_gpa(a, 8) - VM_TEST;
	u64 *p = (u64 *)(maps + map * AREA_SIZE + at);

	return try_store(p, word_at(family_of_map(map), VM_TEST + at)) ? -EFAULT : 0;
}

static int op_mmap(struct actor *a)
{
	u32 map = below(a, NR_MAPS), image = map - 2 * NR_SPACES;
	int fd = map < 2 * NR_SPACES ? SPACE(map / 2) : IMAGE(image);
	int prot = map < 2 * NR_SPACES && !(map & 1) ? PROT_READ | PROT_WRITE : PROT_READ;
	int more = below(a, 8) ? 0 : MAP_POPULATE;

	/* Populating may wait for missing pages of those that are never replaced. */
	return mmap(maps + map * AREA_SIZE, AREA_SIZE, prot, MAP_SHARED | MAP_FIXED | more, fd,
		    VM_TEST) == MAP_FAILED ? -errno : 0;
}

static int op_madvise(struct actor *a)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_REMOVE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ,
		MADV_POPULATE_WRITE, MADV_WILLNEED, MADV_HUGEPAGE
	};
	u32 map = below(a, NR_MAPS);
	u64 at = any_gpa(a, PAGE) - VM_TEST;

	if (madvise(maps + map * AREA_SIZE + at, PAGE << below(a, 4),
		    advices[below(a, ARRAY_SIZE(advices))]))
		return -EAGAIN;		/* many of them are refused */
	return 0;
}

static int op_unmap(struct actor *a)
{
	struct run r = any_run(a);

	return axas_unmap(r.space, r.gpa, r.len);
}

/* Before a call that needs a hole, now and then. */
static void make_room(struct actor *a, const struct run *r)
{
	if (below(a, 2))
		allow(axas_unmap(r->space, r->gpa, r->len), "unmap");
}

static int op_map_alloc(struct actor *a)
{
	static const u32 flags[] = {
		0, 0, AXAS_MAP_POPULATE, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER,
		AXAS_MAP_HUGE_WHOLE, AXAS_MAP_AROUND(4),
		AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_POPULATE,
		AXAS_MAP_MISSING | AXAS_MAP_MISSING_FAIL,
	};
	struct run r = any_run(a);
	u32 f = flags[below(a, ARRAY_SIZE(flags))];

	if (r.slot >= NR_CLONES && !below(a, 3))
		f = AXAS_MAP_MISSING;
	return axas_map_alloc(r.space, r.gpa, r.len, AXAS_PROT_MASK, f);
}

/* What was unmapped comes back. */
static int op_map_holes(struct actor *a)
{
	u32 slot = below(a, NR_SPACES), flags = 0;
	int ret = -EEXIST;

	if (slot >= NR_CLONES && below(a, 2))
		flags = AXAS_MAP_MISSING;
	for (u64 gpa = VM_TEST; gpa < VM_TEST + AREA_SIZE; gpa += 2 * MIB)
		if (!axas_map_alloc(SPACE(slot), gpa, 2 * MIB, AXAS_PROT_MASK, flags))
			ret = 0;
	return ret;
}

/* In one space alone, since families share nothing, and none with linear memory can be frozen. */
static int op_map_linear(struct actor *a)
{
	struct run r = any_run(a);

	if (r.slot != NR_CLONES || !reserved.size)
		return -ENOENT;
	return axas_map_linear(r.space, r.gpa, reserved.hpa + (r.gpa - VM_TEST), r.len,
			       AXAS_PROT_MASK, AXAS_TYPE_NORMAL);
}

static int op_map_file(struct actor *a)
{
	struct run r = any_run(a);

	return axas_map_file(r.space, r.gpa, r.len, CONTENT(r.family), r.gpa - VM_TEST,
			     AXAS_PROT_MASK, below(a, 2) ? AXAS_MAP_POPULATE : 0);
}

/* A space of the same family, its own self included. */
static u32 relative(struct actor *a, u32 family)
{
	return 2 * below(a, NR_SPACES / 2) + family;
}

static int op_map_shared(struct actor *a)
{
	struct run r = any_run(a);
	/* memory of images cannot be shared */
	u32 from = below(a, 4) ? NR_CLONES + r.family : relative(a, r.family);

	make_room(a, &r);
	return axas_map_shared(r.space, r.gpa, below(a, 2) ? PAGE : r.len, SPACE(from), r.gpa, RW,
			       0);
}

static int op_protect(struct actor *a)
{
	static const u32 prots[] = { AXAS_PROT_READ, RW, AXAS_PROT_MASK, AXAS_PROT_MASK };
	struct run r = any_run(a);

	return axas_protect(r.space, r.gpa, r.len, prots[below(a, ARRAY_SIZE(prots))]);
}

static int op_policy(struct actor *a)
{
	static const u32 flags[] = { 0, AXAS_MAP_HUGE_ALWAYS, AXAS_MAP_HUGE_NEVER,
				     AXAS_MAP_AROUND(3) };
	struct run r = any_run(a);

	return axas_set_policy(r.space, r.gpa, r.len, flags[below(a, ARRAY_SIZE(flags))]);
}

static int op_limit(struct actor *a)
{
	u32 slot = below(a, NR_SPACES);

	return axas_set_limit(SPACE(slot), below(a, 2) ? 0 : 256 + below(a, 8192));
}

static int op_populate(struct actor *a)
{
	struct run r = any_run(a);

	return axas_populate_some(r.space, &r.gpa, &r.len);
}

static int op_collapse(struct actor *a)
{
	return axas_collapse(SPACE(below(a, NR_SPACES)), VM_TEST, AREA_SIZE, NULL);
}

static int op_discard(struct actor *a)
{
	struct run r = any_run(a), s = any_run(a);
	struct axas_extent extents[] = { { r.gpa, r.len }, { s.gpa, s.len } };

	return axas_discard(r.space, extents, 1 + below(a, 2), NULL);
}

static int op_punch(struct actor *a)
{
	struct run r = any_run(a);

	return fallocate(r.space, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, r.gpa, r.len) ?
	       -errno : 0;
}

static int op_fault(struct actor *a)
{
	u32 slot = below(a, NR_SPACES);

	return axas_fault(SPACE(slot), any_gpa(a, PAGE), below(a, 2) ? RW : AXAS_PROT_READ, NULL);
}

/* Questions of all kinds. */
static int op_look(struct actor *a)
{
	u32 slot = below(a, NR_SPACES);
	struct axas_area_info areas[16];
	struct axas_translate to;
	struct axas_info about;
	u64 start = VM_TEST;

	switch (below(a, 4)) {
	case 0:
		return axas_get_info(SPACE(slot), &about);
	case 1:
		return axas_get_areas(SPACE(slot), &start, areas, ARRAY_SIZE(areas), NULL);
	case 2:
		return lseek(SPACE(slot), any_gpa(a, PAGE), below(a, 2) ? SEEK_DATA : SEEK_HOLE) <
		       0 ? -errno : 0;
	default:
		return axas_translate(SPACE(slot), any_gpa(a, PAGE), &to);
	}
}

static int op_start_log(struct actor *a)
{
	struct run r = any_run(a);

	return axas_start_log(r.space, r.gpa, r.len);
}

static int op_stop_log(struct actor *a)
{
	return axas_stop_log(SPACE(below(a, NR_SPACES)), VM_TEST, AREA_SIZE);
}

/* As a migration does: get, then clear what one got. */
static int op_log(struct actor *a)
{
	int space = SPACE(below(a, NR_SPACES)), n;
	struct axas_extent extents[64];
	u64 bits[AREA_PAGES / 64], gpa = VM_TEST;
	__u64 epoch;

	if (below(a, 2)) {
		n = axas_get_log(space, VM_TEST, AREA_SIZE, (__u64 *)bits, &epoch);
		return n ? n : axas_clear_log(space, VM_TEST, AREA_SIZE, (__u64 *)bits, epoch);
	}
	n = axas_get_log_extents(space, (__u64 *)&gpa, AREA_SIZE, extents, ARRAY_SIZE(extents),
				 &epoch);
	return n <= 0 ? n : axas_clear_log_extents(space, extents, n, epoch);
}

/* The first images and the last spaces are never replaced. */
static u32 image_of_family(struct actor *a, u32 family)
{
	return 2 + 2 * below(a, (NR_IMAGES - 2) / 2) + family;
}

static int op_freeze(struct actor *a)
{
	u32 slot = below(a, NR_SPACES);
	int fd = axas_freeze(SPACE(slot));

	/* Only a clone has the guest in its first MiB for sure. */
	if (fd >= 0 && slot < NR_CLONES)
		replace(fd, IMAGE(image_of_family(a, FAMILY(slot))));
	else if (fd >= 0)
		close(fd);
	return fd;
}

static int op_clone(struct actor *a)
{
	u32 from = below(a, NR_IMAGES), to = 2 * below(a, NR_CLONES / 2) + FAMILY(from);
	int fds[3] = { -1, -1, -1 }, nr = 1 + below(a, 3);
	int err = axas_clone(IMAGE(from), below(a, 2) ? AXAS_CREATE_PINNABLE : 0,
			     below(a, 2) ? 0 : 100000, fds, nr);

	for (int i = 1; !err && i < nr; i++)
		close(fds[i]);
	if (!err)
		replace(fds[0], SPACE(to));
	return err;
}

static int op_reset(struct actor *a)
{
	u32 from = below(a, NR_IMAGES), to = 2 * below(a, NR_CLONES / 2) + FAMILY(from);

	return axas_reset(SPACE(to), IMAGE(from), below(a, 3) ? 0 : AXAS_RESET_DROP);
}

static int op_diff(struct actor *a)
{
	struct axas_diff_extent extents[32];
	__u64 gpa = VM_TEST, len = AREA_SIZE;

	return axas_diff(SPACE(below(a, NR_SPACES)), &gpa, &len, extents, ARRAY_SIZE(extents));
}

static int op_image_info(struct actor *a)
{
	struct axas_image_info about;

	return axas_get_image_info(IMAGE(below(a, NR_IMAGES)), &about);
}

static int op_clear(struct actor *a)
{
	return axas_clear(SPACE(NR_CLONES + below(a, NR_SPACES - NR_CLONES)));
}

static int op_supply(struct actor *a)
{
	struct run r = any_run(a);
	u64 words[2 * PAGE / 8];

	if (below(a, 4)) {
		r.slot = NR_CLONES + r.family;
		r.space = SPACE(r.slot);
	}
	if (r.len > sizeof(words))
		r.len = sizeof(words);
	make_room(a, &r);
	if (r.slot >= NR_CLONES)
		axas_map_alloc(r.space, r.gpa, r.len, AXAS_PROT_MASK, AXAS_MAP_MISSING);
	switch (below(a, 3)) {
	case 0:
		fill_words(r.family, r.gpa, words, r.len);
		return axas_supply(r.space, r.gpa, words, r.len, AXAS_SUPPLY_SKIP, NULL);
	case 1:
		return axas_supply(r.space, r.gpa, NULL, r.len, AXAS_SUPPLY_SKIP, NULL);
	default:
		return axas_supply_from(r.space, r.gpa, r.len, SPACE(relative(a, r.family)), r.gpa,
					AXAS_SUPPLY_SKIP, NULL);
	}
}

/* Calls that any thread may make at any time on a vCPU of another one. */
static int op_vcpu(struct actor *a)
{
	int vcpu = VCPU(below(a, NR_RUNNERS));
	struct axvcpu_state state;
	u64 allowed = 0;
	cpu_set_t set;
	u32 cpu;
	int err;

	switch (below(a, 4)) {
	case 0:
		atomic_fetch_add(&fire->kicked, 1);
		return axvcpu_kick(vcpu);
	case 1:
		return axvcpu_inject(vcpu, 0x40 + below(a, 16));
	case 2:
		err = axvcpu_get_state(vcpu, &state);
		if (!err && state.entries)
			atomic_fetch_add(&fire->met, 1);
		return err;
	default:
		expect_ok(sched_getaffinity(0, sizeof(set), &set));
		for (cpu = 0; cpu < 64; cpu++)
			allowed |= CPU_ISSET(cpu, &set) ? 1ull << cpu : 0;
		cpu = below(a, sysconf(_SC_NPROCESSORS_CONF));
		if (!(allowed >> cpu & 1))
			return -ENOENT;
		/* A thread that may run nowhere else may run anywhere when its CPU has gone. */
		if (cpu == CPU_THAT_GOES || below(a, 2))
			return axvcpu_set_affinity(vcpu, cpu, allowed);
		return axvcpu_set_affinity(vcpu, cpu, 1ull << cpu);
	}
}

/* Pass a descriptor through a socket, as VMMs do. */
static int pass(int fd, int *copy)
{
	union { char buf[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(pair[0], &msg, 0) < 0 || (copy && recvmsg(pair[1], &msg, 0) < 0))
		err = -errno;
	else if (copy)
		memcpy(copy, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	close(pair[0]);
	close(pair[1]);
	return err;
}

/* Some are never received, and go with the socket. */
static int op_pass(struct actor *a)
{
	u32 from = below(a, NR_CLONES), to = 2 * below(a, NR_CLONES / 2) + FAMILY(from);
	int copy, err;

	if (!below(a, 3))
		return pass(SPACE(from), NULL);
	err = pass(SPACE(from), &copy);
	if (!err)
		replace(copy, SPACE(to));
	return err;
}

static void in_group(void)
{
	char path[64];
	int fd;

	if (!group)
		return;
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(TEST_OK);
	close(fd);
}

/* A child with the same descriptors and mappings, in any of a few states when it is killed. */
static void be_child(struct actor *a, u32 what)
{
	int null;

	a->child = true;
	if (what == 1)
		in_group();
	if (what == 2) {
		null = open("/dev/null", O_WRONLY);
		dup2(null, STDOUT_FILENO);
		execl("/proc/self/exe", "axvcpu_test", "-l", NULL);
		_exit(TEST_OK);
	}
	for (;;)
		fire_op(a);
}

static int op_child(struct actor *a)
{
	u32 ms = 5 + below(a, 60), what = below(a, 4);
	int status = 0;
	pid_t pid;

	if (a->child)
		return -EAGAIN;
	pid = fork();
	if (!pid)
		be_child(a, what);
	if (pid < 0)
		return -errno;
	sleep_ms(ms);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_FAILED)
		_exit(TEST_FAILED);	/* it left the reason */
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		fail("a child was ended by signal %d", WTERMSIG(status));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct actor *a);
	u32 weight;
} ops[] = {
	{ "write", op_write, 12 }, { "read", op_read, 12 },
	{ "read of an image", op_read_image, 4 }, { "load", op_load, 20 },
	{ "store", op_store, 20 }, { "mmap", op_mmap, 4 },
	{ "madvise", op_madvise, 4 }, { "unmap", op_unmap, 4 }, { "map", op_map_alloc, 6 },
	{ "map of holes", op_map_holes, 2 }, { "linear", op_map_linear, 2 },
	{ "file", op_map_file, 4 }, { "shared", op_map_shared, 3 }, { "protect", op_protect, 6 },
	{ "policy", op_policy, 2 }, { "limit", op_limit, 1 }, { "populate", op_populate, 4 },
	{ "collapse", op_collapse, 2 }, { "discard", op_discard, 4 }, { "punch", op_punch, 3 },
	{ "fault", op_fault, 6 }, { "look", op_look, 6 }, { "start log", op_start_log, 2 },
	{ "stop log", op_stop_log, 2 }, { "log", op_log, 4 }, { "freeze", op_freeze, 4 },
	{ "clone", op_clone, 4 }, { "reset", op_reset, 4 }, { "diff", op_diff, 2 },
	{ "image info", op_image_info, 1 }, { "clear", op_clear, 1 }, { "supply", op_supply, 4 },
	{ "vcpu", op_vcpu, 8 }, { "pass", op_pass, 2 }, { "child", op_child, 1 },
};

_Static_assert(ARRAY_SIZE(ops) <= NR_OPS, "counters");

void fire_op(struct actor *a)
{
	u32 sum = 0, i, n;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		sum += ops[i].weight;
	n = below(a, sum);
	for (i = 0; n >= ops[i].weight; i++)
		n -= ops[i].weight;
	if (allow(ops[i].run(a), ops[i].name) < 0)
		atomic_fetch_add(&fire->refused[i], 1);
	else
		atomic_fetch_add(&fire->done[i], 1);
}

/* So many times an operation that is never done was no accident. */
#define TRIES		1000

void fire_report(void)
{
	unsigned long long done = 0, refused = 0;
	const char *never = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		note("%s: %llu done, %llu refused", ops[i].name, fire->done[i], fire->refused[i]);
		done += fire->done[i];
		refused += fire->refused[i];
		if (!fire->done[i] && fire->refused[i] > TRIES &&
		    (ops[i].run != op_map_linear || reserved.size))
			never = ops[i].name;
	}
	note("%llu operations, of which %llu were refused", done + refused, refused);
	if (never)
		fail("%s was always refused", never);
}

void fire_end(void)
{
	munmap(maps, NR_MAPS * AREA_SIZE);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* A memory cgroup too small for what its processes do. */
static void make_group(void)
{
	mkdir("/tmp/axvcpu-fire", 0700);
	if (mount("none", "/tmp/axvcpu-fire", "cgroup2", 0, NULL))
		return;
	put("/tmp/axvcpu-fire/cgroup.subtree_control", "+memory");
	mkdir("/tmp/axvcpu-fire/small", 0700);
	if (put("/tmp/axvcpu-fire/small/memory.max", "3000000"))
		group = "/tmp/axvcpu-fire/small";
	else
		note("no memory cgroup");
}

static void clear_reserved(void)
{
	static const u8 zeroes[MIB];
	int space;

	if (!find_window(AREA_SIZE, 2 * MIB, &reserved)) {
		note("no reserved memory");
		return;
	}
	space = open_space();
	map_linear(space, 0, AREA_SIZE, reserved.hpa, RW);
	for (u64 gpa = 0; gpa < AREA_SIZE; gpa += MIB)
		write_guest(space, gpa, zeroes, MIB);
	close(space);
}

void fire_prepare(void)
{
	clear_reserved();
	maps = mmap(NULL, NR_MAPS * AREA_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	expect(maps != MAP_FAILED);
	make_group();
}
