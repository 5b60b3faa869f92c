// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes an image, or what differs from another one, to a file: see image_file.h. Calls libaxas.
 */
#include "image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/**
 * struct writer - a file that is written
 * @save: what
 * @file: its descriptor
 * @end: of the content so far
 * @buf: SAVED_BLOCK bytes
 * @areas: that were written
 * @extents: the extents so far
 * @nr: their number
 * @room: elements that @extents has room for
 * @diff: first element of save->diff that is not behind the areas so far
 * @before: bytes of the areas before this one
 * @total: bytes of all areas
 */
struct writer {
	struct to_save *save;
	int file;
	u64 end;
	u8 *buf;
	struct saved_area *areas;
	struct saved_extent *extents;
	u64 nr;
	u64 room;
	u64 diff;
	u64 before;
	u64 total;
};

/* @done: bytes of this area */
static void tell(const struct writer *w, u64 done)
{
	if (w->save->progress && w->before + done < w->total)
		w->save->progress(w->before + done, w->total);
}

/* Add an element to an array that doubles. NULL: out of memory, and the array stays. */
static void *grow(void *array, u64 nr, u64 *room, size_t size)
{
	u64 more = nr ? 2 * nr : 64;
	void *new;

	if (nr < *room)
		return array;
	new = realloc(array, more * size);
	if (new)
		*room = more;
	return new;
}

/* Areas that were mapped piece by piece, from a file, are one in the next. */
static bool continues(const struct to_save *save, const struct axas_area_info *area)
{
	struct axas_area_info *last = save->nr_areas ? &save->areas[save->nr_areas - 1] : NULL;

	if (!last || last->gpa + last->length != area->gpa || last->prot != area->prot ||
	    last->backend != area->backend || last->flags != area->flags)
		return false;
	last->length += area->length;
	return true;
}

/* The space's properties and areas. */
static int get_areas(int space, struct to_save *save)
{
	const struct axas_area_info *area;
	struct axas_area_info *areas;
	struct axas_areas it;
	u64 room = 0;
	int err = axas_get_info(space, &save->info);

	if (err)
		return err;
	axas_areas_begin(&it, space, 0);
	while ((area = axas_areas_next(&it))) {
		if (continues(save, area))
			continue;
		areas = grow(save->areas, save->nr_areas, &room, sizeof(*areas));
		if (!areas)
			return -ENOMEM;
		save->areas = areas;
		areas[save->nr_areas++] = *area;
	}
	return it.err;
}

int image_get_diff(int space, struct to_save *save)
{
	struct axas_diff_extent *diff;
	struct axas_info info;
	u64 room = 0, gpa, left;
	int n = axas_get_info(space, &info);

	gpa = info.base;
	for (left = info.length; !n && left; n = n > 0 ? 0 : n) {
		diff = grow(save->diff, save->nr_diff, &room, sizeof(*diff));
		if (!diff)
			return -ENOMEM;
		save->diff = diff;
		n = axas_diff(space, &gpa, &left, diff + save->nr_diff, room - save->nr_diff);
		save->nr_diff += n > 0 ? n : 0;
	}
	return n;
}

static int write_all(int file, const void *buf, u64 len, u64 offset)
{
	ssize_t n;

	for (; len; len -= n, buf = (const u8 *)buf + n, offset += n) {
		n = pwrite(file, buf, len, offset);
		if (n < 0 && errno != EINTR)
			return -errno;
		n = n < 0 ? 0 : n;
	}
	return 0;
}

static int read_all(int image, void *buf, u64 len, u64 gpa)
{
	ssize_t n;

	for (; len; len -= n, buf = (u8 *)buf + n, gpa += n) {
		n = pread(image, buf, len, gpa);
		if (!n)
			return -EFAULT;
		if (n < 0 && errno != EINTR)
			return -errno;
		n = n < 0 ? 0 : n;
	}
	return 0;
}

static bool is_zero(const u8 *page)
{
	static const u8 zeroes[PAGE];

	return !memcmp(page, zeroes, PAGE);
}

/* Write up to SAVED_BLOCK bytes of the image to @offset, but pages of zeroes. */
static int copy_block(struct writer *w, u64 gpa, u64 len, u64 offset, bool *any)
{
	int err = read_all(w->save->from, w->buf, len, gpa);
	u64 first, end;

	for (first = 0; first < len && !err; first = end) {
		end = first + PAGE;
		if (is_zero(w->buf + first))
			continue;
		while (end < len && !is_zero(w->buf + end))
			end += PAGE;
		err = write_all(w->file, w->buf + first, end - first, offset + first);
		w->save->bytes += end - first;
		*any = true;
	}
	return err;
}

