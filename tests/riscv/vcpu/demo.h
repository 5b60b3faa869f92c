/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guests of ../../guests have here: it stands in for their guest.h. The console
 * and the end are SBI calls.
 */
#ifndef AXAS_GUEST_H
#define AXAS_GUEST_H

#include "guests.h"

#ifndef __ASSEMBLER__

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define PAGE	4096ul
#define MIB	0x100000ul

#define PORT_CONSOLE	0xe9

u32 guest_main(u64 mem, u64 bytes);

/* There is one port only. */
static inline void outb(unsigned short port, u8 val)
{
	register u64 a0 asm("a0") = val;
	register u64 a7 asm("a7") = SBI_PUTCHAR;

	(void)port;
	asm volatile("ecall" : "+r" (a0) : "r" (a7) : "memory");
}

static inline void store(u64 at, u64 val)
{
	asm volatile("sd %1, (%0)" : : "r" (at), "r" (val) : "memory");
}

static inline u64 load(u64 at)
{
	u64 val;

	asm volatile("ld %0, (%1)" : "=r" (val) : "r" (at) : "memory");
	return val;
}

void print(const char *text);
void print_number(u64 n);
void print_hex(u64 n);

#endif /* __ASSEMBLER__ */
#endif /* AXAS_GUEST_H */
