/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions that access a device in memory. mmio.c calls Zydis, mmio_exit() also the devices.
 */
#ifndef AXASCTL_BOOT_MMIO_H
#define AXASCTL_BOOT_MMIO_H

#include "../boot.h"

/**
 * struct mmio - an access to a device in memory
 * @write: a write
 * @width: its bytes: 1, 2, 4 or 8
 * @data: what a write writes
 * @len: the instruction's bytes
 * @reg: for a read, the register: AXVCPU_REG_*
 * @shift: its first bit there: 8 for AH to DH
 * @reg_width: bytes of the register that are written; of 4 the others are cleared
 * @sign: a read is extended by its sign, else by zeroes
 */
struct mmio {
	bool write;
	u32 width;
	u64 data;
	u32 len;
	u32 reg;
	u32 shift;
	u32 reg_width;
	bool sign;
};

/*
 * What the instruction at @insn does, in 64-bit mode: MOV, MOVZX, MOVSX, MOVSXD between memory and
 * a general register, MOV of a constant. False for all others.
 */
bool mmio_decode(const struct axvcpu_regs *regs, const u8 *insn, u32 len, struct mmio *mmio);

/* Complete a read of @val in the registers. */
void mmio_complete(struct axvcpu_regs *regs, const struct mmio *mmio, u64 val);

/* An access to a hole; false if there is no device, or the instruction is none of these. */
bool mmio_exit(struct cpu *cpu, const struct axvcpu_exit *exit);

#endif /* AXASCTL_BOOT_MMIO_H */
