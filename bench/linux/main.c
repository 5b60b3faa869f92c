// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_linux: boot Linux by the VMM of axasctl boot and print what that took. Calls the VMM.
 *
 *	axas_linux|kvm_linux [-i] [-c CPUS] [-m MIB] [-o lazy|huge|populated] KERNEL INITRD CMDLINE
 *
 * The guest prints "##mark NAME" where a section ends: "line", the boot; "idle" and "awake" around
 * a time without work. -i: KVM's irqchip.
 *
 * The functions profile_mark_NAME() do nothing: a plugin of QEMU's sees that they are called.
 */
#include "bench_linux.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of the sections; in address order as in this list. */
#define MARK(name)								\
	__attribute__((noinline, used)) void profile_mark_##name(void);		\
	void profile_mark_##name(void) { asm volatile("" : : "r" (#name)); }

MARK(boot)
MARK(ready)
MARK(idle)
MARK(end)

bool use_irqchip;
static struct machine m;
static u64 entries, halts, polls, returns;
static char line[256];
static size_t line_len;

void die(const char *what)
{
	perror(what);
	exit(1);
}

const char *device_path(void)
{
	return NULL;
}

/*
 * Reads of the 8254: the guest's first calibration of its TSC gives up at once, or polls for 50 ms.
 */
u8 __wrap_pit_read(struct machine *machine, u32 port)
{
	polls++;
	return __real_pit_read(machine, port);
}

static int returned(int err)
{
	__atomic_fetch_add(&returns, 1, __ATOMIC_RELAXED);
	return err;
}

int __wrap_axvcpu_run(int fd, struct axvcpu_exit *exit)
{
	return returned(__real_axvcpu_run(fd, exit));
}

int __wrap_axvcpu_run_window(int fd, u32 vector, struct axvcpu_exit *exit)
{
	return returned(__real_axvcpu_run_window(fd, vector, exit));
}

static void print_row(const char *section, const char *name, u64 value)
{
	printf("##bench %s.%s %llu\n", section, name, value);
}

/* Since the last call: entries, returns to the VMM, halts and reads of the 8254. */
static void count(const char *section)
{
	u64 new_entries = 0, new_halts = 0;

	for (u32 i = 0; i < m.nr_cpus; i++) {
		struct axvcpu_state state;

		if (axvcpu_get_state(m.cpu[i].fd, &state))
			die("get_state");
		new_entries += state.entries;
		new_halts += state.exits[AXVCPU_EXIT_HALT];
	}
	if (section) {
		print_row(section, "entries", new_entries - entries);
		print_row(section, "vmm", returns);
		print_row(section, "halts", new_halts - halts);
		print_row(section, "polls", polls);
	}
	entries = new_entries;
	halts = new_halts;
	polls = 0;
	returns = 0;
}

static void on_mark(const char *name)
{
	if (!strcmp(name, "line")) {
		profile_mark_ready();
		count("boot");
	} else if (!strcmp(name, "idle")) {
		count(NULL);
		profile_mark_idle();
	} else if (!strcmp(name, "awake")) {
		profile_mark_end();
		count("idle");
	}
}

/* On the vCPU's thread. */
void console_put(struct machine *machine, u8 byte)
{
	(void)machine;
	if (byte == '\r')
		return;
	if (byte != '\n') {
		if (line_len < sizeof(line) - 1)
			line[line_len++] = byte;
		return;
	}
	line[line_len] = 0;
	line_len = 0;
	if (!strncmp(line, "##mark ", 7))
		on_mark(line + 7);
	else
		puts(line);
}

/* There are no devices in memory. */
bool mmio_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	(void)cpu;
	(void)exit;
	return false;
}

static void run_machine(void)
{
	struct pollfd end;
	const char *what;

	if (machine_create(&m, &what) || machine_load(&m, &what))
		die(what);
	/* KVM starts the others itself. */
	for (u32 i = 0; i < m.nr_cpus && use_irqchip; i++)
		m.cpu[i].wait = false;
	profile_mark_boot();
	if (machine_start(&m, &what))
		die(what);
	end = (struct pollfd){ .fd = m.end_fd, .events = POLLIN };
	poll(&end, 1, -1);
	machine_stop(&m);
}

static u32 memory_flags(const char *kind)
{
	if (!strcmp(kind, "huge"))
		return AXAS_MAP_HUGE_ALWAYS;
	if (!strcmp(kind, "populated"))
		return AXAS_MAP_POPULATE | AXAS_MAP_HUGE_NEVER;
	return AXAS_MAP_HUGE_NEVER;
}

int main(int argc, char **argv)
{
	int opt;

	m = (struct machine){ .mem = 256ull << 20, .nr_cpus = 1, .given = -1, .disk = -1,
			      .map_flags = AXAS_MAP_HUGE_NEVER };
	while ((opt = getopt(argc, argv, "ic:m:o:")) > 0) {
		if (opt == 'i')
			use_irqchip = true;
		else if (opt == 'c')
			m.nr_cpus = atoi(optarg);
		else if (opt == 'm')
			m.mem = strtoull(optarg, NULL, 0) << 20;
		else if (opt == 'o')
			m.map_flags = memory_flags(optarg);
		else
			return 2;
	}
	if (argc - optind != 3 || !m.nr_cpus || m.nr_cpus > MAX_CPUS)
		return 2;
	m.kernel = argv[optind];
	m.initrd = argv[optind + 1];
	m.cmdline = argv[optind + 2];
	setlinebuf(stdout);
	run_machine();
	if (m.ending != POWERED_OFF)
		fprintf(stderr, "ended by %d: %s\n", m.ending, m.msg);
	return m.ending != POWERED_OFF;
}
