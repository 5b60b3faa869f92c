// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices and the firmware of boot on arm64, without a guest: prints TAP. Has the functions of
 * machine.c, console.c and libaxas that they call: vCPUs are descriptors that hold interrupts.
 */
#include "../boot.h"
#include "../test.h"

#include <stdio.h>
#include <string.h>

#define CPUS	3
#define LEVEL	2u
#define TIMER	3u

static u32 virtio_written;
static struct machine m;
static char sent[64];
static size_t nr_sent;
static u64 returned;
static u64 x0;

/* What a vCPU has: nothing, an edge, a raised line, the timer; and its priority. */
static struct {
	u32 has[256];
	u32 priority[256];
} vcpus[CPUS];

int axvcpu_interrupt(int vcpu, u32 how, u32 id, u32 priority)
{
	u32 *has = &vcpus[vcpu].has[id];
	int ret = 0;

	switch (how) {
	case 0:
		*has = 1;
		break;
	case AXVCPU_INJECT_RAISE:
		*has = LEVEL;
		break;
	case AXVCPU_INJECT_TIMER:
		*has = TIMER;
		break;
	default:
		ret = *has == 1;
		*has = 0;
		return ret;
	}
	vcpus[vcpu].priority[id] = priority;
	return ret;
}

int axvcpu_set_return(int vcpu, u64 val)
{
	(void)vcpu;
	returned = val;
	return 0;
}

int axvcpu_get_regs(int vcpu, struct axvcpu_regs *regs)
{
	(void)vcpu;
	regs->arm64.x[0] = x0;
	return 0;
}

static u64 wall;

u64 wall_ns(void)
{
	return wall;
}

void machine_kick(struct cpu *cpu)
{
	(void)cpu;
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
	irq_set(machine, IRQ_UART, level);
}

u32 virtio_read(struct machine *machine, u32 slot, u32 reg, u32 width)
{
	(void)machine;
	return slot << 16 | reg | width << 24;
}

void virtio_write(struct machine *machine, u32 slot, u32 reg, u32 val)
{
	(void)machine;
	virtio_written = slot << 16 | reg | val << 24;
}

static void write_to(u64 gpa, u32 width, u64 val)
{
	if (!mmio_write(&m, gpa, width, val))
		failures++;
}

static u64 read_from(u64 gpa, u32 width)
{
	u64 val = 0;

	if (!mmio_read(&m, gpa, width, &val))
		failures++;
	return val;
}

static void dist(u32 reg, u32 val)
{
	write_to(GICD_BASE + reg, 4, val);
}

static void redist(u32 cpu, u32 reg, u32 val)
{
	write_to(GICR_BASE + cpu * GICR_STRIDE + 0x10000 + reg, 4, val);
}

/* As Linux sets it up: all in group 1, priority 0xa0, affinity routing. */
static void begin(void)
{
	memset(&m, 0, sizeof(m));
	memset(vcpus, 0, sizeof(vcpus));
	memset(sent, 0, sizeof(sent));
	nr_sent = 0;
	m.nr_cpus = CPUS;
	for (u32 i = 0; i < CPUS; i++)
		m.cpu[i] = (struct cpu){ .m = &m, .id = i, .fd = i, .wait = i };
	irq_reset(&m);
	rtc_reset(&m);
	uart_reset(&m);
	irq_cpu_on(&m.cpu[0]);
	dist(0x84, ~0u);
	for (u32 i = 0; i < 32; i += 4)
		dist(0x420 + i, 0xa0a0a0a0);
	dist(0x0, 0x12);
	for (u32 i = 0; i < CPUS; i++)
		redist(i, 0x80, ~0u);
}

static u32 has(u32 cpu, u32 irq)
{
	return vcpus[cpu].has[irq];
}

static void test_levels(void)
{
	begin();
	irq_set(&m, 34, true);
	ok(!has(0, 34), "GIC: a disabled line waits");
	dist(0x104, 1u << 2);
	ok(has(0, 34) == LEVEL && vcpus[0].priority[34] == 0xa0, "GIC: until it is enabled");
	dist(0x184, 1u << 2);
	ok(!has(0, 34) && !(read_from(GICD_BASE + 0x104, 4) & 4), "GIC: and is taken back");
	dist(0x104, 1u << 2);
	irq_set(&m, 34, false);
	ok(!has(0, 34), "GIC: a low line is lowered");
	irq_set(&m, 34, true);
	dist(0x0, 0x10);
	ok(!has(0, 34), "GIC: the distributor is off");
	dist(0x0, 0x12);
	ok(has(0, 34) == LEVEL, "GIC: and on again");
	write_to(GICD_BASE + 0x400 + 34, 1, 0x50);
	ok(vcpus[0].priority[34] == 0x50 && has(0, 34) == LEVEL &&
	   read_from(GICD_BASE + 0x420, 4) == 0xa050a0a0, "GIC: another priority");
	dist(0x84, ~4u);
	ok(!has(0, 34), "GIC: of group 0 it is not delivered");
}

