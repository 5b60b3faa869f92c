/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of axvcpu.ko share, and what a backend implements.
 *
 *   axvcpu_main.c     the module, the HAL, /dev/axvcpu
 *   axvcpu_file.c     the descriptor of a vCPU
 *   axvcpu_core.c     vCPUs: states, affinity, the run loop
 *   axvcpu_exit.c     exits in words
 *   axvcpu_percpu.c   virtualization on each CPU, through hotplug and suspend
 *   axvcpu_noarch.c   where there is no backend
 *   x86/              the backends for SVM and VMX, and what they share
 *   arm64/            the backend for VHE
 *   riscv/            the backend for the hypervisor extension
 *
 * Each calls only what stands below it.
 */
#ifndef _AXVCPU_INTERNAL_H
#define _AXVCPU_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/percpu-defs.h>
#include <linux/seqlock.h>
#include <axas/vcpu.h>

#define AXVCPU_NR_VECTORS	256
#define AXVCPU_FIRST_VECTOR	32	/* below are exceptions */

/**
 * enum axvcpu_mode - where a vCPU is, for those who want it to leave
 * @AXVCPU_OUTSIDE: not in the guest; it will look at its requests before it is
 * @AXVCPU_IN_GUEST: in the guest, or about to be without another look
 */
enum axvcpu_mode {
	AXVCPU_OUTSIDE,
	AXVCPU_IN_GUEST,
};

/* Bits of axvcpu.requests: set by anyone, acted on before the next entry. */
#define AXVCPU_REQ_FLUSH	0	/* forget all translations */
#define AXVCPU_REQ_LEAVE	1	/* end the run, or the next one */

/**
 * struct axvcpu - one virtual CPU
 * @space: the guest's memory; one reference
 * @consumer: attached to @space, unless @ops->attaches
 * @hal: the host
 * @ops: the backend
 * @arch: the backend's own, from ops->create()
 * @id: its number in the guest
 * @bsp: it starts the guest
 * @state: AXVCPU_STATE_*
 * @setup: how it was set up; @setup.flags counts from then on
 * @affinity: keeps @preferred_cpu and @cpu_set in step
 * @preferred_cpu: host CPU or AXVCPU_CPU_ANY
 * @cpu_set: host CPUs, 0: any
 * @cpu: the CPU that it ran on last, -1 before the first; stable while it is loaded
 * @mode: enum axvcpu_mode
 * @requests: AXVCPU_REQ_*
 * @vectors: interrupts that wait to be delivered. Backends take them by
 *	axvcpu_next_vector() and axvcpu_vector_done()
 * @exit: the last exit that the caller saw, for set_return_value(): one of @exit_room
 * @exit_room: the other one is for the run that is under way
 * @entries: entries into the guest
 * @exits: by AXVCPU_EXIT_*
 * @busy: bit 0: a thread is in one of its operations
 * @thread: which, while it handles a fault and may sleep
 * @node: in the table of those, meanwhile
 * @run_set: @cpu_set when the run began
 * @moved: @before is to be set again
 * @before: where the thread that runs it might run
 * @allowed: where it may meanwhile, by us
 */
struct axvcpu {
	struct axas_space *space;
	struct axas_consumer consumer;
	const struct axvcpu_hal *hal;
	const struct axvcpu_arch_ops *ops;
	void *arch;
	u32 id;
	bool bsp;
	atomic_t state;
	struct axvcpu_setup setup;
	seqlock_t affinity;	/* @preferred_cpu and @cpu_set */
	u32 preferred_cpu;
	u64 cpu_set;
	int cpu;
	int mode;
	unsigned long requests;
	DECLARE_BITMAP(vectors, AXVCPU_NR_VECTORS);
	struct axvcpu_exit *exit;
	struct axvcpu_exit exit_room[2];
	u64 entries;
	u64 exits[AXVCPU_EXIT_CPUID + 1];
	unsigned long busy;
	struct task_struct *thread;
	struct hlist_node node;
	u64 run_set;
	bool moved;
	cpumask_var_t before;
	cpumask_var_t allowed;
};

/**
 * enum axvcpu_ran - what axvcpu_arch_ops.run() came back for
 * @AXVCPU_RAN_AGAIN: nothing that is left to do: enter again
 * @AXVCPU_RAN_IRQ: a host interrupt, which is still pending
 * @AXVCPU_RAN_FAULT: a nested page fault; exit->nested_page_fault has .gpa, .access and
 *	.info, the core does the rest
 * @AXVCPU_RAN_EXIT: an exit for the caller, complete but for size and flags
 */
enum axvcpu_ran {
	AXVCPU_RAN_AGAIN,
	AXVCPU_RAN_IRQ,
	AXVCPU_RAN_FAULT,
	AXVCPU_RAN_EXIT,
};

