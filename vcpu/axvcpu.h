/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal header of axvcpu.ko: types shared by its files, and the backend interface.
 *
 *   axvcpu_main.c     the module, /dev/axvcpu
 *   axvcpu_file.c     the descriptor of a vCPU
 *   axvcpu_core.c     vCPUs: states, affinity, the run loop
 *   axvcpu_hal.c      the host HAL
 *   axvcpu_noarch.c   architectures without a backend
 *   x86/              the backends for SVM and VMX, and their common code
 *   arm64/            the backend for VHE
 *   riscv/            the backend for the hypervisor extension
 *   axvcpu_percpu.c   virtualization on each CPU, through hotplug and suspend
 *   axvcpu_exit.c     exits as text
 *   axvcpu_trace.c    tracepoints
 *
 * Each file calls only those below it in this list.
 */
#ifndef _AXVCPU_INTERNAL_H
#define _AXVCPU_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/percpu-defs.h>
#include <linux/seqlock.h>
#include <linux/wait.h>
#include <axas/vcpu.h>

#define AXVCPU_NR_VECTORS	256
#define AXVCPU_FIRST_VECTOR	32	/* vectors below are exceptions */

/**
 * enum axvcpu_mode - whether a vCPU is in its guest, for threads that need it out
 * @AXVCPU_OUTSIDE: not in the guest; it checks its requests before it enters
 * @AXVCPU_IN_GUEST: in the guest, or about to enter without another check
 */
enum axvcpu_mode {
	AXVCPU_OUTSIDE,
	AXVCPU_IN_GUEST,
};

/* Flags of AXVCPU_SETUP that mean nothing elsewhere. */
#define AXVCPU_SETUP_X86_FLAGS	(AXVCPU_SETUP_EXIT_CPUID | AXVCPU_SETUP_X2APIC | \
				 AXVCPU_SETUP_STARTUP)

/* Bits of axvcpu.requests: set by any thread, acted on before the next entry. */
#define AXVCPU_REQ_FLUSH	0	/* flush all translations */
#define AXVCPU_REQ_LEAVE	1	/* end the current run, or the next one */
#define AXVCPU_REQ_FLUSH_GUEST	2	/* flush translations of the guest's own tables */

/**
 * struct axvcpu - one virtual CPU
 * @space: the guest's memory; one reference
 * @consumer: attached to @space, unless @ops->attaches
 * @hal: the host
 * @ops: the backend
 * @arch: the backend's data, from ops->create()
 * @id: its number in the guest
 * @bsp: the bootstrap processor, which starts the guest
 * @state: AXVCPU_STATE_*
 * @setup: copy of the axvcpu_setup() arguments; valid after it
 * @affinity: keeps @preferred_cpu and @cpu_set consistent
 * @preferred_cpu: host CPU or AXVCPU_CPU_ANY
 * @cpu_set: host CPUs, 0: any
 * @cpu: the CPU that ran it last, -1 before the first run; stable while loaded
 * @mode: enum axvcpu_mode
 * @requests: AXVCPU_REQ_*
 * @vectors: pending interrupts. Backends take them by axvcpu_next_vector() and axvcpu_vector_done()
 * @lines: interrupt lines that are high, one bit each
 * @window: AXVCPU_RUN_WINDOW: the vector of the current run; 0: none
 * @halted: AXVCPU_SETUP_BLOCK: the guest has halted and nothing has woken it
 * @wakeup: the thread that waits in a BLOCKED vCPU
 * @exit: the last exit returned to the caller, for set_return_value(): one of @exit_room
 * @exit_room: the other element is for the current run
 * @entries: entries into the guest
 * @exits: by AXVCPU_EXIT_*
 * @busy: bit 0: a thread is in one of its operations
 * @thread: that thread, while it handles a fault and may sleep
 * @node: links it in the table of sleepers meanwhile
 * @run_set: @cpu_set when the run began
 * @moved: @before must be restored
 * @before: CPU mask of the running thread before the run
 * @allowed: CPU mask set for the run
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
	unsigned long lines;
	u32 window;
	bool halted;
	wait_queue_head_t wakeup;
	struct axvcpu_exit *exit;
	struct axvcpu_exit exit_room[2];
	u64 entries;
	u64 exits[AXVCPU_NR_EXITS];
	unsigned long busy;
	struct task_struct *thread;
	struct hlist_node node;
	u64 run_set;
	bool moved;
	cpumask_var_t before;
	cpumask_var_t allowed;
};

/**
 * enum axvcpu_ran - result of axvcpu_arch_ops.run()
 * @AXVCPU_RAN_AGAIN: the exit is handled: enter again
 * @AXVCPU_RAN_IRQ: a host interrupt, which is still pending
 * @AXVCPU_RAN_FAULT: a nested page fault; exit->nested_page_fault has .gpa, .access and .info, the
 *	core fills in the rest
 * @AXVCPU_RAN_EXIT: an exit for the caller, complete except for size and flags
 */
