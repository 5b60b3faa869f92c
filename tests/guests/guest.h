/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest of "axasctl run" has: a start in 64-bit mode with all addresses below
 * 4 GiB mapped to themselves, a console, and a way to end. It runs on SVM and VMX alike.
 *
 *   guest_main()   is entered with the memory that the VMM has given; what it returns is
 *                  the guest's status
 *   port 0xe9      takes characters for the console
 *   port 0xf4      ends the guest with a status
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

/* The program: its status. @mem is the first byte after the VMM's, @bytes how many follow. */
u32 guest_main(u64 mem, u64 bytes);

static inline void outb(unsigned short port, u8 val)
{
	asm volatile("outb %0, %1" : : "a" (val), "Nd" (port));
}

static inline void outl(unsigned short port, u32 val)
{
	asm volatile("outl %0, %1" : : "a" (val), "Nd" (port));
}

/* Exactly one access, which no compiler leaves out. */
static inline void store(u64 at, u64 val)
{
	asm volatile("movq %1, (%0)" : : "r" (at), "r" (val) : "memory");
}

static inline u64 load(u64 at)
{
	u64 val;

	asm volatile("movq (%1), %0" : "=r" (val) : "r" (at) : "memory");
	return val;
}

void print(const char *text);
void print_number(u64 n);
void print_hex(u64 n);

#endif /* AXAS_GUEST_H */
