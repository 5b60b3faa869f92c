/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed addresses: guest-physical (gpa), host-physical (hpa) and guest-virtual
 * (gva), and ranges of them. Each is a struct with one member, so that the compiler
 * rejects one kind in place of another. Calls nothing.
 */
#ifndef _AXAS_ADDR_H
#define _AXAS_ADDR_H

#include <linux/overflow.h>
#include <linux/types.h>

/*
 * AXAS_DEFINE_ADDR - types and functions for one kind of address:
 *
 * struct axas_X - the address; .val is its number
 * struct axas_X_range - the half-open range [start, start + size). A size, not
 *	an end, so that a range may include the last byte of 64 bits.
 * axas_X(val) - an address from a number
 * axas_X_add(addr, bytes, &sum) - true and @sum, or false if it would wrap
 * axas_X_offset(addr, bytes) - the sum, for callers that have checked for overflow
 * axas_X_is_aligned(addr, align) - whether it is a multiple of @align, a power of 2
 * axas_X_range(start, size) - a range from start and size in bytes
 * axas_X_range_valid(range) - whether it does not wrap; an empty one is valid
 * axas_X_range_last(range) - the last byte of a valid range that is not empty
 * axas_X_range_contains(range, addr) - whether @addr lies in a valid @range
 * axas_X_range_covers(outer, inner) - whether all of @inner lies in @outer;
 *	false if either wraps; an empty @inner is covered if it starts inside
 *	@outer or at its end
 * axas_X_range_overlaps(a, b) - whether two valid ranges share a byte
 *
 * Generating the functions keeps the types distinct without three copies of the source.
 */
#define AXAS_DEFINE_ADDR(_t)							\
struct axas_##_t { u64 val; };							\
struct axas_##_t##_range { struct axas_##_t start; u64 size; };			\
										\
static inline struct axas_##_t axas_##_t(u64 val)				\
{ return (struct axas_##_t){ val }; }						\
										\
static inline bool axas_##_t##_add(struct axas_##_t addr, u64 bytes,		\
				   struct axas_##_t *sum)			\
{ return !check_add_overflow(addr.val, bytes, &sum->val); }			\
										\
static inline struct axas_##_t axas_##_t##_offset(struct axas_##_t addr, u64 bytes) \
{ return axas_##_t(addr.val + bytes); }						\
										\
static inline bool axas_##_t##_is_aligned(struct axas_##_t addr, u64 align)	\
{ return !(addr.val & (align - 1)); }						\
										\
static inline struct axas_##_t##_range axas_##_t##_range(struct axas_##_t start, \
							 u64 size)		\
{ return (struct axas_##_t##_range){ start, size }; }				\
										\
static inline bool axas_##_t##_range_valid(struct axas_##_t##_range r)		\
{ return !r.size || r.start.val + (r.size - 1) >= r.start.val; }		\
										\
static inline struct axas_##_t axas_##_t##_range_last(struct axas_##_t##_range r) \
{ return axas_##_t(r.start.val + (r.size - 1)); }				\
										\
static inline bool axas_##_t##_range_contains(struct axas_##_t##_range r,	\
					      struct axas_##_t addr)		\
{ return addr.val - r.start.val < r.size && addr.val >= r.start.val; }		\
										\
static inline bool axas_##_t##_range_covers(struct axas_##_t##_range outer,	\
					    struct axas_##_t##_range inner)	\
{										\
	if (!axas_##_t##_range_valid(outer) || !axas_##_t##_range_valid(inner))	\
		return false;							\
	return inner.start.val >= outer.start.val &&				\
	       inner.start.val - outer.start.val <= outer.size &&		\
	       inner.size <= outer.size - (inner.start.val - outer.start.val);	\
}										\
										\
static inline bool axas_##_t##_range_overlaps(struct axas_##_t##_range a,	\
					      struct axas_##_t##_range b)	\
{										\
	return a.size && b.size &&						\
	       a.start.val <= axas_##_t##_range_last(b).val &&			\
	       b.start.val <= axas_##_t##_range_last(a).val;			\
}

AXAS_DEFINE_ADDR(gpa)
AXAS_DEFINE_ADDR(hpa)
AXAS_DEFINE_ADDR(gva)

/* The printed form of each: "GPA:0x1000"; the argument is .val. */
#define AXAS_GPA_FMT	"GPA:0x%llx"
#define AXAS_HPA_FMT	"HPA:0x%llx"
#define AXAS_GVA_FMT	"GVA:0x%llx"

/* Buffer size for axas_*_snprint(), with the terminating NUL. */
#define AXAS_ADDR_STRLEN	48

int axas_gpa_snprint(char *buf, size_t len, struct axas_gpa gpa);
int axas_hpa_snprint(char *buf, size_t len, struct axas_hpa hpa);
int axas_gva_snprint(char *buf, size_t len, struct axas_gva gva);
int axas_gpa_range_snprint(char *buf, size_t len, struct axas_gpa_range range);
int axas_hpa_range_snprint(char *buf, size_t len, struct axas_hpa_range range);
int axas_gva_range_snprint(char *buf, size_t len, struct axas_gva_range range);

/**
 * struct axas_translation - translation of a guest-physical address
 * @hpa: host-physical address of the same byte
 * @left: bytes from there to the end of the leaf
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*
 * @level: level of the leaf
 */
struct axas_translation {
	struct axas_hpa hpa;
	u64 left;
	u32 prot;
	u32 type;
	u32 level;
};

#endif /* _AXAS_ADDR_H */
