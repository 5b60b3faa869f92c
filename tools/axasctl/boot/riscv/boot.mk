# SPDX-License-Identifier: GPL-2.0-only
#
# axasctl boot on RISC-V: its files, and those that its tests need. Included by ../../Makefile.

devices := sbi plic goldfish
loaders := image tree isa
boot := riscv $(loaders) $(devices)
boot-libs := -lfdt
tests := device_test loader_test

# The test answers ioctls itself.
$(O)/device_test: private LDFLAGS += -Wl,--allow-multiple-definition
