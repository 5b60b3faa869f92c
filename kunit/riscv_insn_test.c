// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads and stores that vcpu/riscv/insn.c decodes. The encodings are the GNU assembler's.
 */
#include <linux/kernel.h>

#include "axvcpu_test.h"

/* The names are axvcpu.ko's on RISC-V; avoid a clash there. */
#define riscv_decode_raw		test_decode_raw
#define riscv_decode_transformed	test_decode_transformed
#include "vcpu/riscv/insn.c"

/**
 * struct good - a load or store
 * @name: the assembler's text
 * @insn: its encoding
 * @mem: expected result
 */
struct good {
	const char *name;
	u32 insn;
	struct riscv_mem_insn mem;
};

#define LOAD(name, insn, reg, bytes, sign, len)					\
	{ name, insn, { false, reg, bytes, sign, len } }
#define STORE(name, insn, reg, bytes, len)					\
	{ name, insn, { true, reg, bytes, false, len } }

static const struct good full[] = {
	LOAD("lb a0, -1(a1)", 0xfff58503, 10, 1, true, 4),
	LOAD("lh t6, 2(sp)", 0x00211f83, 31, 2, true, 4),
	LOAD("lw s0, 4(a5)", 0x0047a403, 8, 4, true, 4),
	LOAD("ld ra, 8(t0)", 0x0082b083, 1, 8, true, 4),
	LOAD("lbu a7, 0(a0)", 0x00054883, 17, 1, false, 4),
	LOAD("lhu zero, 6(a2)", 0x00665003, 0, 2, false, 4),
	LOAD("lwu s11, 2047(gp)", 0x7ff1ed83, 27, 4, false, 4),
	STORE("sb a0, -1(a1)", 0xfea58fa3, 10, 1, 4),
	STORE("sh t6, 2(sp)", 0x01f11123, 31, 2, 4),
	STORE("sw s0, -2048(a5)", 0x8087a023, 8, 4, 4),
	STORE("sd zero, 8(t0)", 0x0002b423, 0, 8, 4),
};

static const struct good compressed[] = {
	LOAD("c.lw a0, 4(a1)", 0x41c8, 10, 4, true, 2),
	LOAD("c.ld s0, 8(a5)", 0x6780, 8, 8, true, 2),
	LOAD("c.lwsp ra, 4(sp)", 0x4092, 1, 4, true, 2),
	LOAD("c.ldsp t6, 8(sp)", 0x6fa2, 31, 8, true, 2),
	STORE("c.sw a5, 64(s1)", 0xc0bc, 15, 4, 2),
	STORE("c.sd a2, 248(a0)", 0xfd70, 12, 8, 2),
	STORE("c.swsp s11, 16(sp)", 0xc86e, 27, 4, 2),
	STORE("c.sdsp zero, 24(sp)", 0xec02, 0, 8, 2),
};

/*
 * As in htinst: no offset, and in place of the base register the address's offset from the start
 * of the access. Bit 1 is clear for a compressed instruction.
 */
static const struct good transformed[] = {
	LOAD("lb a0", 0x00000503, 10, 1, true, 4),
	LOAD("lh t6", 0x00001f83, 31, 2, true, 4),
	LOAD("lw s0", 0x00002403, 8, 4, true, 4),
	LOAD("ld ra, 4 bytes on", 0x00023083, 1, 8, true, 4),
	LOAD("lbu a7", 0x00004883, 17, 1, false, 4),
	LOAD("lhu zero", 0x00005003, 0, 2, false, 4),
	LOAD("lwu s11", 0x00006d83, 27, 4, false, 4),
	STORE("sb a0", 0x00a00023, 10, 1, 4),
	STORE("sh t6", 0x01f01023, 31, 2, 4),
	STORE("sw s0, 3 bytes on", 0x0081a023, 8, 4, 4),
	STORE("sd zero", 0x00003023, 0, 8, 4),
	LOAD("c.lw a0", 0x00002501, 10, 4, true, 2),
	LOAD("c.ldsp t6", 0x00003f81, 31, 8, true, 2),
	STORE("c.sw a5", 0x00f02021, 15, 4, 2),
	STORE("c.sdsp zero", 0x00003021, 0, 8, 2),
};

/**
 * struct bad - an instruction that is neither a load nor a store of an integer register
 * @name: the assembler's text
 * @insn: its encoding
 */
struct bad {
	const char *name;
	u32 insn;
};

