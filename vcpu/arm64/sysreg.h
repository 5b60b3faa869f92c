/* SPDX-License-Identifier: GPL-2.0-only */
/* Encodings of system registers, shared by the files that emulate them. */
#ifndef _AXVCPU_ARM64_SYSREG_H
#define _AXVCPU_ARM64_SYSREG_H

/* Register encoding as in bits 20 to 5 of the instruction; exits report it to the VMM. */
#define A64_REG(op0, op1, crn, crm, op2)	\
	((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define A64_REG_OP0(reg)	((reg) >> 14)
#define A64_REG_OP1(reg)	((reg) >> 11 & 7)
#define A64_REG_CRN(reg)	((reg) >> 7 & 15)

#endif /* _AXVCPU_ARM64_SYSREG_H */
