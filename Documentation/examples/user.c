// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM does with a space, without the vCPU: make one, give it memory, load a
 * program, answer faults, read results. Needs /dev/axas, so root.
 */
#include <axas/axas.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RAM_GPA		0x80000000ull
#define RAM_SIZE	(64ull << 20)
#define RX		(AXAS_PROT_READ | AXAS_PROT_EXEC)
#define RWX		(RX | AXAS_PROT_WRITE)

/* Every struct of the API begins with its own size. */
#define ARG(type, ...)	(&(struct type){ .size = sizeof(struct type), __VA_ARGS__ })

static int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	perror(what);
	exit(1);
}

/* What to do when a vCPU left the guest because of its memory. */
static const char *answer_fault(int space, __u64 gpa, __u32 access)
{
	struct axas_fault fault = { .size = sizeof(fault), .gpa = gpa, .access = access };

	must(ioctl(space, AXAS_FAULT, &fault), "AXAS_FAULT");
	switch (fault.result) {
	case AXAS_FAULT_FIXED:
	case AXAS_FAULT_SPURIOUS:
	case AXAS_FAULT_RETRY:
		return "run the guest's access again";
	case AXAS_FAULT_HOLE:
		return "emulate a device";
	case AXAS_FAULT_DENIED:
		return "tell the guest that it may not";
	default:
		return "stop: no memory";
	}
}

int main(void)
{
	static const char program[] = "\xf4 hlt";
	struct axas_info info = { .size = sizeof(info) };
	char back[sizeof(program)];
	int dev, space;

	dev = must(open("/dev/axas", O_RDWR | O_CLOEXEC), "/dev/axas");
	if (must(ioctl(dev, AXAS_GET_API_VERSION, 0), "version") != AXAS_API_VERSION)
		return 1;
	space = must(ioctl(dev, AXAS_CREATE, ARG(axas_create)), "AXAS_CREATE");

	/* 64 MiB that cost nothing until they are touched, the first page read-only. */
	must(ioctl(space, AXAS_MAP_ALLOC,
		   ARG(axas_map_alloc, .gpa = RAM_GPA, .length = RAM_SIZE, .prot = RWX)),
	     "AXAS_MAP_ALLOC");
	must(pwrite(space, program, sizeof(program), RAM_GPA), "pwrite");
	must(ioctl(space, AXAS_PROTECT,
		   ARG(axas_protect, .gpa = RAM_GPA, .length = 4096, .prot = RX)),
	     "AXAS_PROTECT");

	printf("write to RAM:    %s\n", answer_fault(space, RAM_GPA + 0x5000, AXAS_PROT_WRITE));
	printf("write to code:   %s\n", answer_fault(space, RAM_GPA, AXAS_PROT_WRITE));
	printf("read of a hole:  %s\n", answer_fault(space, 0x1000, AXAS_PROT_READ));

	must(pread(space, back, sizeof(back), RAM_GPA), "pread");
	must(ioctl(space, AXAS_GET_INFO, &info), "AXAS_GET_INFO");
	printf("guest memory:    %s\n", back + 2);
	printf("frames held:     %llu\n", (unsigned long long)info.frames);
	return 0;	/* closing the descriptor frees all of it */
}
