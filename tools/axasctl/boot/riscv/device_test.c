// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices of boot on RISC-V and the SBI, without a guest: prints TAP. Has the functions of
 * machine.c, run.c, riscv.c and console.c that they call, and answers the ioctls of vCPUs.
 */
#include "../boot.h"
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CPUS		3
#define SPACE_BYTES	0x10000
#define UNSET		0xdeadbeef

/* What the vCPUs have been told; a vCPU's descriptor is its number. */
static struct {
	bool line;
	u32 lines_set, ipis, flushes;
	u64 a0, a1;
} seen[CPUS];

static struct machine m;
static u32 kicks;
static char sent[2048];
static size_t nr_sent;
static u64 regs[32];

static int on_inject(int fd, const struct axvcpu_inject *inject)
{
	if (!inject->flags) {
		seen[fd].ipis += inject->vector == AXVCPU_RISCV_VECTOR_SOFT;
		return 0;
	}
	seen[fd].line = inject->flags == AXVCPU_INJECT_RAISE;
	seen[fd].lines_set++;
	return inject->vector == AXVCPU_RISCV_LINE_EXTERNAL ? 0 : -1;
}

/* Instead of the library's. */
int axas_ioctl(int fd, unsigned long cmd, void *arg)
{
	switch (cmd) {
	case AXVCPU_INJECT:
		return on_inject(fd, arg);
	case AXVCPU_FLUSH:
		seen[fd].flushes++;
		return 0;
	case AXVCPU_SET_RETURN:
		seen[fd].a0 = ((struct axvcpu_return *)arg)->val;
		return 0;
	case AXVCPU_SET_GPR:
		seen[fd].a1 = ((struct axvcpu_set_gpr *)arg)->val;
		return 0;
	case AXVCPU_GET_REGS:
		memcpy(((struct axvcpu_regs *)arg)->riscv.x, regs, sizeof(regs));
		return 0;
	default:
		return -1;
	}
}

static u64 wall;

u64 wall_ns(void)
{
	return wall;
}

void machine_kick(struct cpu *cpu)
{
	kicks |= 1u << cpu->id;
}

void machine_end(struct machine *machine, enum ending ending)
{
	machine->ending = ending;
}

void console_put(struct machine *machine, u8 byte)
{
	(void)machine;
	if (nr_sent < sizeof(sent) - 1)
		sent[nr_sent++] = byte;
}

void arch_uart_line(struct machine *machine, bool level)
{
	plic_set(machine, IRQ_UART, level);
}

/* CPUs 0 and 1 run, the last one waits for its start. */
static void begin(void)
{
	int space = m.space;

	memset(&m, 0, sizeof(m));
	memset(seen, 0, sizeof(seen));
	m.space = space;
	m.nr_cpus = CPUS;
	for (u32 i = 0; i < CPUS; i++) {
		m.cpu[i].m = &m;
		m.cpu[i].id = i;
		m.cpu[i].fd = i;
		m.cpu[i].wait = i == CPUS - 1;
		m.cpu[i].arch.on = i != CPUS - 1;
		seen[i].a1 = UNSET;
	}
	plic_reset(&m);
	uart_reset(&m);
	kicks = 0;
	nr_sent = 0;
	memset(sent, 0, sizeof(sent));
}

#define ENABLE(context)		(0x2000 + 0x80 * (context))
#define THRESHOLD(context)	(0x200000 + 0x1000 * (context))
#define CLAIM(context)		(THRESHOLD(context) + 4)

static void set_up_plic(void)
{
	begin();
	plic_write(&m, 4 * 10, 1);
	plic_write(&m, 4 * 11, 3);
	plic_write(&m, ENABLE(0), 1u << 10 | 1u << 11);
}

static void test_plic_line(void)
{
	set_up_plic();
	plic_set(&m, 10, true);
	ok(seen[0].line && !seen[1].line && !seen[2].lines_set,
	   "PLIC: an enabled source interrupts");
	ok(plic_read(&m, 0x1000) == 1u << 10, "PLIC: and is pending");
	ok(plic_read(&m, CLAIM(1)) == 0 && plic_read(&m, CLAIM(0)) == 10 && !seen[0].line,
	   "PLIC: a claim ends that");
	ok(!plic_read(&m, CLAIM(0)) && !plic_read(&m, 0x1000), "PLIC: once");
	plic_write(&m, CLAIM(1), 10);
	ok(!seen[0].line, "PLIC: another context does not complete it");
	plic_write(&m, CLAIM(0), 10);
	ok(seen[0].line, "PLIC: completed and still high, it comes again");
	plic_set(&m, 10, false);
	ok(!seen[0].line && !plic_read(&m, CLAIM(0)), "PLIC: a low line does not interrupt");
}

