// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer of a guest: it writes an input into the guest's memory, runs the guest, and makes the
 * memory what it was before, for the next input. The guest is a parser with a bug, and tells how
 * far an input came; of one that came farther the next byte is changed. With libaxas, on x86; needs
 * /dev/axas and /dev/axvcpu (root, or the group axas), or /dev/kvm.
 *
 *	example_fuzz [HOW [INPUTS]]
 *
 *	reset		AXAS_RESET to the image of the guest's memory (default)
 *	drop		the same with AXAS_RESET_DROP, which keeps no copies
 *	clone		a clone of the image, and a vCPU, for each input
 *	kvm-fork	fork() with the memory mapped MAP_PRIVATE, and a KVM guest in the child
 *	kvm-drop	one KVM guest on such a mapping, whose private pages are dropped
 *
 * The last two are what KVM offers, with the same guest. KVM and axvcpu exclude each other.
 */
#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RAM		(64ull << 20)
#define TABLES		0x1000ull	/* the guest's page table: three pages */
#define CODE		0x10000ull
#define INPUT		0x20000ull	/* of INPUT_LEN bytes */
#define HEAP		0x100000ull	/* a page for each byte of the input */
#define INPUT_LEN	16
#define DONE_PORT	0xf4		/* the guest writes there how far it came */
#define CRASHED		0xff		/* instead of that */

/*
 * The guest: RDI is the input, RSI the heap. It copies each byte to a page of its own, as a parser
 * that builds something, then wants "AXAS", and takes the next byte as an index without a check.
 */
asm(".pushsection .rodata\n"
	"guest_begin:\n"
	"	xor	%ecx, %ecx\n"
	"1:	movzbl	(%rdi,%rcx), %eax\n"
	"	mov	%rcx, %rdx\n"
	"	shl	$12, %rdx\n"
	"	mov	%al, (%rsi,%rdx)\n"
	"	inc	%ecx\n"
	"	cmp	$16, %ecx\n"
	"	jb	1b\n"
	"	xor	%eax, %eax\n"
	"	cmpb	$'A', (%rdi)\n"
	"	jne	2f\n"
	"	inc	%eax\n"
	"	cmpb	$'X', 1(%rdi)\n"
	"	jne	2f\n"
	"	inc	%eax\n"
	"	cmpb	$'A', 2(%rdi)\n"
	"	jne	2f\n"
	"	inc	%eax\n"
	"	cmpb	$'S', 3(%rdi)\n"
	"	jne	2f\n"
	"	inc	%eax\n"
	"	movzbl	4(%rdi), %ecx\n"
	"	shl	$19, %rcx\n"		/* up to 128 MiB: half of it is no memory */
	"	mov	%al, (%rsi,%rcx)\n"
	"2:	out	%eax, $0xf4\n"
	"guest_end:\n"
	".popsection\n");

static int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

static int must_errno(int ret, const char *what)
{
	return must(ret < 0 ? -errno : ret, what);
}

/*
 * An identity map of 1 GiB: present, writable, user; a leaf of 2 MiB has PS. Accessed and dirty are
 * set, or the CPU would write to the table, which would make it private, too.
 */
static void fill_ram(char *ram)
{
	__u64 *table = (__u64 *)(ram + TABLES);
	const char *code, *end;

	table[0] = (TABLES + 4096) | 0x27;
	table[512] = (TABLES + 2 * 4096) | 0x27;
	for (__u64 i = 0; i < 512; i++)
		table[1024 + i] = i << 21 | 0xe7;
	asm("lea guest_begin(%%rip), %0\n"
	    "lea guest_end(%%rip), %1\n" : "=r" (code), "=r" (end));
	memcpy(ram + CODE, code, end - code);
	/* A guest that has run has touched its memory. */
	for (__u64 gpa = HEAP; gpa < RAM; gpa += 4096)
		ram[gpa] = 1;
}

static char *ram_at_first(void)
{
	char *ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED)
		must(-errno, "mmap");
	fill_ram(ram);
	return ram;
}

/* --- On axas --- */