static void test_edges(void)
{
	begin();
	dist(0xc08, 2u << 4);
	ok(read_from(GICD_BASE + 0xc08, 4) == 2u << 4, "GIC: an edge is configured");
	dist(0x104, 1u << 2);
	irq_set(&m, 34, true);
	ok(has(0, 34) == 1, "GIC: an edge is injected once");
	dist(0x184, 1u << 2);
	ok(!has(0, 34) && read_from(GICD_BASE + 0x204, 4) == 4,
	   "GIC: one that is not acknowledged is pending again when it is disabled");
	dist(0x104, 1u << 2);
	vcpus[0].has[34] = 0;
	dist(0x184, 1u << 2);
	ok(!read_from(GICD_BASE + 0x204, 4), "GIC: one that is, is not");
	dist(0x104, 1u << 2);
	irq_set(&m, 34, false);
	ok(!has(0, 34), "GIC: a falling edge is nothing");
	dist(0x204, 1u << 2);
	ok(has(0, 34) == 1, "GIC: the guest makes it pending");
	dist(0x284, 1u << 2);
	ok(!has(0, 34) && !read_from(GICD_BASE + 0x204, 4), "GIC: and not");
}

static void test_routes(void)
{
	begin();
	dist(0x104, 1u << 2);
	irq_set(&m, 34, true);
	write_to(GICD_BASE + 0x6000 + 34 * 8, 8, 1);
	ok(!has(0, 34) && !has(1, 34), "GIC: a CPU that is off gets nothing");
	irq_cpu_on(&m.cpu[1]);
	ok(has(1, 34) == LEVEL && read_from(GICD_BASE + 0x6000 + 34 * 8, 8) == 1,
	   "GIC: until it is on");
	irq_cpu_off(&m.cpu[1]);
	memset(&vcpus[1], 0, sizeof(vcpus[1]));
	irq_cpu_on(&m.cpu[1]);
	ok(has(1, 34) == LEVEL, "GIC: and again after its reset");
	write_to(GICD_BASE + 0x6000 + 34 * 8, 8, 0);
	ok(has(0, 34) == LEVEL && !has(1, 34), "GIC: a route changes");
	write_to(GICD_BASE + 0x6000 + 34 * 8, 8, 0x80000000);
	ok(!has(0, 34), "GIC: one to any CPU is not offered");
}

static void send(u32 from, u64 target, u32 list, bool all, u32 sgi)
{
	struct axvcpu_exit exit = { .reason = AXVCPU_EXIT_SEND_IPI };

	exit.send_ipi.target = target;
	exit.send_ipi.target_aux = list;
	exit.send_ipi.to_all = all;
	exit.send_ipi.vector = sgi;
	irq_send(&m.cpu[from], &exit);
}

static void test_private(void)
{
	begin();
	irq_cpu_on(&m.cpu[1]);
	irq_cpu_on(&m.cpu[2]);
	for (u32 i = 0; i < CPUS; i++)
		redist(i, 0x100, 0xffff);
	send(0, 0, 5, false, 7);
	ok(has(0, 7) == 1 && !has(1, 7) && has(2, 7) == 1, "GIC: an SGI to a list");
	send(1, 0, 0, true, 3);
	ok(has(0, 3) == 1 && !has(1, 3) && has(2, 3) == 1, "GIC: an SGI to all others");
	send(1, 0x100, 1, false, 5);
	ok(!has(0, 5), "GIC: another affinity is nobody's");
	redist(2, 0x180, 1u << 9);
	send(0, 0, 4, false, 9);
	ok(!has(2, 9), "GIC: a disabled SGI waits");
	redist(2, 0x100, 1u << 9);
	ok(has(2, 9) == 1, "GIC: until it is enabled");
	write_to(GICR_BASE + GICR_STRIDE + 0x10000 + 0x400 + 27, 1, 0x80);
	redist(1, 0x100, 1u << 27);
	ok(has(1, 27) == TIMER && vcpus[1].priority[27] == 0x80 && !has(0, 27),
	   "GIC: an enabled timer is the module's");
	irq_cpu_off(&m.cpu[1]);
	memset(&vcpus[1], 0, sizeof(vcpus[1]));
	irq_cpu_on(&m.cpu[1]);
	ok(has(1, 27) == TIMER, "GIC: and again after its CPU's reset");
	redist(1, 0x180, 1u << 27);
	ok(!has(1, 27), "GIC: a disabled one is not");
	ok(read_from(GICR_BASE + 2 * GICR_STRIDE + 8, 8) == (2ull << 32 | 2 << 8 | 0x10) &&
	   read_from(GICR_BASE + 8, 4) == 0 && read_from(GICR_BASE + GICR_STRIDE + 12, 4) == 1,
	   "GIC: redistributors name their CPUs");
	write_to(GICR_BASE + 0x14, 4, 0);
	ok(!read_from(GICR_BASE + 0x14, 4) && read_from(GICR_BASE + GICR_STRIDE + 0x14, 4) == 6,
	   "GIC: a redistributor wakes");
	redist(0, 0xc00, 0);
	ok(read_from(GICR_BASE + 0x10c00, 4) == 0xaaaaaaaa, "GIC: SGIs stay edges");
}

