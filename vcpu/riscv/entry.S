/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest entry and exit, and FPU registers. Interrupts are off.
 *
 * While a guest runs, stvec points here: for its traps, and for interrupts of the host, which stay
 * pending. sscratch holds the struct riscv_world.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/csr.h>

#include "riscv.h"

	.text

/* void axvcpu_riscv_enter(struct riscv_world *world) */
	.balign	1024		/* in one page: no fault once stvec is changed */
SYM_FUNC_START(axvcpu_riscv_enter)
	REG_S	ra, WORLD_HOST_X(0)(a0)
	REG_S	sp, WORLD_HOST_X(1)(a0)
	REG_S	gp, WORLD_HOST_X(2)(a0)
	REG_S	tp, WORLD_HOST_X(3)(a0)
	REG_S	s0, WORLD_HOST_X(4)(a0)
	REG_S	s1, WORLD_HOST_X(5)(a0)
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	REG_S	s\n, WORLD_HOST_X(\n + 4)(a0)
	.endr

	REG_L	t0, WORLD_SSTATUS(a0)
	REG_L	t1, WORLD_HSTATUS(a0)
	REG_L	t2, WORLD_PC(a0)
	la	t3, .Lexit
	csrrw	t0, CSR_SSTATUS, t0
	csrrw	t1, CSR_HSTATUS, t1
	csrrw	t3, CSR_STVEC, t3
	csrrw	t4, CSR_SSCRATCH, a0
	csrw	CSR_SEPC, t2
	REG_S	t0, WORLD_HOST_SSTATUS(a0)
	REG_S	t1, WORLD_HOST_HSTATUS(a0)
	REG_S	t3, WORLD_HOST_STVEC(a0)
	REG_S	t4, WORLD_HOST_SSCRATCH(a0)

	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22
	REG_L	x\n, WORLD_X(\n)(a0)
	.endr
	.irp	n, 23, 24, 25, 26, 27, 28, 29, 30, 31, 10
	REG_L	x\n, WORLD_X(\n)(a0)
	.endr
	sret

	.balign	4		/* low bits of stvec are the mode */
.Lexit:
	csrrw	a0, CSR_SSCRATCH, a0
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22
	REG_S	x\n, WORLD_X(\n)(a0)
	.endr
	.irp	n, 23, 24, 25, 26, 27, 28, 29, 30, 31
	REG_S	x\n, WORLD_X(\n)(a0)
	.endr
	REG_L	t0, WORLD_HOST_SSTATUS(a0)
	REG_L	t1, WORLD_HOST_HSTATUS(a0)
	REG_L	t3, WORLD_HOST_STVEC(a0)
	REG_L	t4, WORLD_HOST_SSCRATCH(a0)
	csrr	t2, CSR_SEPC
	csrrw	t4, CSR_SSCRATCH, t4
	REG_S	t2, WORLD_PC(a0)
	REG_S	t4, WORLD_X(10)(a0)
	csrrw	t0, CSR_SSTATUS, t0
	csrrw	t1, CSR_HSTATUS, t1
	csrw	CSR_STVEC, t3
	REG_S	t0, WORLD_SSTATUS(a0)
	REG_S	t1, WORLD_HSTATUS(a0)
	csrr	t0, CSR_SCAUSE
	csrr	t1, CSR_STVAL
	csrr	t2, CSR_HTVAL
	csrr	t3, CSR_HTINST
	REG_S	t0, WORLD_TRAP(a0)
	REG_S	t1, (WORLD_TRAP + 8)(a0)
	REG_S	t2, (WORLD_TRAP + 16)(a0)
	REG_S	t3, (WORLD_TRAP + 24)(a0)

	REG_L	ra, WORLD_HOST_X(0)(a0)
	REG_L	sp, WORLD_HOST_X(1)(a0)
	REG_L	gp, WORLD_HOST_X(2)(a0)
	REG_L	tp, WORLD_HOST_X(3)(a0)
	REG_L	s0, WORLD_HOST_X(4)(a0)
	REG_L	s1, WORLD_HOST_X(5)(a0)
	.irp	n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	REG_L	s\n, WORLD_HOST_X(\n + 4)(a0)
	.endr
	ret
SYM_FUNC_END(axvcpu_riscv_enter)

#ifdef CONFIG_FPU
#define FPU_REGS	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define FPU_MORE_REGS	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31

/* void axvcpu_riscv_fpu_save(struct riscv_fpu *fpu) */
SYM_FUNC_START(axvcpu_riscv_fpu_save)
	.irp	n, FPU_REGS
	fsd	f\n, (8 * \n)(a0)
	.endr
	.irp	n, FPU_MORE_REGS
	fsd	f\n, (8 * \n)(a0)
	.endr
	frcsr	t0
	sd	t0, 256(a0)
	ret
SYM_FUNC_END(axvcpu_riscv_fpu_save)

/* void axvcpu_riscv_fpu_load(const struct riscv_fpu *fpu) */
SYM_FUNC_START(axvcpu_riscv_fpu_load)
	.irp	n, FPU_REGS
	fld	f\n, (8 * \n)(a0)
	.endr
	.irp	n, FPU_MORE_REGS
	fld	f\n, (8 * \n)(a0)
	.endr
	ld	t0, 256(a0)
	fscsr	t0
	ret
SYM_FUNC_END(axvcpu_riscv_fpu_load)
#endif
