// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules common to all ioctls: sizes, flags, reserved fields, pointers, descriptors. One table
 * describes each struct.
 */
#include "uapi.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ALLOC	(16 * MIB)	/* an area of 16 pages */
#define FREE	(32 * MIB)	/* no area */
#define MISSING	(48 * MIB)	/* a missing page */
#define BIG	256		/* upper bound of argument sizes in bytes */

union argument {
	u32 head[2];		/* size, flags */
	u8 bytes[BIG];
	struct axas_format_info format;
	struct axas_create create;
	struct axas_map_linear linear;
	struct axas_map_alloc alloc;
	struct axas_map_file file;
	struct axas_map_shared shared;
	struct axas_range range;
	struct axas_collapse collapse;
	struct axas_protect protect;
	struct axas_discard discard;
	struct axas_supply supply;
	struct axas_get_missing missing;
	struct axas_limit limit;
	struct axas_log log;
	struct axas_clear clear;
	struct axas_fault fault;
	struct axas_translate translate;
	struct axas_info info;
	struct axas_get_areas areas;
	struct axas_clone clone;
	struct axas_reset reset;
	struct axas_diff diff;
	struct axas_image_info image;
};

/* Whose ioctl it is. A clone is a space that can be frozen and reset. */
enum owner { OF_SPACE, OF_DEVICE, OF_CLONE, OF_IMAGE };

/**
 * struct subject - one ioctl
 * @name: its name
 * @nr: its number
 * @size: size of its struct in bytes
 * @optional: smallest size with which the good call succeeds
 * @reserved: offset of the reserved fields, 0: none
 * @reserved_size: size of the reserved fields in bytes
 * @flags: valid flags
 * @owner: what has the ioctl
 * @out: the kernel writes to the struct
 * @good: fill in arguments that succeed on new_subject_space()
 */
struct subject {
	const char *name;
	unsigned long nr;
	size_t size;
	size_t optional;
	size_t reserved;
	size_t reserved_size;
	u32 flags;
	enum owner owner;
	bool out;
	void (*good)(union argument *arg);
};

static void good_format(union argument *arg)
{
	arg->format.format = test_format;
}

static void good_create(union argument *arg)
{
	arg->create.format = test_format;
}

static void good_linear(union argument *arg)
{
	struct window w = window();

	arg->linear.gpa = FREE;
	arg->linear.hpa = w.hpa;
	arg->linear.length = PAGE;
	arg->linear.prot = RW;
}

static void good_alloc(union argument *arg)
{
	arg->alloc.gpa = FREE;
	arg->alloc.length = PAGE;
	arg->alloc.prot = RW;
}

/* One page of a sealed memfd. */
static void good_file(union argument *arg)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("envelope", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		expect_ok(ftruncate(fd, PAGE));
		expect_ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	}
	arg->file.gpa = FREE;
	arg->file.length = PAGE;
	arg->file.fd = fd;
	arg->file.prot = RW;
}

/* A source for all, with one page. */
static void good_shared(union argument *arg)
{
	static int source = -1;

	if (source < 0) {
		source = new_space();
		expect_ok(axas_map_alloc(source, 0, PAGE, RW, 0));
	}
	arg->shared.gpa = FREE;
	arg->shared.length = PAGE;
	arg->shared.fd = source;
	arg->shared.prot = RW;
}

static void good_range(union argument *arg)
{
	arg->range.gpa = ALLOC;
	arg->range.length = 16 * PAGE;
}

static void good_protect(union argument *arg)
{
	arg->protect.gpa = ALLOC;
	arg->protect.length = 16 * PAGE;
	arg->protect.prot = RO;
}

static void good_limit(union argument *arg)
{
	arg->limit.max_frames = 100;
}

static void good_start_log(union argument *arg)
{
	arg->log.gpa = ALLOC;
	arg->log.length = 16 * PAGE;
}

static void good_log(union argument *arg)
{
	static __u64 bits;

	good_start_log(arg);
	arg->log.buf = (uintptr_t)&bits;
}

