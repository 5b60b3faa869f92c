// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices of boot, without a guest: prints TAP. Has the functions of machine.c, run.c and
 * console.c that devices call.
 */
#include "../boot.h"
#include "../test.h"

#include <stdio.h>
#include <string.h>

static struct machine m;
static u32 kicks;
static char sent[64];
static size_t nr_sent;

u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
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
	pic_set(machine, 4, level);
}

static void begin(u32 cpus)
{
	memset(&m, 0, sizeof(m));
	m.nr_cpus = cpus;
	m.arch.tsc_khz = 1000000;
	for (u32 i = 0; i < cpus; i++) {
		m.cpu[i].m = &m;
		m.cpu[i].id = i;
		m.cpu[i].wait = i;
		apic_reset(&m.cpu[i].arch.apic, i);
		m.cpu[i].arch.apic.svr |= 0x100;
	}
	pic_reset(&m);
	pit_reset(&m);
	uart_reset(&m);
	kicks = 0;
	nr_sent = 0;
	memset(sent, 0, sizeof(sent));
}

/* As Linux sets them up: vectors 0x30 and 0x38, nothing masked. */
static void set_up_pics(void)
{
	static const struct { u16 port; u8 val; } writes[] = {
		{ 0x20, 0x11 }, { 0x21, 0x30 }, { 0x21, 0x04 }, { 0x21, 0x01 },
		{ 0xa0, 0x11 }, { 0xa1, 0x38 }, { 0xa1, 0x02 }, { 0xa1, 0x01 },
		{ 0x21, 0x00 }, { 0xa1, 0x00 },
	};

	begin(1);
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
		port_write(&m, writes[i].port, 1, writes[i].val);
}

static void test_pic(void)
{
	set_up_pics();
	ok(pic_pending(&m) < 0, "8259: nothing is pending");
	pic_set(&m, 4, true);
	ok(pic_pending(&m) == 0x34 && kicks == 1, "8259: an edge is a request");
	pic_set(&m, 1, true);
	ok(pic_pending(&m) == 0x31, "8259: the lower number comes first");
	pic_ack(&m);
	ok(pic_pending(&m) < 0, "8259: what is in service holds off the others");
	port_write(&m, 0x20, 1, 0x20);
	ok(pic_pending(&m) == 0x34, "8259: until its end");
	pic_ack(&m);
	port_write(&m, 0x20, 1, 0x64);
	pic_set(&m, 4, true);
	ok(pic_pending(&m) < 0, "8259: a line that stays high is one edge");
	pic_set(&m, 4, false);
	pic_set(&m, 4, true);
	pic_set(&m, 4, false);
	ok(pic_pending(&m) < 0, "8259: a request ends with its line");
	pic_set(&m, 9, true);
	ok(pic_pending(&m) == 0x39, "8259: the slave's come through the master");
	port_write(&m, 0xa1, 1, 0x02);
	ok(pic_pending(&m) < 0, "8259: a mask holds a request");
	port_write(&m, 0xa1, 1, 0x00);
	pic_ack(&m);
	port_write(&m, 0xa0, 1, 0x61);
	port_write(&m, 0x20, 1, 0x62);
	ok(pic_pending(&m) < 0, "8259: both controllers have ended it");
	port_write(&m, 0x4d1, 1, 0x02);
	pic_set(&m, 9, true);
	pic_ack(&m);
	port_write(&m, 0xa0, 1, 0x61);
	port_write(&m, 0x20, 1, 0x62);
	ok(pic_pending(&m) == 0x39, "8259: a level that stays is a request again");
}

#define ICR(msr_value)	apic_write(&m.cpu[0], 0x830, msr_value)

