// SPDX-License-Identifier: GPL-2.0-only
/* fault: reads where no memory is, which is the VMM's to say. */
#include "guest.h"

u32 guest_main(u64 mem, u64 bytes)
{
	print("reading beyond the memory\n");
	return load(mem + bytes);
}
