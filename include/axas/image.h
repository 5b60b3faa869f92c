/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images of spaces: freeze, clone, reset, diff. The API for hypervisor modules; import the symbol
 * namespace AXAS. Rules as in space.h.
 */
#ifndef _AXAS_IMAGE_API_H
#define _AXAS_IMAGE_API_H

#include <axas/space.h>

struct axas_image;

/**
 * axas_space_freeze() - make an image of a space
 * @space: the space
 *
 * The image contains what the space contains at one moment of the call, for all vCPUs and host
 * writers. The space becomes its first clone: it keeps content, root and areas, and gets a private
 * copy of each page that is written from now on. The cost does not depend on the size of
 * the space, but on what the host has mapped of it. Frames move to the image, with their charge.
 *
 * A page that somebody holds (O_DIRECT in progress, a pinned page, a bio_vec) is copied into the
 * image, and the space keeps the page itself. A dirty log goes on: pages that it has as written
 * stay in it. The cost then is linear in the memory that is logged.
 *
 * Context: May sleep.
 * Return: the image, with a reference for the caller, or ERR_PTR of: -EOPNOTSUPP if an area is
 * linear, shared, missing or of a registered backend, or if another space shares memory of this
 * one; -EBUSY if more than 2,048 pages are held; -ELOOP after a chain of 1,024 freezes whose
 * images could not be joined, because they have other users or a log is kept; -ENOMEM, also if the
 * space and the images that only it uses would own more than its limit; -EINTR on a fatal signal.
 */
struct axas_image *__must_check axas_space_freeze(struct axas_space *space);

/**
 * axas_image_get() - take another reference
 * @image: the image
 *
 * Context: Any.
 * Return: @image.
 */
struct axas_image *axas_image_get(struct axas_image *image);

/**
 * axas_image_put() - drop a reference; the last one frees what only the image has
 * @image: the image, or NULL
 *
 * Context: May sleep.
 */
void axas_image_put(struct axas_image *image);

/**
 * axas_image_clone() - make a space with the content of an image
 * @image: the image
 * @max_frames: limit of the 4 KiB frames that the clone holds itself; 0: no limit
 *
 * Context: May sleep.
 * Return: the space, with one reference for the caller, or ERR_PTR(-ENOMEM).
 */
struct axas_space *__must_check axas_image_clone(struct axas_image *image, u64 max_frames);

/**
 * axas_space_reset() - make a space a clone of an image again
 * @space: a space of the same format, machine, range and HAL as the image
 * @image: the image
 * @flags: 0, or AXAS_RESET_DROP
 *
 * Content, areas and protections are the image's after the call. Frames of pages that are written
 * often may stay, without AXAS_RESET_DROP: see struct axas_reset. The call does not stop vCPUs, nor
 * change their registers: to reset a guest, stop its vCPUs and set their state, too.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL for other @flags, or if the image is of another kind of space; -EOPNOTSUPP if
 * the space has linear memory, or another space shares memory of this one; -EBUSY in a dirty log;
 * -ENOMEM; -EINTR on a fatal signal.
 */
int __must_check axas_space_reset(struct axas_space *space, struct axas_image *image, u32 flags);

/**
 * axas_space_diff() - find pages that a clone does not share with its image
 * @space: the space
 * @range: where to look; out: what is left to look at, with a @size of 0 at the end
 * @extents: out: ranges in ascending order
 * @max: room in @extents
 *
 * Pages that were written since the image, by a guest or the host, or discarded
 * (AXAS_DIFF_ZERO); and pages of zeroes without a frame in the image that were read. Memory that
 * was mapped after the freeze and that is untouched, or that was unmapped, is not reported.
 *
 * Context: May sleep.
 * Return: the number of extents; -EINVAL; -ENOENT if the space is no clone; -ENOMEM; -EINTR on a
 * fatal signal.
 */
int __must_check axas_space_diff(struct axas_space *space, struct axas_gpa_range *range,
				 struct axas_diff_extent *extents, unsigned int max);

/**
 * axas_image_get_info() - get the numbers of an image
 * @image: the image
 * @info: out
 *
 * Context: May sleep.
 */
void axas_image_get_info(struct axas_image *image, struct axas_image_info *info);

/**
 * axas_image_read() - copy memory of an image
 * @image: the image
 * @gpa: first address
 * @buf: out
 * @len: bytes
 *
 * Context: May sleep.
 * Return: 0; -EFAULT if an area ends before @len, with @buf undefined; -EIO or -ENOMEM if a file
 * cannot be read; -EINTR on a fatal signal.
 */
int __must_check axas_image_read(struct axas_image *image, struct axas_gpa gpa, void *buf,
				 size_t len);

#endif /* _AXAS_IMAGE_API_H */