static void test_apic(void)
{
	struct apic *a = &m.cpu[0].arch.apic;
	u64 val;

	begin(4);
	ICR(0x40041);
	ICR(0x40091);
	ok(apic_pending(a) == 0x91, "APIC: the highest vector comes first");
	apic_ack(a, 0x91);
	ok(apic_pending(a) < 0, "APIC: a lower class waits");
	ICR(0x4009f);
	ok(apic_pending(a) < 0, "APIC: so does the same class");
	ICR(0x400a0);
	ok(apic_pending(a) == 0xa0, "APIC: a higher class does not");
	apic_ack(a, 0xa0);
	apic_write(&m.cpu[0], 0x80b, 0);
	ok(apic_read(&m.cpu[0], 0x815, &val) && !val && apic_read(&m.cpu[0], 0x814, &val) &&
	   val == 0x20000, "APIC: EOI ends the highest in service");
	apic_write(&m.cpu[0], 0x80b, 0);
	ok(apic_pending(a) == 0x9f, "APIC: and then the next");
	begin(4);
	ICR(2ull << 32 | 0x50);
	ok(apic_pending(&m.cpu[2].arch.apic) == 0x50 && kicks == 4, "APIC: to one by its number");
	ICR(0xaull << 32 | 0x860);
	ok(apic_pending(&m.cpu[1].arch.apic) == 0x60 && apic_pending(&m.cpu[3].arch.apic) == 0x60 &&
	   apic_pending(a) < 0, "APIC: to a set by its mask");
	ICR(0xc0070);
	ok(apic_pending(a) < 0 && apic_pending(&m.cpu[2].arch.apic) == 0x70, "APIC: to all others");
	ICR(1ull << 32 | 0x4500);
	ok(!m.cpu[1].reset && !m.cpu[1].start, "APIC: INIT of one that waits");
	ICR(1ull << 32 | 0x4699);
	ICR(1ull << 32 | 0x8500);
	ok(!m.cpu[1].reset && m.cpu[1].start && m.cpu[1].entry == 0x99000, "APIC: startup");
	m.cpu[1].wait = false;
	m.cpu[1].start = false;
	ICR(1ull << 32 | 0x4699);
	ok(!m.cpu[1].start, "APIC: a second startup has no effect");
	ICR(1ull << 32 | 0x4500);
	ICR(1ull << 32 | 0x4698);
	ok(m.cpu[1].reset && m.cpu[1].start && m.cpu[1].entry == 0x98000,
	   "APIC: INIT of one that runs, and startup");
	ok(!apic_write(&m.cpu[0], 0x803, 0) && !apic_write(&m.cpu[0], 0x80b, 1) &&
	   !apic_read(&m.cpu[0], 0x801, &val), "APIC: other accesses fault");
}

static void test_apic_timer(void)
{
	struct apic *a = &m.cpu[0].arch.apic;
	u64 val, due;

	begin(1);
	apic_write(&m.cpu[0], 0x832, 0x200e0);
	apic_write(&m.cpu[0], 0x83e, 0xb);
	apic_write(&m.cpu[0], 0x838, 1000000);
	due = a->due;
	ok(apic_read(&m.cpu[0], 0x839, &val) && val > 0 && val <= 1000000, "APIC timer: it counts");
	apic_expire(a, due - 1);
	ok(apic_pending(a) < 0, "APIC timer: not before its time");
	apic_expire(a, due);
	ok(apic_pending(a) == 0xe0 && a->due == due + 1000000, "APIC timer: periodic");
	apic_write(&m.cpu[0], 0x832, 0x400e1);
	ok(a->due == NEVER, "APIC timer: another mode stops it");
	apic_write(&m.cpu[0], 0x6e0, 1);
	ok(a->due <= now_ns(), "APIC timer: a deadline in the past is due");
	apic_expire(a, now_ns());
	ok(apic_pending(a) == 0xe1 && a->due == NEVER && apic_read(&m.cpu[0], 0x6e0, &val) && !val,
	   "APIC timer: once");
}

static void test_pit(void)
{
	u64 length;
	u8 low;

	set_up_pics();
	port_write(&m, 0x43, 1, 0x34);
	port_write(&m, 0x40, 1, 0x9c);
	ok(pit_due(&m) == NEVER, "8254: half a count does not start it");
	port_write(&m, 0x40, 1, 0x2e);
	length = pit_due(&m) - m.arch.pit[0].start;
	ok(length > 9999000 && length < 10001000, "8254: 11932 ticks are 10 ms");
	pit_expire(&m, pit_due(&m));
	ok(pic_pending(&m) == 0x30 && m.arch.pit[0].fired == 1, "8254: it interrupts");
	port_write(&m, 0x43, 1, 0x00);
	low = port_read(&m, 0x40, 1);
	ok((port_read(&m, 0x40, 1) << 8 | low) <= 11932, "8254: a latched count in two reads");
	port_write(&m, 0x43, 1, 0xb0);
	port_write(&m, 0x42, 1, 0xff);
	port_write(&m, 0x42, 1, 0xff);
	port_write(&m, 0x61, 1, 1);
	ok(!(port_read(&m, 0x61, 1) & 0x20), "8254: the output is low while it counts");
	m.arch.pit[2].start -= NSEC;
	ok(port_read(&m, 0x61, 1) & 0x20, "8254: and high afterwards");
}

static u64 cmos(u8 reg)
{
	port_write(&m, 0x70, 1, reg);
	return port_read(&m, 0x71, 1);
}

static void test_rtc(void)
{
	begin(1);
	/* 2026-11-27, 15:04:59, a Friday. */
	wall = 1795791899 * NSEC + NSEC - 1;
	ok(cmos(0) == 0x59 && cmos(2) == 0x04 && cmos(4) == 0x15, "CMOS clock: the time");
	ok(cmos(6) == 6 && cmos(7) == 0x27 && cmos(8) == 0x11 && cmos(9) == 0x26 &&
	   cmos(0x32) == 0x20, "CMOS clock: the date");
	wall++;
	ok(!cmos(0) && cmos(2) == 0x05, "CMOS clock: a second begins with the host's");
}

