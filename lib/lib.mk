# SPDX-License-Identifier: GPL-2.0-only
#
# For the Makefiles of programs that use libaxas: include it after CC, CFLAGS and O are set, and
# link $(LIBAXAS). The library's few files are compiled with the program's own flags, for its
# machine, so there is nothing to build before. CFLAGS gets the folders of the headers.

libaxas_dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
libaxas_uapi := $(libaxas_dir)/../include/uapi
LIBAXAS_HEADERS := $(addprefix $(libaxas_dir)/,libaxas.h) \
	$(addprefix $(libaxas_uapi)/axas/,axas.h vcpu.h)
LIBAXAS := $(addprefix $(O)/libaxas-,space.o vcpu.o names.o)

override CFLAGS += -I$(libaxas_dir) -I$(libaxas_uapi)

$(O)/libaxas-%.o: $(libaxas_dir)/%.c $(LIBAXAS_HEADERS)
	@mkdir -p $(O)
	$(CC) $(CFLAGS) -c -o $@ $<
