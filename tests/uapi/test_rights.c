// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls allowed on a descriptor of /dev/axas that is open only for reading or only for writing.
 * Those of a space that was opened again: test_file.c.
 */
#include "uapi.h"

#include <fcntl.h>

static int open_device(int flags)
{
	int dev = open("/dev/axas", flags | O_CLOEXEC);

	expect(dev >= 0);
	return dev;
}

static void test_read_only(void)
{
	struct axas_format_info i = { .size = sizeof(i) };
	struct axas_create c = { .size = sizeof(c) };
	int dev = open_device(O_RDONLY), fds = count_fds();

	expect_ok(axas_ioctl(dev, AXAS_GET_FORMAT, &i));
	expect_eq(axas_ioctl(dev, AXAS_CREATE, &c), -EBADF);
	/* Fields of the struct are checked first, except reserved ones. */
	c.flags = ~0u;
	expect_eq(axas_ioctl(dev, AXAS_CREATE, &c), -EINVAL);
	expect_eq(axas_ioctl(dev, AXAS_CREATE, NULL), -EFAULT);
	c = (struct axas_create){ .size = sizeof(c), .reserved = 1 };
	expect_eq(axas_ioctl(dev, AXAS_CREATE, &c), -EBADF);
	expect_eq(axas_ioctl(dev, AXAS_GET_INFO, &c), -ENOTTY);
	expect_eq(count_fds(), fds);
}

static void test_write_only(void)
{
	struct axas_format_info i = { .size = sizeof(i) }, before = i;
	struct axas_create c = { .size = sizeof(c) };
	int dev = open_device(O_WRONLY);

	expect_eq(axas_ioctl(dev, AXAS_GET_FORMAT, &i), -EBADF);
	expect(!memcmp(&i, &before, sizeof(i)));
	expect(axas_ioctl(dev, AXAS_CREATE, &c) >= 0);
}

static const struct test tests[] = {
	{ "a descriptor for reading changes nothing", test_read_only },
	{ "a descriptor for writing tells nothing", test_write_only },
};

const struct suite suite_rights = { "rights", tests, ARRAY_SIZE(tests), false };