static const struct bad others[] = {
	{ "a load of funct3 7", 0x00057503 },
	{ "a store of funct3 4", 0x00a54023 },
	{ "a store of funct3 7", 0x00a57023 },
	{ "flw fa0, 0(a0)", 0x00052507 },
	{ "fld fa0, 0(a0)", 0x00053507 },
	{ "fsw fa0, 0(a0)", 0x00a52027 },
	{ "fsd fa0, 0(a0)", 0x00a53027 },
	{ "lr.w a0, (a1)", 0x1005a52f },
	{ "sc.d a0, a2, (a1)", 0x18c5b52f },
	{ "amoadd.w a0, a2, (a1)", 0x00c5a52f },
	{ "addi a0, a0, 1", 0x00150513 },
	{ "lui a0, 1", 0x00001537 },
	{ "jal 0", 0x000000ef },
	{ "fence", 0x0ff0000f },
	{ "ecall", 0x00000073 },
	{ "csrr a0, time", 0xc0102573 },
	{ "48 bits", 0x0000001f },
	{ "64 bits", 0x0000003f },
	{ "all ones", 0xffffffff },
	{ "nothing", 0 },
	{ "c.addi4spn a0, sp, 16", 0x0808 },
	{ "c.fld fa0, 8(a0)", 0x2508 },
	{ "c.fsd fa0, 8(a0)", 0xa508 },
	{ "c.lbu a0, 0(a0)", 0x8108 },
	{ "c.slli a0, 3", 0x050e },
	{ "c.fldsp fa0, 8(sp)", 0x2522 },
	{ "c.fsdsp fa0, 8(sp)", 0xa42a },
	{ "c.mv a0, a1", 0x852e },
	{ "c.jr ra", 0x8082 },
	{ "c.ebreak", 0x9002 },
	{ "c.addi a0, 1", 0x0505 },
	{ "c.li a0, -1", 0x557d },
	{ "c.lui a1, 3", 0x658d },
	{ "c.j 0", 0xa001 },
	{ "c.beqz a0, 0", 0xc101 },
};

static void expect_mem(struct kunit *test, const struct good *good,
		       bool (*decode)(u32 insn, struct riscv_mem_insn *mem))
{
	const struct riscv_mem_insn *wanted = &good->mem;
	struct riscv_mem_insn mem = {};

	KUNIT_EXPECT_TRUE_MSG(test, decode(good->insn, &mem), "%s", good->name);
	KUNIT_EXPECT_EQ_MSG(test, mem.store, wanted->store, "%s", good->name);
	KUNIT_EXPECT_EQ_MSG(test, mem.reg, wanted->reg, "%s", good->name);
	KUNIT_EXPECT_EQ_MSG(test, mem.bytes, wanted->bytes, "%s", good->name);
	KUNIT_EXPECT_EQ_MSG(test, mem.sign, wanted->sign, "%s", good->name);
	KUNIT_EXPECT_EQ_MSG(test, mem.len, wanted->len, "%s", good->name);
}

static void loads_and_stores(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(full); i++)
		expect_mem(test, &full[i], riscv_decode_raw);
}

static void compressed_loads_and_stores(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(compressed); i++)
		expect_mem(test, &compressed[i], riscv_decode_raw);
}

static void transformed_loads_and_stores(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(transformed); i++)
		expect_mem(test, &transformed[i], riscv_decode_transformed);
}

static void other_instructions(struct kunit *test)
{
	struct riscv_mem_insn mem;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		KUNIT_EXPECT_FALSE_MSG(test, riscv_decode_raw(others[i].insn, &mem), "%s",
				       others[i].name);
}

/* H, "Transformed Instruction or Pseudoinstruction": other values of htinst. */
static void other_transformed(struct kunit *test)
{
	static const struct bad cases[] = {
		{ "nothing", 0 },
		{ "a read of a VS-stage table", 0x00003000 },
		{ "a write of a VS-stage table", 0x00003020 },
		{ "of 32 bits", 0x00002000 },
		{ "one's own, bit 0 clear", 0x00002402 },
		{ "flw fa0", 0x00002507 },
		{ "c.fld fa0", 0x00003505 },
		{ "hlv.d a0", 0x6c004573 },
		{ "amoadd.w a0, a2", 0x00c0252f },
		{ "a load of funct3 7", 0x00007503 },
		{ "a store of funct3 4", 0x00a04021 },
	};
	struct riscv_mem_insn mem;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_FALSE_MSG(test, riscv_decode_transformed(cases[i].insn, &mem), "%s",
				       cases[i].name);
}

/* Seven loads and four stores among all opcodes, whatever the other fields. */
static void every_opcode(struct kunit *test)
{
	struct riscv_mem_insn mem;
	unsigned int good = 0;
	u32 opcode, funct3, rest;

	for (opcode = 3; opcode < 128; opcode += 4)
		for (funct3 = 0; funct3 < 8; funct3++)
			for (rest = 0; rest < 32; rest++)
				good += riscv_decode_raw(opcode | funct3 << 12 | rest << 7 |
							 rest << 20 | ~rest << 27, &mem);
	KUNIT_EXPECT_EQ(test, good, (7 + 4) * 32);
}

/* Two of four quadrants, four of eight codes in each. */
static void every_compressed(struct kunit *test)
{
	unsigned int good = 0, wrong = 0;
	struct riscv_mem_insn mem;
	u32 insn;

	for (insn = 0; insn <= U16_MAX; insn++) {
		if ((insn & 3) == 3 || !riscv_decode_raw(insn, &mem))
			continue;
		good++;
		wrong += mem.len != 2 || mem.bytes < 4 || mem.reg > 31 ||
			 (!(insn & 3) && (mem.reg < 8 || mem.reg > 15));
	}
	KUNIT_EXPECT_EQ(test, good, 2 * 4 * 2048);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

static struct kunit_case riscv_insn_cases[] = {
	KUNIT_CASE(loads_and_stores),
	KUNIT_CASE(compressed_loads_and_stores),
	KUNIT_CASE(transformed_loads_and_stores),
	KUNIT_CASE(other_instructions),
	KUNIT_CASE(other_transformed),
	KUNIT_CASE(every_opcode),
	KUNIT_CASE(every_compressed),
	{}
};

struct kunit_suite riscv_insn_suite = {
	.name		= "axvcpu_riscv_insn",
	.test_cases	= riscv_insn_cases,
};
