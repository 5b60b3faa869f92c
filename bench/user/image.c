// SPDX-License-Identifier: GPL-2.0-only
/*
 * Images: freeze, clone and reset of a space, and the faults of a guest in a clone. Beside it KVM
 * on a private mapping of a memfd that has all pages, which is how snapshots are shared without
 * axas. The memory has 4 KiB leaves and one vCPU, and is not mapped on the host.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REGION	(2 * MIB)
#define SMALL	(64 * MIB)
/* Short enough for a sample between two ticks. */
#define MAPPED	(4 * MIB)
#define DEPTH	16

static int freeze(const struct machine *m)
{
	return must(axas_freeze(m->fd), "AXAS_FREEZE");
}

static int clone_of(int image)
{
	return must(axas_clone_one(image), "AXAS_CLONE");
}

static void reset(const struct machine *m, int image)
{
	must(axas_reset(m->fd, image, 0), "AXAS_RESET");
}

/* A fresh clone of what the machine has. */
static void start_over(struct machine *m, u64 bytes)
{
	if (m->ops == &axas_machine) {
		close(freeze(m));
	} else {
		m->ops->unmap(m);
		m->ops->map(m, bytes, false);
	}
}

/*
 * What a routine costs more than when it runs again, for each of its steps, on what @depth images
 * have between them: only the oldest has tables.
 */
static void bench_first(struct machine *m, const char *name, u64 routine, u64 bytes, u64 step,
			bool looked, unsigned int depth)
{
	struct bench b = bench_new(m->ops->name, name);
	u64 first, again;

	while (bench_more(&b, SAMPLES / 4)) {
		bool clean;

		for (unsigned int i = 0; i < depth; i++)
			start_over(m, SMALL);
		/* The first MiB, which has the guest's code. */
		m->ops->enter(m, 0, guest(ports), 0, 0, 0);
		m->ops->run(m, 0);
		if (looked)
			machine_visit(m, guest(look), bytes, PAGE);
		clean = machine_enter(m, &b, routine, bytes, step, &first);
		clean = machine_enter(m, &b, routine, bytes, step, &again) && clean;
		bench_add(&b, clean, first - again, bytes / step);
	}
	bench_report(&b);
}

static void bench_guest(struct machine *m)
{
	bench_first(m, "image_look_2m", guest(look), SMALL, REGION, false, 1);
	bench_first(m, "image_look", guest(look), MIB, PAGE, false, 1);
	bench_first(m, "image_write", guest(touch), MIB, PAGE, true, 1);
	bench_first(m, "image_write_untouched", guest(touch), MIB, PAGE, false, 1);
	if (m->ops != &axas_machine)
		return;
	bench_first(m, "image_look_2m_depth", guest(look), SMALL, REGION, false, DEPTH);
	bench_first(m, "image_write_depth", guest(touch), MIB, PAGE, true, DEPTH);
}

/* The space has a table of 4 KiB leaves for each 2 MiB. */
static void bench_fork(struct machine *m, const char *name)
{
	struct bench b = bench_new("axas", name);
	int image, clone;

	b.sleeps = true;
	while (bench_more(&b, SAMPLES / 4)) {
		bench_begin(&b);
		image = freeze(m);
		clone = clone_of(image);
		bench_end(&b, 1);
		close(clone);
		close(image);
		machine_visit(m, guest(look), m->bytes, REGION);
	}
	bench_report(&b);
}

static void bench_clone(struct machine *m)
{
	struct bench clone = bench_new("axas", "image_clone");
	struct bench end = bench_new("axas", "image_clone_end");
	int image = freeze(m), fd;

	clone.sleeps = true;
	end.sleeps = true;
	while (bench_more(&clone, SAMPLES)) {
		bench_begin(&clone);
		fd = clone_of(image);
		bench_end(&clone, 1);
		bench_begin(&end);
		close(fd);
		bench_end(&end, 1);
	}
	close(image);
	bench_report(&clone);
	bench_report(&end);
}

/* Resets with some pages written, of those that are kept. */
static void bench_reset(struct machine *m, const char *name, u64 kept, u64 pages)
{
	struct bench b = bench_new("axas", name);
	int image = freeze(m);

	b.sleeps = true;
	/* Without a list of pages; without room for all of them; with frames that stay. */
	for (int i = 0; i < 3; i++) {
		machine_visit(m, guest(touch), kept * PAGE, PAGE);
		reset(m, image);
	}
	/* While all are kept. */
	while (bench_more(&b, 7)) {
		machine_visit(m, guest(touch), pages * PAGE, PAGE);
		bench_begin(&b);
		reset(m, image);
		bench_end(&b, 1);
	}
	close(image);
	bench_report(&b);
}

static void populated(struct machine *m, u64 bytes)
{
	m->ops->map(m, bytes, false);
	if (m->ops == &axas_machine)
		m->ops->populate(m);
}