/* Append to the last extent, if it follows. */
static int add_extent(struct writer *w, u64 gpa, u64 length, u64 offset)
{
	struct saved_extent *last = w->nr ? &w->extents[w->nr - 1] : NULL;
	struct saved_extent *all;

	if (last && last->offset && offset && last->gpa + last->length == gpa &&
	    last->offset + last->length == offset) {
		last->length += length;
		return 0;
	}
	all = grow(w->extents, w->nr, &w->room, sizeof(*all));
	if (!all)
		return -ENOMEM;
	w->extents = all;
	all[w->nr++] = (struct saved_extent){ gpa, length, offset };
	return 0;
}

static u64 block_end(u64 gpa, u64 end)
{
	u64 next = (gpa | (SAVED_BLOCK - 1)) + 1;

	return next < end && next ? next : end;
}

/* What the image has of an area, in blocks. @offset: of the area. */
static int save_blocks(struct writer *w, u64 gpa, u64 end, u64 offset)
{
	u64 first = gpa, next;
	int err = 0;
	bool any;
	off_t at;

	for (; first < end && !err; first = next) {
		at = lseek(w->save->from, first, SEEK_DATA);
		if (at < 0)
			return errno == ENXIO ? 0 : -errno;
		if ((u64)at >= end)
			return 0;
		at &= ~(SAVED_BLOCK - 1);
		first = (u64)at > first ? (u64)at : first;
		next = block_end(first, end);
		any = false;
		err = copy_block(w, first, next - first, offset + first - gpa, &any);
		if (!err && any)
			err = add_extent(w, first, next - first, offset + first - gpa);
		tell(w, next - gpa);
	}
	return err;
}

/* One extent of a difference, as far as it is in the area. */
static int save_extent(struct writer *w, const struct axas_diff_extent *diff, u64 gpa, u64 end,
		       u64 offset)
{
	u64 first = diff->gpa > gpa ? diff->gpa : gpa, next;
	u64 last = diff->gpa + diff->length < end ? diff->gpa + diff->length : end;
	bool any;
	int err = 0;

	if (first >= last)
		return 0;
	if (diff->flags & AXAS_DIFF_ZERO)
		return add_extent(w, first, last - first, 0);
	for (; first < last && !err; first = next) {
		next = block_end(first, last);
		any = false;
		err = copy_block(w, first, next - first, offset + first - gpa, &any);
		if (!err)
			err = add_extent(w, first, next - first,
					 any ? offset + first - gpa : 0);
	}
	return err;
}

static int save_diff(struct writer *w, u64 gpa, u64 end, u64 offset)
{
	const struct axas_diff_extent *diff = w->save->diff;
	int err = 0;

	while (w->diff < w->save->nr_diff && diff[w->diff].gpa + diff[w->diff].length <= gpa)
		w->diff++;
	for (u64 i = w->diff; i < w->save->nr_diff && diff[i].gpa < end && !err; i++) {
		err = save_extent(w, &diff[i], gpa, end, offset);
		tell(w, diff[i].gpa > gpa ? diff[i].gpa - gpa : 0);
	}
	return err;
}

/* What is no area of the parent's has nothing of it, so that it begins as zeroes. */
static int save_area(struct writer *w, const struct axas_area_info *area, struct saved_area *saved)
{
	u64 end = area->gpa + area->length;
	u64 offset = ((w->end + SAVED_BLOCK - 1) & ~(SAVED_BLOCK - 1)) +
		     (area->gpa & (SAVED_BLOCK - 1));
	int err = 0;

	*saved = (struct saved_area){
		.gpa = area->gpa, .length = area->length, .prot = area->prot,
		.flags = area->flags & SAVED_POLICY,
	};
	w->end = offset + area->length;
	if (w->save->parent && area->backend == AXAS_BACKEND_IMAGE)
		return save_diff(w, area->gpa, end, offset);
	if (w->save->parent)
		err = add_extent(w, area->gpa, area->length, 0);
	return err ? err : save_blocks(w, area->gpa, end, offset);
}

static int save_content(struct writer *w)
{
	struct to_save *save = w->save;
	int err = 0;

	w->end = SAVED_BLOCK;
	w->buf = malloc(SAVED_BLOCK);
	w->areas = calloc(save->nr_areas + 1, sizeof(*w->areas));
	if (!w->buf || !w->areas)
		return -ENOMEM;
	for (u64 i = 0; i < save->nr_areas; i++)
		w->total += save->areas[i].length;
	for (u64 i = 0; i < save->nr_areas && !err; i++) {
		err = save_area(w, &save->areas[i], &w->areas[i]);
		w->before += save->areas[i].length;
	}
	if (!err && save->progress)
		save->progress(w->total, w->total);
	save->extents = w->nr;
	return err;
}