static int space, vcpu, image;

static void make_vcpu(void)
{
	struct axvcpu_setup setup = { .mode = AXVCPU_MODE_LONG, .entry = CODE, .cr3 = TABLES };

	vcpu = must(axvcpu_open_vcpu(NULL, space, 0, AXVCPU_CREATE_BSP), "AXVCPU_CREATE");
	must(axvcpu_setup(vcpu, &setup), "AXVCPU_SETUP");
}

static void axas_begin(void)
{
	char *ram = ram_at_first();

	space = must(axas_open_space(NULL, NULL), AXAS_DEV_PATH);
	must(axas_map_alloc(space, 0, RAM, AXAS_PROT_MASK, 0), "AXAS_MAP_ALLOC");
	must(axas_write_all(space, 0, ram, RAM, NULL), "pwrite");
	munmap(ram, RAM);
	image = must(axas_freeze(space), "AXAS_FREEZE");
	make_vcpu();
}

/* Here the registers are few; a guest that was stopped anywhere is set by AXVCPU_RESTORE. */
static int axas_run(const unsigned char *input)
{
	struct axvcpu_exit exit;
	struct axvcpu_regs regs;

	must(axas_write_all(space, INPUT, input, INPUT_LEN, NULL), "pwrite");
	must(axvcpu_get_regs(vcpu, &regs), "AXVCPU_GET_REGS");
	regs.rip = CODE;
	regs.gpr[AXVCPU_REG_RDI] = INPUT;
	regs.gpr[AXVCPU_REG_RSI] = HEAP;
	must(axvcpu_set_regs(vcpu, &regs), "AXVCPU_SET_REGS");
	do
		must(axvcpu_run(vcpu, &exit), "AXVCPU_RUN");
	while (exit.reason == AXVCPU_EXIT_NOTHING);
	if (exit.reason == AXVCPU_EXIT_IO_WRITE)
		return exit.io_write.data;
	/* An access to what is no memory. */
	return CRASHED;
}

static int run_reset(const unsigned char *input)
{
	int result = axas_run(input);

	must(axas_reset(space, image, 0), "AXAS_RESET");
	return result;
}

static int run_drop(const unsigned char *input)
{
	int result = axas_run(input);

	must(axas_reset(space, image, AXAS_RESET_DROP), "AXAS_RESET");
	return result;
}

static int run_clone(const unsigned char *input)
{
	int result;

	close(vcpu);
	close(space);
	space = must(axas_clone_one(image), "AXAS_CLONE");
	make_vcpu();
	result = axas_run(input);
	return result;
}

/* --- On KVM --- */

struct kvm {
	int dev, vm, vcpu;
	struct kvm_run *run;
};

static struct kvm kvm;
static char *ram;

static struct kvm_segment segment(int type, int code)
{
	return (struct kvm_segment){
		.limit = ~0u, .selector = code ? 8 : 16, .type = type, .present = 1, .s = 1,
		.g = 1, .l = code, .db = !code
	};
}

