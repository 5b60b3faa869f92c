// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/axas: API version, formats, creating spaces.
 */
#include "uapi.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void test_api_version(void)
{
	int dev = dev_open();

	expect_eq(axas_get_api_version(dev), AXAS_API_VERSION);
	/* the argument is ignored */
	expect_eq(axas_ioctl(dev, AXAS_GET_API_VERSION, (void *)1), AXAS_API_VERSION);
	expect_eq(axas_ioctl(dev, AXAS_GET_API_VERSION, (void *)~0ul), AXAS_API_VERSION);
}

static int get_format(u32 format, struct axas_format_info *arg)
{
	int dev = dev_open(), err;

	memset(arg, 0xaa, sizeof(*arg));
	arg->size = sizeof(*arg);
	arg->flags = 0;
	arg->format = format;
	arg->caps = 0;
	err = axas_ioctl(dev, AXAS_GET_FORMAT, arg);
	close(dev);
	return err;
}

static void test_format_info(void)
{
	struct axas_format_info arg;
	int err, nr = 0;

	for (u32 f = AXAS_FORMAT_EPT; f < AXAS_NR_FORMATS; f++) {
		err = get_format(f, &arg);
		if (err == -EOPNOTSUPP)
			continue;
		expect_ok(err);
		nr++;
		expect_eq(arg.format, f);
		expect(!(arg.caps & ~(AXAS_CAP_MASK | AXAS_CAP_NATIVE)));
		expect(arg.min_ia_bits >= 30 && arg.min_ia_bits <= arg.max_ia_bits);
		expect(arg.max_ia_bits <= 64);
		expect(arg.oa_bits >= 32 && arg.oa_bits <= 64);
		expect(arg.leaf_levels & 1);
		expect(!(arg.leaf_levels & ~((1u << AXAS_LEAF_LEVELS) - 1)));
	}
	expect(nr > 0);
}

static void test_default_format_is_resolved(void)
{
	struct axas_create c = { .format = AXAS_FORMAT_DEFAULT };
	struct axas_format_info arg, same;
	int fd;

	if (get_format(AXAS_FORMAT_DEFAULT, &arg))
		skip("this build has no format of this CPU");
	expect(arg.format != AXAS_FORMAT_DEFAULT);
	expect_ok(get_format(arg.format, &same));
	expect(!memcmp(&arg, &same, sizeof(arg)));
	fd = axas_open_space(NULL, &c);
	expect(fd >= 0);
	expect_eq(info(fd).format, arg.format);
}

static void test_unknown_format_info(void)
{
	static const u32 formats[] = { AXAS_NR_FORMATS, 99, 0x80000000, ~0u };
	struct axas_format_info arg;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		expect_eq(get_format(formats[i], &arg), -EOPNOTSUPP);
}

static void test_new_space_is_empty(void)
{
	struct axas_info i = info(new_space());
	struct axas_format_info format;

	expect_eq(i.areas, 0);
	expect_eq(i.frames, 0);
	expect_eq(i.max_frames, 0);
	expect(i.root_tables >= 1);
	expect_eq(i.tables, i.root_tables);
	expect(i.levels >= 2 && i.levels <= 5);
	expect_eq(i.base, 0);
	expect_eq(i.length, 1ull << i.ia_bits);
	expect_ok(get_format(test_format, &format));
	expect_eq(i.caps, format.caps & ~AXAS_CAP_NATIVE);
	expect_eq(i.leaf_levels, format.leaf_levels & ((1u << i.levels) - 1));
	for (int n = 0; n < AXAS_LEAF_LEVELS; n++)
		expect_eq(i.leaves[n], 0);
	for (int n = 0; n <= AXAS_FAULT_ERROR; n++)
		expect_eq(i.faults[n], 0);
}

/* Each width is created exactly or refused with EOPNOTSUPP. */
static void test_every_ia_bits(void)
{
	struct axas_create c = { .format = test_format };
	struct axas_format_info arg;
	int fd, made = 0;

	expect_ok(get_format(test_format, &arg));
	for (c.ia_bits = arg.min_ia_bits; c.ia_bits <= arg.max_ia_bits; c.ia_bits++) {
		fd = axas_open_space(NULL, &c);
		expect_eq(fd != -EOPNOTSUPP, arg.ia_bits >> c.ia_bits & 1);
		if (fd == -EOPNOTSUPP)
			continue;
		expect(fd >= 0);
		expect_eq(info(fd).ia_bits, c.ia_bits);
		expect_eq(space_end(fd), 1ull << c.ia_bits);
		close(fd);
		made++;
	}
	expect(made > 0);
	expect_eq(made, __builtin_popcountll(arg.ia_bits));
}

