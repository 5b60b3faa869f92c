/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared areas, and the origin: what a space has for those that map its frames. See axas_shared.c.
 */
#ifndef _AXAS_SHARED_H
#define _AXAS_SHARED_H

#include <linux/types.h>

struct axas_area;
struct axas_space;

/* The space is about to be released: export no more of its frames. May sleep. */
void axas_shared_close(struct axas_space *space);

/* References on frames of the space that shared areas hold. May sleep. */
u64 axas_shared_exported(struct axas_space *space);
/* Whether another space has an area of this one's memory, or may have frames of it. */
bool axas_shared_is_source(struct axas_space *space);
/* axas_space_id() of the space whose memory an area is, which may be gone; 0: the area's own. */
u32 axas_shared_source(const struct axas_area *area);

#endif /* _AXAS_SHARED_H */
