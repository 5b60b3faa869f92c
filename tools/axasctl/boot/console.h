/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The serial line and the terminal: declarations of uart.c and console.c. Included by boot.h.
 */
#ifndef AXASCTL_BOOT_CONSOLE_H
#define AXASCTL_BOOT_CONSOLE_H

#include "../axasctl.h"

struct machine;

#define UART_FIFO	4096

struct uart {
	u8 ier, lcr, mcr, scr, fcr;
	u16 divisor;
	bool thr_empty;			/* its interrupt has not been acknowledged */
	u8 fifo[UART_FIFO];
	u32 head, tail;
};

/**
 * struct output - what the guest prints
 * @until: pause the machine once it has printed this, or NULL
 * @lines: they come whole, and begin with who prints them: others print at the same time
 * @clone: number of the clone, or 0: it is the machine itself
 * @len: bytes of @line
 * @line: the last one, as far as it came
 */
struct output {
	const char *until;
	bool lines;
	u32 clone;
	u32 len;
	char line[256];
};

/* uart.c. The lock is held. */
void uart_reset(struct machine *m);
void uart_write(struct machine *m, u32 reg, u8 val);
u8 uart_read(struct machine *m, u32 reg);
bool uart_receive(struct machine *m, u8 byte);	/* false: its buffer is full */

/* console.c */
void console_put(struct machine *m, u8 byte);
void console_flush(struct machine *m);	/* the last of whole lines, if it has no end */
int console_begin(struct machine *m);
/* Pass on keys until the machine ends. */
void console_loop(struct machine *m);
int console_time_left(u64 end);		/* in ms, at most; 0: it has passed */
void console_end(void);

#endif /* AXASCTL_BOOT_CONSOLE_H */
