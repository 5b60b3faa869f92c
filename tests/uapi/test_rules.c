// SPDX-License-Identifier: GPL-2.0-only
/*
 * Privileges, information that is never disclosed, and zeroing of new memory.
 */
#include "uapi.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA	(16 * MIB)

static void refuse_linear(void *arg)
{
	int fd = *(int *)arg;
	struct axas_map_linear map = {
		.size = sizeof(map), .gpa = GIB, .hpa = window().hpa, .length = PAGE, .prot = RW
	};

	expect_refused(fd, AXAS_MAP_LINEAR, &map, EPERM, "MAP_LINEAR");
}

static void without_rawio(void *arg)
{
	int own;

	drop_cap(CAP_SYS_RAWIO);
	refuse_linear(arg);
	own = new_space();
	refuse_linear(&own);
}

/* CAP_SYS_RAWIO is checked for the caller, not for the opener of the descriptor. */
static void test_linear_needs_rawio(void)
{
	int fd = new_space();

	in_child(without_rawio, &fd);
	expect_ok(axas_map_linear(fd, GIB, window().hpa, PAGE, RW, AXAS_TYPE_NORMAL));
}

/* Run with all capabilities in a user namespace only. */
static void in_user_namespace(void *arg)
{
	become_nobody();
	if (unshare(CLONE_NEWUSER))
		skip("user namespaces are not allowed here");
	refuse_linear(arg);
}

static void test_linear_in_user_namespace(void)
{
	int fd = new_space();

	in_child(in_user_namespace, &fd);
}

/* Call @try with each range of System RAM; return their number. */
static int try_all_ram(int fd, void (*try)(int fd, u64 first, u64 last))
{
	FILE *f = fopen("/proc/iomem", "re");
	unsigned long long first, last;
	char line[256];
	int nr = 0;

	expect(f);
	while (fgets(line, sizeof(line), f)) {
		if (*line == ' ' || !strstr(line, ": System RAM"))
			continue;
		if (sscanf(line, "%llx-%llx", &first, &last) != 2 || !last)
			continue;
		try(fd, first, last);
		nr++;
	}
	fclose(f);
	return nr;
}

static void refuse_ram(int fd, u64 hpa, u64 len)
{
	struct axas_map_linear map = {
		.size = sizeof(map), .gpa = GIB, .hpa = hpa, .length = len, .prot = RW
	};

	expect_refused(fd, AXAS_MAP_LINEAR, &map, EPERM, "MAP_LINEAR over System RAM");
}

static void try_ram(int fd, u64 first, u64 last)
{
	u64 start = (first + PAGE - 1) & ~(PAGE - 1), end = (last + 1) & ~(PAGE - 1);
	struct window w = window();

	if (start >= end)
		return;
	refuse_ram(fd, start, PAGE);
	refuse_ram(fd, end - PAGE, PAGE);
	refuse_ram(fd, (start + end) / 2 & ~(PAGE - 1), PAGE);
	refuse_ram(fd, start, end - start);
	if (start >= PAGE)
		refuse_ram(fd, start - PAGE, 2 * PAGE);
	refuse_ram(fd, end - PAGE, 2 * PAGE);
	/* the window together with adjacent RAM */
	if (end == w.hpa)
		refuse_ram(fd, w.hpa - PAGE, w.size + PAGE);
	if (start == w.hpa + w.size)
		refuse_ram(fd, w.hpa, w.size + PAGE);
}

static void test_linear_over_ram(void)
{
	int fd = new_space();

	if (!try_all_ram(fd, try_ram))
		fail("no System RAM in /proc/iomem");
	expect_ok(axas_map_linear(fd, GIB, window().hpa, window().size, RW, AXAS_TYPE_NORMAL));
}

static void expect_zeros(int fd, u64 gpa, u64 len)
{
	static u64 buf[0x10000 / 8];

	for (u64 off = 0; off < len; off += sizeof(buf)) {
		memset(buf, 0xff, sizeof(buf));
		expect_eq(axas_read(fd, gpa + off, buf, sizeof(buf)), sizeof(buf));
		for (size_t i = 0; i < ARRAY_SIZE(buf); i++)
			if (buf[i])
				fail("%#llx holds %#llx", gpa + off + 8 * i, buf[i]);
	}
}

static void make_dirty(int fd, u64 gpa, u64 len)
{
	static u8 buf[0x10000];

	memset(buf, 0xa5, sizeof(buf));
	for (u64 off = 0; off < len; off += sizeof(buf))
		expect_eq(axas_write(fd, gpa + off, buf, sizeof(buf)), sizeof(buf));
}

