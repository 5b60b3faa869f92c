# SPDX-License-Identifier: GPL-2.0-only
#
# The suites of suites.h, for Kbuild and for tests/userspace/Makefile, which say by kunit-dir
# where this folder is. A test that nobody runs is an error.

suites-of = $(shell sed -n '/define $(1) /,/[^\\]$$/s/.*SUITE(\([a-z0-9_]*\)).*/\1/p' \
	      $(kunit-dir)/suites.h)

axas-root := $(kunit-dir)/..
include $(axas-root)/formats.mk

axas-suites := $(call suites-of,AXAS_SUITES) $(axas-formats:%=axas_npt_%)
axas-linux-suites := $(call suites-of,AXAS_LINUX_SUITES)
axvcpu-suites := $(call suites-of,AXVCPU_SUITES)
axvcpu-x86-suites := $(call suites-of,AXVCPU_X86_SUITES)
axvcpu-x86-cpu-suites := $(call suites-of,AXVCPU_X86_CPU_SUITES)

# What the suites of axas share.
axas-fixtures := axas_kunit_main axas_conformance mock_hal monitor npt_fixture space_fixture oracle_fixture

kunit-unlisted := $(filter-out $(patsubst %,%_test.c,$(axas-suites) $(axas-linux-suites) $(axvcpu-suites) \
					 $(axvcpu-x86-suites) $(axvcpu-x86-cpu-suites)), \
			       $(notdir $(wildcard $(kunit-dir)/*_test.c)))
$(if $(strip $(kunit-unlisted)),$(error kunit/suites.h does not list $(kunit-unlisted)))
