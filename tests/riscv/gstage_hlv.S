/* SPDX-License-Identifier: GPL-2.0-only */
/* axvcpu.ko's accesses to guest memory, for a module that does without axvcpu.ko. */
#include "../../vcpu/riscv/hlv.S"