/* CR0: PE, ET, NE, WP, PG; CR4: PAE; EFER: LME, LMA. */
static void long_mode(void)
{
	struct kvm_sregs sregs;

	must_errno(ioctl(kvm.vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cr0 = 0x80010031;
	sregs.cr3 = TABLES;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	sregs.cs = segment(11, 1);
	sregs.ds = segment(3, 0);
	sregs.es = sregs.ds;
	sregs.fs = sregs.ds;
	sregs.gs = sregs.ds;
	sregs.ss = sregs.ds;
	must_errno(ioctl(kvm.vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
}

static void set_cpuid(void)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} arg;

	arg.head.nent = 256;
	must_errno(ioctl(kvm.dev, KVM_GET_SUPPORTED_CPUID, &arg), "KVM_GET_SUPPORTED_CPUID");
	must_errno(ioctl(kvm.vcpu, KVM_SET_CPUID2, &arg), "KVM_SET_CPUID2");
}

static void kvm_make(void)
{
	struct kvm_userspace_memory_region slot = {
		.memory_size = RAM, .userspace_addr = (unsigned long)ram
	};
	int len = must_errno(ioctl(kvm.dev, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");

	kvm.vm = must_errno(ioctl(kvm.dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	must_errno(ioctl(kvm.vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	kvm.vcpu = must_errno(ioctl(kvm.vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	kvm.run = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, kvm.vcpu, 0);
	if (kvm.run == MAP_FAILED)
		must(-errno, "mmap");
	set_cpuid();
	long_mode();
}

/* The file is the image; the mapping is a clone of it. */
static void kvm_begin(void)
{
	int file = must_errno(memfd_create("image", MFD_CLOEXEC), "memfd_create");
	char *first;

	must_errno(ftruncate(file, RAM), "ftruncate");
	first = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (first == MAP_FAILED)
		must(-errno, "mmap");
	fill_ram(first);
	munmap(first, RAM);
	ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	if (ram == MAP_FAILED)
		must(-errno, "mmap");
	kvm.dev = must_errno(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
}

static int kvm_run(const unsigned char *input)
{
	struct kvm_regs regs = { .rip = CODE, .rdi = INPUT, .rsi = HEAP, .rflags = 2 };

	memcpy(ram + INPUT, input, INPUT_LEN);
	must_errno(ioctl(kvm.vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	must_errno(ioctl(kvm.vcpu, KVM_RUN, 0), "KVM_RUN");
	if (kvm.run->exit_reason == KVM_EXIT_IO)
		return *((unsigned char *)kvm.run + kvm.run->io.data_offset);
	return CRASHED;
}

/* A virtual machine is of one process: the child has to make it. */
static int run_kvm_fork(const unsigned char *input)
{
	pid_t pid = must_errno(fork(), "fork");
	int status;

	if (!pid) {
		kvm_make();
		_exit(kvm_run(input));
	}
	must_errno(waitpid(pid, &status, 0), "waitpid");
	return WEXITSTATUS(status);
}

static int run_kvm_drop(const unsigned char *input)
{
	int result;

	if (!kvm.run)
		kvm_make();
	result = kvm_run(input);
	must_errno(madvise(ram, RAM, MADV_DONTNEED), "madvise");
	return result;
}

/* --- The fuzzer --- */

static const struct how {
	const char *name;
	void (*begin)(void);
	int (*run)(const unsigned char *input);
} ways[] = {
	{ "reset", axas_begin, run_reset },
	{ "drop", axas_begin, run_drop },
	{ "clone", axas_begin, run_clone },
	{ "kvm-fork", kvm_begin, run_kvm_fork },
	{ "kvm-drop", kvm_begin, run_kvm_drop },
	{ NULL, NULL, NULL }
};

static const struct how *find_way(const char *name)
{
	for (const struct how *how = ways; how->name; how++)
		if (!strcmp(how->name, name))
			return how;
	fprintf(stderr, "there is no way \"%s\"\n", name);
	exit(1);
}

static __u64 next_random(void)
{
	static __u64 x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct how *how = find_way(argc > 1 ? argv[1] : "reset");
	unsigned long inputs = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000, crashes = 0, first = 0;
	unsigned char best[INPUT_LEN] = "", input[INPUT_LEN], crash[INPUT_LEN];
	int farthest = 0, result;
	double begin;

	how->begin();
	begin = now();
	for (unsigned long i = 1; i <= inputs; i++) {
		memcpy(input, best, sizeof(input));
		input[farthest] = next_random();
		result = how->run(input);
		if (result == CRASHED && !crashes++) {
			first = i;
			memcpy(crash, input, sizeof(crash));
		} else if (result > farthest && result != CRASHED) {
			farthest = result;
			memcpy(best, input, sizeof(best));
		}
	}
	printf("%-8s %lu inputs, %.1f us each, %.0f a second\n", how->name, inputs,
	       (now() - begin) * 1e6 / inputs, inputs / (now() - begin));
	if (crashes)
		printf("%lu crashes, the first by input %lu: \"%.4s\", %u\n", crashes, first, crash,
		       crash[4]);
	return 0;
}
