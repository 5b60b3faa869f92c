// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VMM of axasctl boot calls of libaxas, on /dev/kvm: the VM, its memory, a vCPU's first
 * registers, what its CPUID tells. There is one VM. Calls nothing of the VMM.
 *
 * Without KVM's irqchip all interrupts are the VMM's: accesses to the local APIC's MSRs exit to it.
 */
#include "bench_linux.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

struct kvm kvm;

struct slot {
	u64 gpa;
	u64 bytes;
	u8 *mem;
};

static struct slot slots[4];
static u32 nr_slots;

struct kvm_vcpu *kvm_vcpu(int fd)
{
	for (u32 i = 0; i < kvm.nr_cpus; i++)
		if (kvm.cpu[i].fd == fd)
			return &kvm.cpu[i];
	die("no such vCPU");
}

static void call(int fd, unsigned long request, void *arg, const char *what)
{
	if (ioctl(fd, request, arg) < 0)
		die(what);
}

static void enable_cap(u32 cap, u64 arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args[0] = arg };

	call(kvm.fd, KVM_ENABLE_CAP, &enable, "KVM_ENABLE_CAP");
}

/*
 * MSRs of the local APIC go to the VMM: those in x2APIC's range because KVM has no APIC, its base
 * and the TSC deadline because the filter says so; so does all that KVM does not know.
 */
static void msrs_to_vmm(void)
{
	static u8 none[1];
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges[0] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.nmsrs = 1, .base = 0x1b, .bitmap = none,
		},
		.ranges[1] = {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.nmsrs = 1, .base = 0x6e0, .bitmap = none,
		},
	};

	enable_cap(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_INVAL |
		   KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER);
	call(kvm.fd, KVM_X86_SET_MSR_FILTER, &filter, "KVM_X86_SET_MSR_FILTER");
}

static void make_irqchip(void)
{
	struct kvm_pit_config pit = { 0 };

	call(kvm.fd, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP");
	call(kvm.fd, KVM_CREATE_PIT2, &pit, "KVM_CREATE_PIT2");
}

int axas_open_space(const char *path, const struct axas_create *create)
{
	u64 identity = 0xfeffc000;

	(void)path;
	(void)create;
	kvm.irqchip = use_irqchip;
	kvm.dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm.dev < 0)
		die("/dev/kvm");
	kvm.fd = ioctl(kvm.dev, KVM_CREATE_VM, 0);
	if (kvm.fd < 0)
		die("KVM_CREATE_VM");
	call(kvm.fd, KVM_SET_IDENTITY_MAP_ADDR, &identity, "KVM_SET_IDENTITY_MAP_ADDR");
	call(kvm.fd, KVM_SET_TSS_ADDR, (void *)(identity + PAGE), "KVM_SET_TSS_ADDR");
	if (kvm.irqchip)
		make_irqchip();
	else
		msrs_to_vmm();
	return kvm.fd;
}

int axas_map_alloc(int space, u64 gpa, u64 length, u32 prot, u32 flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = nr_slots, .guest_phys_addr = gpa, .memory_size = length,
	};
	u8 *mem = mmap(NULL, length + (2ull << 20), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)prot;
	if (mem == MAP_FAILED)
		return -errno;
	mem += -(uintptr_t)mem & ((2ull << 20) - 1);
	madvise(mem, length, flags & AXAS_MAP_HUGE_ALWAYS ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (flags & AXAS_MAP_POPULATE && madvise(mem, length, MADV_POPULATE_WRITE))
		return -errno;
	region.userspace_addr = (uintptr_t)mem;
	call(space, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
	slots[nr_slots++] = (struct slot){ gpa, length, mem };
	return 0;
}

int axas_write_all(int space, u64 gpa, const void *buf, size_t length, size_t *done)
{
	(void)space;
	for (u32 i = 0; i < nr_slots; i++) {
		if (gpa < slots[i].gpa || gpa + length > slots[i].gpa + slots[i].bytes)
			continue;
		memcpy(slots[i].mem + (gpa - slots[i].gpa), buf, length);
		if (done)
			*done = length;
		return 0;
	}
	return -EFAULT;
}

/*
 * What axvcpu's CPUID has of the host's (vcpu/x86/x86.c) where it offers no XSAVE, so that the
 * guest does the same on both: the bits of EAX to EDX that stay.
 */
static const struct {
	u32 leaf;
	u32 bits[4];
} cpuid_leaves[] = {
	{ 0x00000000, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x00000001, { ~0u, 0xff00, 0x42d82203, 0x078ba17d } },
	{ 0x00000007, { 0, 0x980389, 0, 0 } },
	{ 0x80000000, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000001, { ~0u, 0, 0x21, 0x2593a97d } },
	{ 0x80000002, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000003, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000004, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x80000008, { 0xffff, 0, 0, 0 } },
};

#define HIGHEST_LEAF		7u
#define HIGHEST_EXTENDED	0x80000008u

/* What is not the host's: the hypervisor's bit, an APIC in x2APIC mode with a deadline timer. */
static void add_features(struct kvm_cpuid_entry2 *e, u32 id)
{
	if (e->function == 0 && e->eax > HIGHEST_LEAF)
		e->eax = HIGHEST_LEAF;
	if (e->function == 0x80000000 && e->eax > HIGHEST_EXTENDED)
		e->eax = HIGHEST_EXTENDED;
	if (e->function == 1) {
		e->ebx |= id << 24;
		e->ecx |= 1u << 31 | 1u << 21 | 1u << 24;
	}
	if (e->function == 1 || e->function == 0x80000001)
		e->edx |= 1u << 9;
}

static void set_cpuid(int fd, u32 id)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[ARRAY_SIZE(cpuid_leaves)];
	} all = { .head.nent = ARRAY_SIZE(cpuid_leaves) };

	for (size_t i = 0; i < ARRAY_SIZE(cpuid_leaves); i++) {
		struct kvm_cpuid_entry2 *e = &all.entries[i];

		e->function = cpuid_leaves[i].leaf;
		e->flags = e->function == 7 ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
		__cpuid_count(e->function, 0, e->eax, e->ebx, e->ecx, e->edx);
		e->eax &= cpuid_leaves[i].bits[0];
		e->ebx &= cpuid_leaves[i].bits[1];
		e->ecx &= cpuid_leaves[i].bits[2];
		e->edx &= cpuid_leaves[i].bits[3];
		add_features(e, id);
	}
	call(fd, KVM_SET_CPUID2, &all, "KVM_SET_CPUID2");
}

