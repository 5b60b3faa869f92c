/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single accesses to guest memory by hypervisor load and store instructions, which walk vsatp and
 * hgatp. RISC-V Privileged, "H" Extension, section "Hypervisor Virtual-Machine Load and Store
 * Instructions".
 *
 * Called with interrupts off. A trap is returned to the caller as a value: stvec points into the
 * function meanwhile, where all registers are unchanged.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/csr.h>
#include <asm/insn-def.h>

/* unsigned long NAME(unsigned long addr, struct riscv_trap *trap, unsigned long val) */
.macro guest_access name, insn:vararg
	.balign	4
SYM_FUNC_START(\name)
	la	t0, .Ltrap_\name
	csrrw	t0, CSR_STVEC, t0
	\insn
	csrw	CSR_STVEC, t0
	ret
	.balign	4		/* low bits of stvec are the mode */
.Ltrap_\name:
	csrw	CSR_STVEC, t0
	csrr	t1, CSR_SCAUSE
	csrr	t2, CSR_STVAL
	csrr	t3, CSR_HTVAL
	csrr	t4, CSR_HTINST
	REG_S	t1, 0(a1)
	REG_S	t2, 8(a1)
	REG_S	t3, 16(a1)
	REG_S	t4, 24(a1)
	li	a0, 0
	ret
SYM_FUNC_END(\name)
.endm

	.text
guest_access riscv_hlv_b, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x30), RD(a0), RS1(a0), __RS2(0))
guest_access riscv_hlv_bu, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x30), RD(a0), RS1(a0), __RS2(1))
guest_access riscv_hlv_h, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x32), RD(a0), RS1(a0), __RS2(0))
guest_access riscv_hlv_hu, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x32), RD(a0), RS1(a0), __RS2(1))
guest_access riscv_hlv_w, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x34), RD(a0), RS1(a0), __RS2(0))
guest_access riscv_hlv_wu, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x34), RD(a0), RS1(a0), __RS2(1))
guest_access riscv_hlv_d, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x36), RD(a0), RS1(a0), __RS2(0))
guest_access riscv_hlvx_hu, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x32), RD(a0), RS1(a0), __RS2(3))
guest_access riscv_hlvx_wu, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x34), RD(a0), RS1(a0), __RS2(3))
guest_access riscv_hsv_b, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x31), __RD(0), RS1(a0), RS2(a2))
guest_access riscv_hsv_h, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x33), __RD(0), RS1(a0), RS2(a2))
guest_access riscv_hsv_w, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x35), __RD(0), RS1(a0), RS2(a2))
guest_access riscv_hsv_d, INSN_R(OPCODE_SYSTEM, FUNC3(4), FUNC7(0x37), __RD(0), RS1(a0), RS2(a2))
