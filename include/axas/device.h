/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device addresses other than a gpa (I/O ports and system registers), and access widths.
 * Ranges include both ends, as in the architectures' numbering. Calls nothing.
 */
#ifndef _AXAS_DEVICE_H
#define _AXAS_DEVICE_H

#include <linux/types.h>

/**
 * struct axas_port - an x86 I/O port
 * @val: its number
 */
struct axas_port { u16 val; };

/**
 * struct axas_sysreg - a system register: an MSR, an arm64 encoding, a CSR
 * @val: its number
 */
struct axas_sysreg { u32 val; };

/**
 * struct axas_port_range - ports, both ends included
 * @first: the first port
 * @last: the last port; the range is empty if below @first
 */
struct axas_port_range { struct axas_port first, last; };

/**
 * struct axas_sysreg_range - system registers, both ends included
 * @first: the first register
 * @last: the last register; the range is empty if below @first
 */
struct axas_sysreg_range { struct axas_sysreg first, last; };

/**
 * axas_port_range_contains() - whether a port lies in a range
 * @range: the range
 * @port: the port
 *
 * Context: Any.
 * Return: true if it does.
 */
static inline bool axas_port_range_contains(struct axas_port_range range,
					    struct axas_port port)
{
	return port.val >= range.first.val && port.val <= range.last.val;
}

/**
 * axas_sysreg_range_contains() - whether a system register lies in a range
 * @range: the range
 * @reg: the register
 *
 * Context: Any.
 * Return: true if it does.
 */
static inline bool axas_sysreg_range_contains(struct axas_sysreg_range range,
					      struct axas_sysreg reg)
{
	return reg.val >= range.first.val && reg.val <= range.last.val;
}

/**
 * enum axas_width - width of a guest access; the value is log2 of the bytes
 * @AXAS_WIDTH_8: a byte
 * @AXAS_WIDTH_16: 2 bytes
 * @AXAS_WIDTH_32: 4 bytes
 * @AXAS_WIDTH_64: 8 bytes
 */
enum axas_width {
	AXAS_WIDTH_8,
	AXAS_WIDTH_16,
	AXAS_WIDTH_32,
	AXAS_WIDTH_64,
};

/**
 * axas_width_from_bytes() - the width for a number of bytes
 * @bytes: 1, 2, 4 or 8
 *
 * Context: Any.
 * Return: an enum axas_width, or -EINVAL for any other number.
 */
int __must_check axas_width_from_bytes(size_t bytes);

/**
 * axas_width_bytes() - the bytes of a width
 * @width: the width
 *
 * Context: Any.
 * Return: 1, 2, 4 or 8.
 */
static inline unsigned int axas_width_bytes(enum axas_width width)
{
	return 1u << width;
}

/**
 * axas_width_mask() - the bits that an access of this width carries
 * @width: the width
 *
 * Context: Any.
 * Return: a mask of the low 8, 16, 32 or 64 bits.
 */
static inline u64 axas_width_mask(enum axas_width width)
{
	return ~0ull >> (64 - 8 * axas_width_bytes(width));
}

/* The printed form of each: "PORT:0x3f8"; the argument is .val. */
#define AXAS_PORT_FMT	"PORT:0x%x"
#define AXAS_SYSREG_FMT	"SYSREG:0x%x"

int axas_port_snprint(char *buf, size_t len, struct axas_port port);
int axas_sysreg_snprint(char *buf, size_t len, struct axas_sysreg reg);
int axas_port_range_snprint(char *buf, size_t len, struct axas_port_range range);
int axas_sysreg_range_snprint(char *buf, size_t len, struct axas_sysreg_range range);
const char *axas_width_name(enum axas_width width);

#endif /* _AXAS_DEVICE_H */
