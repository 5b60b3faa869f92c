/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench_linux: a Linux guest on axvcpu and on KVM, by the same VMM: that of tools/axasctl/boot/
 * with its devices. Declarations shared by its files:
 *
 *   main.c     the program: options, console, marks, figures
 *   kvm.c      the functions of libaxas that the VMM calls, on /dev/kvm: VM, memory, setup
 *   kvm_run.c  running a vCPU of KVM, interrupts, exits
 *
 * axas_linux is main.c with libaxas, kvm_linux main.c with the other two.
 */
#ifndef BENCH_LINUX_H
#define BENCH_LINUX_H

#include "mmio.h"

#include <linux/kvm.h>

/* kvm.c, kvm_run.c */

/**
 * struct kvm_vcpu - a vCPU of KVM
 * @fd: its descriptor
 * @run: shared with the kernel
 * @tsc_khz: frequency of its TSC
 * @tid: the thread that runs it, or 0
 * @kicked: axvcpu_kick() was called and no run has ended by it; a futex
 * @halted: the guest has halted; nothing was injected since
 */
struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	u32 tsc_khz;
	int tid;
	u32 kicked;
	bool halted;
};

/**
 * struct kvm - the VM
 * @dev: /dev/kvm
 * @fd: its descriptor
 * @irqchip: KVM has the APICs, 8259 and 8254, instead of the VMM
 * @nr_cpus: vCPUs
 * @cpu: these
 */
struct kvm {
	int dev;
	int fd;
	bool irqchip;
	u32 nr_cpus;
	struct kvm_vcpu cpu[MAX_CPUS];
};

extern struct kvm kvm;

struct kvm_vcpu *kvm_vcpu(int fd);

/* The linker's --wrap: functions of the VMM, and what it calls instead. */
int __real_axvcpu_run(int fd, struct axvcpu_exit *exit);
int __wrap_axvcpu_run(int fd, struct axvcpu_exit *exit);
int __real_axvcpu_run_window(int fd, u32 vector, struct axvcpu_exit *exit);
int __wrap_axvcpu_run_window(int fd, u32 vector, struct axvcpu_exit *exit);
u8 __real_pit_read(struct machine *m, u32 port);
u8 __wrap_pit_read(struct machine *m, u32 port);
void __real_pic_set(struct machine *m, unsigned int irq, bool level);
void __wrap_pic_set(struct machine *m, unsigned int irq, bool level);

/* main.c */
extern bool use_irqchip;
void die(const char *what) __attribute__((noreturn));

#endif /* BENCH_LINUX_H */
