/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a guest of "axasctl run" has: a start with all addresses mapped to themselves, a
 * console, and a way to end. The same programs are for x86-64, arm64 and RISC-V.
 *
 *   guest_main()   is entered with the memory that the VMM has given; what it returns is
 *                  the guest's status
 *   port 0xe9      takes characters for the console
 *   port 0xf4      ends the guest with a status
 *
 * Where there are no ports they are addresses without memory, from DEVICES on.
 */
#ifndef AXAS_GUEST_H
#define AXAS_GUEST_H

#define PAGE	4096ul
#define MIB	(1024 * 1024ul)

#define PORT_CONSOLE	0xe9
#define PORT_END	0xf4
#define DEVICES		0xf0000000

#ifndef __ASSEMBLER__

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

/* The program: its status. @mem is the first byte after the VMM's, @bytes how many follow. */
u32 guest_main(u64 mem, u64 bytes);

static inline void outb(unsigned short port, u8 val)
{
#if defined(__x86_64__)
	asm volatile("outb %0, %1" : : "a" (val), "Nd" (port));
#elif defined(__aarch64__)
	asm volatile("strb %w1, [%0]" : : "r" ((u64)DEVICES + port), "r" (val) : "memory");
#elif defined(__riscv)
	asm volatile("sb %1, (%0)" : : "r" ((u64)DEVICES + port), "r" (val) : "memory");
#endif
}

/* Exactly one access, which no compiler leaves out. */
static inline void store(u64 at, u64 val)
{
#if defined(__x86_64__)
	asm volatile("movq %1, (%0)" : : "r" (at), "r" (val) : "memory");
#elif defined(__aarch64__)
	asm volatile("str %1, [%0]" : : "r" (at), "r" (val) : "memory");
#elif defined(__riscv)
	asm volatile("sd %1, (%0)" : : "r" (at), "r" (val) : "memory");
#endif
}

static inline u64 load(u64 at)
{
	u64 val;

#if defined(__x86_64__)
	asm volatile("movq (%1), %0" : "=r" (val) : "r" (at) : "memory");
#elif defined(__aarch64__)
	asm volatile("ldr %0, [%1]" : "=r" (val) : "r" (at) : "memory");
#elif defined(__riscv)
	asm volatile("ld %0, (%1)" : "=r" (val) : "r" (at) : "memory");
#endif
	return val;
}

void print(const char *text);
void print_number(u64 n);
void print_hex(u64 n);

#endif /* __ASSEMBLER__ */
#endif /* AXAS_GUEST_H */
