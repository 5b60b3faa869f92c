// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as a file, for programs that know nothing of axas: the command mem, and the space
 * that another process has open. Calls cmd_space.c to run a command.
 */
#include "axasctl.h"
#include "proc_spaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct mem_args {
	struct args args;
	struct axas_create create;
	u32 flags;
};

static const struct argp_option mem_options[] = {
	{ "huge", OPT_HUGE, NULL, 0,
	  "2 MiB frames, each mapped by one entry of the host and one of KVM", 0 },
	{ "pinnable", OPT_PINNABLE, NULL, 0,
	  "Let io_uring and VFIO pin mappings; a read counts as a write then", 0 },
	{ 0 }
};

static error_t mem_parse(int key, char *arg, struct argp_state *state)
{
	struct mem_args *m = state->input;

	switch (key) {
	case OPT_HUGE:
		m->flags |= AXAS_MAP_HUGE_WHOLE;
		return 0;
	case OPT_PINNABLE:
		m->create.flags |= AXAS_CREATE_PINNABLE;
		return 0;
	default:
		return parse_common(key, arg, state);
	}
}

static const struct argp mem_argp = {
	mem_options, mem_parse, "SIZE -- COMMAND [ARG...]",
	"Run COMMAND with SIZE bytes of guest memory as a file.\n"
	"\vThe memory is an area at 0 of a new space. {} in the arguments of COMMAND becomes\n"
	"the name of the file, /proc/self/fd/N, which is valid in COMMAND and its children;\n"
	"AXAS_FD is N. The space is closed when all of them have exited.\n\n"
	"  axasctl mem 256M --huge -- qemu-system-x86_64 -accel kvm -m 256M\n"
	"    -machine q35,memory-backend=m -object memory-backend-file,id=m,\\\n"
	"    size=256M,mem-path={},share=on,align=2M ...\n"
	"  axasctl --pid \"$(pidof qemu-system-x86_64)\" info",
	common_options, NULL, NULL
};

/* Replace each {} of @word by @name: a new string, or NULL if memory is short. */
static char *fill_in(const char *word, const char *name)
{
	const char *at;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	while ((at = strstr(word, "{}"))) {
		fwrite(word, 1, at - word, f);
		fputs(name, f);
		word = at + 2;
	}
	fputs(word, f);
	return fclose(f) ? NULL : text;
}

static int run_with_memory(struct session *s, int fd, char **words)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	for (char **word = words; *word; word++) {
		if (!strstr(*word, "{}"))
			continue;
		*word = fill_in(*word, name);
		if (!*word)
			return fail(s, ENOMEM, "%s", strerror(ENOMEM));
	}
	return exec_with_space(s, fd, words);
}

int cmd_mem(struct session *s, int argc, char **argv)
{
	struct mem_args m = { .args = { .min = 1, .max = 1, .take_rest = true } };
	int status, fd, err;
	u64 size;

	if (parse_args(s, &mem_argp, argc, argv, &m.args, &status))
		return status;
	if (s->in_shell)
		return fail(s, EINVAL, "it is not for the shell");
	if (!m.args.rest)
		return fail(s, EINVAL, "give -- COMMAND: the memory ends with it");
	if (take_number(&m.args, "SIZE", m.args.arg[0], &size))
		return 1;
	fd = axas_open_space(device_path(), &m.create);
	if (fd == -ENOENT || fd == -EACCES)
		return fail(s, -fd, "/dev/axas: %s", explain("open", -fd));
	if (fd < 0)
		return fail(s, -fd, "%s", explain("create", -fd));
	err = axas_map_alloc(fd, 0, size, AXAS_PROT_MASK, m.flags);
	if (err)
		return fail(s, -err, "%s: %s", m.args.arg[0], explain("map alloc", -err));
	return run_with_memory(s, fd, m.args.rest);
}

static int open_in(DIR *dir)
{
	struct dirent *entry;
	int fd;

	while ((entry = readdir(dir))) {
		if (!proc_names_space(dirfd(dir), entry->d_name))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	return -ENOENT;
}

/**
 * open_space_of() - open the first space that a process has open
 * @pid: the process
 *
 * Return: a descriptor, or -errno: -ESRCH if there is no such process, -ENOENT if it has none.
 */
int open_space_of(u64 pid)
{
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%llu/fd", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	fd = open_in(dir);
	closedir(dir);
	return fd;
}
