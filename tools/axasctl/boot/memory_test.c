// SPDX-License-Identifier: GPL-2.0-only
/*
 * A supply of the RAM's pages that fails, without a guest: prints TAP. Has the functions of
 * machine.c, image_load.c, of the architecture and of libaxas that memory.c calls.
 */
#include "boot.h"
#include "test.h"

#include <errno.h>
#include <semaphore.h>
#include <unistd.h>

#define HANG_S	100	/* until what never ends has failed */

static struct machine m;
static sem_t unmapped;

u32 arch_ram(const struct machine *machine, struct axas_extent ranges[RAM_RANGES])
{
	(void)machine;
	ranges[0] = (struct axas_extent){ 0, 0x100000 };
	return 1;
}

void machine_end(struct machine *machine, enum ending ending)
{
	__atomic_store_n(&machine->ending, ending, __ATOMIC_RELEASE);
}

void machine_fail(struct machine *machine, int err, const char *what, const char *fmt, ...)
{
	(void)what;
	(void)fmt;
	machine->err = err;
}

bool machine_stopping(struct machine *machine)
{
	return __atomic_load_n(&machine->ending, __ATOMIC_ACQUIRE) != RUNNING;
}

int saved_map(const struct saved *saved, u32 files, int space)
{
	(void)saved;
	(void)files;
	(void)space;
	return 0;
}

int axas_map_alloc(int space, __u64 gpa, __u64 length, __u32 prot, __u32 flags)
{
	(void)space;
	(void)gpa;
	(void)length;
	(void)prot;
	(void)flags;
	return 0;
}

int axas_get_missing(int space, __u32 flags, __u64 *gpas, __u32 count, __u32 *more)
{
	(void)space;
	(void)flags;
	(void)count;
	(void)more;
	gpas[0] = 0x3000;
	return 1;
}

int axas_supply(int space, __u64 gpa, const void *buf, __u64 length, __u32 flags, __u64 *done)
{
	(void)space;
	(void)gpa;
	(void)buf;
	(void)length;
	(void)flags;
	(void)done;
	return -EIO;
}

int axas_unmap(int space, __u64 gpa, __u64 length)
{
	(void)space;
	(void)gpa;
	(void)length;
	sem_post(&unmapped);
	return 0;
}

/* An access to a page that is missing ends when it is there, or when there is no such memory. */
int axas_read_all(int space, __u64 gpa, void *buf, size_t length, size_t *done)
{
	(void)space;
	(void)gpa;
	(void)buf;
	(void)length;
	(void)done;
	sem_wait(&unmapped);
	return -EFAULT;
}

int axas_write_all(int space, __u64 gpa, const void *buf, size_t length, size_t *done)
{
	(void)space;
	(void)gpa;
	(void)buf;
	(void)length;
	(void)done;
	return -EFAULT;
}

/*
 * The test is a vCPU whose device's access waits for a page, with the machine's lock. The server
 * looks for missing pages at once, since its descriptor of the space has an end.
 */
static void test_failed_supply(const char *path)
{
	const char *what;
	int fds[2];
	u64 val;

	m = (struct machine){ .supply = path };
	pthread_mutex_init(&m.lock, NULL);
	sem_init(&unmapped, 0, 0);
	if (pipe(fds) || close(fds[1]))
		exit(1);
	m.space = fds[0];
	pthread_mutex_lock(&m.lock);
	if (memory_map(&m, &what))
		exit(1);
	ok(memory_read(&m, 0x3000, &val, sizeof(val)) == -EFAULT,
	   "an access that waits ends when the supply has failed");
	ok(m.ending == FAILED && m.memory.lost == -EIO, "and so does the machine");
	pthread_mutex_unlock(&m.lock);
	memory_free(&m);
	close(m.space);
}

int main(void)
{
	char path[] = "/tmp/memory_test.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	alarm(HANG_S);
	puts("TAP version 13");
	test_failed_supply(path);
	printf("1..%d\n", nr);
	unlink(path);
	return failures != 0;
}
