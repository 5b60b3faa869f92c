// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: finds the device, and has the registers of ACPI's PM1 block and the reset itself. Other
 * ports read as ones and ignore writes. Calls the devices. The machine's lock is held.
 */
#include "../boot.h"

#define PM1_CNT_SCI_EN		0x0001
#define PM1_CNT_SLP_TYPE(val)	((val) >> 10 & 7)
#define PM1_CNT_SLP_EN		0x2000
#define TIMER_CHIP		0x43
#define PORT61_GATE2		0x01
#define PORT61_SPEAKER		0x02
#define PORT61_REFRESH		0x10
#define PORT61_OUT2		0x20
#define REFRESH_NS		15085

static void write_port61(struct machine *m, u8 val)
{
	if (val & ~m->arch.port61 & PORT61_GATE2)
		pit_gate2(m);
	m->arch.port61 = val & (PORT61_GATE2 | PORT61_SPEAKER);
}

static u8 read_port61(const struct machine *m)
{
	return m->arch.port61 | (pit_out2(m) ? PORT61_OUT2 : 0) |
	       (now_ns() / REFRESH_NS & 1 ? PORT61_REFRESH : 0);
}

static void write_pm1(struct machine *m, u32 port, u32 val)
{
	if (port == PORT_PM1_EVT + 2)
		m->arch.pm1_enable = val;
	if (port == PORT_PM1_CNT && val & PM1_CNT_SLP_EN && PM1_CNT_SLP_TYPE(val) == SLEEP_TYPE_S5)
		machine_end(m, POWERED_OFF);
}

/* No event is ever pending. The machine is always in ACPI mode. */
static u32 read_pm1(const struct machine *m, u32 port)
{
	switch (port) {
	case PORT_PM1_EVT:
		return 0;
	case PORT_PM1_EVT + 2:
		return m->arch.pm1_enable;
	case PORT_PM1_CNT:
		return PM1_CNT_SCI_EN;
	default:
		return ~0u;
	}
}

static void write_byte(struct machine *m, u32 port, u8 val)
{
	switch (port) {
	case 0x20:
	case 0x21:
	case 0xa0:
	case 0xa1:
	case 0x4d0:
	case 0x4d1:
		pic_write(m, port, val);
		break;
	case 0x40 ... TIMER_CHIP:
		pit_write(m, port, val);
		break;
	case 0x61:
		write_port61(m, val);
		break;
	case 0x70:
		m->arch.cmos_index = val & 0x7f;
		break;
	case 0x71:
		rtc_write(m, val);
		break;
	case PORT_RESET:
		if (val == RESET_VALUE)
			machine_end(m, RESET);
		break;
	case 0x3f8 ... 0x3ff:
		uart_write(m, port - 0x3f8, val);
		break;
	}
}

static u8 read_byte(struct machine *m, u32 port)
{
	switch (port) {
	case 0x20:
	case 0x21:
	case 0xa0:
	case 0xa1:
	case 0x4d0:
	case 0x4d1:
		return pic_read(m, port);
	case 0x40 ... TIMER_CHIP:
		return pit_read(m, port);
	case 0x61:
		return read_port61(m);
	case 0x71:
		return rtc_read(m);
	case 0x3f8 ... 0x3ff:
		return uart_read(m, port - 0x3f8);
	default:
		return 0xff;
	}
}

static bool is_pm1(u32 port)
{
	return port >= PORT_PM1_EVT && port < PORT_PM1_CNT + 2;
}

/* Wider accesses to a device are those to its bytes, as on the ISA bus. */
void port_write(struct machine *m, u32 port, u32 width, u32 val)
{
	if (is_pm1(port))
		write_pm1(m, port, val);
	else
		for (u32 i = 0; i < width; i++)
			write_byte(m, port + i, val >> 8 * i);
}

u32 port_read(struct machine *m, u32 port, u32 width)
{
	u32 val = 0;

	if (is_pm1(port))
		return read_pm1(m, port);
	for (u32 i = 0; i < width; i++)
		val |= (u32)read_byte(m, port + i) << 8 * i;
	return val;
}
