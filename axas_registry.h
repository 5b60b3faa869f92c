/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends that other modules registered. See axas_registry.c and include/axas/backend.h.
 */
#ifndef _AXAS_REGISTRY_H
#define _AXAS_REGISTRY_H

#include <axas/backend.h>

#include "axas_backend.h"

/* The backend of an area with an object; a gpa plus @offset is its offset in the object. */
struct axas_backend axas_registry_backend(struct axas_backend_object *object, u64 offset);

/* Whether areas of an object may have a memory type. */
bool axas_registry_may_have_type(const struct axas_backend_object *object, u32 type);

/*
 * axas_backend_open() for a user of /dev/axas. @privileged: with CAP_SYS_RAWIO. Also
 * ERR_PTR(-EPERM).
 */
struct axas_backend_object *__must_check axas_registry_open(const char *name, u64 arg,
							     bool privileged);

/* Check frames that a registered backend returned for entries of @oa_bits. Return 0 or -EIO. */
int __must_check axas_registry_check(const struct axas_hal *hal, unsigned int oa_bits,
				     const struct axas_backend *backend, unsigned int order,
				     const struct axas_hpa *hpas, unsigned int n);

#endif /* _AXAS_REGISTRY_H */
