// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks that run after all other suites: kernel taint, lockdown.
 */
#include "uapi.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

/* Documentation/admin-guide/tainted-kernels.rst: bad page, died, warned, locked up. */
#define TAINT_BROKEN	0x42a0u

static void test_no_warning(void)
{
	char text[32];
	u32 taint;

	expect(read_file("/proc/sys/kernel/tainted", text, sizeof(text)));
	taint = strtoul(text, NULL, 10);
	if (taint & TAINT_BROKEN & ~taint_before)
		fail("the kernel is tainted: %#x, before the tests %#x", taint, taint_before);
}

/*
 * Lockdown cannot be undone: run only on request, in a disposable VM.
 */
static void test_lockdown(void)
{
	static const char path[] = "/sys/kernel/security/lockdown";
	struct axas_map_linear map = {
		.size = sizeof(map), .gpa = GIB, .hpa = window().hpa, .length = PAGE, .prot = RW
	};
	int fd = new_space();
	char text[128];

	if (!getenv("AXAS_LOCKDOWN"))
		skip("not asked for by AXAS_LOCKDOWN");
	if (!read_file(path, text, sizeof(text)))
		mount("none", "/sys/kernel/security", "securityfs", 0, NULL);
	if (!read_file(path, text, sizeof(text)))
		skip("this kernel has no lockdown");
	expect_ok(axas_map_linear(fd, GIB, map.hpa, PAGE, RW, AXAS_TYPE_NORMAL));
	expect_ok(axas_unmap(fd, GIB, PAGE));
	if (!strstr(text, "[integrity]") && !strstr(text, "[confidentiality]"))
		expect(write_file(path, "integrity"));
	expect_refused(fd, AXAS_MAP_LINEAR, &map, EPERM, "MAP_LINEAR in a locked down kernel");
	expect_ok(axas_map_alloc(fd, GIB, PAGE, RW, AXAS_MAP_POPULATE));
}

static const struct test tests[] = {
	{ "R17 no call made the kernel warn", test_no_warning },
	{ "R1 map_linear is refused by a locked down kernel", test_lockdown },
};

const struct suite suite_last = { "last", tests, ARRAY_SIZE(tests), false };