static void test_plic_order(void)
{
	set_up_plic();
	plic_set(&m, 10, true);
	plic_set(&m, 11, true);
	ok(plic_read(&m, CLAIM(0)) == 11, "PLIC: the higher priority comes first");
	ok(seen[0].line, "PLIC: the other one waits");
	plic_write(&m, THRESHOLD(0), 1);
	ok(!seen[0].line && plic_read(&m, THRESHOLD(0)) == 1, "PLIC: below a threshold");
	plic_write(&m, THRESHOLD(0), 0);
	ok(seen[0].line, "PLIC: above it again");
	plic_write(&m, 4 * 10, 0);
	ok(!seen[0].line, "PLIC: without a priority");
	plic_write(&m, ENABLE(CPUS - 1), ~0u);
	plic_write(&m, 4 * 10, 7);
	ok(!seen[CPUS - 1].lines_set, "PLIC: a CPU that waits has no line");
	m.cpu[CPUS - 1].arch.on = true;
	plic_update(&m.cpu[CPUS - 1]);
	ok(seen[CPUS - 1].line, "PLIC: a CPU that has started has it");
}

/* Whatever a guest writes. */
static void test_plic_any(void)
{
	set_up_plic();
	srand(1);
	for (u32 i = 0; i < 500000; i++) {
		u64 offset = (u64)rand() % PLIC_SIZE & ~3ull;

		/* Half of them where the registers are. */
		if (i & 1)
			offset = (i & 2 ? 0x200000 : 0) + (u64)rand() % 0x4000 / 4 * 4;
		if (i & 4)
			plic_write(&m, offset, rand());
		else
			plic_read(&m, offset);
		plic_set(&m, 1 + i % 31, rand() & 1);
	}
	plic_write(&m, PLIC_SIZE - 4, ~0u);
	ok(!plic_read(&m, PLIC_SIZE - 4) && !plic_read(&m, 0), "PLIC: any accesses");
}

static void test_uart(void)
{
	set_up_plic();
	uart_write(&m, 4, 0x08);	/* OUT2 */
	uart_write(&m, 1, 0x01);
	ok(!seen[0].line, "16550: nothing received");
	uart_receive(&m, 'x');
	ok(seen[0].line && uart_read(&m, 0) == 'x' && !seen[0].line, "16550: by the PLIC");
}

static void test_clock(void)
{
	begin();
	wall = 0x123456789abcdef0;
	ok((u32)goldfish_read(&m, 0) == 0x9abcdef0, "clock: the host's");
	wall = 0;
	ok(goldfish_read(&m, 4) == 0x12345678, "clock: both halves of one moment");
	ok(!goldfish_read(&m, 8), "clock: nothing else");
}

/* A call of CPU 0: its error. */
static __s64 call(u32 ext, u32 function, u64 a0, u64 a1, u64 a2)
{
	struct axvcpu_exit exit = {
		.reason = AXVCPU_EXIT_HYPERCALL,
		.hypercall = { .nr = ext | (u64)function << 32, .args = { a0, a1, a2 } },
	};

	seen[0].a1 = UNSET;
	sbi_call(&m.cpu[0], &exit);
	return seen[0].a0;
}

#define BASE	0x10
#define RFENCE	0x52464e43
#define HSM	0x48534d
#define SRST	0x53525354
#define DBCN	0x4442434e

static void test_base(void)
{
	begin();
	ok(!call(BASE, 0, 0, 0, 0) && seen[0].a1 == 2 << 24, "SBI: version 2.0");
	ok(!call(BASE, 3, HSM, 0, 0) && seen[0].a1 == 1, "SBI: an extension");
	ok(!call(BASE, 3, 0x504d55, 0, 0) && seen[0].a1 == UNSET, "SBI: there is no PMU");
	ok(!call(BASE, 3, HSM | 1ull << 32, 0, 0) && seen[0].a1 == UNSET, "SBI: nor a longer name");
	ok(call(BASE, 7, 0, 0, 0) == -2 && call(0x504d55, 0, 0, 0, 0) == -2, "SBI: not supported");
	ok(!call(1, 0, 'q', 0, 0) && seen[0].a1 == UNSET && !strcmp(sent, "q"),
	   "SBI: a legacy call");
}

static __s64 ipi(u64 mask, u64 first)
{
	struct axvcpu_exit exit = {
		.send_ipi = { .target = mask, .target_aux = first, .to_all = first == ~0ull },
	};

	sbi_send_ipi(&m.cpu[0], &exit);
	return seen[0].a0;
}

static void test_masks(void)
{
	begin();
	ok(!ipi(3, 0) && seen[0].ipis == 1 && seen[1].ipis == 1, "SBI: IPIs to two");
	ok(!ipi(1, 1) && seen[0].ipis == 1 && seen[1].ipis == 2, "SBI: to the second");
	ok(!ipi(0, ~0ull) && seen[0].ipis == 2 && seen[1].ipis == 3 && !seen[2].ipis,
	   "SBI: to all that run");
	ok(ipi(9, 0) == -3 && ipi(1, 3) == -3 && ipi(1, 1ull << 63) == -3 && ipi(2, ~1ull) == -3 &&
	   seen[0].ipis == 2, "SBI: to none of a mask with others");
	ok(!ipi(0, 99), "SBI: to nobody");
	ok(!call(RFENCE, 1, 2, 0, 0) && seen[1].flushes == 1 && !seen[0].flushes, "SBI: a fence");
	ok(!call(RFENCE, 0, 0, ~0ull, 0) && seen[1].flushes == 2 && seen[0].flushes == 1,
	   "SBI: fence.i of all");
	ok(call(RFENCE, 3, 1, 0, 0) == -2 && call(RFENCE, 2, 8, 0, 0) == -3, "SBI: other fences");
}

