/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conformance: whether a backend, a HAL or a consumer keeps its contract. For KUnit suites of their
 * authors, who link kunit/axas_conformance.c to their own test module; see
 * kunit/axas_conform_test.c for the use.
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
 * Checks alignment, numbers, the kind of memory; that no content of one offset shows at another;
 * put() in another order than get()'s and in pieces; calls at once; an unmap while get() runs; and
 * that everything that was got is put, and every object released.
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
 * Checks alignment, zeroing, frames that overlap, both directions between addresses, frames that
 * are freed in pieces, in another order, and at once; and @frame_page.
 *
 * Context: May sleep.
 */
void axas_conformance_hal(struct axas_conformance *result, const struct axas_hal *hal);

/**
 * axas_conformance_consumer() - check a consumer
 * @result: zeroed before
 * @space: a space without areas, to which the consumer is attached
 * @read: read 8 bytes at an address, as a guest of the consumer does: with translations that it may
 *	have cached. Returns 0; or an error if the guest would fault after the space was asked
 *	(axas_space_fault()) for the page
 * @ctx: for @read
 *
 * Checks that no read uses a translation that a call on the space has changed: after protect, a new
 * frame at the address of an old one, an unmap, and a region that was emptied and comes back. The
 * root stays the same.
 *
 * Context: May sleep.
 */
void axas_conformance_consumer(struct axas_conformance *result, struct axas_space *space,
			       int (*read)(void *ctx, u64 gpa, u64 *val), void *ctx);

#endif /* _AXAS_CONFORMANCE_H */