/**
 * struct axvcpu_arch_ops - a backend: how one kind of hardware runs vCPUs
 * @name: for messages
 * @format: AXAS_FORMAT_* that the hardware walks
 * @nr_regs: general registers that @set_gpr takes; 0: AXVCPU_NR_REGS
 * @kvm_modules: names of modules that may have the CPUs, up to a NULL; for messages. Optional
 * @attaches: @create attaches a consumer of the backend's own to the space, for all vCPUs of the
 *	space, and @destroy detaches it: the core attaches none
 * @regs_flags: AXVCPU_REGS_* that @set_regs takes
 *
 * Of the machine:
 * @hw_setup: once before the first CPU is enabled: memory for all of them. May sleep.
 *	0, -EOPNOTSUPP, -ENOMEM. Optional
 * @hw_unsetup: the reverse, after the last CPU is disabled. Optional
 * @cpu_supported: whether this CPU can, and may: 0, -EOPNOTSUPP, or -EBUSY when somebody
 *	has enabled it already. On that CPU, does not sleep
 * @cpu_enable: enable virtualization on this CPU, after @cpu_supported answered 0; 0 or
 *	an error as there. Preemption or interrupts are off
 * @cpu_disable: disable it. Interrupts are off. A vCPU is loaded on this CPU only if the
 *	machine goes down: it is not entered any more, and @put finds the CPU disabled
 *
 * @check_machine: whether it may walk a space's table, which is of @format: 0 or
 *	-EMEDIUMTYPE. For a backend without hardware alone; all others leave it to
 *	axas_space_check_machine()
 *
 * Of a vCPU, called by one thread at a time. The first group may sleep:
 * @create: make axvcpu->arch; 0, -ENOMEM, or -ENOSPC without an ASID or VPID
 * @destroy: undo @create; also after @unbind alone or none of them
 * @check_setup: whether @setup can do it; -EINVAL. Optional
 * @set_entry: where execution goes on; before or after @setup. -EINVAL
 * @set_npt_root: the root of the nested table, whose machine was checked; once, before
 *	@setup
 * @setup: registers as struct axvcpu_setup says, RIP as @set_entry said
 * @bind: it will run next; optional. Nothing of a CPU may be touched: see @load
 * @unbind: the reverse; optional
 * @set_gpr: a general register, in range
 * @set_return_value: @val is the answer to *axvcpu->exit
 * @get_regs: write all but size and flags
 * @set_regs: -EINVAL, before which nothing changes
 *
 * The second group brackets entries. Preemption is off from before @load to after @put,
 * both on one CPU that is enabled; interrupts are on in @load and @put, off in the others:
 * @load: bring to this CPU what stays there between entries: FPU, debug registers, VMPTRLD.
 *	0 or an error that ends the run
 * @put: the reverse, all of it: nothing of the vCPU is on this CPU any more, and the
 *	host's state is whole
 * @flush: no translation of this vCPU that is cached on this CPU may be used from the
 *	next entry on. Called also when the vCPU ran on another CPU before
 * @flush_range: keep in mind for the next entry that no translation of a range may be used from
 *	then on; the vCPU is brought out of its guest after it. Does not sleep. Optional: without
 *	it @flush is called before the next entry
 * @run: enter the guest once. Deliver axvcpu_next_vector() if the guest takes it, else see
 *	to an exit when it does. enum axvcpu_ran, or -EIO. What needs no sleep and no
 *	decision of the VMM is handled here: CPUID, known MSRs
 * @hole: after AXVCPU_RAN_FAULT, outside of @load and @put: @exit is the fault of an access
 *	to a hole. Where hardware says what the instruction was, make it AXVCPU_EXIT_MMIO_*,
 *	and the instruction done. Optional
 */
struct axvcpu_arch_ops {
	const char *name;
	u32 format;
	u32 nr_regs;
	const char *const *kvm_modules;
	bool attaches;
	u32 regs_flags;