static void good_discard(union argument *arg)
{
	static const struct axas_extent extent = { ALLOC + 2 * PAGE, PAGE };

	arg->discard.buf = (uintptr_t)&extent;
	arg->discard.count = 1;
}

static void good_supply(union argument *arg)
{
	static const u8 page[PAGE];

	arg->supply.gpa = MISSING;
	arg->supply.length = PAGE;
	arg->supply.source = (uintptr_t)page;
}

static void good_clear(union argument *arg)
{
	(void)arg;
}

static void good_fault(union argument *arg)
{
	arg->fault.gpa = ALLOC;
	arg->fault.access = RO;
}

static void good_translate(union argument *arg)
{
	arg->translate.gpa = ALLOC + 2 * PAGE;	/* touched by new_subject_space() */
}

/* An image with one page, for all. */
static int an_image(void)
{
	static int image = -1;
	int fd;

	if (image < 0) {
		fd = new_space();
		expect_ok(axas_map_alloc(fd, ALLOC, 16 * PAGE, RW, AXAS_MAP_POPULATE));
		image = image_of(fd);
		close(fd);
	}
	return image;
}

static void good_reset(union argument *arg)
{
	arg->reset.image_fd = an_image();
}

static void good_diff(union argument *arg)
{
	static struct axas_diff_extent extents[2];

	arg->diff.gpa = ALLOC;
	arg->diff.length = 16 * PAGE;
	arg->diff.buf = (uintptr_t)extents;
	arg->diff.count = ARRAY_SIZE(extents);
}

static __s32 cloned;

static void good_clone(union argument *arg)
{
	arg->clone.fds = (uintptr_t)&cloned;
	arg->clone.count = 1;
}

#define TAIL_FROM(type, member)	offsetof(struct type, member)

