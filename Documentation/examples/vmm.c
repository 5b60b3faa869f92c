// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM: memory, a vCPU, and a loop that answers its exits. The guest is a flat binary in real
 * mode, which begins at 0x1000, or the one below. It has a console at port 0x3f8, a counter at port
 * 0x60, and a device of 16 one-byte registers at 0xa0000, where there is no memory. With libaxas,
 * on x86; needs /dev/axas and /dev/axvcpu.
 *
 *	example_vmm [FILE]
 */
#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAM		(640ull << 10)
#define CODE		0x1000ull
#define DEVICE		0xa0000ull
#define REGISTERS	16

/* Prints a line, counts to three, stores a byte in the device and prints what it reads back. */
asm(".pushsection .rodata\n"
	".code16\n"
	"guest_begin:\n"
	"	mov	%cs, %ax\n"
	"	mov	%ax, %ds\n"
	"	mov	$(line - guest_begin), %si\n"
	"	mov	$0x3f8, %dx\n"
	"1:	lodsb\n"
	"	test	%al, %al\n"
	"	jz	2f\n"
	"	out	%al, %dx\n"
	"	jmp	1b\n"
	"2:	in	$0x60, %al\n"
	"	mov	%al, %cl\n"
	"	add	$'0', %al\n"
	"	out	%al, %dx\n"
	"	cmp	$3, %cl\n"
	"	jb	2b\n"
	"	mov	$0xa000, %ax\n"
	"	mov	%ax, %ds\n"
	"	mov	$'!', %al\n"
	"	mov	%al, 5\n"
	"	xor	%al, %al\n"
	"	mov	5, %al\n"
	"	out	%al, %dx\n"
	"	mov	$'\\n', %al\n"
	"	out	%al, %dx\n"
	"	hlt\n"
	"line:	.asciz	\"hello from a guest \"\n"
	"guest_end:\n"
	".code64\n"
	".popsection\n");

static unsigned char registers[REGISTERS];

static int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

static void load(int space, const char *path)
{
	static unsigned char file[RAM - CODE];
	const char *begin, *end;
	ssize_t len;
	int fd;

	if (!path) {
		asm("lea guest_begin(%%rip), %0\n"
		    "lea guest_end(%%rip), %1\n" : "=r" (begin), "=r" (end));
		must(axas_write_all(space, CODE, begin, end - begin, NULL), "write");
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, file, sizeof(file));
	if (len < 0)
		must(-errno, path);
	must(axas_write_all(space, CODE, file, len, NULL), "write");
	close(fd);
}

/*
 * On x86 the VMM carries out an instruction that accessed a device. Here two of them: MOV of AL
 * from (0xa0) and to (0xa2) an address in it. Returns whether it was one.
 */
static int access_device(int vcpu, const struct axvcpu_exit *exit)
{
	__u64 reg = exit->nested_page_fault.gpa - DEVICE;
	unsigned char op = exit->nested_page_fault.insn[0];
	struct axvcpu_regs regs;

	if (exit->nested_page_fault.result != AXAS_FAULT_HOLE || reg >= REGISTERS ||
	    exit->nested_page_fault.insn_len < 3 || (op != 0xa0 && op != 0xa2))
		return 0;
	must(axvcpu_get_regs(vcpu, &regs), "AXVCPU_GET_REGS");
	if (op == 0xa2)
		registers[reg] = regs.gpr[AXVCPU_REG_RAX];
	else
		regs.gpr[AXVCPU_REG_RAX] = (regs.gpr[AXVCPU_REG_RAX] & ~0xffull) | registers[reg];
	regs.rip += 3;
	regs.flags = AXVCPU_REGS_RETIRED;
	must(axvcpu_set_regs(vcpu, &regs), "AXVCPU_SET_REGS");
	return 1;
}

/* Returns whether the guest goes on. */
static int answer(int vcpu, const struct axvcpu_exit *exit)
{
	static unsigned int count;

	switch (exit->reason) {
	case AXVCPU_EXIT_NOTHING:
		return 1;
	case AXVCPU_EXIT_IO_WRITE:
		if (exit->io_write.port == 0x3f8)
			putchar(exit->io_write.data & 0xff);
		return 1;
	case AXVCPU_EXIT_IO_READ:
		/* A port where nothing is reads as ones. */
		must(axvcpu_set_return(vcpu, exit->io_read.port == 0x60 ? ++count : ~0ull),
		     "AXVCPU_SET_RETURN");
		return 1;
	case AXVCPU_EXIT_NESTED_PAGE_FAULT:
		if (access_device(vcpu, exit))
			return 1;
		break;
	case AXVCPU_EXIT_HALT:
		printf("the guest halted\n");
		return 0;
	}
	printf("the guest stopped at 0x%llx: %s\n", (unsigned long long)exit->rip,
	       axvcpu_exit_name(exit->reason));
	return 0;
}

int main(int argc, char **argv)
{
	struct axvcpu_setup setup = {
		.mode = AXVCPU_MODE_REAL, .flags = AXVCPU_SETUP_STARTUP, .entry = CODE
	};
	struct axvcpu_exit exit;
	int space, vcpu, err;

	space = must(axas_open_space(NULL, NULL), AXAS_DEV_PATH);
	must(axas_map_alloc(space, 0, RAM, AXAS_PROT_MASK, 0), "AXAS_MAP_ALLOC");
	load(space, argc > 1 ? argv[1] : NULL);
	vcpu = must(axvcpu_open_vcpu(NULL, space, 0, AXVCPU_CREATE_BSP), AXVCPU_DEV_PATH);
	must(axvcpu_setup(vcpu, &setup), "AXVCPU_SETUP");
	do {
		err = axvcpu_run(vcpu, &exit);
		if (err != -EINTR)	/* a signal: what it wants done is done here */
			must(err, "AXVCPU_RUN");
	} while (err || answer(vcpu, &exit));
	return exit.reason != AXVCPU_EXIT_HALT;
}
