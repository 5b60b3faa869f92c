# SPDX-License-Identifier: GPL-2.0-only
#
# axasctl boot on arm64: its files, and those that its tests need. Included by ../../Makefile.

devices := psci mmio gic irq rtc
loaders := image fdt ../gunzip
boot := arm64 image fdt check $(devices)
boot-shared := gunzip
boot-libs := -lfdt -lz
tests := device_test loader_test

# The test has vCPUs of its own.
$(O)/device_test: private LDFLAGS += -Wl,--allow-multiple-definition
