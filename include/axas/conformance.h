/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conformance: checks that a backend, a HAL or a consumer keeps its contract, for tests of its
 * author. Link kunit/axas_conformance.c to the test module; kunit/axas_conform_test.c is an
 * example.
 */
#ifndef _AXAS_CONFORMANCE_H
#define _AXAS_CONFORMANCE_H

#include <axas/backend.h>
#include <axas/hal.h>
#include <axas/space.h>

/**
 * struct axas_conformance - the result of a run
 * @errors: violations found
 * @error: text of the first one
 */
struct axas_conformance {
	unsigned int errors;
	char error[120];
};

/**
 * axas_conformance_backend() - check a type of backend
 * @result: zeroed before
 * @params: for the spaces that it is mapped in
 * @type: the type; it need not be registered
 * @arg: for its @open
 * @size: bytes that an object has at least, from offset 0 on; 64 KiB or more
 *
 * Checks alignment, the number and the kind of frames; that the content of an offset never appears
 * at another one; put() in another order than get() and in pieces; concurrent calls; an unmap while
 * get() runs; and that every frame is put, and every object released.
 *
 * Context: May sleep. One call at a time.
 */
void axas_conformance_backend(struct axas_conformance *result,
			      const struct axas_space_params *params,
			      const struct axas_backend_type *type, u64 arg, u64 size);

/**
 * axas_conformance_hal() - check a HAL
 * @result: zeroed before
 * @hal: the HAL
 *
 * Checks alignment, zeroing, that frames do not overlap, both address translations, frees in
 * pieces, in another order and concurrently; and @frame_page.
 *
 * Context: May sleep.
 */
void axas_conformance_hal(struct axas_conformance *result, const struct axas_hal *hal);

/**
 * axas_conformance_consumer() - check a consumer
 * @result: zeroed before
 * @space: a space without areas, to which the consumer is attached
 * @read: read 8 bytes at an address, as a guest of the consumer does: with translations that may be
 *	cached, and axas_space_fault() on a miss. Returns 0, or an error if that fixes nothing
 * @ctx: for @read
 *
 * Checks that no read uses a translation that a call on the space has changed: after a protect,
 * after an unmap, after a frame was replaced at the same address, and after the tables of a region
 * were freed and built anew. The root stays the same.
 *
 * Context: May sleep.
 */
void axas_conformance_consumer(struct axas_conformance *result, struct axas_space *space,
			       int (*read)(void *ctx, u64 gpa, u64 *val), void *ctx);

#endif /* _AXAS_CONFORMANCE_H */
