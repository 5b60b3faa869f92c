# SPDX-License-Identifier: GPL-2.0-only
#
# axasctl boot on arm64: its files, and those that its tests need. Included by ../../Makefile.

devices := mmio gic irq rtc
boot := arm64 image fdt psci $(devices)
boot-shared := gunzip
boot-libs := -lfdt -lz