static void test_zeroed(void)
{
	char line[4096];
	int fd = new_space();

	if (read_file("/proc/cmdline", line, sizeof(line)) && !strstr(line, "init_on_alloc=0"))
		note("boot with init_on_alloc=0, or the page allocator may hide a missing clear");

	expect_ok(axas_map_alloc(fd, GIB, 4 * MIB, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_map_alloc(fd, 2 * GIB, 4 * MIB, RW, 0));
	expect_zeros(fd, GIB, 4 * MIB);
	expect_zeros(fd, 2 * GIB, 4 * MIB);
}

/* New frames are zero although the previous owner (this space, another, the kernel) wrote them. */
static void test_zeroed_after_use(void)
{
	for (int round = 0; round < 6; round++) {
		int fd = new_space();

		expect_ok(axas_map_alloc(fd, GIB, 8 * MIB, RW, round % 2));
		make_dirty(fd, GIB, 8 * MIB);
		expect_ok(round % 3 ? axas_unmap(fd, GIB, 8 * MIB) : axas_clear(fd));
		expect_ok(axas_map_alloc(fd, GIB, 8 * MIB, RW, 0));
		if (round & 2)
			expect_ok(populate(fd, GIB, 8 * MIB));
		expect_zeros(fd, GIB, 8 * MIB);
		make_dirty(fd, GIB, 8 * MIB);
		close(fd);
	}
}

static void test_zeroed_around_a_write(void)
{
	u8 page[PAGE];
	int fd = new_space();

	expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, AXAS_MAP_POPULATE));
	make_dirty(fd, AREA, 64 * PAGE);
	expect_ok(axas_unmap(fd, AREA, 64 * PAGE));
	expect_ok(axas_map_alloc(fd, AREA, 64 * PAGE, RW, 0));
	for (int i = 0; i < 64; i++) {
		expect_eq(axas_write(fd, AREA + i * PAGE + 0x777, "x", 1), 1);
		expect_eq(axas_read(fd, AREA + i * PAGE, page, PAGE), PAGE);
		expect_eq(page[0x777], 'x');
		page[0x777] = 0;
		for (u64 n = 0; n < PAGE; n++)
			expect_eq(page[n], 0);
	}
}

/* UNMAP returns after its frames are freed: they can be allocated again, any number of times. */
static void test_frames_are_given_back(void)
{
	long before = meminfo("MemAvailable"), now;
	struct axas_translate tr;
	int fd = new_space();

	for (int i = 0; i < 64; i++) {
		expect_ok(axas_map_alloc(fd, GIB, 16 * MIB, RW, AXAS_MAP_POPULATE));
		expect_eq(info(fd).frames, 16 * MIB / PAGE);
		expect_ok(axas_unmap(fd, GIB, 16 * MIB));
		expect_eq(info(fd).frames, 0);
		expect_eq(axas_translate(fd, GIB, &tr), -ENOENT);
	}
	now = meminfo("MemAvailable");
	if (now < before - 64 * 1024)
		fail("%ld KiB of memory were available, now %ld", before, now);
}

static void hides_hpa(void *arg)
{
	int fd = *(int *)arg;
	struct axas_area_info a[4];
	struct axas_translate tr;

	drop_cap(CAP_SYS_RAWIO);
	expect_ok(axas_translate(fd, AREA, &tr));
	expect_eq(tr.hpa, AXAS_HPA_NONE);
	expect_eq(tr.left, PAGE);
	expect_ok(axas_translate(fd, GIB + 5, &tr));
	expect_eq(tr.hpa, AXAS_HPA_NONE);
	expect_eq(tr.limit, PAGE - 5);
	expect_eq(info(fd).root, AXAS_HPA_NONE);
	expect_eq(areas_from(fd, 0, a, 4, NULL), 2);
	expect_eq(a[0].hpa, AXAS_HPA_NONE);
	expect_eq(a[1].backend, AXAS_BACKEND_LINEAR);
	expect_eq(a[1].hpa, AXAS_HPA_NONE);
}

static void test_hides_hpa(void)
{
	int fd = new_space();
	struct axas_translate tr;

	expect_ok(axas_map_alloc(fd, AREA, PAGE, RW, AXAS_MAP_POPULATE));
	expect_ok(axas_map_linear(fd, GIB, window().hpa, 2 * PAGE, RW, AXAS_TYPE_NORMAL));
	in_child(hides_hpa, &fd);
	/* a privileged caller sees host-physical addresses */
	expect_ok(axas_translate(fd, AREA, &tr));
	expect(tr.hpa != AXAS_HPA_NONE && tr.hpa);
	expect(info(fd).root != AXAS_HPA_NONE && info(fd).root);
}

