// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failing the n-th allocation of this thread: see the kernel's fault-injection.rst for fail-nth.
 * Needs CONFIG_FAULT_INJECTION, CONFIG_FAILSLAB and CONFIG_FAIL_PAGE_ALLOC. Calls libc and
 * expect.c.
 */
#include "harness.h"

#include <axas/axas.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const knobs[][2] = {
	{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/failslab/verbose", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
	{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
};

static void turn(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* Not every kernel has each of them. */
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		errno = 0;
	close(fd);
}

int fail_nth_open(void)
{
	int nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (nth < 0) {
		note("fail-nth: not in this kernel");
		skip("fail-nth: not in this kernel");
	}
	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++)
		turn(knobs[i][0], knobs[i][1]);
	return nth;
}

static bool set(int nth, int n)
{
	char text[12];
	int len = snprintf(text, sizeof(text), "%d", n);

	return pwrite(nth, text, len, 0) == len;
}

void fail_nth_arm(int nth, int n)
{
	expect(set(nth, n));
}

/*
 * With CONFIG_FAIL_USERCOPY the write() below may take the injected failure itself, but only once:
 * try twice.
 */
bool fail_nth_disarm(int nth)
{
	char text[12] = "";
	bool read = pread(nth, text, sizeof(text) - 1, 0) > 0;

	expect(set(nth, 0) || set(nth, 0));
	return read && atoi(text) == 0;
}

bool is_injected_error(int err)
{
	return err == -ENOMEM ||
	       (err == -EFAULT && !access("/sys/kernel/debug/fail_usercopy", F_OK));
}

void expect_calls_tested(int fd, bool (*is_tested)(unsigned long nr))
{
	for (unsigned int n = 0; n < 256; n++)
		if ((ioctl(fd, _IO(AXAS_IOC_TYPE, n), NULL) >= 0 || errno != ENOTTY) &&
		    !is_tested(_IO(AXAS_IOC_TYPE, n)))
			fail("no allocation of ioctl %#x fails in a test", n);
}