static const struct subject subjects[] = {
	{ "GET_FORMAT", AXAS_GET_FORMAT, sizeof(struct axas_format_info),
	  TAIL_FROM(axas_format_info, caps), TAIL_FROM(axas_format_info, caps), 4, 0,
	  OF_DEVICE, true, good_format },
	{ "CREATE", AXAS_CREATE, sizeof(struct axas_create), TAIL_FROM(axas_create, ia_bits),
	  TAIL_FROM(axas_create, caps), 16, AXAS_CREATE_CAPS | AXAS_CREATE_PINNABLE, OF_DEVICE,
	  false, good_create },
	{ "MAP_LINEAR", AXAS_MAP_LINEAR, sizeof(struct axas_map_linear),
	  TAIL_FROM(axas_map_linear, type), 0, 0, 0, OF_SPACE, false, good_linear },
	{ "MAP_ALLOC", AXAS_MAP_ALLOC, sizeof(struct axas_map_alloc),
	  TAIL_FROM(axas_map_alloc, type), 0, 0, AXAS_MAP_FLAGS, OF_SPACE, false, good_alloc },
	{ "MAP_FILE", AXAS_MAP_FILE, sizeof(struct axas_map_file), sizeof(struct axas_map_file),
	  0, 0, AXAS_MAP_POPULATE | AXAS_MAP_AROUND_MASK, OF_SPACE, false, good_file },
	{ "MAP_SHARED", AXAS_MAP_SHARED, sizeof(struct axas_map_shared),
	  sizeof(struct axas_map_shared), 0, 0, AXAS_MAP_POLICY, OF_SPACE, false, good_shared },
	{ "UNMAP", AXAS_UNMAP, sizeof(struct axas_range), sizeof(struct axas_range), 0, 0, 0,
	  OF_SPACE, false, good_range },
	{ "POPULATE", AXAS_POPULATE, sizeof(struct axas_range), sizeof(struct axas_range), 0, 0,
	  0, OF_SPACE, true, good_range },
	{ "COLLAPSE", AXAS_COLLAPSE, sizeof(struct axas_collapse),
	  TAIL_FROM(axas_collapse, collapsed), TAIL_FROM(axas_collapse, collapsed), 8, 0,
	  OF_SPACE, true, good_range },
	{ "PROTECT", AXAS_PROTECT, sizeof(struct axas_protect),
	  TAIL_FROM(axas_protect, reserved), TAIL_FROM(axas_protect, reserved), 4, 0, OF_SPACE,
	  false, good_protect },
	{ "SET_POLICY", AXAS_SET_POLICY, sizeof(struct axas_range), sizeof(struct axas_range), 0, 0,
	  AXAS_MAP_POLICY, OF_SPACE, false, good_range },
	{ "SET_LIMIT", AXAS_SET_LIMIT, sizeof(struct axas_limit),
	  TAIL_FROM(axas_limit, max_frames), 0, 0, 0, OF_SPACE, false, good_limit },
	{ "DISCARD", AXAS_DISCARD, sizeof(struct axas_discard), TAIL_FROM(axas_discard, reserved),
	  TAIL_FROM(axas_discard, reserved), 12, 0, OF_SPACE, true, good_discard },
	{ "START_LOG", AXAS_START_LOG, sizeof(struct axas_log), TAIL_FROM(axas_log, buf),
	  TAIL_FROM(axas_log, buf), 16, 0, OF_SPACE, true, good_start_log },
	{ "STOP_LOG", AXAS_STOP_LOG, sizeof(struct axas_log), TAIL_FROM(axas_log, buf),
	  TAIL_FROM(axas_log, buf), 16, 0, OF_SPACE, true, good_start_log },
	{ "GET_LOG", AXAS_GET_LOG, sizeof(struct axas_log), TAIL_FROM(axas_log, count),
	  TAIL_FROM(axas_log, reserved), 4, AXAS_LOG_EXTENTS, OF_SPACE, true, good_log },
	{ "CLEAR_LOG", AXAS_CLEAR_LOG, sizeof(struct axas_log), TAIL_FROM(axas_log, count),
	  TAIL_FROM(axas_log, reserved), 4, AXAS_LOG_EXTENTS, OF_SPACE, true, good_log },
	{ "SUPPLY", AXAS_SUPPLY, sizeof(struct axas_supply), TAIL_FROM(axas_supply, space_fd),
	  TAIL_FROM(axas_supply, reserved), 12,
	  AXAS_SUPPLY_ZERO | AXAS_SUPPLY_SPACE | AXAS_SUPPLY_SKIP, OF_SPACE, true, good_supply },
	{ "GET_MISSING", AXAS_GET_MISSING, sizeof(struct axas_get_missing),
	  TAIL_FROM(axas_get_missing, buf), 0, 0, AXAS_MISSING_AGAIN, OF_SPACE, true, good_clear },
	{ "CLEAR", AXAS_CLEAR, sizeof(struct axas_clear), sizeof(struct axas_clear), 0, 0, 0,
	  OF_SPACE, false, good_clear },
	{ "FAULT", AXAS_FAULT, sizeof(struct axas_fault), TAIL_FROM(axas_fault, level),
	  TAIL_FROM(axas_fault, reserved), 4, 0, OF_SPACE, true, good_fault },
	{ "TRANSLATE", AXAS_TRANSLATE, sizeof(struct axas_translate),
	  TAIL_FROM(axas_translate, hpa), TAIL_FROM(axas_translate, reserved), 4, 0, OF_SPACE, true,
	  good_translate },
	{ "GET_INFO", AXAS_GET_INFO, sizeof(struct axas_info), TAIL_FROM(axas_info, format),
	  0, 0, 0, OF_SPACE, true, good_clear },
	{ "GET_AREAS", AXAS_GET_AREAS, sizeof(struct axas_get_areas),
	  TAIL_FROM(axas_get_areas, start), 0, 0, 0, OF_SPACE, true, good_clear },
	{ "FREEZE", AXAS_FREEZE, sizeof(struct axas_freeze), sizeof(struct axas_freeze), 0, 0, 0,
	  OF_CLONE, false, good_clear },
	{ "RESET", AXAS_RESET, sizeof(struct axas_reset), TAIL_FROM(axas_reset, reserved),
	  TAIL_FROM(axas_reset, reserved), 4, AXAS_RESET_DROP, OF_CLONE, false, good_reset },
	{ "DIFF", AXAS_DIFF, sizeof(struct axas_diff), TAIL_FROM(axas_diff, buf),
	  TAIL_FROM(axas_diff, reserved), 4, 0, OF_CLONE, true, good_diff },
	{ "CLONE", AXAS_CLONE, sizeof(struct axas_clone), TAIL_FROM(axas_clone, reserved),
	  TAIL_FROM(axas_clone, reserved), 4, AXAS_CREATE_PINNABLE, OF_IMAGE, false,
	  good_clone },
	{ "GET_IMAGE_INFO", AXAS_GET_IMAGE_INFO, sizeof(struct axas_image_info),
	  TAIL_FROM(axas_image_info, format), 0, 0, 0, OF_IMAGE, true, good_clear },
};

