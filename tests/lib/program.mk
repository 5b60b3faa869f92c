# SPDX-License-Identifier: GPL-2.0-only
#
# How a program of tests is built: static, so that the one file can be put into an
# initramfs. Its Makefile is in a folder beside this one, and includes it first.

CC := $(CROSS_COMPILE)gcc
UAPI := ../../include/uapi
O ?= .

CFLAGS ?= -O2 -g
LDSTATIC ?= -static
override CFLAGS += -std=gnu11 -Wall -Wextra -Wmissing-prototypes \
	-Wstrict-prototypes -Wshadow -Wformat=2 -D_GNU_SOURCE \
	-D_FILE_OFFSET_BITS=64 -I$(UAPI) -I../lib $(EXTRA_CFLAGS)
LDLIBS := -lpthread

harness := harness expect failnth machine signals trace
headers := ../lib/harness.h $(wildcard *.h $(UAPI)/axas/*.h)
vpath %.c ../lib
