# SPDX-License-Identifier: GPL-2.0-only
#
# axasctl boot on RISC-V: its files, and those that its tests need. Included by ../../Makefile.

devices := sbi plic goldfish
loaders := image tree isa ../gunzip
boot := riscv image tree isa check $(devices)
boot-shared := gunzip
boot-libs := -lfdt -lz
tests := device_test loader_test

# The test answers ioctls itself.
$(O)/device_test: private LDFLAGS += -Wl,--allow-multiple-definition
