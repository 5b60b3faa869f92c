/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * axasctl: declarations shared by its files.
 *
 *   main.c       the top-level options
 *   cmd.c        the table of commands, argument parsing
 *   cmd_space.c  create, info, areas, formats, clear
 *   cmd_bridge.c mem, and the space of another process
 *   cmd_map.c    map, unmap, protect, discard, populate, collapse
 *   cmd_log.c    log
 *   cmd_supply.c supply
 *   cmd_mem.c    fault, translate, read, write, load
 *   cmd_dump.c   dump
 *   cmd_top.c    top; below it proc_spaces.c: the spaces of all processes
 *   cmd_show.c   show; below it picture.c, what is drawn, and show_text.c, show_svg.c
 *   cmd_latency.c latency
 *   cmd_image.c  image; below it image_save.c, image_load.c: its files
 *   cmd_run.c    run; guest.c below it: a guest and its vCPU
 *   boot/        boot: a machine for Linux
 *   shell.c      the shell: many commands on one space
 *   demo.c       the demo; its steps are in demo_steps.c
 *   report.c     errors and results, as text or as JSON
 *   parse.c      numbers, bytes; calls libc only
 *
 * Ioctls and names of constants come from libaxas.
 *
 * A command returns its exit status: 0, or 1 after reporting the error; run_command() makes that
 * EXIT_USAGE for wrong arguments.
 */
#ifndef AXASCTL_H
#define AXASCTL_H

#include <argp.h>
#include <json-c/json.h>
#include <libaxas.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096ull
#define EXIT_USAGE	2
#define PROGRESS_MIN	(16ull << 20)	/* minimum of bytes for which progress is shown */

/**
 * struct session - one run of axasctl
 * @fd: space created by the shell or inherited, or -1
 * @fd_once: space given by --fd or --pid for this command only, or -1
 * @fd_of_pid: descriptor that --pid opened, or -1
 * @image: the image that the space is a clone of, made or loaded by the shell, or -1
 * @image_id: of the file that has @image, or 0
 * @json: report in JSON
 * @misused: the command's arguments were wrong
 * @in_shell: the shell read the command
 * @leave: the shell shall exit
 * @command: name of the running command
 * @where: position in a script, as a prefix of error messages, or ""
 */
struct session {
	int fd;
	int fd_once;
	int fd_of_pid;
	int image;
	u64 image_id;
	bool json;
	bool misused;
	bool in_shell;
	bool leave;
	const char *command;
	char where[64];
};

/* cmd.c */
struct command {
	const char *name;
	int (*run)(struct session *s, int argc, char **argv);
	const char *what;
};

extern const struct command commands[];
extern const size_t nr_commands;
int run_command(struct session *s, int argc, char **argv);
const char *device_path(void);		/* of axas; NULL: the default path */
int need_space(struct session *s);	/* its descriptor, or -1 after reporting an error */
/* The shell's space, and its image, in the place of those before. */
void set_space(struct session *s, int fd, int image, u64 image_id);

/*
 * Argument parsing of a command: a struct that begins with struct args, an argp parser that
 * passes unknown keys to parse_common(), and parse_args(), which returns 0 to continue; else the
 * command returns the status that it stores.
 */
#define MAX_ARGS	5

struct args {
	struct session *s;
	int min, max;		/* number of operands that the command takes */
	int nr;
	char *arg[MAX_ARGS];
	char **rest;		/* words after the operands, if @take_rest */
	bool take_rest;
	bool helped;		/* --help was printed */
	bool reported;		/* an error was reported */
};

enum {
	OPT_FD = 0x100,
	OPT_PID,
	OPT_PINNABLE,
	OPT_HEX,
	OPT_STRING,
	OPT_FILE,
	OPT_POPULATE,
	OPT_HUGE,
	OPT_AROUND,
	OPT_TYPE,
	OPT_BASE,
	OPT_LENGTH,
	OPT_IA_BITS,
	OPT_MAX_FRAMES,
	OPT_WINDOW,
	OPT_WINDOW_SIZE,
	OPT_VERSION,
	OPT_MEM,
	OPT_LAZY,
	OPT_TIMEOUT,
	OPT_TRACE,
	OPT_RAW,
	OPT_MISSING,
	OPT_SKIP,
	OPT_ZERO,
	OPT_DIFF,
	OPT_SVG,
	OPT_SPACE,
};