static __s64 start(u64 hart, u64 entry, u64 arg)
{
	struct axvcpu_exit exit = { .cpu_up = { hart, entry, arg } };

	sbi_hart_start(&m.cpu[0], &exit);
	return seen[0].a0;
}

static void test_harts(void)
{
	begin();
	ok(start(CPUS, 0x80000000, 1) == -3 && start(~0ull, 0, 0) == -3, "SBI: no such hart");
	ok(start(1, 0x80000000, 1) == -6, "SBI: a hart that runs");
	ok(start(2, 0x80000001, 1) == -5 && !kicks, "SBI: an odd address");
	ok(!call(HSM, 2, 2, 0, 0) && seen[0].a1 == 1, "SBI: a hart that is stopped");
	ok(!start(2, 0x80000000, 7) && kicks == 4 && m.cpu[2].start &&
	   m.cpu[2].entry == 0x80000000 && m.cpu[2].arg == 7, "SBI: it starts");
	ok(!call(HSM, 2, 2, 0, 0) && seen[0].a1 == 2 && start(2, 0, 0) == -6, "SBI: once");
	ok(!call(HSM, 2, 1, 0, 0) && seen[0].a1 == UNSET, "SBI: a hart that is started");
	sbi_hart_stop(&m.cpu[1]);
	ok(!call(HSM, 2, 1, 0, 0) && seen[0].a1 == 1 && m.cpu[1].reset, "SBI: a hart stops");
	ok(!ipi(2, 0) && !seen[1].ipis, "SBI: and has no IPIs");
	ok(call(HSM, 2, 3, 0, 0) == -3 && call(HSM, 3, 0, 0, 0) == -2, "SBI: no suspend");
}

static enum ending down(u64 ext, u64 type)
{
	m.ending = RUNNING;
	regs[17] = ext;
	regs[10] = type;
	sbi_down(&m.cpu[0]);
	return m.ending;
}

static void test_down(void)
{
	begin();
	ok(down(SRST, 0) == POWERED_OFF && down(8, 1) == POWERED_OFF, "SBI: power off");
	ok(down(SRST, 1) == RESET && down(SRST, 2) == RESET, "SBI: resets");
	ok(call(SRST, 0, 99, 0, 0) == -3 && call(SRST, 1, 0, 0, 0) == -2, "SBI: another type");
}

static void test_console(void)
{
	char text[SPACE_BYTES];

	begin();
	memset(text, 'a', sizeof(text));
	if (pwrite(m.space, text, sizeof(text), 0) != sizeof(text))
		exit(1);
	ok(!call(DBCN, 0, 5, 0x10, 0) && seen[0].a1 == 5 && !strcmp(sent, "aaaaa"), "SBI: a text");
	ok(!call(DBCN, 0, ~0ull, 0, 0) && seen[0].a1 == 1024 && nr_sent == 1029,
	   "SBI: a part of a long text");
	ok(call(DBCN, 0, 5, 0, 1) == -3 && call(DBCN, 0, 5, ~0ull, 0) == -3, "SBI: no such memory");
	ok(!call(DBCN, 1, 5, 0, 0) && seen[0].a1 == UNSET, "SBI: no input");
	ok(!call(DBCN, 2, 'b', 0, 0) && sent[1029] == 'b', "SBI: a byte");
}

/* Whatever a guest calls. */
static void test_any_call(void)
{
	static const u32 exts[] = { BASE, RFENCE, HSM, SRST, DBCN, 0x735049, 0x54494d45, 1, 2 };

	begin();
	srand(2);
	for (u32 i = 0; i < 500000; i++) {
		u32 ext = exts[(u32)rand() % ARRAY_SIZE(exts)];
		u64 args[3];

		for (int j = 0; j < 3; j++)
			args[j] = rand() & 1 ? (u64)rand() << 33 ^ rand() : (u64)rand() % 70;
		call(ext, (u32)rand() % 10, args[0], args[1], args[2]);
		ipi(args[0], args[1]);
		start(args[0], args[1], args[2]);
	}
	ok(true, "SBI: any calls");
}

int main(void)
{
	m.space = memfd_create("space", MFD_CLOEXEC);
	puts("TAP version 13");
	test_plic_line();
	test_plic_order();
	test_plic_any();
	test_uart();
	test_clock();
	test_base();
	test_masks();
	test_harts();
	test_down();
	test_console();
	test_any_call();
	printf("1..%d\n", nr);
	return failures != 0;
}
