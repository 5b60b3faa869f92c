// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decodes loads and stores of integer registers, as in memory or transformed as in htinst. Formats
 * from The RISC-V Instruction Set Manual, volume I: "RV32I", "RV64I" Load and Store Instructions,
 * "C" Extension. Calls no other file.
 */
#include <linux/bitfield.h>
#include <linux/bits.h>

#include "insn.h"

#define INSN_OPCODE	GENMASK(6, 0)
#define INSN_RD		GENMASK(11, 7)
#define INSN_FUNCT3	GENMASK(14, 12)
#define INSN_RS2	GENMASK(24, 20)

#define OPCODE_LOAD	0x03
#define OPCODE_STORE	0x23

/* funct3 of both: log2 of the size; for loads, whether they zero-extend. */
#define FUNCT3_SIZE	GENMASK(1, 0)
#define FUNCT3_UNSIGNED	BIT(2)

/* "C" Extension: fields of a compressed instruction. */
#define C_QUADRANT	GENMASK(1, 0)
#define C_FUNCT3	GENMASK(15, 13)
#define C_RD_SHORT	GENMASK(4, 2)	/* x8 to x15 */
#define C_RD		GENMASK(11, 7)
#define C_RS2		GENMASK(6, 2)

static bool decode_long(u32 insn, struct riscv_mem_insn *mem)
{
	u32 funct3 = FIELD_GET(INSN_FUNCT3, insn);
	u32 opcode = FIELD_GET(INSN_OPCODE, insn);

	mem->store = opcode == OPCODE_STORE;
	if (opcode != OPCODE_LOAD && opcode != OPCODE_STORE)
		return false;
	if (funct3 > (mem->store ? 3 : 6))
		return false;
	mem->reg = mem->store ? FIELD_GET(INSN_RS2, insn) : FIELD_GET(INSN_RD, insn);
	mem->bytes = 1 << (funct3 & FUNCT3_SIZE);
	mem->sign = !mem->store && !(funct3 & FUNCT3_UNSIGNED);
	mem->len = 4;
	return true;
}

/* C.LW, C.LD, C.SW, C.SD and those relative to the stack pointer. */
static bool decode_compressed(u32 insn, struct riscv_mem_insn *mem)
{
	u32 funct3 = FIELD_GET(C_FUNCT3, insn);
	bool stack = FIELD_GET(C_QUADRANT, insn) == 2;

	if (FIELD_GET(C_QUADRANT, insn) == 1)
		return false;
	/* 010 and 011 load words and double words, 110 and 111 store them. */
	if ((funct3 & 3) < 2)
		return false;
	mem->store = funct3 & 4;
	mem->bytes = funct3 & 1 ? 8 : 4;
	mem->sign = !mem->store;
	mem->len = 2;
	if (!stack)
		mem->reg = FIELD_GET(C_RD_SHORT, insn) + 8;
	else if (mem->store)
		mem->reg = FIELD_GET(C_RS2, insn);
	else
		mem->reg = FIELD_GET(C_RD, insn);
	return true;
}

bool riscv_decode_raw(u32 insn, struct riscv_mem_insn *mem)
{
	return (insn & 3) == 3 ? decode_long(insn, mem) : decode_compressed(insn, mem);
}

/* H, "Transformed Instruction or Pseudoinstruction": bit 1 is 0 for a 16-bit original. */
bool riscv_decode_transformed(u32 insn, struct riscv_mem_insn *mem)
{
	if (!(insn & BIT(0)) || !decode_long(insn | BIT(1), mem))
		return false;
	mem->len = insn & BIT(1) ? 4 : 2;
	return true;
}