enum axvcpu_ran {
	AXVCPU_RAN_AGAIN,
	AXVCPU_RAN_IRQ,
	AXVCPU_RAN_FAULT,
	AXVCPU_RAN_EXIT,
};

/**
 * struct axvcpu_saved - the struct of AXVCPU_SAVE that a backend has; it begins with version, flags
 * @size: its bytes
 * @version: its version
 * @flags: flags that it can have
 * @halted: the one of them that says so
 * @vectors: offset of the pending interrupts, 256 bits; 0: it has them elsewhere
 */
struct axvcpu_saved {
	u32 size;
	u32 version;
	u32 flags;
	u32 halted;
	u32 vectors;
};

/**
 * struct axvcpu_arch_ops - a backend: how one kind of hardware runs vCPUs
 * @name: for messages
 * @format: AXAS_FORMAT_* that the hardware walks
 * @nr_regs: general registers that @set_gpr accepts; 0: AXVCPU_NR_REGS
 * @kvm_modules: names of modules that may hold the CPUs, NULL-terminated; for messages. Optional
 * @attaches: @create attaches the backend's own consumer to the space, one for all vCPUs of the
 *	space, and @destroy detaches it: the core attaches none
 * @regs_flags: AXVCPU_REGS_* that @set_regs accepts
 * @lines: interrupt lines that the backend has, one bit each
 *
 * For the whole machine:
 * @hw_setup: called once before the first CPU is enabled: allocates memory for all CPUs. May sleep.
 *	0, -EOPNOTSUPP, -ENODEV, -EBUSY or -ENOMEM. Optional
 * @hw_unsetup: the reverse, after the last CPU is disabled. Optional
 * @cpu_supported: whether this CPU has usable virtualization: 0, -EOPNOTSUPP, or -EBUSY when
 *	another hypervisor has enabled it. Called on that CPU, does not sleep
 * @cpu_enable: enable virtualization on this CPU, after @cpu_supported returned 0; 0 or an error as
 *	@cpu_supported. Preemption or interrupts are off
 * @cpu_disable: disable it. Interrupts are off. A vCPU is loaded on this CPU only when the machine
 *	goes down: it is not entered again, and its @put finds the CPU disabled
 *
 * @check_machine: whether this hardware can walk the table of a space of @format: 0 or
 *	-EMEDIUMTYPE. For a backend without hardware only; all others rely on
 *	axas_space_check_machine()
 *
 * For one vCPU, called by one thread at a time. The first group may sleep:
 * @create: create axvcpu->arch; 0, -ENOMEM, or -ENOSPC without a free VPID
 * @destroy: undo @create, with or without any of the calls below in between
 * @check_setup: whether @setup would accept the arguments: 0 or -EINVAL. Optional
 * @set_entry: set the next instruction; before or after @setup. -EINVAL
 * @set_npt_root: set the root of the nested table, whose machine was checked; once, before @setup
 * @setup: set registers from struct axvcpu_setup, RIP from @set_entry
 * @bind: the vCPU is about to run; must not touch per-CPU state (see @load). Optional
 * @unbind: the reverse. Optional
 * @set_gpr: set a general register, in range
 * @set_return_value: @val is the result of *axvcpu->exit
 * @set_return_fault: the instruction of *axvcpu->exit, which has retired, raises a fault instead:
 *	0, or -EINVAL when it cannot. Optional
 * @raise: raise an exception, in range, at the current RIP. Optional
 * @accepts: whether the next entry would deliver the interrupt @vector. With axvcpu->window @run
 *	arranges for an exit once the guest accepts that vector. Optional
 * @interrupt: change an interrupt, as axvcpu_interrupt(). By any thread, also while the guest runs.
 *	Optional: a backend that has it does not use axvcpu->vectors and ->lines
 * @wakes: whether an event is pending that ends a halt. Optional: any vector does
 * @sleep_ns: ns until the guest's own timer ends a halt, at most; KTIME_MAX: never. A backend with
 *	AXVCPU_SETUP_TIMER has it
 * @reset: return to the state after @create, except for counters. Optional
 * @khz: frequency of the guest's time-stamp counter. Optional
 * @time_hz: frequency of the guest's time. Optional
 * @saved: the struct of the two following, which are optional, too
 * @save: write all of @state but its version, @saved->halted and @saved->vectors: 0 or an error
 * @restore: the reverse: 0, or -EINVAL with nothing changed
 * @get_regs: write all but size and flags
 * @set_regs: 0, or -EINVAL with nothing changed
 *
 * The second group brackets entries. Preemption is off from before @load to after @put, which run
 * on one enabled CPU; interrupts are on in @load and @put, off in the others:
 * @load: load the state that stays on this CPU between entries: FPU, debug registers, VMPTRLD. 0 or
 *	an error that ends the run
 * @put: the reverse: no state of the vCPU remains on this CPU, and the host's state is restored
 * @flush: invalidate all translations of this vCPU cached on this CPU before the next entry. Also
 *	called when the vCPU ran on another CPU before
 * @flush_guest: invalidate translations of the guest's own page tables, and fetched instructions,
 *	cached on this CPU. Optional, for AXVCPU_FLUSH
 * @flush_range: record that translations of a range must be invalidated before the next entry; the
 *	vCPU is brought out of its guest afterwards. Does not sleep. Optional: without it @flush is
 *	called before the next entry
 * @run: enter the guest once. Deliver axvcpu_next_vector() if the guest accepts it, else arrange an
 *	exit for when it does. enum axvcpu_ran, or -EIO. Exits that need neither sleep nor the VMM
 *	are handled here: CPUID, known MSRs
 * @hole: after AXVCPU_RAN_FAULT, outside of @load and @put: @exit is the fault of an access to a
 *	hole. Where the hardware identifies the instruction, turn @exit into AXVCPU_EXIT_MMIO_* and
 *	skip the instruction. Optional
 */
