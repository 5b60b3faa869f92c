// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM does with a space, without the vCPU: make one, give it memory, load a
 * program, answer faults, read results. With libaxas; needs /dev/axas: root, or the group axas.
 */
#include <libaxas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_GPA		0x80000000ull
#define RAM_SIZE	(64ull << 20)
#define RX		(AXAS_PROT_READ | AXAS_PROT_EXEC)
#define RWX		(RX | AXAS_PROT_WRITE)

static int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

/* What to do when a vCPU left the guest because of its memory. */
static const char *answer_fault(int space, __u64 gpa, __u32 access)
{
	switch (must(axas_fault(space, gpa, access, NULL), "AXAS_FAULT")) {
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
	char back[sizeof(program)];
	struct axas_info info;
	int space;

	space = must(axas_open_space(NULL, NULL), AXAS_DEV_PATH);

	/* 64 MiB that cost nothing until they are touched, the first page read-only. */
	must(axas_map_alloc(space, RAM_GPA, RAM_SIZE, RWX, 0), "AXAS_MAP_ALLOC");
	must(axas_write_all(space, RAM_GPA, program, sizeof(program), NULL), "pwrite");
	must(axas_protect(space, RAM_GPA, 4096, RX), "AXAS_PROTECT");

	printf("write to RAM:    %s\n", answer_fault(space, RAM_GPA + 0x5000, AXAS_PROT_WRITE));
	printf("write to code:   %s\n", answer_fault(space, RAM_GPA, AXAS_PROT_WRITE));
	printf("read of a hole:  %s\n", answer_fault(space, 0x1000, AXAS_PROT_READ));

	must(axas_read_all(space, RAM_GPA, back, sizeof(back), NULL), "pread");
	must(axas_get_info(space, &info), "AXAS_GET_INFO");
	printf("guest memory:    %s\n", back + 2);
	printf("frames held:     %llu\n", (unsigned long long)info.frames);
	return 0;	/* closing the descriptor frees all of it */
}
