// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small VMM on /dev/kvm: one vCPU in long mode, a first MiB of its own with page table and code,
 * and a memory slot over a mapping of a space. Calls memory.c's space only by its mapping.
 */
#include "bridge.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LOW_CR3		0x1000ull
#define LOW_CODE	0x10000ull
#define PORT_DONE	0xf4
#define FAULT_SECONDS	60

/* Present, writable, user; a leaf also has PS: 1 GiB each. */
#define PT_TABLE	0x7ull
#define PT_LEAF_1G	0x87ull

enum { SLOT_LOW, SLOT_TEST };

static int must(int fd, unsigned long nr, const void *arg, const char *what)
{
	int ret = ioctl(fd, nr, arg);

	if (ret < 0)
		fail("%s: %s", what, strerror(errno));
	return ret;
}

#define MUST(fd, nr, arg)	must(fd, nr, (const void *)(uintptr_t)(arg), #nr)

/* An identity map of 512 GiB, the routines. */
static void low_memory(u8 *low)
{
	u64 *top = (u64 *)(low + LOW_CR3), *pdpt = top + 512;

	top[0] = (LOW_CR3 + PAGE) | PT_TABLE;
	for (u64 i = 0; i < 512; i++)
		pdpt[i] = i * GIB | PT_LEAF_1G;
	memcpy(low + LOW_CODE, guests_begin, guests_end - guests_begin);
}

static void set_slot(struct vm *vm, u32 slot, u64 gpa, u64 bytes, volatile void *at)
{
	struct kvm_userspace_memory_region arg = {
		.slot = slot, .guest_phys_addr = gpa, .memory_size = bytes,
		.userspace_addr = (uintptr_t)at
	};

	MUST(vm->fd, KVM_SET_USER_MEMORY_REGION, &arg);
}

void vm_slot(struct vm *vm, volatile void *at, u64 bytes)
{
	set_slot(vm, SLOT_TEST, TEST_GPA, 0, at);
	set_slot(vm, SLOT_TEST, TEST_GPA, bytes, at);
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

	MUST(vcpu, KVM_GET_SREGS, &sregs);
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
	MUST(vcpu, KVM_SET_SREGS, &sregs);
}

/* KVM denies the guest CPU features that its CPUID does not have. */
static void all_cpuid(int kvm, int vcpu)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} arg = { .head.nent = 256 };

	MUST(kvm, KVM_GET_SUPPORTED_CPUID, &arg);
	MUST(vcpu, KVM_SET_CPUID2, &arg);
}

