/* SPDX-License-Identifier: GPL-2.0-only */
/* Decoder for loads and stores. Hardware independent. */
#ifndef _AXVCPU_RISCV_INSN_H
#define _AXVCPU_RISCV_INSN_H

#include <linux/types.h>

/**
 * struct riscv_mem_insn - a load or store
 * @store: it is a store
 * @reg: the register loaded or stored
 * @bytes: access size: 1, 2, 4, 8
 * @sign: a load sign-extends
 * @len: bytes of the instruction
 */
struct riscv_mem_insn {
	bool store;
	unsigned int reg;
	unsigned int bytes;
	bool sign;
	unsigned int len;
};

/* Decode an instruction as in memory, or transformed. False if it is no load or store. */
bool riscv_decode_raw(u32 insn, struct riscv_mem_insn *mem);
bool riscv_decode_transformed(u32 insn, struct riscv_mem_insn *mem);

#endif /* _AXVCPU_RISCV_INSN_H */
