/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guests of ../guests on arm64: what their own guest.h says for x86-64. They are built
 * twice: to run at EL1, where devices are writes to a hole, and with HOSTED as part of the
 * test, to learn what they shall print.
 */
#ifndef AXAS_GUEST_H
#define AXAS_GUEST_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

#define PAGE	4096ul
#define MIB	(1024 * 1024ul)

#define PORT_CONSOLE	0xe9
#define PORT_END	0xf4
#define DEVICES		0xf0000000ul	/* ports are bytes from here on */

/* The program: its status. @mem is the first byte after the VMM's, @bytes how many follow. */
u32 guest_main(u64 mem, u64 bytes);

#ifdef HOSTED
void outb(unsigned short port, u8 val);
#else
static inline void outb(unsigned short port, u8 val)
{
	asm volatile("strb %w1, [%0]" : : "r" (DEVICES + port), "r" (val) : "memory");
}
#endif

/* Exactly one access, which no compiler leaves out. */
static inline void store(u64 at, u64 val)
{
	asm volatile("str %1, [%0]" : : "r" (at), "r" (val) : "memory");
}

static inline u64 load(u64 at)
{
	u64 val;

	asm volatile("ldr %0, [%1]" : "=r" (val) : "r" (at) : "memory");
	return val;
}

void print(const char *text);
void print_number(u64 n);
void print_hex(u64 n);

#endif /* AXAS_GUEST_H */