	int (*hw_setup)(void);
	void (*hw_unsetup)(void);
	int (*cpu_supported)(void);
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);
	int (*check_machine)(const struct axas_space *space);

	int (*create)(struct axvcpu *vcpu);
	void (*destroy)(struct axvcpu *vcpu);
	int (*check_setup)(const struct axvcpu_setup *setup);
	int (*set_entry)(struct axvcpu *vcpu, u64 entry);
	int (*set_npt_root)(struct axvcpu *vcpu, struct axas_hpa root);
	int (*setup)(struct axvcpu *vcpu, const struct axvcpu_setup *setup);
	int (*bind)(struct axvcpu *vcpu);
	int (*unbind)(struct axvcpu *vcpu);
	void (*set_gpr)(struct axvcpu *vcpu, u32 reg, u64 val);
	void (*set_return_value)(struct axvcpu *vcpu, u64 val);
	void (*get_regs)(struct axvcpu *vcpu, struct axvcpu_regs *regs);
	int (*set_regs)(struct axvcpu *vcpu, const struct axvcpu_regs *regs);

	int (*load)(struct axvcpu *vcpu);
	void (*put)(struct axvcpu *vcpu);
	void (*flush)(struct axvcpu *vcpu);
	void (*flush_range)(struct axvcpu *vcpu, const struct axas_flush *flush);
	int (*run)(struct axvcpu *vcpu, struct axvcpu_exit *exit);
	void (*hole)(struct axvcpu *vcpu, struct axvcpu_exit *exit);
};

/* The backend for this machine, or NULL. */
const struct axvcpu_arch_ops *axvcpu_arch_host(void);

/* irq_fetch() of Linux: the highest vector that this CPU has pending. */
u64 axvcpu_arch_irq_fetch(void);

/* As axvcpu_create(), on a backend, whose machine the caller has enabled, and a HAL. */
struct axvcpu *axvcpu_create_on(struct axas_space *space, const struct axvcpu_params *params,
				const struct axvcpu_arch_ops *ops,
				const struct axvcpu_hal *hal);
void axvcpu_destroy_on(struct axvcpu *vcpu);

/**
 * axvcpu_begin() - keep a vCPU from all other threads
 * @vcpu: the vCPU
 *
 * Context: Any but interrupts.
 * Return: 0, and axvcpu_end() has to follow; -EBUSY when another thread is in one of its
 * operations; -EDEADLK inside of another operation.
 */
int axvcpu_begin(struct axvcpu *vcpu);
void axvcpu_end(struct axvcpu *vcpu);

/**
 * axvcpu_run_unbound() - axvcpu_bind(), axvcpu_run() and axvcpu_unbind() in one step
 * @vcpu: the vCPU, between axvcpu_begin() and axvcpu_end()
 *
 * It is FREE, then RUNNING, then FREE again, and nobody sees anything else. The exit is
 * *@vcpu->exit when 0 is returned, complete but for size and flags.
 *
 * Context: May sleep.
 * Return: as those; -EBADFD in CREATED, too, which stays.
 */
int axvcpu_run_unbound(struct axvcpu *vcpu);

/**
 * axvcpu_next_vector() - the interrupt to deliver next
 * @vcpu: the vCPU
 *
 * Context: Any.
 * Return: the highest vector that waits, or -ENOENT.
 */
static inline int axvcpu_next_vector(const struct axvcpu *vcpu)
{
	unsigned long any = 0;
	unsigned int i;

	/* Most often there is none. */
	for (i = 0; i < BITS_TO_LONGS(AXVCPU_NR_VECTORS); i++)
		any |= READ_ONCE(vcpu->vectors[i]);
	return unlikely(any) ? find_last_bit(vcpu->vectors, AXVCPU_NR_VECTORS) : -ENOENT;
}

/**
 * axvcpu_vector_done() - a vector was delivered, or taken back (@waits)
 * @vcpu: the vCPU
 * @vector: which
 * @waits: it still has to be delivered
 *
 * Context: Any.
 */
void axvcpu_vector_done(struct axvcpu *vcpu, u8 vector, bool waits);

/* axvcpu_percpu.c: users of the machine. The first enables all CPUs. May sleep. */
int axvcpu_machine_get(const struct axvcpu_arch_ops *ops);
void axvcpu_machine_put(void);
/* Whether this CPU is enabled for @ops. Preemption off. */
bool axvcpu_machine_here(const struct axvcpu_arch_ops *ops);
/* Whether it is enabled at all; changes by interrupts. */
DECLARE_PER_CPU(bool, axvcpu_enabled);
/* For tests: as if it was, or was not. Preemption off. */
void axvcpu_machine_pretend(bool here);
/* Once for the module. 0 or an error. */
int axvcpu_percpu_init(void);
void axvcpu_percpu_exit(void);
/* Whether a module of this name is loaded, or being loaded. May sleep. */
bool axvcpu_module_loaded(const char *name);

/* axvcpu_main.c: the HAL for a new vCPU, counted. */
const struct axvcpu_hal *axvcpu_hal_get(void);
void axvcpu_hal_put(const struct axvcpu_hal *hal);

/* axvcpu_file.c: a new descriptor that owns @vcpu, also on an error. */
int axvcpu_file_create(struct axvcpu *vcpu);

#endif /* _AXVCPU_INTERNAL_H */