static void test_uart(void)
{
	set_up_pics();
	port_write(&m, 0x3fc, 1, 0x08);
	port_write(&m, 0x3f8, 1, 'a');
	ok(!strcmp(sent, "a") && port_read(&m, 0x3fd, 1) == 0x60, "16550: it sends at once");
	port_write(&m, 0x3f9, 1, 0x02);
	ok(pic_pending(&m) == 0x34 && port_read(&m, 0x3fa, 1) == 0x02, "16550: it is empty");
	ok(pic_pending(&m) < 0 && port_read(&m, 0x3fa, 1) == 0x01, "16550: told once");
	port_write(&m, 0x3f9, 1, 0x00);
	port_write(&m, 0x3f9, 1, 0x02);
	ok(port_read(&m, 0x3fa, 1) == 0x02, "16550: and again when asked anew");
	port_write(&m, 0x3f9, 1, 0x01);
	uart_receive(&m, 'x');
	uart_receive(&m, 'y');
	ok(pic_pending(&m) == 0x34 && port_read(&m, 0x3fa, 1) == 0x04 &&
	   port_read(&m, 0x3fd, 1) == 0x61, "16550: it has received");
	ok(port_read(&m, 0x3f8, 1) == 'x' && port_read(&m, 0x3f8, 1) == 'y' &&
	   port_read(&m, 0x3fd, 1) == 0x60, "16550: in order");
	port_write(&m, 0x3fc, 1, 0x18);
	port_write(&m, 0x3f8, 1, 'z');
	ok(port_read(&m, 0x3f8, 1) == 'z' && !strcmp(sent, "a"), "16550: in a loop");
}

static u8 sum(const u8 *bytes, size_t len)
{
	u8 total = 0;

	while (len--)
		total += *bytes++;
	return total;
}

static void test_acpi(void)
{
	static u8 tables[ACPI_SIZE];
	u64 address;
	u32 len;
	bool good = true;

	begin(3);
	acpi_make(&m, tables);
	ok(!memcmp(tables, "RSD PTR ", 8) && !sum(tables, 20) && !sum(tables, 36),
	   "ACPI: the RSDP's sums");
	for (int i = 0; i < 2; i++) {
		memcpy(&address, tables + 0x100 + 36 + 8 * i, 8);
		memcpy(&len, tables + (address - ACPI_TABLES) + 4, 4);
		good &= !sum(tables + (address - ACPI_TABLES), len);
	}
	ok(good, "ACPI: the tables' sums");
	ok(len == 44 + 3 * 8, "ACPI: three processors");
	port_write(&m, PORT_PM1_CNT, 2, 0x2000 | 4 << 10);
	ok(m.ending == RUNNING, "ACPI: another sleep state");
	port_write(&m, PORT_PM1_CNT, 2, 0x2000 | SLEEP_TYPE_S5 << 10);
	ok(m.ending == POWERED_OFF, "ACPI: power off");
	m.ending = RUNNING;
	port_write(&m, PORT_RESET, 1, RESET_VALUE);
	ok(m.ending == RESET, "ACPI: reset");
}

/* Bytes of the DSDT; its lengths and its sum are right. */
static u32 dsdt_bytes(const u8 *tables, const u8 **first)
{
	const u8 *dsdt = tables + 0x800, *at = dsdt + 36 + 13;
	u32 len;

	memcpy(&len, dsdt + 4, 4);
	*first = at;
	while (at < dsdt + len && at[0] == 0x5b && at[1] == 0x82 && at[2] >> 6 == 1)
		at += 2 + (at[2] & 0xf) + at[3] * 16;
	return at == dsdt + len && !sum(dsdt, len) ? len : 0;
}

static void test_acpi_virtio(void)
{
	static u8 tables[ACPI_SIZE];
	const u8 *device;
	u32 none, one, both, base, irq;

	begin(1);
	m.disk = -1;
	acpi_make(&m, tables);
	none = dsdt_bytes(tables, &device);
	m.balloon = true;
	acpi_make(&m, tables);
	one = dsdt_bytes(tables, &device);
	memcpy(&base, device + 49, 4);
	memcpy(&irq, device + 62, 4);
	ok(!memcmp(device + 6, "_SB_VIO1", 8) && !memcmp(device + 20, "LNRO0005", 9) &&
	   base == VIRTIO_BASE + VIRTIO_BALLOON * VIRTIO_SIZE && irq == IRQ_VIRTIO + VIRTIO_BALLOON,
	   "ACPI: a virtio device");
	m.disk = 0;
	acpi_make(&m, tables);
	both = dsdt_bytes(tables, &device);
	ok(none && one > none && both - one == one - none, "ACPI: those that are there");
}

int main(void)
{
	puts("TAP version 13");
	test_pic();
	test_apic();
	test_apic_timer();
	test_pit();
	test_rtc();
	test_uart();
	test_acpi();
	test_acpi_virtio();
	printf("1..%d\n", nr);
	return failures != 0;
}
