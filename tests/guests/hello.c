// SPDX-License-Identifier: GPL-2.0-only
/* hello: the least that there is. */
#include "guest.h"

u32 guest_main(u64 mem, u64 bytes)
{
	(void)mem;
	(void)bytes;
	print("hello from a guest\n");
	return 0;
}