/* A space with a limit, and a logged area whose third page is touched. */
static int new_subject_space(void)
{
	struct axas_create c = { .format = test_format, .max_frames = ~0ull };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_ok(axas_map_alloc(fd, ALLOC, 16 * PAGE, RW, 0));
	expect_ok(axas_start_log(fd, ALLOC, 16 * PAGE));
	expect_ok(axas_map_alloc(fd, MISSING, PAGE, RW, AXAS_MAP_MISSING));
	expect_eq(axas_fault(fd, ALLOC + 2 * PAGE, RW, NULL), AXAS_FAULT_FIXED);
	return fd;
}

static int subject_fd(const struct subject *s)
{
	switch (s->owner) {
	case OF_DEVICE:
		return dev_open();
	case OF_IMAGE:
		return dup(an_image());
	case OF_CLONE:
		return clone_of(an_image());
	default:
		return new_subject_space();
	}
}

static bool is_of_space(const struct subject *s)
{
	return s->owner == OF_SPACE || s->owner == OF_CLONE;
}

static void good_arg(const struct subject *s, union argument *arg)
{
	memset(arg, 0, sizeof(*arg));
	s->good(arg);
	arg->head[0] = s->size;
}

static void expect_good(const struct subject *s, void *arg, const char *what)
{
	int fd = subject_fd(s), ret = axas_ioctl(fd, s->nr, arg);

	if (ret < 0)
		fail("%s %s answers %s", s->name, what, strerrorname_np(-ret));
	if (s->nr == AXAS_CREATE || s->nr == AXAS_FREEZE)
		close(ret);
	if (s->nr == AXAS_CLONE)
		close(cloned);
	close(fd);
}

/* The call is refused with @err; a space is unchanged, and no descriptor leaks. */
static void expect_bad(const struct subject *s, void *arg, int err, const char *what)
{
	int fd = subject_fd(s), fds = count_fds(), ret;
	struct state before;

	if (is_of_space(s))
		take_state(fd, &before);
	ret = axas_ioctl(fd, s->nr, arg);
	if (ret != -err)
		fail("%s %s answers %s, not %s", s->name, what,
		     ret < 0 ? strerrorname_np(-ret) : "success", strerrorname_np(err));
	if (is_of_space(s))
		expect_same(fd, &before, SAME_ALL);
	expect_eq(count_fds(), fds);
	close(fd);
}

static void check_subjects(void (*check)(const struct subject *s, union argument *arg))
{
	union argument arg;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		good_arg(&subjects[i], &arg);
		check(&subjects[i], &arg);
	}
}

static void check_good(const struct subject *s, union argument *arg)
{
	expect_good(s, arg, "with good arguments");
}

static void test_good(void)
{
	check_subjects(check_good);
}

static void check_flags(const struct subject *s, union argument *arg)
{
	for (int bit = 0; bit < 32; bit++) {
		if (s->flags & (1u << bit))
			continue;
		good_arg(s, arg);
		arg->head[1] = 1u << bit;
		expect_bad(s, arg, EINVAL, "with an unknown flag");
	}
}

