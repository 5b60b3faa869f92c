// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports of commands: errors explained for the command, results as JSON, progress on a
 * terminal. Calls libc and json-c.
 *
 * In JSON addresses are strings ("0x..."), since many readers store numbers as doubles; an
 * address that the caller may not see is null; counts are numbers.
 */
#include "axasctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECURE_BOOT	"/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

#define ENROL		"If its key is rejected: Secure Boot is on, enrol DKMS's key (as root: " \
			"mokutil --import /var/lib/dkms/mok.pub, then reboot)"

struct explanation {
	const char *command;	/* NULL: any */
	int err;
	const char *text;
};

/* The first match is used: explanations for one command precede those for all. */
static const struct explanation explanations[] = {
	{ "open", ENOENT, "the axas module is not loaded (as root: modprobe axas)" },
	{ "open", EACCES, "it is for root and the group axas (as root: adduser USER axas)" },
	{ "create", EINVAL, "base and length must be multiples of 4 KiB inside ia-bits" },
	{ "create", EOPNOTSUPP, "no such format here, or not with so many ia-bits" },
	{ "formats", EOPNOTSUPP, "not in this build" },
	{ "map linear", EPERM,
	  "needs CAP_SYS_RAWIO, a kernel not locked down, and a range free of System RAM" },
	{ "map linear", EBUSY, "an area maps some of that memory with another type" },
	{ "map linear", ENOMEM, "out of memory, or above RLIMIT_MEMLOCK" },
	{ "map linear", EINVAL,
	  "an address or size is not a multiple of 4 KiB, or out of range" },
	{ "map alloc", EOPNOTSUPP,
	  "the format of this space cannot say that protection, or the type is not normal" },
	{ "map shared", EFAULT, "a hole of the other space" },
	{ "map shared", EACCES, "more than the other space permits" },
	{ "map shared", EINVAL, "a range that is none of the two spaces', or no space" },
	{ "map shared", EOPNOTSUPP, "the other space has no memory of its own there" },
	{ "read", EFAULT, "a hole: no area maps this address" },
	{ "read", EACCES, "the area may not be read" },
	{ "write", EFAULT, "a hole: no area maps this address" },
	{ "write", EACCES, "the area may not be written" },
	{ "load", EFAULT, "a hole: no area maps this address" },
	{ "load", EACCES, "the area may not be written" },
	{ "populate", EFAULT, "a hole: no area maps this address" },
	{ "populate", ENODATA, "a missing page, which only supply brings" },
	{ "supply", ENOENT, "a hole: no area maps this address" },
	{ "supply", EEXIST, "the page is there: --skip steps over it" },
	{ "supply", EOPNOTSUPP, "the area was not mapped with --missing" },
	{ "discard", EOPNOTSUPP, "part of the range is linear memory, which has no frames" },
	{ "log", ENOENT, "no memory in the range is logged: see axasctl log start" },
	{ "log", ESTALE, "the log was started again meanwhile" },
	{ "freeze", EOPNOTSUPP, "an area is linear, shared, missing or of another module" },
	{ "freeze", EBUSY, "a dirty log is on, or too many pages are held" },
	{ "freeze", ELOOP, "1,024 images already stand on each other" },
	{ "freeze", ENOMEM, "out of memory, or above the space's max-frames with its images" },
	{ "image", ENOEXEC, "not a file that image save or diff has written" },
	{ "image", EFBIG, "more areas, extents or state than a file of an image may have" },
	{ "image", EPERM, "it is no file, or one of others, and not executable: see axas(4)" },
	{ "image", ESTALE, "not a difference to the file before it, or no file to begin with" },
	{ "image", ETXTBSY, "it is open for writing, or a space has it mapped" },
	{ "image", EOPNOTSUPP, "no such format here, or the file has no page cache" },
	{ "image", EHOSTDOWN, "this host has booted since: the machine's clocks were its" },
	{ "image", ENOTTY, "the descriptor is not an image" },
	{ "translate", ENOENT, "not mapped: a hole, or memory not yet touched" },
	{ "fault", EINVAL, "the access must be one or more of r, w, x" },
	{ "vcpu", ENOENT, "the axvcpu module is not loaded (as root: modprobe axvcpu)" },
	{ "vcpu", EACCES,
	  "/dev/axvcpu is for root and the group axas (as root: adduser USER axas)" },
	{ "vcpu", EMEDIUMTYPE, "the space is for another machine than this CPU" },
	{ "vcpu", EOPNOTSUPP, "this CPU has no virtualization, or firmware disabled it" },
	{ "vcpu", EBUSY,
	  "another hypervisor has the CPUs (KVM from its load on): see the kernel's log" },
	{ "vcpu", ENOSPC, "the CPU has no more tags for guests" },
	{ "latency", EACCES, "tracing is for root" },
	{ "latency", EPERM, "tracing is for root" },
	{ "latency", ENOENT, "the axas module is not loaded, or a kernel without tracing" },
	{ "latency", EINVAL, "this kernel has no CONFIG_HIST_TRIGGERS" },
	{ "run", ENOMEM, "out of memory for a page that the guest touched" },
	{ NULL, ENOEXEC, "neither an ELF file for x86-64 above 1 MiB nor code" },
	{ NULL, EINVAL,
	  "the range must be 4 KiB aligned, not empty, and inside the space" },
	{ NULL, EEXIST, "overlaps an area" },
	{ NULL, EOPNOTSUPP, "the format of this space cannot say that protection or type" },
	{ NULL, ENOMEM, "out of memory, or above the space's max-frames" },
	{ NULL, EBADF, "no such descriptor is open" },
	{ NULL, ENOTTY, "the descriptor is not a space" },
	{ NULL, EINTR, "interrupted" },
};