void vm_make(struct vm *vm, const struct memory *m)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), run_bytes;

	if (kvm < 0)
		fail("/dev/kvm: %s", strerror(errno));
	vm->fd = MUST(kvm, KVM_CREATE_VM, 0);
	vm->low = buffer(LOW_BYTES);
	vm->control = (struct control *)(vm->low + LOW_CONTROL);
	low_memory(vm->low);
	set_slot(vm, SLOT_LOW, 0, LOW_BYTES, vm->low);
	set_slot(vm, SLOT_TEST, TEST_GPA, m->bytes, m->at);
	vm->vcpu = MUST(vm->fd, KVM_CREATE_VCPU, 0);
	run_bytes = MUST(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	vm->run = mmap(NULL, run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		fail("mmap of a vCPU: %s", strerror(errno));
	all_cpuid(kvm, vm->vcpu);
	long_mode(vm->vcpu);
	close(kvm);
	sem_init(&vm->faulted, 0, 0);
	sem_init(&vm->resume, 0, 0);
}

/*
 * 0, -EFAULT, or -EINTR if it shall pause. From 6.9 on the exit says KVM_EXIT_MEMORY_FAULT besides;
 * the call's error is the same.
 */
static int run(struct vm *vm)
{
	int ret;

	do {
		ret = ioctl(vm->vcpu, KVM_RUN, NULL);
	} while (ret && errno == EINTR && !vm->run->immediate_exit);
	if (ret && (errno == EFAULT || errno == EINTR))
		return -errno;
	if (ret || vm->run->exit_reason != KVM_EXIT_IO || vm->run->io.port != PORT_DONE)
		fail("KVM_RUN: %s, exit %u, %#llx", ret ? strerror(errno) : "ok",
		     vm->run->exit_reason, vm->run->hw.hardware_exit_reason);
	return 0;
}

static void enter(struct vm *vm, const char *code, u64 rdi, u64 rsi, u64 rdx)
{
	struct kvm_regs regs = {
		.rip = LOW_CODE + (code - guests_begin), .rdi = rdi, .rsi = rsi, .rdx = rdx,
		.rflags = 2
	};

	MUST(vm->vcpu, KVM_SET_REGS, &regs);
}

int vm_call(struct vm *vm, const char *code, u64 rdi, u64 rsi, u64 rdx, u64 *rax)
{
	struct kvm_regs regs;
	int ret;

	enter(vm, code, rdi, rsi, rdx);
	ret = run(vm);
	MUST(vm->vcpu, KVM_GET_REGS, &regs);
	if (rax)
		*rax = regs.rax;
	return ret;
}

u64 guest_word(struct vm *vm, u64 gpa)
{
	u64 val;

	expect_ok(vm_call(vm, guest_load, TEST_GPA + gpa, 0, 0, &val));
	return val;
}

void guest_set(struct vm *vm, u64 gpa, u64 val)
{
	expect_ok(vm_call(vm, guest_store, TEST_GPA + gpa, val, 0, NULL));
}

u64 guest_sum_of(struct vm *vm, u64 gpa, u64 bytes)
{
	u64 sum;

	expect_ok(vm_call(vm, guest_sum, TEST_GPA + gpa, TEST_GPA + gpa + bytes, 0, &sum));
	return sum;
}

u64 sum_of(const volatile u64 *from, u64 bytes)
{
	u64 sum = 0;

	for (u64 i = 0; i < bytes / sizeof(u64); i++)
		sum += from[i];
	return sum;
}

static void *run_to_the_end(void *arg)
{
	struct vm *vm = arg;

	while (run(vm) == -EFAULT) {
		sem_post(&vm->faulted);
		while (sem_wait(&vm->resume))
			;
	}
	return NULL;
}

void vm_go_on(struct vm *vm)
{
	if (pthread_create(&vm->thread, NULL, run_to_the_end, vm))
		fail("pthread_create");
}

void vm_start(struct vm *vm, const char *code, u64 gpa)
{
	memset((void *)vm->control, 0, sizeof(*vm->control));
	enter(vm, code, TEST_GPA + gpa, LOW_CONTROL, 0);
	vm_go_on(vm);
}

void vm_stop(struct vm *vm)
{
	vm->control->stop = 1;
	pthread_join(vm->thread, NULL);
}

static void ignore(int sig)
{
	(void)sig;
}

/* A signal ends a run; immediate_exit one that is about to begin. */
void vm_pause(struct vm *vm)
{
	struct sigaction action = { .sa_handler = ignore };

	sigaction(SIGUSR1, &action, NULL);
	vm->run->immediate_exit = 1;
	pthread_kill(vm->thread, SIGUSR1);
	pthread_join(vm->thread, NULL);
	vm->run->immediate_exit = 0;
}

void vm_copy(struct vm *vm, const struct vm *from, const struct memory *m)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	vm_make(vm, m);
	memcpy(vm->low, from->low, LOW_BYTES);
	MUST(from->vcpu, KVM_GET_REGS, &regs);
	MUST(vm->vcpu, KVM_SET_REGS, &regs);
	MUST(from->vcpu, KVM_GET_SREGS, &sregs);
	MUST(vm->vcpu, KVM_SET_SREGS, &sregs);
}

void vm_expect_fault(struct vm *vm)
{
	struct timespec end;
	int ret;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += FAULT_SECONDS;
	do {
		ret = sem_timedwait(&vm->faulted, &end);
	} while (ret && errno == EINTR);
	if (ret)
		fail("the guest went on: %s", strerror(errno));
}

void vm_resume(struct vm *vm)
{
	sem_post(&vm->resume);
}