/* No access leads astray: the sanitizer, or what is behind struct machine, would tell. */
static void test_all_registers(void)
{
	u64 before;

	begin();
	before = m.started;
	for (u64 gpa = GICD_BASE; gpa < GICR_BASE + CPUS * GICR_STRIDE; gpa++) {
		u64 val;

		for (u32 width = 1; width <= 8; width *= 2) {
			mmio_write(&m, gpa, width, ~0ull);
			mmio_read(&m, gpa, width, &val);
		}
	}
	for (u64 gpa = UART_BASE; gpa < RTC_BASE + RTC_SIZE; gpa++) {
		u64 val;

		mmio_read(&m, gpa, 4, &val);
	}
	ok(m.started == before && m.nr_cpus == CPUS, "MMIO: all addresses");
	ok(!mmio_read(&m, GICR_BASE + CPUS * GICR_STRIDE, 4, &before) &&
	   !mmio_write(&m, RTC_BASE + RTC_SIZE, 4, 0) &&
	   !mmio_read(&m, VIRTIO_BASE + NR_VIRTIO * VIRTIO_SIZE, 4, &before),
	   "MMIO: holes are told");
	write_to(VIRTIO_BASE + VIRTIO_SIZE + 0x50, 4, 7);
	ok(virtio_written == 0x07010050 &&
	   read_from(VIRTIO_BASE + VIRTIO_SIZE + 0x100, 2) == 0x02010100, "MMIO: virtio");
}

static void test_uart(void)
{
	begin();
	dist(0x104, 1u << 1);
	write_to(UART_BASE + 4, 1, 0x08);
	write_to(UART_BASE, 1, 'a');
	write_to(UART_BASE + 1, 1, 0x01);
	ok(!strcmp(sent, "a") && !has(0, 33), "16550: it sends");
	uart_receive(&m, 'x');
	ok(has(0, 33) == LEVEL, "16550: it interrupts");
	ok(read_from(UART_BASE, 1) == 'x' && !has(0, 33), "16550: until it is read");
}

static void test_rtc(void)
{
	begin();
	wall = 1000 * NSEC + NSEC - 1;
	ok(read_from(RTC_BASE, 4) == 1000, "PL031: the host's time");
	wall++;
	ok(read_from(RTC_BASE, 4) == 1001, "PL031: a second begins with the host's");
	write_to(RTC_BASE + 8, 4, 5000);
	wall += NSEC;
	ok(read_from(RTC_BASE, 4) == 5001, "PL031: the guest's own");
	ok(read_from(RTC_BASE + 0xfe0, 4) == 0x31 && read_from(RTC_BASE + 0xff4, 4) == 0xf0,
	   "PL031: its name");
}

static u64 cpu_on(u64 target, u64 entry)
{
	struct axvcpu_exit exit = { .reason = AXVCPU_EXIT_CPU_UP };

	exit.cpu_up.target = target;
	exit.cpu_up.entry = entry;
	exit.cpu_up.arg = 77;
	psci_cpu_up(&m.cpu[0], &exit);
	return returned;
}

static u64 call(u32 function, u64 arg)
{
	struct axvcpu_exit exit = { .reason = AXVCPU_EXIT_HYPERCALL };

	exit.hypercall.nr = function;
	exit.hypercall.args[0] = arg;
	psci_call(&m.cpu[0], &exit);
	return returned;
}

static void test_psci(void)
{
	begin();
	ok(cpu_on(3, 0x1000) == -2ull && cpu_on(1, 0x1001) == -9ull && cpu_on(0, 0x1000) == -4ull,
	   "PSCI: CPUs that cannot start");
	ok(call(0xc4000004, 1) == 1 && call(0x84000004, 0) == 0 && call(0xc4000004, 9) == -2ull,
	   "PSCI: which are on");
	ok(!cpu_on(1, 0x1000) && m.cpu[1].start && m.cpu[1].entry == 0x1000 && m.cpu[1].arg == 77 &&
	   cpu_on(1, 0x1000) == -5ull && call(0xc4000004, 1) == 2, "PSCI: one that starts");
	m.cpu[1].start = false;
	m.cpu[1].wait = false;
	ok(cpu_on(1, 0x1000) == -4ull && !call(0xc4000004, 1), "PSCI: it is on");
	ok(call(0x84000006, 0) == 2 && call(0xc400000e, 0) == -1ull, "PSCI: other calls");
	x0 = 0x84000008;
	psci_system_down(&m.cpu[0]);
	ok(m.ending == POWERED_OFF, "PSCI: power off");
	x0 = 0x84000009;
	psci_system_down(&m.cpu[0]);
	ok(m.ending == RESET, "PSCI: reset");
}

int main(void)
{
	puts("TAP version 13");
	test_levels();
	test_edges();
	test_routes();
	test_private();
	test_all_registers();
	test_uart();
	test_rtc();
	test_psci();
	printf("1..%d\n", nr);
	return failures != 0;
}
