// SPDX-License-Identifier: GPL-2.0-only
/*
 * Printing of typed addresses, ports and system registers; access widths. Calls nothing of
 * axas; no locks.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <axas/addr.h>
#include <axas/device.h>

#include "axas_compat.h"

/*
 * "GPA:0x1000..0x3000", half open. The end of a range up to the last 64-bit byte is 2^64, which
 * does not fit a u64.
 */
static int range_snprint(char *buf, size_t len, const char *kind, u64 start, u64 size)
{
	if (size && start + size == 0)
		return scnprintf(buf, len, "%s:0x%llx..0x10000000000000000", kind, start);
	return scnprintf(buf, len, "%s:0x%llx..0x%llx", kind, start, start + size);
}

/**
 * axas_gpa_snprint() - print a guest-physical address
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @gpa: the address
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_gpa_snprint(char *buf, size_t len, struct axas_gpa gpa)
{
	return scnprintf(buf, len, AXAS_GPA_FMT, gpa.val);
}
EXPORT_SYMBOL_AXAS(axas_gpa_snprint);

/**
 * axas_hpa_snprint() - print a host-physical address
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @hpa: the address
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_hpa_snprint(char *buf, size_t len, struct axas_hpa hpa)
{
	return scnprintf(buf, len, AXAS_HPA_FMT, hpa.val);
}
EXPORT_SYMBOL_AXAS(axas_hpa_snprint);

/**
 * axas_gva_snprint() - print a guest-virtual address
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @gva: the address
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_gva_snprint(char *buf, size_t len, struct axas_gva gva)
{
	return scnprintf(buf, len, AXAS_GVA_FMT, gva.val);
}
EXPORT_SYMBOL_AXAS(axas_gva_snprint);

/**
 * axas_gpa_range_snprint() - print a guest-physical range, "GPA:0x1000..0x3000"
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @range: a valid range
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_gpa_range_snprint(char *buf, size_t len, struct axas_gpa_range range)
{
	return range_snprint(buf, len, "GPA", range.start.val, range.size);
}
EXPORT_SYMBOL_AXAS(axas_gpa_range_snprint);

/**
 * axas_hpa_range_snprint() - print a host-physical range, "HPA:0x1000..0x3000"
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @range: a valid range
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_hpa_range_snprint(char *buf, size_t len, struct axas_hpa_range range)
{
	return range_snprint(buf, len, "HPA", range.start.val, range.size);
}
EXPORT_SYMBOL_AXAS(axas_hpa_range_snprint);

/**
 * axas_gva_range_snprint() - print a guest-virtual range, "GVA:0x1000..0x3000"
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @range: a valid range
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_gva_range_snprint(char *buf, size_t len, struct axas_gva_range range)
{
	return range_snprint(buf, len, "GVA", range.start.val, range.size);
}
EXPORT_SYMBOL_AXAS(axas_gva_range_snprint);

/**
 * axas_port_snprint() - print a port
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @port: the port
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_port_snprint(char *buf, size_t len, struct axas_port port)
{
	return scnprintf(buf, len, AXAS_PORT_FMT, port.val);
}
EXPORT_SYMBOL_AXAS(axas_port_snprint);

/**
 * axas_sysreg_snprint() - print a system register's number
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @reg: the register
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_sysreg_snprint(char *buf, size_t len, struct axas_sysreg reg)
{
	return scnprintf(buf, len, AXAS_SYSREG_FMT, reg.val);
}
EXPORT_SYMBOL_AXAS(axas_sysreg_snprint);

/**
 * axas_port_range_snprint() - print ports, "PORT:0x3f8..=0x3ff"
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @range: the ports
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_port_range_snprint(char *buf, size_t len, struct axas_port_range range)
{
	return scnprintf(buf, len, AXAS_PORT_FMT "..=0x%x", range.first.val, range.last.val);
}
EXPORT_SYMBOL_AXAS(axas_port_range_snprint);

/**
 * axas_sysreg_range_snprint() - print system registers, "SYSREG:0x10..=0x1f"
 * @buf: output buffer
 * @len: size of @buf in bytes; AXAS_ADDR_STRLEN always suffices
 * @range: the registers
 *
 * Context: Any.
 * Return: characters written, without the terminating NUL.
 */
int axas_sysreg_range_snprint(char *buf, size_t len, struct axas_sysreg_range range)
{
	return scnprintf(buf, len, AXAS_SYSREG_FMT "..=0x%x", range.first.val,
			 range.last.val);
}
EXPORT_SYMBOL_AXAS(axas_sysreg_range_snprint);

int axas_width_from_bytes(size_t bytes)
{
	if (!is_power_of_2(bytes) || bytes > 8)
		return -EINVAL;
	return ilog2(bytes);
}
EXPORT_SYMBOL_AXAS(axas_width_from_bytes);

/**
 * axas_width_name() - name of an access width
 * @width: the width
 *
 * Context: Any.
 * Return: "byte", "word", "dword" or "qword"; "?" for anything else.
 */
const char *axas_width_name(enum axas_width width)
{
	static const char * const names[] = { "byte", "word", "dword", "qword" };

	return width < ARRAY_SIZE(names) ? names[width] : "?";
}
EXPORT_SYMBOL_AXAS(axas_width_name);
