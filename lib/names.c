// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of the constants in <axas/axas.h> and <axas/vcpu.h>, and their parsers. Calls libc only.
 * lib_test.c fails for a constant without a name.
 */
#include "libaxas.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const char *const type_names[] = {
	[AXAS_TYPE_NORMAL]	= "normal",
	[AXAS_TYPE_DEVICE]	= "device",
	[AXAS_TYPE_UNCACHED]	= "uncached",
};

static const char *const format_names[] = {
	[AXAS_FORMAT_DEFAULT]	= "default",
	[AXAS_FORMAT_EPT]	= "ept",
	[AXAS_FORMAT_SVM]	= "svm",
	[AXAS_FORMAT_S2]	= "s2",
	[AXAS_FORMAT_GSTAGE]	= "gstage",
};

static const char *const backend_names[] = {
	[AXAS_BACKEND_LINEAR]	= "linear",
	[AXAS_BACKEND_ALLOC]	= "alloc",
	[AXAS_BACKEND_FILE]	= "file",
	[AXAS_BACKEND_SHARED]	= "shared",
	[AXAS_BACKEND_OTHER]	= "other",
	[AXAS_BACKEND_IMAGE]	= "image",
};

static const char *const fault_names[] = {
	[AXAS_FAULT_FIXED]	= "fixed",
	[AXAS_FAULT_SPURIOUS]	= "spurious",
	[AXAS_FAULT_RETRY]	= "retry",
	[AXAS_FAULT_HOLE]	= "hole",
	[AXAS_FAULT_DENIED]	= "denied",
	[AXAS_FAULT_NOMEM]	= "nomem",
	[AXAS_FAULT_ERROR]	= "error",
	[AXAS_FAULT_MISSING]	= "missing",
};

static const char *const leaf_names[] = { "4K", "2M", "1G", "512G" };

/* Indexed by bit number. */
static const char *const cap_names[] = {
	"ept-xonly", "ept-ad", "svm-nx", "s2-fwb", "s2-xnx", "s2-dbm", "gstage-svpbmt",
	"gstage-svadu", "gstage-svnapot", "exec-4k",
};

static const char *const exit_names[] = {
	[AXVCPU_EXIT_NOTHING]		= "Nothing",
	[AXVCPU_EXIT_HYPERCALL]		= "Hypercall",
	[AXVCPU_EXIT_MMIO_READ]		= "MmioRead",
	[AXVCPU_EXIT_MMIO_WRITE]	= "MmioWrite",
	[AXVCPU_EXIT_SYSREG_READ]	= "SysRegRead",
	[AXVCPU_EXIT_SYSREG_WRITE]	= "SysRegWrite",
	[AXVCPU_EXIT_IO_READ]		= "IoRead",
	[AXVCPU_EXIT_IO_WRITE]		= "IoWrite",
	[AXVCPU_EXIT_EXTERNAL_INTERRUPT] = "ExternalInterrupt",
	[AXVCPU_EXIT_NESTED_PAGE_FAULT]	= "NestedPageFault",
	[AXVCPU_EXIT_HALT]		= "Halt",
	[AXVCPU_EXIT_CPU_UP]		= "CpuUp",
	[AXVCPU_EXIT_CPU_DOWN]		= "CpuDown",
	[AXVCPU_EXIT_SYSTEM_DOWN]	= "SystemDown",
	[AXVCPU_EXIT_FAIL_ENTRY]	= "FailEntry",
	[AXVCPU_EXIT_SEND_IPI]		= "SendIpi",
	[AXVCPU_EXIT_CPUID]		= "Cpuid",
	[AXVCPU_EXIT_WINDOW]		= "Window",
};

static_assert(ARRAY_SIZE(format_names) == AXAS_NR_FORMATS, "each format has a name");
static_assert(ARRAY_SIZE(leaf_names) == AXAS_LEAF_LEVELS, "each level has a name");
static_assert((1u << ARRAY_SIZE(cap_names)) - 1 == AXAS_CAP_MASK, "each capability has a name");

static const char *name_of(const char *const *names, size_t nr, __u32 val)
{
	return val < nr && names[val] ? names[val] : "?";
}

static int find_name(const char *const *names, size_t nr, const char *text, __u32 *val)
{
	for (size_t i = 0; i < nr; i++) {
		if (!strcasecmp(names[i], text)) {
			*val = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *axas_prot_name(__u32 prot)
{
	static const char *const names[] = {
		"---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx"
	};

	return prot <= AXAS_PROT_MASK ? names[prot] : "???";
}

const char *axas_type_name(__u32 type)
{
	return name_of(type_names, ARRAY_SIZE(type_names), type);
}

const char *axas_format_name(__u32 format)
{
	return name_of(format_names, ARRAY_SIZE(format_names), format);
}

const char *axas_backend_name(__u32 backend)
{
	return name_of(backend_names, ARRAY_SIZE(backend_names), backend);
}

const char *axas_fault_name(__u32 result)
{
	return name_of(fault_names, ARRAY_SIZE(fault_names), result);
}

const char *axas_leaf_name(__u32 level)
{
	return name_of(leaf_names, ARRAY_SIZE(leaf_names), level);
}

const char *axas_cap_name(__u32 cap)
{
	if (cap == AXAS_CAP_NATIVE)
		return "native";
	for (size_t i = 0; i < ARRAY_SIZE(cap_names); i++)
		if (cap == 1u << i)
			return cap_names[i];
	return "?";
}

const char *axvcpu_exit_name(__u32 reason)
{
	return name_of(exit_names, ARRAY_SIZE(exit_names), reason);
}

static int prot_bit(char c)
{
	switch (c) {
	case 'r':
		return AXAS_PROT_READ;
	case 'w':
		return AXAS_PROT_WRITE;
	case 'x':
		return AXAS_PROT_EXEC;
	case '-':
		return 0;
	default:
		return -EINVAL;
	}
}

int axas_parse_prot(const char *text, __u32 *prot)
{
	__u32 p = 0;
	int bit;

	if (!*text || strlen(text) > 3)
		return -EINVAL;
	for (; *text; text++) {
		bit = prot_bit(*text);
		if (bit < 0 || (p & bit))
			return -EINVAL;
		p |= bit;
	}
	*prot = p;
	return 0;
}

int axas_parse_type(const char *text, __u32 *type)
{
	return find_name(type_names, ARRAY_SIZE(type_names), text, type);
}

int axas_parse_format(const char *text, __u32 *format)
{
	return find_name(format_names, ARRAY_SIZE(format_names), text, format);
}
