/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host accesses to guest memory. 1, 2, 4 or 8 naturally aligned bytes are a single access, like
 * those of a device or another CPU, so that a guest never sees a torn value, for example of
 * a ring's index. Calls nothing of axas; no locks.
 */
#ifndef _AXAS_SINGLE_H
#define _AXAS_SINGLE_H

#include <linux/align.h>
#include <linux/compiler.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/string.h>
#include <linux/types.h>

/* Whether @len bytes at @addr are a single access. */
static __always_inline bool axas_is_single(unsigned long addr, size_t len)
{
	return len <= sizeof(u64) && is_power_of_2(len) && IS_ALIGNED(addr, len);
}

/* Single access of @len bytes: 1, 2, 4 or 8. */
static inline u64 axas_load(const void *va, size_t len)
{
	switch (len) {
	case 1:
		return READ_ONCE(*(u8 *)va);
	case 2:
		return READ_ONCE(*(u16 *)va);
	case 4:
		return READ_ONCE(*(u32 *)va);
	default:
		return READ_ONCE(*(u64 *)va);
	}
}

static inline void axas_store(void *va, size_t len, u64 val)
{
	switch (len) {
	case 1:
		WRITE_ONCE(*(u8 *)va, val);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)va, val);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)va, val);
		break;
	default:
		WRITE_ONCE(*(u64 *)va, val);
		break;
	}
}

/* The same for device registers. */
static inline u64 axas_load_io(const void __iomem *io, size_t len)
{
	switch (len) {
	case 1:
		return readb(io);
	case 2:
		return readw(io);
	case 4:
		return readl(io);
	default:
		return readq(io);
	}
}

static inline void axas_store_io(void __iomem *io, size_t len, u64 val)
{
	switch (len) {
	case 1:
		writeb(val, io);
		break;
	case 2:
		writew(val, io);
		break;
	case 4:
		writel(val, io);
		break;
	default:
		writeq(val, io);
		break;
	}
}

/* An integer of @len bytes in a buffer of any alignment, in host byte order. */
static inline u64 axas_get(const void *buf, size_t len)
{
	u16 w16;
	u32 w32;
	u64 w64;

	switch (len) {
	case 1:
		return *(const u8 *)buf;
	case 2:
		memcpy(&w16, buf, sizeof(w16));
		return w16;
	case 4:
		memcpy(&w32, buf, sizeof(w32));
		return w32;
	default:
		memcpy(&w64, buf, sizeof(w64));
		return w64;
	}
}

static inline void axas_put(void *buf, size_t len, u64 val)
{
	u16 w16 = val;
	u32 w32 = val;

	switch (len) {
	case 1:
		*(u8 *)buf = val;
		break;
	case 2:
		memcpy(buf, &w16, sizeof(w16));
		break;
	case 4:
		memcpy(buf, &w32, sizeof(w32));
		break;
	default:
		memcpy(buf, &val, sizeof(val));
		break;
	}
}

/* Copy from guest memory to a buffer. */
static __always_inline void axas_copy_in(void *buf, const void *va, size_t len)
{
	if (axas_is_single((unsigned long)va, len))
		axas_put(buf, len, axas_load(va, len));
	else
		memcpy(buf, va, len);
}

/* Copy from a buffer to guest memory. */
static __always_inline void axas_copy_out(void *va, const void *buf, size_t len)
{
	if (axas_is_single((unsigned long)va, len))
		axas_store(va, len, axas_get(buf, len));
	else
		memcpy(va, buf, len);
}

/*
 * Copies from and to device registers. Registers are little-endian: on a big-endian host only a
 * bytewise copy preserves the order of bytes.
 */
static inline bool axas_is_single_io(const void __iomem *io, size_t len)
{
	return !IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) &&
	       axas_is_single((__force unsigned long)io, len);
}

static inline void axas_copy_in_io(void *buf, const void __iomem *io, size_t len)
{
	if (axas_is_single_io(io, len))
		axas_put(buf, len, axas_load_io(io, len));
	else
		memcpy_fromio(buf, io, len);
}

static inline void axas_copy_out_io(void __iomem *io, const void *buf, size_t len)
{
	if (axas_is_single_io(io, len))
		axas_store_io(io, len, axas_get(buf, len));
	else
		memcpy_toio(io, buf, len);
}

#endif /* _AXAS_SINGLE_H */
