# SPDX-License-Identifier: GPL-2.0-only
#
# make install, uninstall: where each file goes, in one list for both. Included by the
# top-level Makefile, and used by debian/rules. Directories have the names and the defaults of
# the GNU coding standards, all below $(DESTDIR).

prefix ?= /usr/local
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
zshdir ?= $(datadir)/zsh/site-functions
# Of systemd, udev and kmod, which read it below /usr and /usr/local.
configdir ?= $(prefix)/lib

version := $(shell cat VERSION)

# SOURCE:TARGET:MODE
installed := \
	tools/axasctl/axasctl:$(bindir)/axasctl:755 \
	tools/axasctl/axasctl.1:$(mandir)/man1/axasctl.1:644 \
	lib/libaxas.so.1:$(libdir)/libaxas.so.1:644 \
	lib/libaxas.a:$(libdir)/libaxas.a:644 \
	lib/libaxas.h:$(includedir)/libaxas.h:644 \
	include/uapi/axas/axas.h:$(includedir)/axas/axas.h:644 \
	include/uapi/axas/vcpu.h:$(includedir)/axas/vcpu.h:644 \
	lib/libaxas.3:$(mandir)/man3/libaxas.3:644 \
	Documentation/axas.4:$(mandir)/man4/axas.4:644 \
	Documentation/axvcpu.4:$(mandir)/man4/axvcpu.4:644 \
	packaging/axasctl.bash:$(datadir)/bash-completion/completions/axasctl:644 \
	packaging/_axasctl:$(zshdir)/_axasctl:644 \
	packaging/axas.rules:$(configdir)/udev/rules.d/60-axas.rules:644 \
	packaging/axas.sysusers:$(configdir)/sysusers.d/axas.conf:644 \
	packaging/axas.modules-load:$(configdir)/modules-load.d/axas.conf:644 \
	packaging/axvcpu.conf:$(configdir)/modprobe.d/axvcpu.conf:644
made := $(libdir)/libaxas.so $(libdir)/pkgconfig/libaxas.pc

# What dkms builds from: the modules without their tests.
dkmsdir ?= /usr/src/axas-$(version)
dkms-files := VERSION COPYING Kbuild Kconfig Makefile formats.mk packaging/install.mk \
	$(wildcard *.c *.h) vcpu include kunit/axas_conformance.c

part = $(word $(2),$(subst :, ,$(1)))
put = install -D -m $(call part,$(1),3) $(call part,$(1),1) $(DESTDIR)$(call part,$(1),2)

install: modules modules_install install-user

install-user: lib tools
	$(MAKE) install-files

# What was built.
install-files:
	set -e; $(foreach file,$(installed),$(call put,$(file));)
	ln -sf libaxas.so.1 $(DESTDIR)$(libdir)/libaxas.so
	install -d $(DESTDIR)$(libdir)/pkgconfig
	sed 's|@VERSION@|$(version)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|' \
		lib/libaxas.pc.in >$(DESTDIR)$(libdir)/pkgconfig/libaxas.pc

uninstall: uninstall-user
	release=$$($(MAKE) -s -C $(KDIR) kernelrelease) && \
	rm -f $(DESTDIR)/lib/modules/$$release/updates/axas.ko* \
		$(DESTDIR)/lib/modules/$$release/updates/vcpu/axvcpu.ko* && \
	{ [ "$(DESTDIR)" ] || depmod $$release; }

uninstall-user:
	rm -f $(foreach file,$(installed),$(DESTDIR)$(call part,$(file),2)) \
		$(made:%=$(DESTDIR)%)
	-rmdir $(DESTDIR)$(includedir)/axas

dkms-sources:
	install -d $(DESTDIR)$(dkmsdir)
	cp -r --parents $(dkms-files) $(DESTDIR)$(dkmsdir)
	find $(DESTDIR)$(dkmsdir) -name '*.o' -o -name '.*.cmd' -o -name '*.ko' -o -name '*.mod*' | \
		xargs -r rm -f
	sed 's|#MODULE_VERSION#|$(version)|' packaging/dkms.conf >$(DESTDIR)$(dkmsdir)/dkms.conf