struct axvcpu_arch_ops {
	const char *name;
	u32 format;
	u32 nr_regs;
	const char *const *kvm_modules;
	bool attaches;
	u32 regs_flags;
	u32 lines;

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
	int (*set_return_fault)(struct axvcpu *vcpu);
	void (*raise)(struct axvcpu *vcpu, u8 vector, u32 error);
	bool (*accepts)(const struct axvcpu *vcpu, u8 vector);
	int (*interrupt)(struct axvcpu *vcpu, u32 how, u32 id, u32 priority);
	bool (*wakes)(const struct axvcpu *vcpu);
	s64 (*sleep_ns)(const struct axvcpu *vcpu);
	void (*reset)(struct axvcpu *vcpu);
	u32 (*khz)(void);
	u32 (*time_hz)(void);
	const struct axvcpu_saved *saved;
	int (*save)(struct axvcpu *vcpu, void *state);
	int (*restore)(struct axvcpu *vcpu, const void *state);
	void (*get_regs)(struct axvcpu *vcpu, struct axvcpu_regs *regs);
	int (*set_regs)(struct axvcpu *vcpu, const struct axvcpu_regs *regs);

	int (*load)(struct axvcpu *vcpu);
	void (*put)(struct axvcpu *vcpu);
	void (*flush)(struct axvcpu *vcpu);
	void (*flush_guest)(struct axvcpu *vcpu);
	void (*flush_range)(struct axvcpu *vcpu, const struct axas_flush *flush);
	int (*run)(struct axvcpu *vcpu, struct axvcpu_exit *exit);
	void (*hole)(struct axvcpu *vcpu, struct axvcpu_exit *exit);
};