/* Append something behind what is there. */
static int append(struct writer *w, const void *buf, u64 len, u64 *offset)
{
	*offset = w->end;
	w->end += len;
	return write_all(w->file, buf, len, *offset);
}

/* The content is whole when the header comes. */
static int save_header(struct writer *w, struct saved_header *head)
{
	struct to_save *save = w->save;
	int err;

	if (!saved_fits(save->nr_areas, w->nr, save->state_size))
		return -EFBIG;
	err = append(w, w->areas, save->nr_areas * sizeof(*w->areas), &head->areas);
	if (!err)
		err = append(w, w->extents, w->nr * sizeof(*w->extents), &head->extents);
	if (!err)
		err = append(w, save->state, save->state_size, &head->state);
	if (!err && (ftruncate(w->file, w->end) || fsync(w->file)))
		err = -errno;
	if (!err)
		err = write_all(w->file, head, sizeof(*head), 0);
	return !err && fsync(w->file) ? -errno : err;
}

static int new_id(u64 *id)
{
	do {
		if (getrandom(id, sizeof(*id), 0) != sizeof(*id))
			return -errno;
	} while (!*id);
	return 0;
}

static int fill_header(const struct to_save *save, struct saved_header *head)
{
	*head = (struct saved_header){
		.magic = SAVED_MAGIC, .version = SAVED_VERSION,
		.flags = save->parent ? SAVED_DIFF : 0, .parent = save->parent,
		.base = save->info.base, .length = save->info.length,
		.format = save->info.format, .ia_bits = save->info.ia_bits,
		.nr_areas = save->nr_areas, .state_size = save->state_size,
	};
	return new_id(&head->id);
}

/* Devices and folders stay what they are. */
static int check_path(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	return S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) ? 0 : -EPERM;
}

static int write_content(struct to_save *save, int file)
{
	struct writer w = { .save = save, .file = file };
	struct saved_header head;
	int err = fill_header(save, &head);

	if (err)
		return err;
	err = save_content(&w);
	head.nr_extents = w.nr;
	if (!err)
		err = save_header(&w, &head);
	save->id = head.id;
	free(w.buf);
	free(w.areas);
	free(w.extents);
	return err;
}

/* Without a name it is gone with the process, however that ends. Some file systems cannot. */
static int open_new(const char *path, const char *beside, bool *named)
{
	char *copy = strdup(path);
	int file = copy ? open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600) : -1;

	free(copy);
	*named = file < 0;
	if (*named)
		file = open(beside, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	return file < 0 ? -errno : file;
}

static int give_name(int file, const char *path)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* A file is there already, or the new one has its name @beside from the start. */
static int replace(int file, const char *path, const char *beside, bool named)
{
	int err = named ? 0 : give_name(file, beside);

	if (!err && rename(beside, path))
		err = -errno;
	return err;
}

/* Memory is nobody else's to read: the file is a new one, which takes the place of another. */
static int write_beside(const char *path, const char *beside, struct to_save *save)
{
	bool named;
	int file = open_new(path, beside, &named), err;

	if (file < 0)
		return file;
	err = write_content(save, file);
	if (!err) {
		err = named ? -EEXIST : give_name(file, path);
		if (err == -EEXIST)
			err = replace(file, path, beside, named);
	}
	if (err)
		unlink(beside);
	if (close(file) && !err)
		err = -errno;
	return err;
}

static int write_file(const char *path, struct to_save *save)
{
	char *beside;
	u64 id;
	int err = check_path(path);

	if (!err)
		err = new_id(&id);
	if (err)
		return err;
	if (asprintf(&beside, "%s.%016llx", path, id) < 0)
		return -ENOMEM;
	err = write_beside(path, beside, save);
	free(beside);
	return err;
}

/* Its areas are those of a clone. */
int image_save(const char *path, struct to_save *save)
{
	int clone = axas_clone_one(save->from), err;

	if (clone < 0)
		return clone;
	err = get_areas(clone, save);
	close(clone);
	return err ? err : write_file(path, save);
}

int image_save_diff(const char *path, struct to_save *save)
{
	int err = get_areas(save->from, save);

	if (!err)
		err = image_get_diff(save->from, save);
	return err ? err : write_file(path, save);
}