static void test_flags(void)
{
	check_subjects(check_flags);
}

static void check_reserved(const struct subject *s, union argument *arg)
{
	for (size_t i = 0; i < s->reserved_size; i++) {
		good_arg(s, arg);
		arg->bytes[s->reserved + i] = 0x80;
		expect_bad(s, arg, EINVAL, "with a reserved field that is not zero");
	}
}

static void test_reserved(void)
{
	check_subjects(check_reserved);
}

static void check_tiny(const struct subject *s, union argument *arg)
{
	for (u32 size = 0; size < 8; size++) {
		arg->head[0] = size;
		expect_bad(s, arg, EINVAL, "with a size below 8");
	}
}

static void test_tiny(void)
{
	check_subjects(check_tiny);
}

/*
 * The shorter struct of an older program ends at the end of a page: a kernel that accesses bytes
 * beyond its size would return EFAULT.
 */
static void check_short(const struct subject *s, union argument *arg)
{
	u8 *page = guarded_pages(1);
	u32 size;

	for (size = s->optional; size < s->size; size += 4) {
		good_arg(s, arg);
		arg->head[0] = size;
		memcpy(page + PAGE - size, arg, size);
		expect_good(s, page + PAGE - size, "with a shorter struct");
	}
}

static void test_short(void)
{
	check_subjects(check_short);
}

/* Omitted fields are zero. */
static void test_short_is_zero(void)
{
	int fd = new_subject_space(), dev = dev_open();
	union argument arg = { .head = { 8 } };

	expect_refused(fd, AXAS_MAP_ALLOC, &arg, EINVAL, "MAP_ALLOC of 8 bytes");
	expect_refused(fd, AXAS_UNMAP, &arg, EINVAL, "UNMAP of 8 bytes");
	expect_refused(fd, AXAS_PROTECT, &arg, EINVAL, "PROTECT of 8 bytes");
	expect_refused(fd, AXAS_POPULATE, &arg, EINVAL, "POPULATE of 8 bytes");
	expect_refused(fd, AXAS_FAULT, &arg, EINVAL, "FAULT of 8 bytes");
	expect_refused(fd, AXAS_TRANSLATE, &arg, ENOENT, "TRANSLATE of 8 bytes");
	expect_ok(axas_ioctl(fd, AXAS_CLEAR, &arg));
	expect_eq(info(fd).areas, 0);
	for (size_t i = 8; i < sizeof(arg); i++)
		expect_eq(arg.bytes[i], 0);
	expect_ok(axas_ioctl(fd, AXAS_GET_INFO, &arg));
	for (size_t i = 8; i < sizeof(arg); i++)
		expect_eq(arg.bytes[i], 0);
	memset(&arg, 0, sizeof(arg));
	arg.head[0] = 8;
	if (!axas_ioctl(dev, AXAS_GET_FORMAT, &arg))
		expect(axas_ioctl(dev, AXAS_CREATE, &arg) >= 0);
	else
		expect_eq(axas_ioctl(dev, AXAS_CREATE, &arg), -EOPNOTSUPP);
}

static void check_long(const struct subject *s, union argument *arg)
{
	for (u32 more = 1; more <= 64; more += more < 8 ? 1 : 8) {
		good_arg(s, arg);
		arg->head[0] = s->size + more;
		if (s->size + more > sizeof(*arg))
			break;
		expect_good(s, arg, "with a longer struct");
	}
}

static void test_long(void)
{
	check_subjects(check_long);
}

static void check_long_dirty(const struct subject *s, union argument *arg)
{
	static const u32 more[] = { 1, 8, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		if (s->size + more[i] > sizeof(*arg))
			break;
		good_arg(s, arg);
		arg->head[0] = s->size + more[i];
		arg->bytes[s->size + more[i] - 1] = 1;
		expect_bad(s, arg, E2BIG, "with an unknown field that is set");
	}
}

static void test_long_dirty(void)
{
	check_subjects(check_long_dirty);
}