static void fdinfo_hides_hpa(void *arg)
{
	char path[64], text[4096], want[32];
	int fd = *(int *)arg;
	u64 root = info(fd).root;

	drop_cap(CAP_SYS_RAWIO);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	expect(read_file(path, text, sizeof(text)));
	snprintf(want, sizeof(want), "%llx", root);
	expect(!strstr(text, want));
	snprintf(want, sizeof(want), "%llx", window().hpa);
	expect(!strstr(text, want));
}

static void test_fdinfo_hides_hpa(void)
{
	int fd = new_space();

	expect_ok(axas_map_linear(fd, GIB, window().hpa, 2 * PAGE, RW, AXAS_TYPE_NORMAL));
	in_child(fdinfo_hides_hpa, &fd);
}

static void check_modes(const char *path)
{
	char name[512];
	struct dirent *e;
	struct stat st;
	DIR *dir = opendir(path);

	while (dir && (e = readdir(dir))) {
		if (*e->d_name == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		expect_libc(lstat(name, &st));
		if (S_ISDIR(st.st_mode))
			check_modes(name);
		else if (S_ISREG(st.st_mode) && (st.st_mode & 0377))
			fail("%s has mode %o", name, st.st_mode & 0777);
	}
	if (dir)
		closedir(dir);
}

static void test_debugfs_modes(void)
{
	char list[4096];
	int fd = new_space();

	/* Reading the list creates the directories of the spaces. */
	expect(read_file("/sys/kernel/debug/axas/spaces", list, sizeof(list)));
	check_modes("/sys/kernel/debug/axas");
	close(fd);
}

static void open_as_nobody(void *arg)
{
	(void)arg;
	become_nobody();
	expect_eq(axas_open(NULL), -EACCES);
	expect_eq(open(AXAS_DEV_PATH, O_RDONLY), -1);
	expect_eq(errno, EACCES);
}

static void test_device_node(void)
{
	struct stat st;

	expect_libc(stat("/dev/axas", &st));
	expect(S_ISCHR(st.st_mode));
	expect_eq(st.st_mode & 07777, 0600);
	expect_eq(st.st_uid, 0);
	expect_eq(st.st_gid, 0);
	in_child(open_as_nobody, NULL);
}

_Static_assert(sizeof(struct axas_format_info) == 40, "axas_format_info");
_Static_assert(sizeof(struct axas_create) == 56, "axas_create");
_Static_assert(offsetof(struct axas_create, base) == 16, "axas_create.base");
_Static_assert(sizeof(struct axas_map_linear) == 40, "axas_map_linear");
_Static_assert(offsetof(struct axas_map_linear, prot) == 32, "axas_map_linear.prot");
_Static_assert(sizeof(struct axas_map_alloc) == 32, "axas_map_alloc");
_Static_assert(sizeof(struct axas_map_shared) == 40, "axas_map_shared");
_Static_assert(offsetof(struct axas_map_shared, fd) == 32, "axas_map_shared.fd");
_Static_assert(sizeof(struct axas_map_backend) == 80, "axas_map_backend");
_Static_assert(offsetof(struct axas_map_backend, prot) == 72, "axas_map_backend.prot");
_Static_assert(sizeof(struct axas_range) == 24, "axas_range");
_Static_assert(sizeof(struct axas_protect) == 32, "axas_protect");
_Static_assert(sizeof(struct axas_collapse) == 32, "axas_collapse");
_Static_assert(sizeof(struct axas_clear) == 8, "axas_clear");
_Static_assert(sizeof(struct axas_limit) == 16, "axas_limit");
_Static_assert(sizeof(struct axas_extent) == 16, "axas_extent");
_Static_assert(sizeof(struct axas_log) == 48, "axas_log");
_Static_assert(offsetof(struct axas_log, epoch) == 40, "axas_log.epoch");
_Static_assert(sizeof(struct axas_discard) == 32, "axas_discard");
_Static_assert(offsetof(struct axas_discard, done) == 24, "axas_discard.done");
_Static_assert(sizeof(struct axas_supply) == 48, "axas_supply");
_Static_assert(offsetof(struct axas_supply, done) == 40, "axas_supply.done");
_Static_assert(sizeof(struct axas_get_missing) == 24, "axas_get_missing");
_Static_assert(sizeof(struct axas_fault) == 32, "axas_fault");
_Static_assert(offsetof(struct axas_fault, result) == 20, "axas_fault.result");
_Static_assert(sizeof(struct axas_translate) == 56, "axas_translate");
_Static_assert(offsetof(struct axas_translate, prot) == 40, "axas_translate.prot");
_Static_assert(sizeof(struct axas_info) == 216, "axas_info");
_Static_assert(sizeof(struct axas_map_file) == 40, "axas_map_file");
_Static_assert(offsetof(struct axas_info, base) == 24, "axas_info.base");
_Static_assert(offsetof(struct axas_info, leaves) == 88, "axas_info.leaves");
_Static_assert(offsetof(struct axas_info, faults) == 120, "axas_info.faults");
_Static_assert(offsetof(struct axas_info, missing) == 192, "axas_info.missing");
_Static_assert(sizeof(struct axas_area_info) == 40, "axas_area_info");
_Static_assert(sizeof(struct axas_get_areas) == 32, "axas_get_areas");
_Static_assert(sizeof(struct axas_freeze) == 8, "axas_freeze");
_Static_assert(sizeof(struct axas_clone) == 32, "axas_clone");
_Static_assert(offsetof(struct axas_clone, count) == 24, "axas_clone.count");
_Static_assert(sizeof(struct axas_reset) == 16, "axas_reset");
_Static_assert(sizeof(struct axas_diff_extent) == 24, "axas_diff_extent");
_Static_assert(sizeof(struct axas_diff) == 40, "axas_diff");
_Static_assert(offsetof(struct axas_diff, buf) == 24, "axas_diff.buf");
_Static_assert(sizeof(struct axas_image_info) == 72, "axas_image_info");
_Static_assert(offsetof(struct axas_image_info, frames) == 32, "axas_image_info.frames");

#ifdef __x86_64__
#define GETPID32	20
#define IOCTL32		54

/* Make a system call through the 32-bit entry. */
static int call32(int nr, u32 a, u32 b, u32 c)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/* The pointer must be below 4 GiB. */
static int ioctl32(int fd, u32 nr, void *arg)
{
	return call32(IOCTL32, fd, nr, (uintptr_t)arg);
}

static void test_compat(void)
{
	void *low = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct axas_map_alloc *map = low;
	struct axas_translate *tr = low;
	struct axas_create *c = low;
	struct axas_clone *cl = low;
	int dev = dev_open(), fd, image;

	expect(low != MAP_FAILED);
	if (call32(GETPID32, 0, 0, 0) != getpid())
		skip("this kernel runs no 32-bit programs");
	expect_eq(ioctl32(dev, AXAS_GET_API_VERSION, NULL), AXAS_API_VERSION);
	*c = (struct axas_create){ .size = sizeof(*c), .format = test_format };
	fd = ioctl32(dev, AXAS_CREATE, c);
	expect(fd >= 0);
	*map = (struct axas_map_alloc){
		.size = sizeof(*map), .flags = AXAS_MAP_POPULATE, .gpa = 5 * GIB,
		.length = PAGE, .prot = RW
	};
	expect_eq(ioctl32(fd, AXAS_MAP_ALLOC, map), 0);
	*tr = (struct axas_translate){ .size = sizeof(*tr), .gpa = 5 * GIB + 1 };
	expect_eq(ioctl32(fd, AXAS_TRANSLATE, tr), 0);
	expect_eq(tr->left, PAGE - 1);
	*map = (struct axas_map_alloc){ .size = 8 };
	image = ioctl32(fd, AXAS_FREEZE, low);
	expect(image >= 0);
	*cl = (struct axas_clone){ .size = sizeof(*cl), .fds = (uintptr_t)(cl + 1), .count = 1 };
	expect_eq(ioctl32(image, AXAS_CLONE, cl), 0);
	expect_eq(info(*(__s32 *)(cl + 1)).areas, 1);
	expect_eq(ioctl32(fd, AXAS_CLEAR, NULL), -EFAULT);
	expect_eq(ioctl32(fd, 0x1234, low), -ENOTTY);
}
#else
static void test_compat(void)
{
	struct axas_info i = info(new_space());

	note("built for %zu bits", 8 * sizeof(long));
	expect_eq(i.size, 216);
}
#endif

static const struct test tests[] = {
	{ "R1 map_linear needs CAP_SYS_RAWIO", test_linear_needs_rawio },
	{ "R1 map_linear needs it in the first user namespace", test_linear_in_user_namespace },
	{ "R2 map_linear over System RAM is refused", test_linear_over_ram },
	{ "R4 memory is zero at birth", test_zeroed },
	{ "R4 memory is zero again after dirty frames were freed", test_zeroed_after_use },
	{ "R4 a write into an untouched page leaves zeros around it", test_zeroed_around_a_write },
	{ "R13 unmap gives the frames back", test_frames_are_given_back },
	{ "R18 host-physical addresses are hidden from others", test_hides_hpa },
	{ "R18 fdinfo shows no host-physical address to others", test_fdinfo_hides_hpa },
	{ "R18 debugfs files can be read by root alone", test_debugfs_modes },
	{ "R19 the device is for root alone", test_device_node },
	{ "R20 32-bit programs have the same structs and calls", test_compat },
};

const struct suite suite_rules = { "rules", tests, ARRAY_SIZE(tests), false };
