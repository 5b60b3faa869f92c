/* SPDX-License-Identifier: GPL-2.0-only */
/* axvcpu.ko's guest memory accessors, for a module that does not need axvcpu.ko. */
#include "../../vcpu/riscv/hlv.S"