/* Sizes that no buffer can have: E2BIG, EFAULT or EINVAL. */
static void check_huge(const struct subject *s, union argument *arg)
{
	static const u32 sizes[] = { 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff };
	u8 *page = guarded_pages(1);
	int fd = subject_fd(s), ret;
	struct state before;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		arg->head[0] = sizes[i];
		memcpy(page + PAGE - sizeof(*arg), arg, sizeof(*arg));
		if (is_of_space(s))
			take_state(fd, &before);
		ret = axas_ioctl(fd, s->nr, page + PAGE - sizeof(*arg));
		if (ret != -E2BIG && ret != -EFAULT && ret != -EINVAL)
			fail("%s with a size of %#x answers %d", s->name, sizes[i], ret);
		if (is_of_space(s))
			expect_same(fd, &before, SAME_ALL);
	}
	close(fd);
}

static void test_huge(void)
{
	check_subjects(check_huge);
}

static void check_pointer(const struct subject *s, union argument *arg)
{
	u8 *page = guarded_pages(1);
	u8 *straddling = page + PAGE - 8;

	expect_bad(s, NULL, EFAULT, "with a null pointer");
	expect_bad(s, page + PAGE, EFAULT, "with a pointer to nothing");
	expect_bad(s, page - 4, EFAULT, "with a size that cannot be read");
	expect_bad(s, (void *)(~0ul - 7), EFAULT, "with a pointer into the kernel");
	if (s->size > 8) {
		memcpy(straddling, arg, 8);
		expect_bad(s, straddling, EFAULT, "with a struct that ends in nothing");
	}
}

static void test_pointer(void)
{
	check_subjects(check_pointer);
}

/* A read-only struct is EFAULT if the kernel writes to it, and accepted otherwise. */
static void check_read_only(const struct subject *s, union argument *arg)
{
	u8 *page = guarded_pages(1);
	int fd, ret;

	memcpy(page, arg, sizeof(*arg));
	expect_libc(mprotect(page, PAGE, PROT_READ));
	if (!s->out) {
		expect_good(s, page, "with a read-only struct");
		return;
	}
	fd = subject_fd(s);
	ret = axas_ioctl(fd, s->nr, page);
	if (ret != -EFAULT)
		fail("%s with a read-only struct answers %d", s->name, ret);
	close(fd);
}

static void test_read_only(void)
{
	check_subjects(check_read_only);
}

static void check_descriptor(const struct subject *s, union argument *arg)
{
	int fd = subject_fd(s), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int other = s->owner == OF_DEVICE ? new_subject_space() : dev_open();
	struct state before;

	if (s->owner == OF_DEVICE)
		take_state(other, &before);
	if (axas_ioctl(other, s->nr, arg) != -ENOTTY)
		fail("%s on the other kind of descriptor is not ENOTTY", s->name);
	if (s->owner == OF_DEVICE)
		expect_same(other, &before, SAME_ALL);
	if (axas_ioctl(null, s->nr, arg) != -ENOTTY)
		fail("%s on /dev/null is not ENOTTY", s->name);
	close(fd);
	if (axas_ioctl(fd, s->nr, arg) != -EBADF)
		fail("%s on a closed descriptor is not EBADF", s->name);
	if (axas_ioctl(-1, s->nr, arg) != -EBADF)
		fail("%s on descriptor -1 is not EBADF", s->name);
	close(other);
	close(null);
}

static void test_descriptor(void)
{
	check_subjects(check_descriptor);
	expect_eq(axas_get_api_version(new_space()), -ENOTTY);
}

static bool is_known(unsigned long nr, bool device, bool image)
{
	if (device && nr == AXAS_GET_API_VERSION)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		bool of_device = subjects[i].owner == OF_DEVICE;
		bool of_image = subjects[i].owner == OF_IMAGE;

		if (subjects[i].nr == nr && of_device == device && of_image == image)
			return true;
	}
	return false;
}

/* AXAS_MAP_BACKEND needs a module to succeed: see test_backend.c. */
static bool is_of_a_module(unsigned long nr)
{
	return nr == AXAS_MAP_BACKEND;
}

