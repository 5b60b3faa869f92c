# SPDX-License-Identifier: GPL-2.0-only
#
# For an out-of-tree build, and for people: "make help". Kbuild is what the kernel's
# build reads.

KDIR ?= /lib/modules/$(shell uname -r)/build

# What the kernel's configuration would say, were we in its tree.
export CONFIG_AXAS := m
export CONFIG_AXVCPU := m
export CONFIG_AXAS_KUNIT_TEST := $(if $(filter-out 0 n,$(KUNIT)),m)
export CONFIG_AXAS_CONSUMER_TEST := $(if $(filter-out 0 n,$(CONSUMER)),m)
export CONFIG_AXAS_BENCH := $(if $(filter-out 0 n,$(BENCH)),m)

# ARCH=, CROSS_COMPILE=, CC=, LLVM=, V=, C=, W= reach it by themselves.
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)

.PHONY: all modules modules_clean lib tools modules_install install install-user install-files \
	uninstall uninstall-user dkms-sources deb htmldocs demo shell check prove coverage soak lint bench bench-check clean help
.DEFAULT_GOAL := all

all: modules lib tools

modules:
	+$(kbuild) modules

lib:
	$(MAKE) -C lib

tools:
	$(MAKE) -C tools/axasctl

modules_install:
	+$(kbuild) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates modules_install

modules_clean: modules_clean

include packaging/install.mk

deb:
	scripts/deb.sh

htmldocs:
	scripts/htmldocs.sh

demo:
	scripts/demo.sh $(DEMO)

shell:
	@scripts/shell.sh $(FILES)

check:
	scripts/check.sh $(PARTS)

soak:
	scripts/check.sh --soak $(PARTS)

prove:
	scripts/prove.sh

coverage:
	scripts/coverage.sh --vm

lint:
	scripts/lint.sh

bench:
	scripts/bench.sh $(MODES)

bench-check:
	scripts/bench.sh --check

clean: modules_clean
	$(MAKE) -C lib clean
	$(MAKE) -C tools/axasctl clean
	$(MAKE) -C tests/uapi clean
	$(MAKE) -C tests/bridge clean
	$(MAKE) -C bench/user clean

help:
	@echo 'Targets:'
	@echo '  all              the modules, the library and the tools (default)'
	@echo '  modules          axas.ko and axvcpu.ko alone'
	@echo '  tools            the command line tool, tools/axasctl/axasctl'
	@echo '  lib              the library, lib/libaxas.so and lib/libaxas.a'
	@echo '  modules_install  install the modules for the kernel at KDIR'
	@echo '  install          the modules, the tools, the library, headers, man pages, device rules'
	@echo '  install-user     all of that but the modules'
	@echo '  uninstall        remove what install installed'
	@echo '  deb              Debian packages, in the folder build/deb'
	@echo '  htmldocs         the documentation in HTML, build/html/index.html'
	@echo '  demo             boot a stock Debian kernel in QEMU and show it all'
	@echo '  shell            boot it with FILES in /axas, and give a prompt'
	@echo '  check            the tests, and lint (a first run takes long)'
	@echo '  prove            barriers with herd7, entries and ranges with CBMC'
	@echo '  coverage         lines of both modules that tests execute (half an hour)'
	@echo '  soak             what takes hours: more kernels, more rounds, all in full'
	@echo '  lint             checkpatch, kernel-doc, sparse, W=1, shellcheck'
	@echo '  bench            what operations cost, beside KVM, in a virtual machine'
	@echo '  bench-check      whether any costs more than bench/baseline.json says'
	@echo '  clean            remove what was built in this folder'
	@echo '  help             this text'
	@echo
	@echo 'Variables:'
	@echo '  KDIR=FOLDER      the kernel to build for ($(KDIR))'
	@echo '  ARCH= CROSS_COMPILE=  as with every kernel build'
	@echo '  DESTDIR= prefix=/usr/local  where to install; also bindir, libdir, includedir, mandir'
	@echo '  KUNIT=1          also the test module axas_kunit.ko (needs CONFIG_KUNIT)'
	@echo '  CONSUMER=1       also the test modules in tests/'
	@echo '  PARTS="um lint"  only these parts of check, soak (scripts/check.sh --help)'
	@echo '  FILES="prog guest.elf"  what "make shell" puts into the machine'
	@echo '  MODES="native"   only these modes of bench (scripts/bench.sh --help)'
	@echo '  AXAS_CACHE=FOLDER  where kernels are kept (~/.cache/axas)'
	@echo '  AXAS_ACCEL=kvm   let the virtual machines use KVM (default: tcg)'
