# SPDX-License-Identifier: GPL-2.0-only
#
# The formats of axas_npt_formats.h, for whoever builds them. axas-root says where this file is.

axas-formats := $(shell sed -n 's/^\tX([A-Z0-9]*, \([a-z0-9]*\)).*/\1/p' $(axas-root)/axas_npt_formats.h)
