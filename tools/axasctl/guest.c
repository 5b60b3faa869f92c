// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest: its memory, its image, its vCPU, and the handling of its exits. Calls libaxas;
 * prints the trace and the console only.
 */
#include "guest.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* Guests have the host's architecture. */
#if defined(__x86_64__)
#define GUEST_MACHINE	EM_X86_64
#define GUEST_MODE	AXVCPU_MODE_LONG
#define GUEST_CR3	GUEST_TABLES
#define GUEST_ARG0	AXVCPU_REG_RDI
#define GUEST_ARG1	AXVCPU_REG_RSI
#elif defined(__aarch64__)
#define GUEST_MACHINE	EM_AARCH64
#define GUEST_MODE	AXVCPU_MODE_EL1
#define GUEST_CR3	0
#define GUEST_ARG0	0			/* X0 */
#define GUEST_ARG1	1
#elif defined(__riscv)
#define GUEST_MACHINE	EM_RISCV
#define GUEST_MODE	AXVCPU_MODE_VS
#define GUEST_CR3	0
#define GUEST_ARG0	10			/* a0 is x10 */
#define GUEST_ARG1	11
#else
#define GUEST_MACHINE	EM_NONE			/* no axvcpu on this architecture */
#define GUEST_MODE	AXVCPU_MODE_LONG
#define GUEST_CR3	0
#define GUEST_ARG0	0
#define GUEST_ARG1	1
#endif

int guest_make(struct guest *g, const char **what)
{
	struct axas_create create = { .format = g->format };
	int err;

	*what = "create";
	g->space = axas_open_space(device_path(), &create);
	if (g->space < 0)
		return g->space;
	*what = "map";
	err = axas_map_alloc(g->space, 0, GUEST_SYSTEM_SIZE, AXAS_PROT_MASK,
			     AXAS_MAP_HUGE_NEVER);
	if (!err)
		err = axas_map_alloc(g->space, GUEST_MEM, g->mem,
				     AXAS_PROT_READ | AXAS_PROT_WRITE, g->map_flags);
	if (err)
		return err;
	*what = "vcpu";
	g->vcpu = axvcpu_open_vcpu(NULL, g->space, 0, AXVCPU_CREATE_BSP);
	return g->vcpu < 0 ? g->vcpu : 0;
}

/* Present, writable, user; a 2 MiB leaf also has bit 7. AMD64 APM vol. 2, 5.3.4. */
#define PT_TABLE	0x7ull
#define PT_LEAF_2M	0x87ull

/* Write the guest's own page table: an identity map of 4 GiB. */
static int write_tables(struct guest *g)
{
	const u64 middle = GUEST_TABLES + PAGE, lowest = middle + PAGE;
	u64 table[512] = { middle | PT_TABLE };
	int err = axas_write_all(g->space, GUEST_TABLES, table, sizeof(table), NULL);

	memset(table, 0, sizeof(table));
	for (u64 i = 0; i < 4; i++)
		table[i] = (lowest + i * PAGE) | PT_TABLE;
	if (!err)
		err = axas_write_all(g->space, middle, table, sizeof(table), NULL);
	for (u64 i = 0; i < 4 && !err; i++) {
		for (u64 j = 0; j < 512; j++)
			table[j] = i << 30 | j << 21 | PT_LEAF_2M;
		err = axas_write_all(g->space, lowest + i * PAGE, table, sizeof(table), NULL);
	}
	return err;
}

static int load_segment(struct guest *g, const u8 *image, size_t len, const Elf64_Phdr *p)
{
	if (p->p_offset > len || p->p_filesz > len - p->p_offset ||
	    p->p_paddr >= GUEST_SYSTEM_SIZE || p->p_memsz > GUEST_SYSTEM_SIZE - p->p_paddr ||
	    p->p_filesz > p->p_memsz || p->p_paddr < GUEST_IMAGE)
		return -ENOEXEC;
	return axas_write_all(g->space, p->p_paddr, image + p->p_offset, p->p_filesz, NULL);
}

static int load_elf(struct guest *g, const u8 *image, size_t len, u64 *entry)
{
	const Elf64_Ehdr *e = (const void *)image;
	const Elf64_Phdr *p;
	int err = 0;

	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_machine != GUEST_MACHINE ||
	    e->e_phentsize != sizeof(*p) || e->e_phoff > len ||
	    e->e_phnum * sizeof(*p) > len - e->e_phoff || e->e_phoff % 8)
		return -ENOEXEC;
	p = (const void *)(image + e->e_phoff);
	for (int i = 0; i < e->e_phnum && !err; i++)
		if (p[i].p_type == PT_LOAD)
			err = load_segment(g, image, len, &p[i]);
	*entry = e->e_entry;
	return err;
}

static int load_flat(struct guest *g, const u8 *image, size_t len, u64 *entry)
{
	if (len > GUEST_SYSTEM_SIZE - GUEST_IMAGE)
		return -EFBIG;
	*entry = GUEST_IMAGE;
	return axas_write_all(g->space, GUEST_IMAGE, image, len, NULL);
}

