// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that access devices in memory, without a guest or a device: prints TAP.
 */
#include "mmio.h"
#include "../test.h"

#include <string.h>

u32 virtio_read(struct machine *m, u32 slot, u32 reg, u32 width)
{
	(void)m;
	return slot + reg + width;
}

void virtio_write(struct machine *m, u32 slot, u32 reg, u32 val)
{
	(void)m;
	(void)slot;
	(void)reg;
	(void)val;
}

/* Registers hold their number in each byte, the byte's own number above: 0x7161..01 for RCX. */
static struct axvcpu_regs registers(void)
{
	struct axvcpu_regs regs = { 0 };

	for (u32 i = 0; i < AXVCPU_NR_REGS; i++)
		for (u32 byte = 0; byte < 8; byte++)
			regs.gpr[i] |= (u64)(byte << 4 | i) << 8 * byte;
	return regs;
}

static const struct {
	const char *name;
	u8 insn[AXVCPU_MAX_INSN];
	u32 len, width;
	u64 data;
} writes[] = {
	{ "mov %eax,(%rdi)", { 0x89, 0x07 }, 2, 4, 0x30201000 },
	{ "mov %rcx,(%rdi)", { 0x48, 0x89, 0x0f }, 3, 8, 0x7161514131211101 },
	{ "mov %r9d,0x10(%rdi)", { 0x44, 0x89, 0x4f, 0x10 }, 4, 4, 0x39291909 },
	{ "mov %dx,(%rdi)", { 0x66, 0x89, 0x17 }, 3, 2, 0x1202 },
	{ "mov %bl,(%rdi)", { 0x88, 0x1f }, 2, 1, 0x03 },
	{ "mov %bh,(%rdi)", { 0x88, 0x3f }, 2, 1, 0x13 },
	{ "mov %dil,(%rsi)", { 0x40, 0x88, 0x3e }, 3, 1, 0x07 },
	{ "mov %r15b,(%rsi)", { 0x44, 0x88, 0x3e }, 3, 1, 0x0f },
	{ "movl $0x12345678,(%rdi)", { 0xc7, 0x07, 0x78, 0x56, 0x34, 0x12 }, 6, 4, 0x12345678 },
	{ "movq $-1,(%rdi)", { 0x48, 0xc7, 0x07, 0xff, 0xff, 0xff, 0xff }, 7, 8, ~0ull },
	{ "movb $0x80,(%rdi)", { 0xc6, 0x07, 0x80 }, 3, 1, 0x80 },
};

static void test_writes(void)
{
	struct axvcpu_regs regs = registers();
	struct mmio mmio;

	for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
		ok(mmio_decode(&regs, writes[i].insn, AXVCPU_MAX_INSN, &mmio) && mmio.write &&
		   mmio.len == writes[i].len && mmio.width == writes[i].width &&
		   mmio.data == writes[i].data, writes[i].name);
}

static const struct {
	const char *name;
	u8 insn[AXVCPU_MAX_INSN];
	u32 len, width, reg;
	u64 after;
} reads[] = {
	{ "mov (%rdi),%eax", { 0x8b, 0x07 }, 2, 4, 0, 0xf3f2f1f0 },
	{ "mov (%rdi),%r8", { 0x4c, 0x8b, 0x07 }, 3, 8, 8, 0xf7f6f5f4f3f2f1f0 },
	{ "mov (%rdi),%cx", { 0x66, 0x8b, 0x0f }, 3, 2, 1, 0x716151413121f1f0 },
	{ "mov (%rdi),%al", { 0x8a, 0x07 }, 2, 1, 0, 0x70605040302010f0 },
	{ "mov (%rdi),%ah", { 0x8a, 0x27 }, 2, 1, 0, 0x706050403020f000 },
	{ "mov (%rdi),%spl", { 0x40, 0x8a, 0x27 }, 3, 1, 4, 0x74645444342414f0 },
	{ "movzbl (%rdi),%edx", { 0x0f, 0xb6, 0x17 }, 3, 1, 2, 0xf0 },
	{ "movzwl (%rdi),%ebx", { 0x0f, 0xb7, 0x1f }, 3, 2, 3, 0xf1f0 },
	{ "movsbq (%rdi),%rax", { 0x48, 0x0f, 0xbe, 0x07 }, 4, 1, 0, 0xfffffffffffffff0 },
	{ "movswl (%rdi),%eax", { 0x0f, 0xbf, 0x07 }, 3, 2, 0, 0xfffff1f0 },
	{ "movslq (%rdi),%rax", { 0x48, 0x63, 0x07 }, 3, 4, 0, 0xfffffffff3f2f1f0 },
	{ "mov %fs:0x8(%rax,%rbx,4),%r12d", { 0x64, 0x44, 0x8b, 0x64, 0x98, 0x08 }, 6, 4, 12,
	  0xf3f2f1f0 },
};

static void test_reads(void)
{
	struct mmio mmio;

	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		struct axvcpu_regs regs = registers(), want = registers();
		bool good = mmio_decode(&regs, reads[i].insn, AXVCPU_MAX_INSN, &mmio);

		want.gpr[reads[i].reg] = reads[i].after;
		mmio_complete(&regs, &mmio, 0xf7f6f5f4f3f2f1f0);
		ok(good && !mmio.write && mmio.len == reads[i].len &&
		   mmio.width == reads[i].width && !memcmp(&regs, &want, sizeof(regs)),
		   reads[i].name);
	}
}

static const struct {
	const char *name;
	u8 insn[AXVCPU_MAX_INSN];
	u32 len;
} refused[] = {
	{ "refused: add %eax,(%rdi)", { 0x01, 0x07 }, 15 },
	{ "refused: xchg %eax,(%rdi)", { 0x87, 0x07 }, 15 },
	{ "refused: mov %eax,%ebx", { 0x89, 0xc3 }, 15 },
	{ "refused: mov %ds,(%rdi)", { 0x8c, 0x1f }, 15 },
	{ "refused: movdqu (%rdi),%xmm0", { 0xf3, 0x0f, 0x6f, 0x07 }, 15 },
	{ "refused: rep movsb", { 0xf3, 0xa4 }, 15 },
	{ "refused: an instruction that is cut off", { 0xc7, 0x07, 0x78 }, 3 },
	{ "refused: no bytes", { 0 }, 0 },
	{ "refused: too many prefixes",
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x89 }, 15 },
};

static void test_refused(void)
{
	struct axvcpu_regs regs = registers();
	struct mmio mmio;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		ok(!mmio_decode(&regs, refused[i].insn, refused[i].len, &mmio), refused[i].name);
}

int main(void)
{
	puts("TAP version 13");
	test_writes();
	test_reads();
	test_refused();
	printf("1..%d\n", nr);
	return failures != 0;
}
