/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files of images: their format, what writes them and what reads them. A file is sparse:
 *
 *	0		struct saved_header, written last
 *	2 MiB		content, at the same offset in 2 MiB as in the guest; zeroes are holes
 *	behind that	arrays of struct saved_area and struct saved_extent, then a machine's state
 *
 * A file holds all of an image, or what differs from the image of another file (SAVED_DIFF). Then
 * it has all areas, but the extents of what changed only. Numbers are in the host's byte order.
 */
#ifndef AXASCTL_IMAGE_FILE_H
#define AXASCTL_IMAGE_FILE_H

#include "axasctl.h"

#define SAVED_MAGIC	"AXASIMG\n"
#define SAVED_VERSION	1
#define SAVED_DIFF	0x1
#define SAVED_FILES	8		/* most files of a chain */
#define SAVED_AREAS	0x100000ull	/* most areas */
#define SAVED_EXTENTS	0x400000ull	/* most extents */
#define SAVED_STATE	0x400000ull	/* most bytes of a machine's state */
/* What an area's policy may be: nothing that has an effect when it is mapped. */
#define SAVED_POLICY	(AXAS_MAP_HUGE_ALWAYS | AXAS_MAP_HUGE_NEVER | AXAS_MAP_AROUND_MASK)
#define SAVED_BLOCK	0x200000ull	/* granularity of extents that are not of a difference */

/**
 * struct saved_header - the first page of a file
 * @magic: SAVED_MAGIC
 * @version: SAVED_VERSION
 * @flags: 0 or SAVED_DIFF
 * @id: random, and not 0
 * @parent: with SAVED_DIFF @id of the file whose image it differs from; else 0
 * @base: first guest-physical address of the space
 * @length: bytes of it
 * @format: AXAS_FORMAT_* of the space
 * @ia_bits: bits of its addresses
 * @areas: offset of the areas
 * @nr_areas: their number
 * @extents: offset of the extents
 * @nr_extents: their number
 * @state: offset of the machine's state
 * @state_size: its bytes, or 0
 */
struct saved_header {
	char magic[8];
	u32 version;
	u32 flags;
	u64 id;
	u64 parent;
	u64 base;
	u64 length;
	u32 format;
	u32 ia_bits;
	u64 areas;
	u64 nr_areas;
	u64 extents;
	u64 nr_extents;
	u64 state;
	u64 state_size;
};

/**
 * struct saved_area - an area; they are in order, and none reaches into the next
 * @gpa: first guest-physical address
 * @length: bytes
 * @prot: AXAS_PROT_*
 * @flags: of SAVED_POLICY
 */
struct saved_area {
	u64 gpa;
	u64 length;
	u32 prot;
	u32 flags;
};

/**
 * struct saved_extent - content; a later one of the file replaces an earlier one
 * @gpa: first guest-physical address
 * @length: bytes
 * @offset: offset of the content in the file, or 0: zeroes
 */
struct saved_extent {
	u64 gpa;
	u64 length;
	u64 offset;
};

static inline bool saved_fits(u64 nr_areas, u64 nr_extents, u64 state_size)
{
	return nr_areas <= SAVED_AREAS && nr_extents <= SAVED_EXTENTS && state_size <= SAVED_STATE;
}

/**
 * struct to_save - what image_save() writes
 * @from: descriptor of the image, or of the space that differs
 * @info: of a clone of it, or of the space
 * @areas: its areas
 * @nr_areas: their number
 * @diff: of a difference: what AXAS_DIFF found, in order; else NULL
 * @nr_diff: elements of @diff
 * @parent: of a difference: the id of the file it is to, or 0
 * @progress: called with the bytes of areas so far, and of all; or NULL
 * @state: a machine's state, or NULL
 * @state_size: its bytes
 * @id: out: the id of the file
 * @bytes: out: bytes of content that were written
 * @extents: out: number of extents
 */
struct to_save {
	int from;
	struct axas_info info;
	struct axas_area_info *areas;
	u64 nr_areas;
	struct axas_diff_extent *diff;
	u64 nr_diff;
	u64 parent;
	void (*progress)(u64 done, u64 total);
	const void *state;
	u64 state_size;
	u64 id;
	u64 bytes;
	u64 extents;
};

/**
 * struct saved - a file that is open
 * @file: its descriptor
 * @head: its header
 * @areas: the areas
 * @extents: the extents
 * @state: the machine's state, or NULL
 */
struct saved {
	int file;
	struct saved_header head;
	struct saved_area *areas;
	struct saved_extent *extents;
	void *state;
};

/*
 * image_save.c: 0 or -errno. The caller frees save->areas and save->diff, also after an error.
 * image_save() saves all of an image; image_save_diff() what a space has that its image has not,
 * while nobody writes to it. What was at the path stays until the new file is whole, which then
 * takes its place, and only its owner may read: -EPERM for what is no file, -EFBIG for more than
 * one may hold.
 */
int image_save(const char *path, struct to_save *save);
int image_save_diff(const char *path, struct to_save *save);
int image_get_diff(int space, struct to_save *save);

/*
 * image_load.c: 0 or -errno: -ENOEXEC if the file is none of an image, -EFBIG if it says to hold
 * more than one may.
 */
int saved_open(const char *path, struct saved *saved);
void saved_close(struct saved *saved);
/* A new space, and its areas. @format: AXAS_FORMAT_DEFAULT is that of the file. */
int saved_create(const struct saved *saved, u32 format);
/* The first file has all, each other one is a difference to the one before: -ESTALE if it is not */
int saved_map(const struct saved *saved, u32 nr, int space);

#endif /* AXASCTL_IMAGE_FILE_H */
