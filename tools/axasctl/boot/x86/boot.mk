# SPDX-License-Identifier: GPL-2.0-only
#
# axasctl boot on x86: its files, and those that its tests need. Included by ../../Makefile.

devices := acpi ports apic pic pit rtc
loaders := bzimage acpi
boot := x86 bzimage msr mmio check $(devices)
boot-libs := -lZydis
# Debian has no static Zydis.
boot-static :=
tests := device_test loader_test mmio_test