/* The backend for this machine, or NULL. */
const struct axvcpu_arch_ops *axvcpu_arch_host(void);

/* irq_fetch() of Linux: the highest vector pending on this CPU. */
u64 axvcpu_arch_irq_fetch(void);

/* axvcpu_create() with a given backend, whose machine the caller has enabled, and a given HAL. */
struct axvcpu *__must_check axvcpu_create_on(struct axas_space *space,
					      const struct axvcpu_params *params,
					      const struct axvcpu_arch_ops *ops,
					      const struct axvcpu_hal *hal);
void axvcpu_destroy_on(struct axvcpu *vcpu);

/**
 * axvcpu_begin() - exclude all other threads from a vCPU
 * @vcpu: the vCPU
 *
 * Context: Any but interrupts.
 * Return: 0, and axvcpu_end() must follow; -EBUSY when another thread is in one of its operations;
 * -EDEADLK within another operation.
 */
int __must_check axvcpu_begin(struct axvcpu *vcpu);
void axvcpu_end(struct axvcpu *vcpu);

/**
 * axvcpu_run_unbound() - axvcpu_bind(), axvcpu_run() and axvcpu_unbind() in one step
 * @vcpu: the vCPU, between axvcpu_begin() and axvcpu_end()
 *
 * @vcpu->window is set. The state goes from FREE to RUNNING to FREE; READY is never visible. The
 * exit is *@vcpu->exit when 0 is returned, complete except for size and flags.
 *
 * Context: May sleep.
 * Return: as those three; -EBADFD also in CREATED, which stays.
 */
int axvcpu_run_unbound(struct axvcpu *vcpu);

/**
 * axvcpu_next_vector() - the next interrupt to deliver
 * @vcpu: the vCPU
 *
 * Context: Any.
 * Return: the highest pending vector, or -ENOENT.
 */
static inline int axvcpu_next_vector(const struct axvcpu *vcpu)
{
	unsigned long any = 0;
	unsigned int i;

	/* Usually none is pending. */
	for (i = 0; i < BITS_TO_LONGS(AXVCPU_NR_VECTORS); i++)
		any |= READ_ONCE(vcpu->vectors[i]);
	return unlikely(any) ? find_last_bit(vcpu->vectors, AXVCPU_NR_VECTORS) : -ENOENT;
}

/**
 * axvcpu_vector_done() - a vector was delivered, or is pending again (@waits)
 * @vcpu: the vCPU
 * @vector: the vector
 * @waits: it has yet to be delivered
 *
 * Context: Any.
 */
static inline void axvcpu_vector_done(struct axvcpu *vcpu, u8 vector, bool waits)
{
	if (waits)
		set_bit(vector, vcpu->vectors);
	else
		clear_bit(vector, vcpu->vectors);
}

/* axvcpu_percpu.c: users of the machine. The first one enables all CPUs. May sleep. */
int __must_check axvcpu_machine_get(const struct axvcpu_arch_ops *ops);
void axvcpu_machine_put(void);
/* Whether this CPU is enabled for @ops. Preemption off. */
bool axvcpu_machine_here(const struct axvcpu_arch_ops *ops);
/* Whether this CPU is enabled at all; an interrupt may change it. */
DECLARE_PER_CPU(bool, axvcpu_enabled);
/* For tests: override axvcpu_machine_here() on this CPU. Preemption off. */
void axvcpu_machine_pretend(bool here);
/* Module init and exit. 0 or an error. */
int __must_check axvcpu_percpu_init(void);
void axvcpu_percpu_exit(void);
/* Whether a module of this name is loaded or loading. May sleep. */
bool axvcpu_module_loaded(const char *name);

/* axvcpu_main.c: the HAL for a new vCPU, with its use counted. */
const struct axvcpu_hal *axvcpu_hal_get(void);
void axvcpu_hal_put(const struct axvcpu_hal *hal);

/* axvcpu_file.c: a new descriptor that owns @vcpu. Consumes @vcpu on errors as well. */
int __must_check axvcpu_file_create(struct axvcpu *vcpu);

#endif /* _AXVCPU_INTERNAL_H */
