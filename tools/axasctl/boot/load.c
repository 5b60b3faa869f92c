// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads the kernel and its initial RAM disk: the files here, how they are placed in the
 * architecture's loader.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map_file(const char *path, struct image *image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	void *data;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || !st.st_size)
		err = -ENOEXEC;
	if (!err) {
		data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		err = data == MAP_FAILED ? -errno : 0;
	}
	if (!err)
		*image = (struct image){ data, st.st_size };
	close(fd);
	return err;
}

void image_unmap(struct image *image)
{
	if (image->data)
		munmap((void *)image->data, image->len);
	image->data = NULL;
}

int load_linux(struct machine *m, const char **what)
{
	struct image k = { 0 }, initrd = { 0 };
	int err;

	*what = m->kernel;
	err = map_file(m->kernel, &k);
	if (!err)
		err = arch_check_kernel(&k);
	if (!err && m->initrd) {
		*what = m->initrd;
		err = map_file(m->initrd, &initrd);
	}
	if (!err) {
		*what = "load";
		err = arch_load(m, &k, &initrd);
	}
	image_unmap(&k);
	image_unmap(&initrd);
	return err;
}
