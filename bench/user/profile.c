// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations between marks, for scripts/bench-profile.sh, which assigns their instructions to
 * functions. Each is repeated OPS times, so that the surrounding code does not matter.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OPS		2048
#define OPS_2M		16
#define OPS_IMAGES	64
#define REGION		(2 * MIB)
#define SPREAD		(GIB / PAGE / OPS)	/* pages of 1 GiB for each operation */

/* Calls that QEMU's plugin observes, in address order as in this list. */
#define MARK(name)								\
	__attribute__((noinline, used)) void profile_mark_##name(void);		\
	void profile_mark_##name(void) { asm volatile("" : : "r" (#name)); }

MARK(exit_to_user)
MARK(exit_invd)
MARK(fault_4k)
MARK(unmap_4k)
MARK(fault_2m)
MARK(populate_4k)
MARK(pread_8)
MARK(protect_page)
MARK(unmap_page)
MARK(fault_of_areas)
MARK(translate_of_areas)
MARK(get_info)
MARK(log_region)
MARK(log_128_clean)
MARK(log_dirty_of_128)
MARK(file_touch)
MARK(file_write_borrowed)
MARK(file_write_untouched)
MARK(host_read)
MARK(image_freeze)
MARK(image_clone)
MARK(image_clone_close)
MARK(image_freeze_reset)
MARK(image_touch_2m)
MARK(image_write)
MARK(image_reset_kept)
MARK(image_freeze_mapped)
MARK(end)

static void demand(struct machine *m, bool huge, u64 nr, void (*mark)(void),
		   void (*unmap_mark)(void))
{
	u64 step = huge ? 2 * MIB : PAGE;

	m->ops->map(m, nr * step, huge);
	m->ops->enter(m, 0, guest(touch), TEST_GPA, TEST_GPA + nr * step, step);
	mark();
	m->ops->run(m, 0);
	unmap_mark();
	m->ops->forget(m);
	profile_mark_end();
	m->ops->unmap(m);
}

static void populate(struct machine *m)
{
	m->ops->map(m, OPS * PAGE, false);
	profile_mark_populate_4k();
	m->ops->populate(m);
	profile_mark_end();
	m->ops->unmap(m);
}

static void pread_8(struct machine *m)
{
	u64 val;

	profile_mark_pread_8();
	for (int i = 0; i < OPS; i++)
		if (axas_read(m->fd, LOW_CODE, &val, sizeof(val)) != sizeof(val))
			fail("pread");
	profile_mark_end();
}

/* Pages of one area that are not adjacent. */
static void pages(struct machine *m)
{
	m->ops->map(m, OPS * 8 * PAGE, false);
	m->ops->populate(m);
	profile_mark_protect_page();
	for (u64 i = 0; i < OPS; i++)
		must(axas_protect(m->fd, TEST_GPA + (8 * i + 2) * PAGE, PAGE, AXAS_PROT_READ),
		     "AXAS_PROTECT");
	profile_mark_unmap_page();
	for (u64 i = 0; i < OPS; i++)
		must(axas_unmap(m->fd, TEST_GPA + (8 * i + 5) * PAGE, PAGE), "AXAS_UNMAP");
	profile_mark_end();
	m->ops->unmap(m);
}

#define AREAS	10240

/* Areas of one page with gaps, in an order without neighbours in succession. */
static void areas(struct machine *m)
{
	struct axas_translate to;

	for (u64 i = 0; i < AREAS; i++)
		must(axas_map_alloc(m->fd, TEST_GPA + 2 * i * PAGE, PAGE,
				    AXAS_PROT_READ | AXAS_PROT_WRITE, 0), "AXAS_MAP_ALLOC");
	profile_mark_fault_of_areas();
	for (u64 i = 0; i < OPS; i++)
		must(axas_fault(m->fd, TEST_GPA + 2 * (i * 6251 % AREAS) * PAGE, AXAS_PROT_WRITE,
				NULL), "AXAS_FAULT");
	profile_mark_translate_of_areas();
	for (u64 i = 0; i < OPS; i++)
		must(axas_translate(m->fd, TEST_GPA + 2 * (i * 6251 % AREAS) * PAGE, &to),
		     "AXAS_TRANSLATE");
	profile_mark_end();
	m->bytes = AREAS * 2 * PAGE;
	m->ops->unmap(m);
}

static void queries(struct machine *m)
{
	struct axas_info info;

	profile_mark_get_info();
	for (int i = 0; i < OPS; i++)
		must(axas_get_info(m->fd, &info), "AXAS_GET_INFO");
	profile_mark_end();
}

static u8 *map_host(int fd, u64 bytes, u64 offset)
{
	u8 *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return p;
}

/* Faults of the VMM on pages that have frames. */
static void host_reads(struct machine *m)
{
	const u8 *p;

	m->ops->map(m, OPS * PAGE, false);
	m->ops->populate(m);
	p = map_host(m->fd, OPS * PAGE, TEST_GPA);
	profile_mark_host_read();
	for (u64 i = 0; i < OPS; i++)
		(void)__atomic_load_n(&p[i * PAGE], __ATOMIC_RELAXED);
	profile_mark_end();
	munmap((void *)p, OPS * PAGE);
	m->ops->unmap(m);
}