/* Options common to all commands: the only child of a command's argp. */
extern const struct argp_child common_options[];

error_t parse_common(int key, char *arg, struct argp_state *state);
int parse_args(struct session *s, const struct argp *argp, int argc, char **argv,
	       struct args *args, int *status);
__printf(2, 3) int usage_error(struct args *args, const char *fmt, ...);

/* Parse an operand of each kind: 0, or EINVAL after reporting the error. */
int take_number(struct args *args, const char *what, const char *text, u64 *val);
int take_u32(struct args *args, const char *what, const char *text, u32 *val);
int take_prot(struct args *args, const char *text, u32 *prot);
int take_type(struct args *args, const char *text, u32 *type);
int take_format(struct args *args, const char *text, u32 *format);
int take_huge(struct args *args, const char *text, u32 *flags);

/* cmd_bridge.c: open the space of a process; a descriptor, or -errno */
int open_space_of(u64 pid);

/* Run a command with the space open, and the image: returns only after a failure. */
int exec_with_space(struct session *s, int fd, char **words);

/* cmd_dump.c: open a file of the space in debugfs; NULL with errno. @path: out: its name */
FILE *open_dump(int fd, const char *name, char *path, size_t len);

/* The commands */
int cmd_mem(struct session *s, int argc, char **argv);
int cmd_create(struct session *s, int argc, char **argv);
int cmd_info(struct session *s, int argc, char **argv);
int cmd_areas(struct session *s, int argc, char **argv);
int cmd_formats(struct session *s, int argc, char **argv);
int cmd_clear(struct session *s, int argc, char **argv);
int cmd_map(struct session *s, int argc, char **argv);
int cmd_unmap(struct session *s, int argc, char **argv);
int cmd_protect(struct session *s, int argc, char **argv);
int cmd_log(struct session *s, int argc, char **argv);
int cmd_discard(struct session *s, int argc, char **argv);
int cmd_supply(struct session *s, int argc, char **argv);
int cmd_populate(struct session *s, int argc, char **argv);
int cmd_collapse(struct session *s, int argc, char **argv);
int cmd_fault(struct session *s, int argc, char **argv);
int cmd_translate(struct session *s, int argc, char **argv);
int cmd_read(struct session *s, int argc, char **argv);
int cmd_write(struct session *s, int argc, char **argv);
int cmd_load(struct session *s, int argc, char **argv);
int cmd_image(struct session *s, int argc, char **argv);
int cmd_dump(struct session *s, int argc, char **argv);
int cmd_top(struct session *s, int argc, char **argv);
int cmd_show(struct session *s, int argc, char **argv);
int cmd_latency(struct session *s, int argc, char **argv);
int cmd_run(struct session *s, int argc, char **argv);
int cmd_boot(struct session *s, int argc, char **argv);
int cmd_shell(struct session *s, int argc, char **argv);
int cmd_demo(struct session *s, int argc, char **argv);

/* parse.c: 0, or -EINVAL / -ERANGE */
int parse_number(const char *text, u64 *val);
ssize_t parse_hex(const char *text, u8 *buf, size_t max);
const char *size_name(u64 bytes, char *buf, size_t len);
const char *short_size(u64 bytes, char *buf, size_t len);

/* report.c */
__printf(3, 4) int fail(struct session *s, int err, const char *fmt, ...);
const char *explain(const char *command, int err);
const char *errno_name(int err);
int answer(struct json_object *obj);
int answer_range(struct session *s, u64 gpa, u64 len);
int answer_bytes(struct session *s, u64 gpa, u64 len, const char *hex);
void add_hex(struct json_object *obj, const char *key, u64 val);
void add_hpa(struct json_object *obj, const char *key, u64 hpa);
void add_num(struct json_object *obj, const char *key, u64 val);
void add_str(struct json_object *obj, const char *key, const char *val);
void add_leaves(struct json_object *obj, const struct axas_info *info);
void add_faults(struct json_object *obj, const struct axas_info *info);
void print_leaves(const struct axas_info *info);
void print_faults(const struct axas_info *info);
void progress(const char *what, u64 done, u64 total);

#endif /* AXASCTL_H */