static void test_unknown_number(void)
{
	int dev = dev_open(), fd = new_subject_space();
	union argument arg = { .head = { 8 } };
	struct state before;

	take_state(fd, &before);
	for (int i = 0; i < 256; i++) {
		unsigned long nr = _IO(AXAS_IOC_TYPE, i);

		if (!is_known(nr, true, false) && axas_ioctl(dev, nr, &arg) != -ENOTTY)
			fail("ioctl %#x of /dev/axas is not ENOTTY", i);
		if (!is_known(nr, false, true) && axas_ioctl(an_image(), nr, &arg) != -ENOTTY)
			fail("ioctl %#x of an image is not ENOTTY", i);
		if (!is_known(nr, false, false) && !is_of_a_module(nr) &&
		    axas_ioctl(fd, nr, &arg) != -ENOTTY)
			fail("ioctl %#x of a space is not ENOTTY", i);
	}
	/* ioctl numbers encode neither size nor direction */
	expect_eq(axas_ioctl(fd, _IOWR(AXAS_IOC_TYPE, 0x14, struct axas_clear), &arg), -ENOTTY);
	expect_eq(axas_ioctl(fd, _IO(AXAS_IOC_TYPE + 1, 0x14), &arg), -ENOTTY);
	expect_same(fd, &before, SAME_ALL);
}

/* GET_INFO and GET_AREAS overwrite every byte of their output. */
static void test_outputs_are_complete(void)
{
	struct axas_area_info areas[2];
	int fd = new_subject_space();
	u32 more;
	struct axas_info i;

	expect_ok(axas_unmap(fd, MISSING, PAGE));
	memset(&i, 0xaa, sizeof(i));
	i.size = sizeof(i);
	i.flags = 0;
	expect_ok(axas_ioctl(fd, AXAS_GET_INFO, &i));
	expect_eq(i.size, sizeof(i));
	expect_eq(i.leaf_levels & 1, 1);
	expect_eq(i.areas, 1);
	expect_eq(i.frames, 1);
	expect_eq(i.leaves[0], 1);
	expect_eq(i.faults[AXAS_FAULT_FIXED], 1);
	expect_eq(i.faults[AXAS_FAULT_ERROR], 0);
	memset(areas, 0xaa, sizeof(areas));
	expect_eq(areas_from(fd, 0, areas, 2, &more), 1);
	expect_eq(more, 0);
	expect_eq(areas[0].flags, AXAS_AREA_LOGGED);
	expect_eq(areas[0].hpa, AXAS_HPA_NONE);
	expect_eq(areas[0].backend, AXAS_BACKEND_ALLOC);
	/* elements beyond @count are not written */
	expect_eq(areas[1].flags, 0xaaaaaaaa);
}

static const struct test tests[] = {
	{ "every ioctl succeeds with good arguments", test_good },
	{ "R8 every ioctl refuses each unknown flag", test_flags },
	{ "R8 every ioctl refuses each reserved byte", test_reserved },
	{ "R8 every ioctl answers EFAULT for a bad pointer", test_pointer },
	{ "R8 every ioctl writes only where it must", test_read_only },
	{ "R8 unknown ioctls answer ENOTTY", test_unknown_number },
	{ "R8 outputs are complete and zero where reserved", test_outputs_are_complete },
	{ "R9 every ioctl refuses a struct below 8 bytes", test_tiny },
	{ "R9 every ioctl takes a shorter struct", test_short },
	{ "R9 what a shorter struct leaves out is zero", test_short_is_zero },
	{ "R9 every ioctl takes a longer struct that ends in zeros", test_long },
	{ "R9 every ioctl answers E2BIG for an unknown field", test_long_dirty },
	{ "R9 every ioctl refuses a huge struct", test_huge },
	{ "every ioctl refuses a wrong or closed descriptor", test_descriptor },
};

const struct suite suite_envelope = { "envelope", tests, ARRAY_SIZE(tests), false };
