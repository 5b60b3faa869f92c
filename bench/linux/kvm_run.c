// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running a vCPU of KVM as libaxas runs one of axvcpu: interrupts, exits, kicks, and the wait of a
 * halted guest. Calls kvm.c.
 */
#include "bench_linux.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIG_KICK	SIGUSR2

static void on_kick(int sig)
{
	(void)sig;
}

/* A vCPU belongs to the thread that runs it first. */
static void begin(struct kvm_vcpu *v)
{
	struct sigaction action = { .sa_handler = on_kick };

	sigaction(SIG_KICK, &action, NULL);
	__atomic_store_n(&v->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
}

int axvcpu_kick(int fd)
{
	struct kvm_vcpu *v = kvm_vcpu(fd);
	int tid = __atomic_load_n(&v->tid, __ATOMIC_ACQUIRE);

	__atomic_store_n(&v->kicked, 1, __ATOMIC_RELEASE);
	v->run->immediate_exit = 1;
	if (tid && tid != syscall(SYS_gettid)) {
		syscall(SYS_futex, &v->kicked, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
		syscall(SYS_tgkill, getpid(), tid, SIG_KICK);
	}
	return 0;
}

static int interrupted(struct kvm_vcpu *v)
{
	v->kicked = 0;
	v->run->immediate_exit = 0;
	return -EINTR;
}

static int wait_kick(struct kvm_vcpu *v)
{
	while (!__atomic_load_n(&v->kicked, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &v->kicked, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return interrupted(v);
}

static void on_io(const struct kvm_run *run, struct axvcpu_exit *exit)
{
	u32 data = 0;

	if (run->io.count != 1)
		die("string I/O");
	if (run->io.direction == KVM_EXIT_IO_IN) {
		exit->reason = AXVCPU_EXIT_IO_READ;
		exit->io_read.port = run->io.port;
		exit->io_read.width = run->io.size;
		return;
	}
	memcpy(&data, (const u8 *)run + run->io.data_offset, run->io.size);
	exit->reason = AXVCPU_EXIT_IO_WRITE;
	exit->io_write.port = run->io.port;
	exit->io_write.width = run->io.size;
	exit->io_write.data = data;
}

static void on_msr(struct kvm_run *run, struct axvcpu_exit *exit)
{
	run->msr.error = 0;
	if (run->exit_reason == KVM_EXIT_X86_RDMSR) {
		exit->reason = AXVCPU_EXIT_SYSREG_READ;
		exit->sysreg_read.addr = run->msr.index;
	} else {
		exit->reason = AXVCPU_EXIT_SYSREG_WRITE;
		exit->sysreg_write.addr = run->msr.index;
		exit->sysreg_write.value = run->msr.data;
	}
}

static void on_exit_of(struct kvm_vcpu *v, struct axvcpu_exit *exit)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		on_io(v->run, exit);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		on_msr(v->run, exit);
		break;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		exit->reason = AXVCPU_EXIT_WINDOW;
		break;
	case KVM_EXIT_HLT:
		v->halted = true;
		exit->reason = AXVCPU_EXIT_NOTHING;
		break;
	case KVM_EXIT_SHUTDOWN:
		exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
		break;
	case KVM_EXIT_MMIO:
		exit->reason = AXVCPU_EXIT_NESTED_PAGE_FAULT;
		exit->nested_page_fault.gpa = v->run->mmio.phys_addr;
		exit->nested_page_fault.result = AXAS_FAULT_HOLE;
		break;
	default:
		exit->reason = AXVCPU_EXIT_FAIL_ENTRY;
		exit->fail_entry.reason = v->run->exit_reason;
	}
}

static int run(struct kvm_vcpu *v, bool window, struct axvcpu_exit *exit)
{
	if (!v->tid)
		begin(v);
	memset(exit, 0, sizeof(*exit));
	if (v->halted)
		return wait_kick(v);
	v->run->request_interrupt_window = window;
	if (ioctl(v->fd, KVM_RUN, 0) < 0) {
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
		return interrupted(v);
	}
	on_exit_of(v, exit);
	return 0;
}

int axvcpu_run(int fd, struct axvcpu_exit *exit)
{
	return run(kvm_vcpu(fd), false, exit);
}

int axvcpu_run_window(int fd, u32 vector, struct axvcpu_exit *exit)
{
	(void)vector;
	return run(kvm_vcpu(fd), true, exit);
}

int axvcpu_inject_now(int fd, u32 vector)
{
	struct kvm_interrupt interrupt = { .irq = vector };
	struct kvm_vcpu *v = kvm_vcpu(fd);

	if (!v->run->ready_for_interrupt_injection || !v->run->if_flag ||
	    vector >> 4 <= v->run->cr8)
		return -EAGAIN;
	if (ioctl(fd, KVM_INTERRUPT, &interrupt) < 0)
		return -errno;
	v->run->ready_for_interrupt_injection = 0;
	v->halted = false;
	return 0;
}

int axvcpu_set_return(int fd, u64 val)
{
	struct kvm_run *run = kvm_vcpu(fd)->run;

	if (run->exit_reason == KVM_EXIT_IO)
		memcpy((u8 *)run + run->io.data_offset, &val, run->io.size);
	else
		run->msr.data = val;
	return 0;
}

int axvcpu_set_return_fault(int fd)
{
	kvm_vcpu(fd)->run->msr.error = 1;
	return 0;
}

/* The task priority, for the VMM's APIC; RIP and more for messages. */
int axvcpu_get_regs(int fd, struct axvcpu_regs *regs)
{
	struct kvm_regs now;

	*regs = (struct axvcpu_regs){ .cr8 = kvm_vcpu(fd)->run->cr8 };
	if (ioctl(fd, KVM_GET_REGS, &now) < 0)
		return -errno;
	regs->rip = now.rip;
	regs->rflags = now.rflags;
	return 0;
}

int axvcpu_set_regs(int fd, const struct axvcpu_regs *regs)
{
	kvm_vcpu(fd)->run->cr8 = regs->cr8;
	return 0;
}
