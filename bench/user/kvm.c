// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct machine_ops on /dev/kvm. The memory is private and anonymous, with transparent huge
 * pages enabled or disabled by madvise(), or one of the other kinds that VMMs use. bridge_machine
 * is the same with a mapping of a space.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <libaxas.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Since 6.9; the headers may be older. */
#ifndef KVM_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY	236
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};

#define KVM_PRE_FAULT_MEMORY	_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

/* Since 6.18: for all VM types, with mmap() by the VMM. */
#ifndef GUEST_MEMFD_FLAG_MMAP
#define KVM_CAP_GUEST_MEMFD_FLAGS	244
#define GUEST_MEMFD_FLAG_MMAP		1ull
#define GUEST_MEMFD_FLAG_INIT_SHARED	2ull
#endif
#ifndef KVM_CREATE_GUEST_MEMFD
struct kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

#define KVM_CREATE_GUEST_MEMFD	_IOWR(KVMIO, 0xd4, struct kvm_create_guest_memfd)
#define KVM_MEM_GUEST_MEMFD	4u

struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define KVM_SET_USER_MEMORY_REGION2	\
	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif
#define GMEM_FLAGS	(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25	/* since 6.1 */
#endif

enum { SLOT_LOW, SLOT_TEST, SLOT_ADDED };

static int kvm_dev = -1;
static enum kvm_memory memory_kind;
static int gmem = -1;	/* the machine's guest_memfd, or -1 */

static int call(int fd, unsigned long nr, void *arg, const char *what)
{
	int ret = ioctl(fd, nr, arg);

	return must(ret < 0 ? -errno : ret, what);
}

static int device(void)
{
	if (kvm_dev < 0)
		kvm_dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_dev < 0)
		fail("/dev/kvm: %s", strerror(errno));
	return kvm_dev;
}

/* Map anonymous memory, aligned to 2 MiB. */
static void *anonymous(u64 bytes, bool huge)
{
	char *mem = mmap(NULL, bytes + 2 * MIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	mem = (char *)(((u64)mem + 2 * MIB - 1) & ~(2 * MIB - 1));
	if (madvise(mem, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		fail("madvise: %s", strerror(errno));
	return mem;
}

/* Map a memfd: 4 KiB pages, or 2 MiB pages of hugetlbfs. */
static void *file_memory(u64 bytes, bool huge, bool private)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | (huge ? MFD_HUGETLB : 0));
	void *mem;

	if (fd < 0 || ftruncate(fd, bytes))
		fail("memfd: %s", strerror(errno));
	if (private && fallocate(fd, 0, 0, bytes))
		fail("fallocate: %s", strerror(errno));
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, private ? MAP_PRIVATE : MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		fail("mmap of a memfd: %s", strerror(errno));
	close(fd);
	return mem;
}

static void *test_memory(u64 bytes, bool huge)
{
	void *mem;

	if (memory_kind == KVM_FILE || memory_kind == KVM_PRIVATE)
		return file_memory(bytes, huge, memory_kind == KVM_PRIVATE);
	mem = anonymous(bytes, huge);
	if (memory_kind == KVM_PRESENT && madvise(mem, bytes, MADV_POPULATE_WRITE))
		fail("MADV_POPULATE_WRITE: %s", strerror(errno));
	return mem;
}

void kvm_choose_memory(enum kvm_memory kind)
{
	memory_kind = kind;
}

bool kvm_has_gmem(void)
{
	int has = call(device(), KVM_CHECK_EXTENSION, (void *)KVM_CAP_GUEST_MEMFD_FLAGS,
		       "KVM_CHECK_EXTENSION");

	return (has & GMEM_FLAGS) == GMEM_FLAGS;
}

static bool in_gmem(void)
{
	return memory_kind == KVM_GMEM || memory_kind == KVM_GMEM_PRESENT;
}

/* The guest's frames come from the guest_memfd; the mapping is for the VMM. */
static void map_gmem(struct machine *m, u64 bytes)
{
	struct kvm_create_guest_memfd create = { .size = bytes, .flags = GMEM_FLAGS };
	struct kvm_userspace_memory_region2 arg = {
		.slot = SLOT_TEST, .flags = KVM_MEM_GUEST_MEMFD, .guest_phys_addr = TEST_GPA,
		.memory_size = bytes
	};

	gmem = call(m->fd, KVM_CREATE_GUEST_MEMFD, &create, "KVM_CREATE_GUEST_MEMFD");
	m->mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, gmem, 0);
	if (m->mem == MAP_FAILED)
		fail("mmap of a guest_memfd: %s", strerror(errno));
	if (memory_kind == KVM_GMEM_PRESENT && fallocate(gmem, FALLOC_FL_KEEP_SIZE, 0, bytes))
		fail("fallocate: %s", strerror(errno));
	arg.userspace_addr = (u64)m->mem;
	arg.guest_memfd = gmem;
	call(m->fd, KVM_SET_USER_MEMORY_REGION2, &arg, "KVM_SET_USER_MEMORY_REGION2");
}