#define APIC_BASE_X2APIC	0xfee00c00ull
#define APIC_BASE_BSP		0x100ull

/* As firmware leaves it: the local APIC in x2APIC mode. */
static void set_apic_base(int fd, u32 id)
{
	struct kvm_sregs s;

	call(fd, KVM_GET_SREGS, &s, "KVM_GET_SREGS");
	s.apic_base = APIC_BASE_X2APIC | (id ? 0 : APIC_BASE_BSP);
	call(fd, KVM_SET_SREGS, &s, "KVM_SET_SREGS");
}

/* The guest's TSC is the host's, as the VMM expects for deadlines. */
static void share_tsc(int fd)
{
	u64 offset = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&offset,
	};

	call(fd, KVM_SET_DEVICE_ATTR, &attr, "KVM_VCPU_TSC_OFFSET");
}

int axvcpu_open_vcpu(const char *path, int space, u32 id, u32 flags)
{
	int bytes = ioctl(kvm.dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_vcpu *v = &kvm.cpu[id];

	(void)path;
	(void)flags;
	v->fd = ioctl(space, KVM_CREATE_VCPU, id);
	if (v->fd < 0)
		die("KVM_CREATE_VCPU");
	v->run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		die("mmap of a vCPU");
	kvm.nr_cpus = id + 1;
	v->tsc_khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	set_cpuid(v->fd, id);
	set_apic_base(v->fd, id);
	share_tsc(v->fd);
	return v->fd;
}

static struct kvm_segment segment(u16 selector, u8 type, bool code)
{
	return (struct kvm_segment){
		.selector = selector, .limit = 0xffffffff, .type = type, .present = 1, .s = 1,
		.g = 1, .l = code, .db = !code,
	};
}

/* The registers of AXVCPU_SETUP in long mode. */
static void set_sregs(int fd, u64 cr3)
{
	struct kvm_segment data = segment(0x10, 3, false);
	struct kvm_sregs s;

	call(fd, KVM_GET_SREGS, &s, "KVM_GET_SREGS");
	s.cs = segment(0x08, 11, true);
	s.ds = data;
	s.es = data;
	s.fs = data;
	s.gs = data;
	s.ss = data;
	s.cr0 = 0x80010033;
	s.cr3 = cr3;
	s.cr4 = 0x620;
	s.efer = 0xd01;
	call(fd, KVM_SET_SREGS, &s, "KVM_SET_SREGS");
}

int axvcpu_setup(int fd, const struct axvcpu_setup *setup)
{
	struct kvm_regs regs = { .rip = setup->entry, .rsp = setup->stack, .rflags = 2 };

	if (setup->mode != AXVCPU_MODE_LONG)
		return -EINVAL;
	set_sregs(fd, setup->cr3);
	call(fd, KVM_SET_REGS, &regs, "KVM_SET_REGS");
	return 0;
}

/* Only what the loader sets. */
int axvcpu_set_gpr(int fd, u32 reg, u64 val)
{
	struct kvm_regs regs;

	if (reg != AXVCPU_REG_RSI)
		return -EINVAL;
	call(fd, KVM_GET_REGS, &regs, "KVM_GET_REGS");
	regs.rsi = val;
	call(fd, KVM_SET_REGS, &regs, "KVM_SET_REGS");
	return 0;
}

static u64 counter(const char *name)
{
	unsigned long long val;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/%s", getpid(), kvm.fd, name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &val) != 1)
		die(path);
	fclose(file);
	return val;
}

/* The counters are the VM's: those of vCPU 0. No ioctl: it would wait until a vCPU does not run. */
int axvcpu_get_state(int fd, struct axvcpu_state *state)
{
	*state = (struct axvcpu_state){ .tsc_khz = kvm_vcpu(fd)->tsc_khz };
	if (fd != kvm.cpu[0].fd)
		return 0;
	state->entries = counter("exits");
	state->exits[AXVCPU_EXIT_HALT] = counter("halt_exits");
	return 0;
}

/* The machine is not reset. */
int axvcpu_reset(int fd)
{
	(void)fd;
	return -EOPNOTSUPP;
}

/* The linker puts this in place of the VMM's 8259 (--wrap): KVM may have its own. */
void __wrap_pic_set(struct machine *m, unsigned int irq, bool level)
{
	struct kvm_irq_level line = { .irq = irq, .level = level };

	if (kvm.irqchip)
		call(kvm.fd, KVM_IRQ_LINE, &line, "KVM_IRQ_LINE");
	else
		__real_pic_set(m, irq, level);
}
