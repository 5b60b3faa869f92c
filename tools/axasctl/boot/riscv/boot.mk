# SPDX-License-Identifier: GPL-2.0-only
#
# axasctl boot on RISC-V: its files, and those that its tests need. Included by ../../Makefile.

devices := plic goldfish
loaders := image tree isa
boot := riscv sbi $(loaders) $(devices)
boot-libs := -lfdt
tests :=
