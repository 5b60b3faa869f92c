// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing and formatting of numbers with suffixes, and of bytes. Calls libc only.
 */
#include "axasctl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int suffix_shift(const char *s)
{
	static const char suffixes[] = "KMGTPE";
	const char *p;

	if (!*s)
		return 0;
	p = strchr(suffixes, toupper((unsigned char)*s));
	if (!p || (s[1] && strcasecmp(s + 1, "iB")))
		return -1;
	return 10 * (p - suffixes + 1);
}

/**
 * parse_number() - parse a size or an address
 * @text: decimal or 0x..., then K, M, G, T, P or E (or KiB, ...) for powers of 1024
 * @val: out: the number
 *
 * Return: 0, -EINVAL for anything else, -ERANGE above 64 bits.
 */
int parse_number(const char *text, u64 *val)
{
	bool hex = text[0] == '0' && tolower((unsigned char)text[1]) == 'x';
	unsigned long long n;
	char *end;
	int shift;

	if (hex ? !isxdigit((unsigned char)text[2]) : !isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	/* "E" after a hexadecimal number is a digit, never a suffix */
	n = strtoull(text, &end, hex ? 16 : 10);
	if (errno)
		return -ERANGE;
	shift = suffix_shift(end);
	if (shift < 0)
		return -EINVAL;
	if (shift && n >> (64 - shift))
		return -ERANGE;
	*val = n << shift;
	return 0;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (!isxdigit((unsigned char)c))
		return -1;
	return tolower((unsigned char)c) - 'a' + 10;
}

/**
 * parse_hex() - parse bytes written as pairs of hexadecimal digits
 * @text: the pairs; blanks and colons between pairs are ignored
 * @buf: out: the bytes
 * @max: size of @buf in bytes
 *
 * Return: the number of bytes, or -EINVAL.
 */
ssize_t parse_hex(const char *text, u8 *buf, size_t max)
{
	size_t n = 0;
	int hi, lo;

	for (; *text; text++) {
		if (*text == ' ' || *text == ':')
			continue;
		hi = hex_digit(text[0]);
		lo = hi < 0 ? -1 : hex_digit(text[1]);
		if (lo < 0 || n == max)
			return -EINVAL;
		buf[n++] = hi << 4 | lo;
		text++;
	}
	return n;
}

/* The shortest exact form: "64 KiB", "1 TiB", "12345 B". */
const char *size_name(u64 bytes, char *buf, size_t len)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t u = 0;

	while (bytes && !(bytes % 1024) && u + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, len, "%llu %s", bytes, units[u]);
	return buf;
}

/* At most seven characters, rounded: "0", "4.0K", "512K", "1.5G". */
const char *short_size(u64 bytes, char *buf, size_t len)
{
	static const char units[] = "BKMGTPE";
	double n = bytes;
	size_t u = 0;

	while (n >= 1000 && u + 2 < sizeof(units)) {
		n /= 1024;
		u++;
	}
	if (!u)
		snprintf(buf, len, bytes ? "%lluB" : "%llu", bytes);
	else
		snprintf(buf, len, n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[u]);
	return buf;
}
