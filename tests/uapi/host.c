// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine under test: memory counters, reserved window, capabilities. Calls the harness and
 * libc only.
 */
#include "uapi.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The reserved host-physical window, at least 8 MiB. */
struct window window(void)
{
	struct window w;

	if (!find_window(8 * MIB, 2 * MIB, &w))
		fail("no reserved range: see memmap= and AXAS_WINDOW in main.c");
	expect(!(w.size % (2 * MIB)));
	return w;
}

/*
 * A value of /proc/meminfo in KiB; -1 if there is no such line. Per-CPU counters are folded in
 * first.
 */
long meminfo(const char *key)
{
	char line[128], name[64];
	long kib = -1, n;
	FILE *f;

	write_file("/proc/sys/vm/stat_refresh", "1");
	f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63[^:]: %ld", name, &n) == 2 && !strcmp(name, key))
			kib = n;
	}
	if (f)
		fclose(f);
	return kib;
}

bool read_file(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, len - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

void drop_cap(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	u32 bit = 1u << (cap % 32);

	expect_libc(syscall(SYS_capget, &head, data));
	data[cap / 32].effective &= ~bit;
	data[cap / 32].permitted &= ~bit;
	data[cap / 32].inheritable &= ~bit;
	expect_libc(syscall(SYS_capset, &head, data));
}

void become_nobody(void)
{
	expect_libc(setgroups(0, NULL));
	expect_libc(setresgid(65534, 65534, 65534));
	expect_libc(setresuid(65534, 65534, 65534));
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	expect(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

long locked_kib(pid_t pid)
{
	char path[64], text[4096] = "", *at;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	expect(read_file(path, text, sizeof(text)));
	at = strstr(text, "VmLck:");
	expect(at);
	return strtol(at + 6, NULL, 10);
}

void *guarded_pages(size_t pages)
{
	size_t len = (pages + 2) * PAGE;
	u8 *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(p != MAP_FAILED);
	expect_libc(munmap(p, PAGE));
	expect_libc(munmap(p + len - PAGE, PAGE));
	return p + PAGE;
}

/* xorshift: reproducible from the seed on every machine. */
u32 random_u32(u32 *seed)
{
	u32 x = *seed;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*seed = x;
	return x;
}
