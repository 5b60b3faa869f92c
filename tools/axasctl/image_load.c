// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads files of images, and maps their content into a space, which reads a page when it is
 * touched: see image_file.h. Calls libaxas.
 */
#include "image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int file, void *buf, u64 len, u64 offset)
{
	ssize_t n;

	for (; len; len -= n, buf = (u8 *)buf + n, offset += n) {
		n = pread(file, buf, len, offset);
		if (!n)
			return -ENOEXEC;
		if (n < 0 && errno != EINTR)
			return -errno;
		n = n < 0 ? 0 : n;
	}
	return 0;
}

/* An array, or NULL for one without elements. */
static int read_array(const struct saved *saved, u64 file_size, u64 offset, u64 nr, size_t size,
		      void **array)
{
	if (!nr)
		return 0;
	if (offset > file_size || nr > (file_size - offset) / size)
		return -ENOEXEC;
	*array = malloc(nr * size);
	return *array ? read_all(saved->file, *array, nr * size, offset) : -ENOMEM;
}

static int check_header(const struct saved_header *head)
{
	if (memcmp(head->magic, SAVED_MAGIC, sizeof(head->magic)))
		return -ENOEXEC;
	if (head->version != SAVED_VERSION || head->flags & ~SAVED_DIFF || !head->id ||
	    !head->parent != !(head->flags & SAVED_DIFF))
		return -ENOEXEC;
	return saved_fits(head->nr_areas, head->nr_extents, head->state_size) ? 0 : -EFBIG;
}

static bool wraps(u64 gpa, u64 length)
{
	return !length || gpa + length - 1 < gpa;
}

/* With other flags a map might take all memory at once, or make guests wait for ever. */
static bool areas_can_be(const struct saved *saved)
{
	u64 end = 0;

	for (u64 i = 0; i < saved->head.nr_areas; i++) {
		const struct saved_area *area = &saved->areas[i];

		if (wraps(area->gpa, area->length) || (i && area->gpa < end) ||
		    area->prot & ~AXAS_PROT_MASK || area->flags & ~SAVED_POLICY)
			return false;
		end = area->gpa + area->length;
		if (!end && i + 1 < saved->head.nr_areas)
			return false;
	}
	return true;
}

static bool extents_can_be(const struct saved *saved)
{
	for (u64 i = 0; i < saved->head.nr_extents; i++)
		if (wraps(saved->extents[i].gpa, saved->extents[i].length))
			return false;
	return true;
}

static int read_saved(struct saved *saved)
{
	struct saved_header *head = &saved->head;
	struct stat st;
	int err;

	if (fstat(saved->file, &st))
		return -errno;
	err = read_all(saved->file, head, sizeof(*head), 0);
	if (!err)
		err = check_header(head);
	if (!err)
		err = read_array(saved, st.st_size, head->areas, head->nr_areas,
				 sizeof(*saved->areas), (void **)&saved->areas);
	if (!err)
		err = read_array(saved, st.st_size, head->extents, head->nr_extents,
				 sizeof(*saved->extents), (void **)&saved->extents);
	if (!err)
		err = read_array(saved, st.st_size, head->state, head->state_size, 1,
				 &saved->state);
	if (!err && (!areas_can_be(saved) || !extents_can_be(saved)))
		err = -ENOEXEC;
	return err;
}

int saved_open(const char *path, struct saved *saved)
{
	int err;

	*saved = (struct saved){ .file = open(path, O_RDONLY | O_CLOEXEC) };
	if (saved->file < 0)
		return -errno;
	err = read_saved(saved);
	if (err)
		saved_close(saved);
	return err;
}

void saved_close(struct saved *saved)
{
	if (saved->file >= 0)
		close(saved->file);
	free(saved->areas);
	free(saved->extents);
	free(saved->state);
	*saved = (struct saved){ .file = -1 };
}

/* In another format it is as large as that allows. */
int saved_create(const struct saved *saved, u32 format)
{
	const struct saved_header *head = &saved->head;
	struct axas_create create = {
		.format = head->format, .ia_bits = head->ia_bits, .base = head->base,
		.length = head->length,
	};

	if (format && format != head->format)
		create = (struct axas_create){ .format = format };
	return axas_open_space(device_path(), &create);
}

/* Put an extent in the place of what is there, where it is in the area. */
static int map_in_area(int space, int file, const struct saved_extent *extent,
		       const struct saved_area *area)
{
	u64 first = extent->gpa > area->gpa ? extent->gpa : area->gpa;
	u64 end = extent->gpa + extent->length, last = area->gpa + area->length;
	int err;

	end = end < last ? end : last;
	if (first >= end)
		return 0;
	err = axas_unmap(space, first, end - first);
	if (err)
		return err;
	if (!extent->offset)
		return axas_map_alloc(space, first, end - first, area->prot, area->flags);
	return axas_map_file(space, first, end - first, file, extent->offset + first - extent->gpa,
			     area->prot, area->flags & AXAS_MAP_AROUND_MASK);
}

/* The first area that ends behind @gpa: areas are in order. */
static u64 find_area(const struct saved *saved, u64 gpa)
{
	u64 low = 0, high = saved->head.nr_areas;

	while (low < high) {
		u64 mid = low + (high - low) / 2;

		if (saved->areas[mid].gpa + saved->areas[mid].length <= gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Map all extents of a file into the areas of the last one. */
static int map_extents(int space, const struct saved *saved, const struct saved *last)
{
	int err = 0;

	for (u64 i = 0; i < saved->head.nr_extents && !err; i++) {
		const struct saved_extent *extent = &saved->extents[i];
		u64 j = find_area(last, extent->gpa);

		for (; j < last->head.nr_areas && !err; j++) {
			if (last->areas[j].gpa >= extent->gpa + extent->length)
				break;
			err = map_in_area(space, saved->file, extent, &last->areas[j]);
		}
	}
	return err;
}

static int check_chain(const struct saved *saved, u32 nr)
{
	if (saved->head.parent)
		return -ESTALE;
	for (u32 i = 1; i < nr; i++)
		if (saved[i].head.parent != saved[i - 1].head.id)
			return -ESTALE;
	return 0;
}

int saved_map(const struct saved *saved, u32 nr, int space)
{
	const struct saved *last = &saved[nr - 1];
	int err = check_chain(saved, nr);

	for (u64 i = 0; i < last->head.nr_areas && !err; i++)
		err = axas_map_alloc(space, last->areas[i].gpa, last->areas[i].length,
				     last->areas[i].prot, last->areas[i].flags);
	for (u32 i = 0; i < nr && !err; i++)
		err = map_extents(space, &saved[i], last);
	return err;
}