/* Load an ELF file for this machine, or a raw image at GUEST_IMAGE. */
int guest_load(struct guest *g, const char *file, u64 *entry, const char **what)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), err;
	struct stat st;
	u8 *image;

	*what = file;
	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	image = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	err = -errno;
	close(fd);
	if (image == MAP_FAILED)
		return err;
	if ((size_t)st.st_size >= sizeof(Elf64_Ehdr) && !memcmp(image, ELFMAG, SELFMAG))
		err = load_elf(g, image, st.st_size, entry);
	else
		err = load_flat(g, image, st.st_size, entry);
	munmap(image, st.st_size);
	return err;
}

int guest_start(struct guest *g, u64 entry, const char **what)
{
	struct axvcpu_setup setup = {
		.mode = GUEST_MODE, .entry = entry, .stack = GUEST_STACK, .cr3 = GUEST_CR3,
	};
	int err = GUEST_CR3 ? write_tables(g) : 0;

	*what = "setup";
	if (!err)
		err = axvcpu_setup(g->vcpu, &setup);
	if (!err)
		err = axvcpu_set_gpr(g->vcpu, GUEST_ARG0, GUEST_MEM);
	if (!err)
		err = axvcpu_set_gpr(g->vcpu, GUEST_ARG1, g->mem);
	return err;
}

static int console(struct guest *g, char c)
{
	char *more;

	if (!(g->console_len % 4096)) {
		more = realloc(g->console, g->console_len + 4096);
		if (!more)
			return -ENOMEM;
		g->console = more;
	}
	g->console[g->console_len++] = c;
	if (!g->quiet)
		putchar(c);
	return 0;
}

int guest_port(const struct axvcpu_exit *exit, u64 *data)
{
	u64 gpa = exit->mmio_write.gpa;

	if (exit->reason == AXVCPU_EXIT_IO_WRITE) {
		*data = exit->io_write.data;
		return exit->io_write.port;
	}
	if (exit->reason != AXVCPU_EXIT_MMIO_WRITE || gpa < GUEST_DEVICES ||
	    gpa > GUEST_DEVICES + 0xffff)
		return -1;
	*data = exit->mmio_write.data;
	return gpa - GUEST_DEVICES;
}

static int answer_write(struct guest *g)
{
	u64 data;
	int port = guest_port(&g->exit, &data);

	if (port == PORT_CONSOLE)
		return console(g, data);
	return port == PORT_END || port < 0;
}

/* Handle an exit: 1 if the guest has ended, 0 to continue, or -errno. */
static int answer_exit(struct guest *g)
{
	const struct axvcpu_exit *exit = &g->exit;

	switch (exit->reason) {
	case AXVCPU_EXIT_NOTHING:
	case AXVCPU_EXIT_EXTERNAL_INTERRUPT:
	case AXVCPU_EXIT_SYSREG_WRITE:
		return 0;
	case AXVCPU_EXIT_IO_WRITE:
	case AXVCPU_EXIT_MMIO_WRITE:
		return answer_write(g);
	case AXVCPU_EXIT_IO_READ:
	case AXVCPU_EXIT_HYPERCALL:
		return axvcpu_set_return(g->vcpu, ~0ull);	/* no device */
	case AXVCPU_EXIT_SYSREG_READ:
		return axvcpu_set_return(g->vcpu, 0);
	default:
		return 1;
	}
}

static void trace(const struct guest *g)
{
	const struct axvcpu_exit *exit = &g->exit;

	if (g->trace && exit->reason != AXVCPU_EXIT_NOTHING)
		fprintf(stderr, "%#llx %s %#llx %#llx %#llx\n", exit->rip,
			axvcpu_exit_name(exit->reason), exit->raw[0], exit->raw[1], exit->raw[2]);
}

static atomic_bool alarmed;

static void on_alarm(int sig)
{
	(void)sig;
	alarmed = true;
}

/* Periodic: a single signal may arrive just before the ioctl that it shall interrupt. */
static void set_alarm(u64 ms)
{
	struct itimerval timer = {
		.it_value = { ms / 1000, ms % 1000 * 1000 },
		.it_interval = { 0, ms ? 10000 : 0 },
	};
	struct sigaction action = { .sa_handler = on_alarm };

	alarmed = false;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int guest_run(struct guest *g, const char **what)
{
	int err;

	*what = "run";
	set_alarm(g->timeout);
	do {
		err = axvcpu_run(g->vcpu, &g->exit);
		if (err == -EINTR && !alarmed)
			err = 0;
		if (err)
			break;
		trace(g);
		err = answer_exit(g);
	} while (!err);
	set_alarm(0);
	fflush(stdout);
	g->timed_out = err == -EINTR;
	return err < 0 && !g->timed_out ? err : 0;
}

void guest_free(struct guest *g)
{
	if (g->vcpu >= 0)
		close(g->vcpu);
	if (g->space >= 0)
		close(g->space);
	free(g->console);
}
