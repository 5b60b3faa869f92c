// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine under test: clock, kernel version, reserved memory. Calls libc only.
 */
#include "harness.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>

u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&ts, NULL);
}

unsigned int kernel_version(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		fail("uname: %s", strerror(errno));
	return major * 1000 + minor;
}

static u64 number(const char *text, char **end)
{
	static const char suffixes[] = "KMG";
	u64 n = strtoull(text, end, 0);
	const char *p = **end ? strchr(suffixes, toupper((unsigned char)**end)) : NULL;

	if (!p)
		return n;
	(*end)++;
	return n << (10 * (p - suffixes + 1));
}

static bool fits(const struct window *w, u64 size, u64 align)
{
	return w->size >= size && !(w->hpa % align);
}

static bool window_from_env(u64 size, u64 align, struct window *w)
{
	const char *env = getenv("AXAS_WINDOW");
	char *end;

	if (!env)
		return false;
	w->hpa = number(env, &end);
	if (*end != ',')
		return false;
	w->size = number(end + 1, &end);
	return !*end && fits(w, size, align);
}

static bool window_from_cmdline(u64 size, u64 align, struct window *w)
{
	char line[4096] = "", *p, *end;
	FILE *f = fopen("/proc/cmdline", "re");

	if (!f)
		return false;
	p = fgets(line, sizeof(line), f);
	fclose(f);
	for (; p && (p = strstr(p, "memmap=")); p = end) {
		w->size = number(p + strlen("memmap="), &end);
		if (*end != '$')
			continue;
		w->hpa = number(end + 1, &end);
		if (fits(w, size, align))
			return true;
	}
	return false;
}

bool find_window(u64 size, u64 align, struct window *w)
{
	return window_from_env(size, align, w) || window_from_cmdline(size, align, w);
}