static void set_slot_flags(struct machine *m, u32 slot, u64 gpa, u64 bytes, void *mem, u32 flags)
{
	struct kvm_userspace_memory_region arg = {
		.slot = slot, .guest_phys_addr = gpa, .memory_size = bytes,
		.userspace_addr = (u64)mem, .flags = flags
	};

	call(m->fd, KVM_SET_USER_MEMORY_REGION, &arg, "KVM_SET_USER_MEMORY_REGION");
}

static void set_slot(struct machine *m, u32 slot, u64 gpa, u64 bytes, void *mem)
{
	set_slot_flags(m, slot, gpa, bytes, mem, 0);
}

static void kvm_make(struct machine *m)
{
	m->fd = call(device(), KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	m->low = anonymous(LOW_BYTES, false);
	low_memory(m->low);
	set_slot(m, SLOT_LOW, 0, LOW_BYTES, m->low);
}

static int run_bytes(void)
{
	return call(device(), KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
}

static void kvm_end(struct machine *m)
{
	for (unsigned int i = 0; i < MAX_VCPUS; i++) {
		if (!m->vcpu[i])
			continue;
		munmap(m->run[i], run_bytes());
		close(m->vcpu[i]);
	}
	close(m->fd);
	munmap(m->low, LOW_BYTES);
}

static struct kvm_segment segment(u32 selector, u32 type, u32 code)
{
	return (struct kvm_segment){
		.limit = ~0u, .selector = selector, .type = type, .present = 1, .s = 1,
		.g = 1, .l = code, .db = !code
	};
}

/* CR0: PE, MP, ET, NE, WP, PG; CR4: PAE, OSFXSR; EFER: LME, LMA, NXE. */
static void long_mode(int vcpu)
{
	struct kvm_sregs sregs;

	call(vcpu, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS");
	sregs.cr0 = 0x80010033;
	sregs.cr3 = LOW_CR3;
	sregs.cr4 = 0x220;
	sregs.efer = 0xd00;
	sregs.cs = segment(0x08, 11, 1);
	sregs.ds = segment(0x10, 3, 0);
	sregs.es = sregs.ds;
	sregs.fs = sregs.ds;
	sregs.gs = sregs.ds;
	sregs.ss = sregs.ds;
	call(vcpu, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS");
}

/* KVM denies the guest CPU features that its CPUID does not have: set all supported ones. */
static void all_cpuid(int vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} arg = { .head.nent = 256 };

	call(device(), KVM_GET_SUPPORTED_CPUID, &arg, "KVM_GET_SUPPORTED_CPUID");
	call(vcpu, KVM_SET_CPUID2, &arg, "KVM_SET_CPUID2");
}

static void kvm_add_vcpu(struct machine *m, unsigned int nr)
{
	m->vcpu[nr] = call(m->fd, KVM_CREATE_VCPU, (void *)(u64)nr, "KVM_CREATE_VCPU");
	m->run[nr] = mmap(NULL, run_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[nr], 0);
	if (m->run[nr] == MAP_FAILED)
		fail("mmap of a vCPU: %s", strerror(errno));
	all_cpuid(m->vcpu[nr]);
	long_mode(m->vcpu[nr]);
}

static void kvm_enter(struct machine *m, unsigned int nr, u64 entry, u64 rdi, u64 rsi, u64 rdx)
{
	struct kvm_regs regs = {
		.rip = entry, .rdi = rdi, .rsi = rsi, .rdx = rdx, .rsp = LOW_STACK, .rflags = 2
	};

	call(m->vcpu[nr], KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

static void kvm_run(struct machine *m, unsigned int nr)
{
	struct kvm_run *run = m->run[nr];
	int ret;

	do {
		ret = ioctl(m->vcpu[nr], KVM_RUN, NULL);
	} while (ret && errno == EINTR);
	if (ret || run->exit_reason != KVM_EXIT_IO || run->io.port != PORT_DONE)
		fail("KVM_RUN: %d, exit %u, %#llx", ret, run->exit_reason,
		     run->hw.hardware_exit_reason);
}

static void kvm_map(struct machine *m, u64 bytes, bool huge)
{
	m->bytes = bytes;
	if (in_gmem()) {
		map_gmem(m, bytes);
	} else {
		m->mem = test_memory(bytes, huge);
		set_slot(m, SLOT_TEST, TEST_GPA, bytes, m->mem);
	}
	/*
	 * The previous memory slot has left an obsolete root, which the vCPU frees when it runs.
	 * Until then KVM_PRE_FAULT_MEMORY of 6.12 retries the same page forever.
	 */
	kvm_enter(m, 0, guest(ports), 0, 0, 0);
	kvm_run(m, 0);
}

static void kvm_unmap(struct machine *m)
{
	set_slot(m, SLOT_TEST, TEST_GPA, 0, m->mem);
	munmap(m->mem, m->bytes);
	if (gmem >= 0)
		close(gmem);
	gmem = -1;
}

static void kvm_forget(struct machine *m)
{
	if (in_gmem()) {
		if (fallocate(gmem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, m->bytes))
			fail("fallocate: %s", strerror(errno));
		return;
	}
	if (madvise(m->mem, m->bytes, memory_kind == KVM_FILE ? MADV_REMOVE : MADV_DONTNEED))
		fail("madvise: %s", strerror(errno));
}

static void kvm_protect(struct machine *m, bool writable)
{
	if (mprotect(m->mem, m->bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ))
		fail("mprotect: %s", strerror(errno));
}

static void kvm_create_end(void)
{
	close(call(device(), KVM_CREATE_VM, NULL, "KVM_CREATE_VM"));
}

/*
 * Allocate frames by madvise(), then fill KVM's table by KVM_PRE_FAULT_MEMORY (since 6.12), which
 * allocates the frames of a guest_memfd itself, as a fault does.
 */
static bool kvm_populate(struct machine *m)
{
	struct kvm_pre_fault_memory arg = { .gpa = TEST_GPA, .size = m->bytes };

	if (call(device(), KVM_CHECK_EXTENSION, (void *)KVM_CAP_PRE_FAULT_MEMORY,
		 "KVM_CHECK_EXTENSION") <= 0)
		return false;
	if (!in_gmem() && madvise(m->mem, m->bytes, MADV_POPULATE_WRITE))
		fail("MADV_POPULATE_WRITE: %s", strerror(errno));
	while (arg.size)
		call(m->vcpu[0], KVM_PRE_FAULT_MEMORY, &arg, "KVM_PRE_FAULT_MEMORY");
	return true;
}

static void kvm_change(struct machine *m, enum change how, u64 first, u64 bytes)
{
	void *mem = (char *)m->mem + first;
	int err;

	if (how == UNMAP)
		err = madvise(mem, bytes, MADV_DONTNEED);
	else if (how == COLLAPSE)
		err = madvise(mem, bytes, MADV_COLLAPSE);
	else
		err = mprotect(mem, bytes, how == READ_ONLY ? PROT_READ :
			       PROT_READ | PROT_WRITE);
	if (err)
		fail("change %d: %s", how, strerror(errno));
}

/* All slots map the same page of memory. */
static void kvm_add(struct machine *m, unsigned int nr)
{
	set_slot(m, SLOT_ADDED + nr, TEST_GPA + 16 * GIB + 2 * PAGE * nr, PAGE, m->low);
}

static u64 kvm_exits(const struct machine *m, int pid)
{
	unsigned long long exits;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/exits", pid, m->fd);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &exits) != 1)
		fail("%s", path);
	fclose(file);
	return exits;
}

static u32 space_flags;

void bridge_choose_pinnable(bool pinnable)
{
	space_flags = pinnable ? AXAS_CREATE_PINNABLE : 0;
}

/* The mapping keeps the space. */
static void bridge_map(struct machine *m, u64 bytes, bool huge)
{
	struct axas_create create = { .flags = space_flags };
	int space = must(axas_open_space(NULL, &create), "AXAS_CREATE");

	must(axas_map_alloc(space, 0, bytes, AXAS_PROT_MASK, huge ? AXAS_MAP_HUGE_WHOLE : 0),
	     "AXAS_MAP_ALLOC");
	m->bytes = bytes;
	m->mem = mmap(anonymous(bytes, false), bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED, space, 0);
	if (m->mem == MAP_FAILED)
		fail("mmap of a space: %s", strerror(errno));
	close(space);
	set_slot(m, SLOT_TEST, TEST_GPA, bytes, m->mem);
	kvm_enter(m, 0, guest(ports), 0, 0, 0);
	kvm_run(m, 0);
}

static void bridge_forget(struct machine *m)
{
	if (madvise(m->mem, m->bytes, MADV_REMOVE))
		fail("MADV_REMOVE: %s", strerror(errno));
}

/* What bench_bridge() and bench_profile() need. */
const struct machine_ops bridge_machine = {
	.name		= "bridge",
	.make		= kvm_make,
	.end		= kvm_end,
	.add_vcpu	= kvm_add_vcpu,
	.map		= bridge_map,
	.unmap		= kvm_unmap,
	.forget		= bridge_forget,
	.enter		= kvm_enter,
	.run		= kvm_run,
};

/* GET_DIRTY_LOG does not clear then, and CLEAR_DIRTY_LOG takes what it returned. */
static void manual_protect(struct machine *m)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
		.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
	};

	call(m->fd, KVM_ENABLE_CAP, &cap, "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
}

static void kvm_log(struct machine *m, enum log how)
{
	static u64 bits[GIB / PAGE / 64];
	struct kvm_dirty_log get = { .slot = SLOT_TEST, .dirty_bitmap = bits };
	struct kvm_clear_dirty_log clear = {
		.slot = SLOT_TEST, .num_pages = m->bytes / PAGE, .dirty_bitmap = bits
	};

	if (how == LOG_PASS || how == LOG_PASS_EXTENTS) {
		call(m->fd, KVM_GET_DIRTY_LOG, &get, "KVM_GET_DIRTY_LOG");
		call(m->fd, KVM_CLEAR_DIRTY_LOG, &clear, "KVM_CLEAR_DIRTY_LOG");
		return;
	}
	if (how == LOG_START)
		manual_protect(m);
	set_slot_flags(m, SLOT_TEST, TEST_GPA, m->bytes, m->mem,
		       how == LOG_START ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

const struct machine_ops kvm_machine = {
	.name		= "kvm",
	.make		= kvm_make,
	.end		= kvm_end,
	.add_vcpu	= kvm_add_vcpu,
	.map		= kvm_map,
	.unmap		= kvm_unmap,
	.forget		= kvm_forget,
	.protect	= kvm_protect,
	.enter		= kvm_enter,
	.run		= kvm_run,
	.create		= kvm_create_end,
	.populate	= kvm_populate,
	.change		= kvm_change,
	.add		= kvm_add,
	.log		= kvm_log,
	.exits		= kvm_exits,
};
