/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A family: several spaces, their images, and who has pages of them. The model of each page is its
 * content, and what the log and a diff must, may or must not say of it.
 */
#ifndef USERSPACE_FAMILY_H
#define USERSPACE_FAMILY_H

#include <axas/image.h>

#include "model.h"
#include "space_fixture.h"
#include "verdict.h"

/* On both sides of a border of 1 GiB; two regions of 2 MiB, and parts of two others. */
#define BEFORE		600u
#define PAGES		1200u
#define MEMBERS		4u
#define PICTURES	6u
#define HOLDS		4u
#define FILE_PAGES	160u

/* Each page has values at these offsets, and zeroes elsewhere. */
#define WORDS		3u

/**
 * struct sheet - what one page contains
 * @words: its values
 * @refs: pages of spaces that have it, and holds
 */
struct sheet {
	u64 words[WORDS];
	u32 refs;
};

enum member_page { PAGE_HOLE, PAGE_ALLOC, PAGE_FILE, PAGE_SHARED };

/**
 * struct member_page_model - a page of a space
 * @kind: hole, alloc memory, a file's, or another space's
 * @prot: AXAS_PROT_*
 * @lends: its area lends frames: a file's, or an image's
 * @of_image: of an image
 * @missing: of an area with AXAS_MAP_MISSING
 * @fails: with AXAS_MAP_MISSING_FAIL
 * @absent: it was not supplied
 * @logged: of a logged area
 * @dirty: the log must report it
 * @perhaps_dirty: it may
 * @wiped: it was discarded: zeroes may be logged by 2 MiB
 * @changed: a diff must report it
 * @written: as written, and not as zeroes
 * @perhaps_changed: it may
 * @bound: of another space: it has the frame that it had there
 * @source: number of that space
 * @from: page there
 * @sheet: its content; NULL: zeroes
 */
struct member_page_model {
	u8 kind;
	u8 prot;
	bool lends;
	bool of_image;
	bool missing;
	bool fails;
	bool absent;
	bool logged;
	bool dirty;
	bool perhaps_dirty;
	bool wiped;
	bool changed;
	bool written;
	bool perhaps_changed;
	bool bound;
	u32 source;
	u16 from;
	struct sheet *sheet;
};

/**
 * struct cached - a translation that a CPU of the guest may have
 * @hpa: address of the frame
 * @valid: it is there
 * @write: it permits writes
 */
struct cached {
	u64 hpa;
	bool valid;
	bool write;
};

/**
 * struct pte - what the host has mapped of a page, with a reference
 * @page: NULL: nothing
 * @write: it permits writes
 */
struct pte {
	struct page *page;
	bool write;
};

/**
 * struct member - a space
 * @f: the space and, over the mock, its monitor
 * @consumer: drops what CPUs and host have
 * @attached: it is attached
 * @id: its number; 0: no space
 * @log_used: a log was started in it
 * @pages: its pages
 * @tlb: what CPUs have
 * @ptes: what the host has mapped
 */
struct member {
	struct space_fixture f;
	struct axas_consumer consumer;
	bool attached;
	u32 id;
	struct member_page_model pages[PAGES];
	struct cached tlb[PAGES];
	struct pte ptes[PAGES];
};

/**
 * struct picture_page - a page of an image
 * @kind: as of a page of a space
 * @prot: AXAS_PROT_*
 * @words: its content
 */
struct picture_page {
	u8 kind;
	u8 prot;
	u64 words[WORDS];
};

/**
 * struct picture - an image
 * @image: NULL: none
 * @pages: its pages
 */
struct picture {
	struct axas_image *image;
	struct picture_page pages[PAGES];
};

/**
 * struct hold - a page that axas_space_bvec() handed out
 * @bvec: the page; bv_page is NULL: none
 * @sheet: its content
 * @write: it may be written
 */
struct hold {
	struct bio_vec bvec;
	struct sheet *sheet;
	bool write;
};

/**
 * struct lender - a file
 * @frames: its pages
 * @here: those that were fetched
 */
struct lender {
	struct axas_hpa frames[FILE_PAGES];
	bool here[FILE_PAGES];
};

/**
 * struct family - all of it
 * @test: for the fixtures
 * @mock: the HAL, or NULL: Linux'
 * @hal: the HAL
 * @fmt: the format of all spaces
 * @caps: their machine
 * @limited: spaces have limits of frames
 * @failures: failed allocations before the operation
 * @last_id: number of the last space
 * @trace: print each operation
 * @members: the spaces
 * @pictures: the images
 * @holds: pages that were handed out
 * @lender: the file
 */
struct family {
	struct kunit test;
	struct mock_hal *mock;
	const struct axas_hal *hal;
	const struct axas_npt_fmt *fmt;
	struct axas_npt_caps caps;
	bool limited;
	u64 failures;
	u32 last_id;
	bool trace;
	struct member members[MEMBERS];
	struct picture pictures[PICTURES];
	struct hold holds[HOLDS];
	struct lender lender;
};

extern struct family *family;

static inline u64 page_gpa(u32 page)
{
	return BORDER - BEFORE * (u64)SZ_4K + page * (u64)SZ_4K;
}

static inline struct axas_gpa_range pages_range(u32 first, u32 n)
{
	return gpa_range(page_gpa(first), n * (u64)SZ_4K);
}

static inline u32 word_offset(u32 word)
{
	return word * 2040;
}

static inline struct axas_space *space_of(const struct member *mb)
{
	return mb->f.space;
}

/* family.c */

bool had_failures(void);
u64 file_word(u32 page, u32 word);
void sheet_put(struct sheet *sheet);
struct sheet *sheet_new(const u64 *words);
/* The page's own sheet. */
struct sheet *sheet_of(struct member_page_model *p);
u64 sheet_word(const struct sheet *sheet, u32 word);
/* Content that a page has before it is touched, and that an area of this kind lends. */
bool page_is_zero(const struct member_page_model *p);
void forget_page(struct member_page_model *p);
/* A value was written to a page, by this space. */
void note_write(struct member *mb, u32 page, u32 word, u64 val);
/* Somebody outside of the space writes to a sheet. */
void note_foreign_write(struct sheet *sheet, const struct member_page_model *by);
bool is_held(const struct member_page_model *p);
/* Whether a space shares pages of it. */
bool is_source(const struct member *mb);
struct member *member_by_id(u32 id);

/* The leaf of a page. */
bool find_leaf(struct member *mb, u32 page, struct axas_npt_pos *pos, struct axas_leaf *leaf);
/* Compare pages with their leaves: those from @first on; @whole: all bytes. */
void check_pages(struct member *mb, u32 first, u32 n, bool whole);
/* Pages of other spaces that were touched get their frames. */
void bind_pages(struct member *mb);
void check_picture(struct picture *picture);
void check_balance(void);
void compare_family(void);

/* Attach a new space. */
void member_begin(struct member *mb, struct axas_space *space);
void member_end(struct member *mb);
/* Pages of a picture, as those of a clone. */
void member_becomes(struct member *mb, const struct picture *picture, bool dropped);

extern const struct axas_backend_ops family_file_ops;
extern const struct axas_backend_ops family_private_file_ops;

/* family_ops.c */
void family_op(const struct model_op *op);
void hold_end(struct hold *hold);

#endif /* USERSPACE_FAMILY_H */
