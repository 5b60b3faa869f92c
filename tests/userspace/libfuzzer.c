// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same programs, chosen by libFuzzer: see fuzz.c and corpus/.
 */
#include "model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct model_op ops[512];
	unsigned int n = min(size / sizeof(*ops), ARRAY_SIZE(ops));
	const char *why;

	if (!n)
		return 0;
	memcpy(ops, data, n * sizeof(*ops));
	why = model_run(ops, n, false);
	if (why) {
		fprintf(stderr, "%s\n", why);
		abort();
	}
	return 0;
}
