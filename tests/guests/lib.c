// SPDX-License-Identifier: GPL-2.0-only
/*
 * The console, and what a compiler may call.
 */
#include "guest.h"

void *memset(void *to, int byte, u64 n);
void *memcpy(void *to, const void *from, u64 n);

void *memset(void *to, int byte, u64 n)
{
	for (u8 *p = to; n--; p++)
		*p = byte;
	return to;
}

void *memcpy(void *to, const void *from, u64 n)
{
	const u8 *q = from;

	for (u8 *p = to; n--; p++)
		*p = *q++;
	return to;
}

void print(const char *text)
{
	for (; *text; text++)
		outb(PORT_CONSOLE, *text);
}

static void print_base(u64 n, u32 base)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	print(p);
}

void print_number(u64 n)
{
	print_base(n, 10);
}

void print_hex(u64 n)
{
	print("0x");
	print_base(n, 16);
}