/* Passes over the log of 1 GiB: untouched; touched, not written; one page of SPREAD written. */
static void log_passes(struct machine *m)
{
	m->ops->map(m, GIB, false);
	m->ops->populate(m);
	m->ops->log(m, LOG_START);
	m->ops->log(m, LOG_PASS);
	profile_mark_log_region();
	for (u64 i = 0; i < OPS; i += GIB / REGION)
		m->ops->log(m, LOG_PASS);
	profile_mark_end();
	machine_visit(m, guest(look), GIB, REGION);
	profile_mark_log_128_clean();
	m->ops->log(m, LOG_PASS);
	profile_mark_end();
	machine_visit(m, guest(touch), GIB, SPREAD * PAGE);
	profile_mark_log_dirty_of_128();
	m->ops->log(m, LOG_PASS);
	profile_mark_end();
	m->ops->log(m, LOG_STOP);
	m->ops->unmap(m);
}

static void map_file(struct machine *m, int fd)
{
	must(axas_map_file(m->fd, TEST_GPA, OPS * PAGE, fd, 0, AXAS_PROT_READ | AXAS_PROT_WRITE,
			   0), "AXAS_MAP_FILE");
}

static void fault_pages(struct machine *m, u32 access)
{
	for (u64 i = 0; i < OPS; i++)
		must(axas_fault(m->fd, TEST_GPA + i * PAGE, access, NULL), "AXAS_FAULT");
}

/* Pages of a sealed file, which are cached: borrowed, and written. */
static void file_pages(struct machine *m)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || posix_fallocate(fd, 0, OPS * PAGE) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK))
		fail("memfd: %s", strerror(errno));
	m->bytes = OPS * PAGE;
	map_file(m, fd);
	profile_mark_file_touch();
	fault_pages(m, AXAS_PROT_READ);
	profile_mark_file_write_borrowed();
	fault_pages(m, AXAS_PROT_WRITE);
	profile_mark_end();
	m->ops->unmap(m);
	map_file(m, fd);
	profile_mark_file_write_untouched();
	fault_pages(m, AXAS_PROT_WRITE);
	profile_mark_end();
	m->ops->unmap(m);
	close(fd);
}

/* The frozen part of a machine stays with its image: a machine of its own. */
static void images(void)
{
	struct machine m = { .ops = &axas_machine };
	u8 *p;
	int image, fds[2 * OPS_IMAGES];

	m.ops->make(&m);
	m.ops->add_vcpu(&m, 0);
	m.ops->map(&m, OPS_2M * REGION, false);
	m.ops->populate(&m);
	image = must(axas_freeze(m.fd), "AXAS_FREEZE");
	profile_mark_image_freeze();
	for (int i = 0; i < OPS_IMAGES; i++)
		fds[i] = must(axas_freeze(m.fd), "AXAS_FREEZE");
	profile_mark_image_clone();
	for (int i = OPS_IMAGES; i < 2 * OPS_IMAGES; i++)
		fds[i] = must(axas_clone_one(image), "AXAS_CLONE");
	profile_mark_end();
	for (int i = 0; i < 2 * OPS_IMAGES; i++)
		close(fds[i]);
	must(axas_reset(m.fd, image, AXAS_RESET_DROP), "AXAS_RESET");
	profile_mark_image_clone_close();
	for (int i = 0; i < OPS; i++)
		close(must(axas_clone_one(image), "AXAS_CLONE"));
	profile_mark_image_freeze_reset();
	for (int i = 0; i < OPS; i++) {
		close(must(axas_freeze(m.fd), "AXAS_FREEZE"));
		must(axas_reset(m.fd, image, 0), "AXAS_RESET");
	}
	profile_mark_image_touch_2m();
	machine_visit(&m, guest(look), OPS_2M * REGION, REGION);
	profile_mark_image_write();
	machine_visit(&m, guest(touch), OPS * PAGE, PAGE);
	/* The second one has a list of what was written. */
	for (int i = 0; i < 2; i++) {
		must(axas_reset(m.fd, image, 0), "AXAS_RESET");
		machine_visit(&m, guest(touch), 10 * PAGE, PAGE);
	}
	for (int i = 0; i < OPS; i++) {
		machine_visit(&m, guest(touch), PAGE, PAGE);
		profile_mark_image_reset_kept();
		must(axas_reset(m.fd, image, 0), "AXAS_RESET");
		profile_mark_end();
	}
	p = map_host(m.fd, OPS * PAGE, TEST_GPA);
	for (u64 i = 0; i < OPS; i++)
		__atomic_store_n(&p[i * PAGE], 1, __ATOMIC_RELAXED);
	profile_mark_image_freeze_mapped();
	close(must(axas_freeze(m.fd), "AXAS_FREEZE"));
	profile_mark_end();
	munmap(p, OPS * PAGE);
	close(image);
	m.ops->end(&m);
}

void bench_profile(const struct machine_ops *ops)
{
	struct machine m = { .ops = ops };

	ops->make(&m);
	ops->add_vcpu(&m, 0);
	ops->enter(&m, 0, guest(ports), 0, 0, 0);
	ops->run(&m, 0);
	profile_mark_exit_to_user();
	for (int i = 0; i < OPS; i++)
		ops->run(&m, 0);
	profile_mark_end();
	ops->enter(&m, 0, guest(invd), OPS, 0, 0);
	profile_mark_exit_invd();
	ops->run(&m, 0);
	profile_mark_end();
	/* Once without marks, so that allocations that persist are made. */
	demand(&m, false, OPS, profile_mark_end, profile_mark_end);
	demand(&m, false, OPS, profile_mark_fault_4k, profile_mark_unmap_4k);
	demand(&m, true, OPS_2M, profile_mark_fault_2m, profile_mark_end);
	if (ops == &axas_machine) {
		populate(&m);
		pread_8(&m);
		pages(&m);
		areas(&m);
		queries(&m);
		log_passes(&m);
		file_pages(&m);
		host_reads(&m);
		images();
	}
	ops->end(&m);
}
