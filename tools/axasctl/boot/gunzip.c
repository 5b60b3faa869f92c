// SPDX-License-Identifier: GPL-2.0-only
/* A kernel compressed by gzip: replaces its image by what is in it, by zlib. */
#include "boot.h"

#include <errno.h>
#include <sys/mman.h>
#include <zlib.h>

#define UNPACKED_MAX	0x40000000ull
#define GZIP_FORMAT	(16 + MAX_WBITS)

static int inflate_to(const struct image *image, void *to, size_t *len)
{
	z_stream z = {
		.next_in = (void *)image->data, .avail_in = image->len,
		.next_out = to, .avail_out = UNPACKED_MAX,
	};
	int result;

	if (inflateInit2(&z, GZIP_FORMAT) != Z_OK)
		return -ENOMEM;
	result = inflate(&z, Z_FINISH);
	*len = z.total_out;
	inflateEnd(&z);
	return result == Z_STREAM_END && *len ? 0 : -ENOEXEC;
}

int image_gunzip(struct image *image)
{
	size_t len;
	void *to;
	int err;

	if (image->len < 2 || image->data[0] != 0x1f || image->data[1] != 0x8b)
		return 0;
	to = mmap(NULL, UNPACKED_MAX, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (to == MAP_FAILED)
		return -errno;
	err = inflate_to(image, to, &len);
	if (err) {
		munmap(to, UNPACKED_MAX);
		return err;
	}
	image_unmap(image);
	*image = (struct image){ to, len };
	return 0;
}
