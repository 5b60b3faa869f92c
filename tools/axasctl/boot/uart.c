// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550. What it sends goes to the terminal at once; what it receives waits in a large FIFO. Baud
 * rate and format have no effect. Calls console.c and arch_uart_line(). The machine's lock is held.
 *
 * National Semiconductor, "PC16550D", 1995.
 */
#include "boot.h"

#include <string.h>

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_RECEIVED	0x01
#define IER_EMPTY	0x02
#define IIR_NONE	0x01
#define IIR_EMPTY	0x02
#define IIR_RECEIVED	0x04
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR	0x02
#define LCR_DLAB	0x80
#define MCR_LOOP	0x10
#define MCR_OUT2	0x08
#define LSR_READY	0x01
#define LSR_EMPTY	0x60
#define MSR_THERE	0xb0	/* CTS, DSR, DCD */

static bool received(const struct uart *u)
{
	return u->head != u->tail;
}

static u8 cause(const struct uart *u)
{
	if (u->ier & IER_RECEIVED && received(u))
		return IIR_RECEIVED;
	if (u->ier & IER_EMPTY && u->thr_empty)
		return IIR_EMPTY;
	return IIR_NONE;
}

/* On a PC, OUT2 connects its interrupt to the controller. */
static void update(struct machine *m)
{
	struct uart *u = &m->uart;

	arch_uart_line(m, cause(u) != IIR_NONE && u->mcr & MCR_OUT2);
}

void uart_reset(struct machine *m)
{
	memset(&m->uart, 0, sizeof(m->uart));
	m->uart.divisor = 1;
	m->uart.thr_empty = true;
}

bool uart_receive(struct machine *m, u8 byte)
{
	struct uart *u = &m->uart;

	if (u->head - u->tail == UART_FIFO)
		return false;
	u->fifo[u->head++ % UART_FIFO] = byte;
	update(m);
	return true;
}

static void send(struct machine *m, u8 val)
{
	if (m->uart.mcr & MCR_LOOP)
		uart_receive(m, val);
	else
		console_put(m, val);
	m->uart.thr_empty = true;
}

static void set_ier(struct uart *u, u8 val)
{
	if (val & ~u->ier & IER_EMPTY)
		u->thr_empty = true;
	u->ier = val & 0xf;
}

void uart_write(struct machine *m, u32 reg, u8 val)
{
	struct uart *u = &m->uart;

	switch (reg) {
	case DATA:
		if (u->lcr & LCR_DLAB)
			u->divisor = (u->divisor & 0xff00) | val;
		else
			send(m, val);
		break;
	case IER:
		if (u->lcr & LCR_DLAB)
			u->divisor = (u->divisor & 0xff) | val << 8;
		else
			set_ier(u, val);
		break;
	case IIR_FCR:
		u->fcr = val;
		if (val & FCR_CLEAR)
			u->tail = u->head;
		break;
	case LCR:
		u->lcr = val;
		break;
	case MCR:
		u->mcr = val & 0x1f;
		break;
	case SCR:
		u->scr = val;
	}
	update(m);
}

static u8 read_iir(struct uart *u)
{
	u8 iir = cause(u);

	if (iir == IIR_EMPTY)
		u->thr_empty = false;
	return u->fcr & FCR_ENABLE ? iir | IIR_FIFO : iir;
}

/* In loopback the outputs of MCR are the inputs of MSR. */
static u8 read_msr(const struct uart *u)
{
	if (!(u->mcr & MCR_LOOP))
		return MSR_THERE;
	return (u->mcr & 2) << 3 | (u->mcr & 1) << 5 | (u->mcr & 0xc) << 4;
}

static u8 read_reg(struct uart *u, u32 reg)
{
	switch (reg) {
	case DATA:
		if (u->lcr & LCR_DLAB)
			return u->divisor;
		return received(u) ? u->fifo[u->tail++ % UART_FIFO] : 0;
	case IER:
		return u->lcr & LCR_DLAB ? u->divisor >> 8 : u->ier;
	case IIR_FCR:
		return read_iir(u);
	case LCR:
		return u->lcr;
	case MCR:
		return u->mcr;
	case LSR:
		return LSR_EMPTY | (received(u) ? LSR_READY : 0);
	case MSR:
		return read_msr(u);
	default:
		return u->scr;
	}
}

u8 uart_read(struct machine *m, u32 reg)
{
	u8 val = read_reg(&m->uart, reg);

	update(m);
	return val;
}