static void test_wrong_ia_bits(void)
{
	struct axas_create c = { .format = test_format };
	static const u32 bits[] = { 1, 12, 20, 64, 65, 128, 255, 256 + 48, 0x80000030, ~0u };
	int err, fds = count_fds();

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		c.ia_bits = bits[i];
		err = axas_open_space(NULL, &c);
		if (err != -EOPNOTSUPP)
			fail("ia_bits of %u answers %d", bits[i], err);
	}
	expect_eq(count_fds(), fds);
}

static void test_base_and_length(void)
{
	struct axas_create c = { .format = test_format, .base = GIB, .length = 8 * MIB };
	int fd = axas_open_space(NULL, &c);

	expect(fd >= 0);
	expect_eq(info(fd).base, GIB);
	expect_eq(info(fd).length, 8 * MIB);
	expect_ok(axas_map_alloc(fd, GIB, 8 * MIB, RW, 0));
	expect_ok(axas_clear(fd));
	expect_eq(axas_map_alloc(fd, GIB - PAGE, PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_alloc(fd, GIB + 8 * MIB, PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_alloc(fd, GIB - PAGE, 2 * PAGE, RW, 0), -EINVAL);
	expect_eq(axas_map_alloc(fd, GIB + 8 * MIB - PAGE, 2 * PAGE, RW, 0), -EINVAL);
	c.length = 0;
	fd = axas_open_space(NULL, &c);
	expect(fd >= 0);
	expect_eq(space_end(fd), 1ull << info(fd).ia_bits);
}

static void test_wrong_base_and_length(void)
{
	u64 end = space_end(new_space());
	const struct {
		const char *what;
		u64 base, length;
	} cases[] = {
		{ "base that is not aligned", 1, 0 },
		{ "base that is not aligned to 4 KiB", 0x800, PAGE },
		{ "length that is not aligned", 0, PAGE + 1 },
		{ "length below a page", 0, 1 },
		{ "base at the end", end, 0 },
		{ "base behind the end", end + PAGE, PAGE },
		{ "length beyond the end", 0, end + PAGE },
		{ "last page beyond the end", end - PAGE, 2 * PAGE },
		{ "range that wraps", 0 - PAGE, 2 * PAGE },
		{ "range that wraps to zero", 0 - PAGE, PAGE },
		{ "length of nearly all", PAGE, 0 - PAGE },
		{ "base at the last page of 64 bits", 0 - PAGE, 0 },
	};
	struct axas_create c = { .format = test_format };
	int fds = count_fds(), err;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		c.base = cases[i].base;
		c.length = cases[i].length;
		err = axas_open_space(NULL, &c);
		if (err != -EINVAL)
			fail("a %s answers %d", cases[i].what, err);
	}
	expect_eq(count_fds(), fds);
}

static void test_unknown_format(void)
{
	struct axas_create c = { .format = AXAS_NR_FORMATS };
	int fds = count_fds();

	expect_eq(axas_open_space(NULL, &c), -EOPNOTSUPP);
	c.format = ~0u;
	expect_eq(axas_open_space(NULL, &c), -EOPNOTSUPP);
	expect_eq(count_fds(), fds);
}

static void test_read_only_device(void)
{
	struct axas_create c = { .format = test_format };
	struct axas_format_info i;
	int dev = open(AXAS_DEV_PATH, O_RDONLY | O_CLOEXEC), fds;

	expect(dev >= 0);
	fds = count_fds();
	expect_eq(axas_get_api_version(dev), AXAS_API_VERSION);
	expect_ok(axas_get_format(dev, test_format, &i));
	expect_eq(axas_create(dev, &c), -EBADF);
	expect_eq(count_fds(), fds);
}

static u32 format_caps(u32 format)
{
	switch (format) {
	case AXAS_FORMAT_EPT:
		return AXAS_CAP_EPT_XONLY | AXAS_CAP_EPT_AD | AXAS_CAP_EXEC_4K;
	case AXAS_FORMAT_SVM:
		return AXAS_CAP_SVM_NX | AXAS_CAP_EXEC_4K;
	case AXAS_FORMAT_S2:
		return AXAS_CAP_S2_FWB | AXAS_CAP_S2_XNX | AXAS_CAP_S2_DBM | AXAS_CAP_EXEC_4K;
	default:
		return AXAS_CAP_GSTAGE_SVPBMT | AXAS_CAP_GSTAGE_SVADU |
		       AXAS_CAP_GSTAGE_SVNAPOT | AXAS_CAP_EXEC_4K;
	}
}

static void test_foreign_caps(void)
{
	struct axas_create c = {
		.format = test_format, .flags = AXAS_CREATE_CAPS, .leaf_levels = 1, .oa_bits = 40
	};

	for (int bit = 0; bit < 32; bit++) {
		int fd;

		c.caps = 1u << bit;
		fd = axas_open_space(NULL, &c);
		if (!(format_caps(test_format) & c.caps))
			expect_eq(fd, -EINVAL);
		else
			expect(fd >= 0);
		if (fd >= 0)
			close(fd);
	}
}

/*
 * Memory beyond the address bits of the machine described is never mapped: allocations may fail
 * instead.
 */
static void test_oa_bits(void)
{
	struct axas_create c = {
		.format = test_format, .flags = AXAS_CREATE_CAPS, .leaf_levels = 1
	};
	struct axas_translate tr;
	int made = 0, mapped = 0;

	for (c.oa_bits = 24; c.oa_bits <= 34; c.oa_bits++) {
		u64 end = 1ull << c.oa_bits;
		int fd = axas_open_space(NULL, &c);

		if (fd == -ENOMEM)
			continue;
		expect(fd >= 0);
		expect(info(fd).root < end);
		made++;
		/* A machine without further capabilities encodes RWX or nothing. */
		expect_ok(axas_map_alloc(fd, GIB, 64 * MIB, RWX, 0));
		for (u64 gpa = GIB; gpa < GIB + 64 * MIB; gpa += MIB + PAGE) {
			int result = axas_fault(fd, gpa, RW, NULL);

			expect(result == AXAS_FAULT_FIXED || result == AXAS_FAULT_NOMEM);
			if (result == AXAS_FAULT_NOMEM)
				continue;
			expect_ok(axas_translate(fd, gpa, &tr));
			expect(tr.hpa + PAGE <= end);
			mapped++;
		}
		close(fd);
	}
	note("%d of 11 machines, %d pages", made, mapped);
	expect(made && mapped);
}

static void test_spaces_are_apart(void)
{
	int a = new_space(), b = new_space();
	u32 word = 0;

	expect_ok(axas_map_alloc(a, GIB, PAGE, RW, 0));
	expect_ok(axas_map_alloc(b, GIB, PAGE, RW, 0));
	expect_eq(axas_write(a, GIB, "aaaa", 4), 4);
	expect_eq(axas_write(b, GIB, "bbbb", 4), 4);
	expect_eq(axas_read(a, GIB, &word, 4), 4);
	expect(!memcmp(&word, "aaaa", 4));
	expect_ok(axas_clear(a));
	expect_eq(axas_read(b, GIB, &word, 4), 4);
	expect(!memcmp(&word, "bbbb", 4));
}

static const struct test tests[] = {
	{ "GET_API_VERSION answers the version, whatever its argument", test_api_version },
	{ "GET_FORMAT describes each format of the build", test_format_info },
	{ "GET_FORMAT resolves the default format", test_default_format_is_resolved },
	{ "W5 GET_FORMAT answers EOPNOTSUPP for unknown formats", test_unknown_format_info },
	{ "W5 CREATE answers EOPNOTSUPP for unknown formats", test_unknown_format },
	{ "CREATE makes an empty space", test_new_space_is_empty },
	{ "CREATE makes every ia_bits that it takes exactly", test_every_ia_bits },
	{ "W5 CREATE answers EOPNOTSUPP for wrong ia_bits", test_wrong_ia_bits },
	{ "CREATE wants a descriptor that is open for writing", test_read_only_device },
	{ "W6 CREATE takes no machine that has more than its format", test_foreign_caps },
	{ "W1 no frame and no table lies beyond a machine's addresses", test_oa_bits },
	{ "CREATE keeps base and length", test_base_and_length },
	{ "R3 CREATE refuses wrong ranges", test_wrong_base_and_length },
	{ "two spaces keep the same address apart", test_spaces_are_apart },
};

const struct suite suite_system = { "system", tests, ARRAY_SIZE(tests), true };