/* The firmware's variable: four bytes of attributes, then the value. */
static bool secure_boot(void)
{
	const char *path = getenv("AXAS_SECURE_BOOT");
	unsigned char var[5] = { 0 };
	FILE *f = fopen(path ? path : SECURE_BOOT, "re");
	size_t n = f ? fread(var, 1, sizeof(var), f) : 0;

	if (f)
		fclose(f);
	return n == sizeof(var) && var[4] == 1;
}

/* Why a module is not loaded that the machine may refuse, and what to do then. */
static const char *with_secure_boot(const char *text)
{
	static char both[300];

	if (!secure_boot())
		return text;
	snprintf(both, sizeof(both), "%s. %s", text, ENROL);
	return both;
}

const char *explain(const char *command, int err)
{
	bool device = !strcmp(command, "open") || !strcmp(command, "vcpu");
	const struct explanation *e;

	for (size_t i = 0; i < ARRAY_SIZE(explanations); i++) {
		e = &explanations[i];
		if (e->err == err && (!e->command || !strcmp(e->command, command)))
			return device && err == ENOENT ? with_secure_boot(e->text) : e->text;
	}
	return strerror(err);
}

const char *errno_name(int err)
{
	const char *name = strerrorname_np(err);

	return name ? name : "?";
}

/**
 * fail() - report the failure of a command
 * @s: the session
 * @err: a positive errno
 * @fmt: the complete message: the failed step or the wrong argument
 *
 * Return: 1, the exit status.
 */
int fail(struct session *s, int err, const char *fmt, ...)
{
	struct json_object *obj;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!s->json) {
		fflush(stdout);
		fprintf(stderr, "axasctl: %s%s%s%s\n", s->where,
			s->command ? s->command : "", s->command ? ": " : "", text);
		return 1;
	}
	obj = json_object_new_object();
	if (s->command)
		add_str(obj, "command", s->command);
	add_str(obj, "error", text);
	add_str(obj, "errno", errno_name(err));
	answer(obj);
	return 1;
}

/* Print @obj on one line and drop the reference. */
int answer(struct json_object *obj)
{
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(obj);
	return 0;
}

/* Report the range of a finished command, with its bytes if @hex; prints in JSON mode only. */
int answer_bytes(struct session *s, u64 gpa, u64 len, const char *hex)
{
	struct json_object *obj;

	if (!s->json)
		return 0;
	obj = json_object_new_object();
	add_hex(obj, "gpa", gpa);
	add_num(obj, "length", len);
	if (hex)
		add_str(obj, "data", hex);
	return answer(obj);
}

int answer_range(struct session *s, u64 gpa, u64 len)
{
	return answer_bytes(s, gpa, len, NULL);
}

void add_hex(struct json_object *obj, const char *key, u64 val)
{
	char buf[20];

	snprintf(buf, sizeof(buf), "0x%llx", val);
	add_str(obj, key, buf);
}

void add_hpa(struct json_object *obj, const char *key, u64 hpa)
{
	if (hpa == AXAS_HPA_NONE)
		json_object_object_add(obj, key, NULL);
	else
		add_hex(obj, key, hpa);
}

void add_num(struct json_object *obj, const char *key, u64 val)
{
	json_object_object_add(obj, key, json_object_new_uint64(val));
}

void add_str(struct json_object *obj, const char *key, const char *val)
{
	json_object_object_add(obj, key, json_object_new_string(val));
}

/* Add counters: leaves by level, faults by result. */
void add_leaves(struct json_object *obj, const struct axas_info *info)
{
	struct json_object *leaves = json_object_new_object();

	for (u32 i = 0; i < AXAS_LEAF_LEVELS; i++)
		add_num(leaves, axas_leaf_name(i), info->leaves[i]);
	json_object_object_add(obj, "leaves", leaves);
}

void add_faults(struct json_object *obj, const struct axas_info *info)
{
	struct json_object *faults = json_object_new_object();

	for (u32 i = 0; i <= AXAS_FAULT_ERROR; i++)
		add_num(faults, axas_fault_name(i), info->faults[i]);
	add_num(faults, axas_fault_name(AXAS_FAULT_MISSING), info->missing);
	json_object_object_add(obj, "faults", faults);
}

void print_leaves(const struct axas_info *info)
{
	printf("leaves  ");
	for (u32 i = 0; i < AXAS_LEAF_LEVELS; i++)
		printf(" %s %llu", axas_leaf_name(i), info->leaves[i]);
	putchar('\n');
}

void print_faults(const struct axas_info *info)
{
	printf("faults  ");
	for (u32 i = 0; i <= AXAS_FAULT_ERROR; i++)
		printf(" %s %llu", axas_fault_name(i), info->faults[i]);
	printf(" %s %llu\n", axas_fault_name(AXAS_FAULT_MISSING), info->missing);
}

/* Overwrite a line with a bar, on a terminal and for at least PROGRESS_MIN bytes. */
void progress(const char *what, u64 done, u64 total)
{
	static const char bar[] = "##############################";
	int width = sizeof(bar) - 1;

	if (total < PROGRESS_MIN || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s [%-*.*s] %llu of %llu MiB%s", what, width,
		(int)(width * (done >> 20) / (total >> 20)), bar,
		done >> 20, total >> 20, done == total ? "\n" : "");
}
