/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loads and stores out of instructions: pure logic, for any machine.
 */
#ifndef _AXVCPU_RISCV_INSN_H
#define _AXVCPU_RISCV_INSN_H

#include <linux/types.h>

/**
 * struct riscv_mem_insn - a load or store
 * @store: it is a store
 * @reg: the register that it loads or stores
 * @bytes: how many: 1, 2, 4, 8
 * @sign: a load extends the sign
 * @len: bytes of the instruction
 */
struct riscv_mem_insn {
	bool store;
	unsigned int reg;
	unsigned int bytes;
	bool sign;
	unsigned int len;
};

/* False for what is neither. An instruction as it stands, or transformed. */
bool riscv_decode_raw(u32 insn, struct riscv_mem_insn *mem);
bool riscv_decode_transformed(u32 insn, struct riscv_mem_insn *mem);

#endif /* _AXVCPU_RISCV_INSN_H */