/* A machine of its own: an image keeps all that the space had when it was frozen. */
static void bench_size(const char *name, u64 bytes, void (*also)(struct machine *m))
{
	struct machine m = { .ops = &axas_machine };

	m.ops->make(&m);
	m.ops->add_vcpu(&m, 0);
	populated(&m, bytes);
	bench_fork(&m, name);
	if (also)
		also(&m);
	m.ops->end(&m);
}

static void touch_all(u8 *p, u64 bytes)
{
	for (u64 i = 0; i < bytes; i += PAGE)
		*(volatile u8 *)&p[i] = 1;
}

/* A freeze of memory that the host has mapped: by each of its 4 KiB pages. */
static void bench_mapped(void)
{
	struct bench b = bench_new("axas", "image_freeze_mapped");
	struct axas_create create = { .size = sizeof(create) };
	int space = must(axas_open_space(NULL, &create), "AXAS_CREATE");
	u8 *p;

	must(axas_map_alloc(space, 0, MAPPED, AXAS_PROT_READ | AXAS_PROT_WRITE,
			    AXAS_MAP_HUGE_NEVER), "AXAS_MAP_ALLOC");
	p = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED, space, 0);
	if (p == MAP_FAILED)
		fail("mmap of a space: %s", strerror(errno));
	b.sleeps = true;
	while (bench_more(&b, 8)) {
		int image;

		touch_all(p, MAPPED);
		bench_begin(&b);
		image = must(axas_freeze(space), "AXAS_FREEZE");
		bench_end(&b, MAPPED / PAGE);
		close(image);
	}
	bench_report(&b);
	munmap(p, MAPPED);
	close(space);
}

/* The same moment by userfaultfd(): all pages of anonymous memory are write-protected. */
static void bench_protected(void)
{
	struct bench b = bench_new("kvm", "image_freeze_mapped");
	u8 *p = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)p, MAPPED }, .mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = { .range = { (uintptr_t)p, MAPPED } };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	madvise(p, MAPPED, MADV_NOHUGEPAGE);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		fail("userfaultfd: %s", strerror(errno));
	b.sleeps = true;
	touch_all(p, MAPPED);
	while (bench_more(&b, 8)) {
		wp.mode = UFFDIO_WRITEPROTECT_MODE_WP;
		bench_begin(&b);
		must(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), "UFFDIO_WRITEPROTECT");
		bench_end(&b, MAPPED / PAGE);
		wp.mode = 0;
		must(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), "UFFDIO_WRITEPROTECT");
	}
	bench_report(&b);
	close(fd);
	munmap(p, MAPPED);
}

/* Clones of one image that are alive at once. */
#define CLONES	10000
#define ENDS	16

static double free_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	double kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %lf", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static void bench_many(struct machine *m)
{
	struct rlimit limit = { CLONES + 64, CLONES + 64 };
	struct bench first = bench_new("axas", "image_clone_first");
	struct bench last = bench_new("axas", "image_clone_last");
	static int fds[CLONES];
	int image = freeze(m);
	double before;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("RLIMIT_NOFILE: %s", strerror(errno));
	first.sleeps = true;
	last.sleeps = true;
	before = free_kib();
	for (int i = 0; i < CLONES; i++) {
		struct bench *b = i < ENDS ? &first : &last;
		bool count = i < ENDS || i >= CLONES - ENDS;

		if (count)
			bench_begin(b);
		fds[i] = clone_of(image);
		if (count)
			bench_end(b, 1);
	}
	bench_figure("axas", "image_clone_kib", (before - free_kib()) / CLONES);
	for (int i = 0; i < CLONES; i++)
		close(fds[i]);
	close(image);
	bench_report(&first);
	bench_report(&last);
}

/* What no size, and no number, must matter for: the machine needs 10 GiB. */
void bench_image_large(void)
{
	bench_size("image_freeze_clone_1g_again", GIB, bench_many);
	bench_size("image_freeze_clone_4g", 4 * GIB, NULL);
	bench_size("image_freeze_clone_8g", 8 * GIB, NULL);
}

static void bench_others(struct machine *m)
{
	bench_clone(m);
	bench_reset(m, "image_reset_1", 1, 1);
	bench_reset(m, "image_reset_10", 10, 10);
	bench_reset(m, "image_reset_1000", 1000, 1000);
	bench_reset(m, "image_reset_10_of_10000", 10000, 10);
}

void bench_image(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	kvm_choose_memory(KVM_PRIVATE);
	populated(&m, SMALL);
	bench_guest(&m);
	ops->unmap(&m);
	ops->end(&m);
	if (ops != &axas_machine) {
		bench_protected();
		return;
	}
	bench_size("image_freeze_clone_64m", SMALL, bench_others);
	bench_size("image_freeze_clone_1g", GIB, NULL);
	bench_size("image_freeze_clone_2g", 2 * GIB, NULL);
	bench_mapped();
}
