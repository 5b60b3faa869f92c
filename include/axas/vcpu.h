/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs on axas spaces: the API of axvcpu.ko for other kernel modules. Import the symbol namespace
 * AXAS.
 *
 * The owner of a vCPU makes sure that one thread at a time uses it. axvcpu_inject_interrupt(),
 * axvcpu_set_line(), axvcpu_interrupt(), axvcpu_flush(), axvcpu_kick(), axvcpu_state() and
 * axvcpu_set_affinity() may run concurrently with that thread. All functions may sleep unless their
 * Context says otherwise. Every other operation returns -EBUSY while another thread is in one on
 * the same vCPU, and -EDEADLK when the calling thread is already in one, on any vCPU; nothing has
 * changed then.
 */
#ifndef _AXAS_VCPU_H
#define _AXAS_VCPU_H

#include <linux/cpumask.h>
#include <axas/space.h>
#include <uapi/axas/vcpu.h>

struct axvcpu;

/**
 * struct axvcpu_hal - the host that runs vCPUs
 * @mm: HAL for memory; the vCPU's own pages come from it
 * @irq_fetch: return the vector of the host interrupt that caused an exit; called on that CPU with
 *	interrupts off, before @irq_handler, for vCPUs set up with AXVCPU_SETUP_EXIT_IRQ. NULL:
 *	vector 0 (none) is reported
 * @irq_handler: let the host take the interrupts pending on this CPU; called with interrupts off,
 *	returns with them off. Required
 */
struct axvcpu_hal {
	const struct axas_hal *mm;
	u64 (*irq_fetch)(void);
	void (*irq_handler)(void);
};

/* axvcpu_hal_linux - Linux as the host, used while no other HAL is registered */
extern const struct axvcpu_hal axvcpu_hal_linux;

/**
 * axvcpu_hal_register() - use another host for vCPUs created from now on
 * @hal: the host; must stay valid until unregistered
 *
 * Context: May sleep.
 * Return: 0; -EINVAL without @hal->irq_handler or @hal->mm; -EBUSY when another HAL is registered.
 */
int __must_check axvcpu_hal_register(const struct axvcpu_hal *hal);

/**
 * axvcpu_hal_unregister() - return to Linux as the host
 * @hal: the registered HAL
 *
 * Context: May sleep.
 * Return: 0; -ENOENT when @hal is not registered; -EBUSY while a vCPU uses it.
 */
int __must_check axvcpu_hal_unregister(const struct axvcpu_hal *hal);

/**
 * struct axvcpu_params - parameters of a new vCPU
 * @id: its number in the guest
 * @bsp: the bootstrap processor, which starts the guest
 * @preferred_cpu: a host CPU, or AXVCPU_CPU_ANY
 * @cpu_set: host CPUs that may run it: bit n is CPU n; 0: any
 */
struct axvcpu_params {
	u32 id;
	bool bsp;
	u32 preferred_cpu;
	u64 cpu_set;
};

/**
 * axvcpu_create() - create a vCPU on a space
 * @space: the space; the vCPU takes its own reference
 * @params: its parameters
 *
 * Context: May sleep.
 * Return: the vCPU, in state CREATED, or ERR_PTR of: -EINVAL; -EMEDIUMTYPE as
 * axas_space_check_machine(); -EOPNOTSUPP, -ENODEV, -EBUSY, -ENOSPC, -ESHUTDOWN, -EIO, -ENOMEM as
 * AXVCPU_CREATE.
 */
struct axvcpu *__must_check axvcpu_create(struct axas_space *space,
					  const struct axvcpu_params *params);

/**
 * axvcpu_destroy() - destroy a vCPU
 * @vcpu: the vCPU, no longer used by any thread, or NULL
 *
 * Context: May sleep.
 */
void axvcpu_destroy(struct axvcpu *vcpu);

/**
 * axvcpu_setup() - set the guest's initial state: CREATED to FREE
 * @vcpu: the vCPU
 * @setup: as AXVCPU_SETUP
 *
 * Context: May sleep.
 * Return: 0; -EINVAL with the state unchanged; -EBADFD or the backend's error, and the state is
 * INVALID.
 */
int __must_check axvcpu_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup);

/**
 * axvcpu_bind() - make a vCPU ready to run: FREE to READY
 * @vcpu: the vCPU
 *
 * Context: May sleep.
 * Return: 0; -EBADFD or the backend's error, and the state is INVALID.
 */
int __must_check axvcpu_bind(struct axvcpu *vcpu);

/**
 * axvcpu_unbind() - unbind a vCPU: READY to FREE
 * @vcpu: the vCPU
 *
 * Context: May sleep.
 * Return: 0; -EBADFD or the backend's error, and the state is INVALID.
 */
int __must_check axvcpu_unbind(struct axvcpu *vcpu);

/**
 * axvcpu_run() - run the guest until an exit for the caller: READY to RUNNING and back
 * @vcpu: the vCPU
 * @exit: the exit; written when 0 is returned
 *
 * Context: May sleep. A signal for the current task or axvcpu_kick() ends the run.
 * Return: 0; -EINTR, -ENOMEM, or -EINVAL when this thread may run on none of the vCPU's CPUs, and
 * the vCPU is READY again; -EBADFD when it was not READY or -EIO when the host's CPU failed, and it
 * is INVALID.
 */
int __must_check axvcpu_run(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/**
 * axvcpu_transition() - one step of the state machine
 * @vcpu: the vCPU
 * @from: AXVCPU_STATE_* required now
 * @to: AXVCPU_STATE_* afterwards
 *
 * Context: Any.
 * Return: 0, or -EBADFD when the vCPU was in another state; it is INVALID then.
 */
int __must_check axvcpu_transition(struct axvcpu *vcpu, u32 from, u32 to);

/**
 * axvcpu_state() - the state of a vCPU
 * @vcpu: the vCPU
 *
 * Context: Any.
 * Return: AXVCPU_STATE_*.
 */
u32 axvcpu_state(const struct axvcpu *vcpu);

/**
 * axvcpu_current() - the vCPU that the calling thread operates on
 *
 * For callbacks that axvcpu_run() invokes: the HALs of vCPUs and of spaces. Takes no lock that
 * vCPUs share.
 *
 * Context: Any but interrupts.
 * Return: the vCPU, or NULL outside of its operations.
 */
struct axvcpu *axvcpu_current(void);

/* Parameters from creation or the last axvcpu_set_affinity(). Context: Any. */
u32 axvcpu_id(const struct axvcpu *vcpu);
bool axvcpu_is_bsp(const struct axvcpu *vcpu);
u32 axvcpu_preferred_cpu(const struct axvcpu *vcpu);
u64 axvcpu_cpu_set(const struct axvcpu *vcpu);

/**
 * axvcpu_set_affinity() - set the host CPUs of a vCPU, from its next run on
 * @vcpu: the vCPU
 * @preferred_cpu: a host CPU, or AXVCPU_CPU_ANY
 * @cpu_set: host CPUs, bit n is CPU n; 0: any
 *
 * Context: Process context; does not sleep.
 * Return: 0, or -EINVAL when @cpu_set holds no possible CPU or lacks @preferred_cpu.
 */
int __must_check axvcpu_set_affinity(struct axvcpu *vcpu, u32 preferred_cpu, u64 cpu_set);

/**
 * axvcpu_set_entry() - set the next instruction
 * @vcpu: the vCPU, not running
 * @entry: as in struct axvcpu_setup
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EBADFD before axvcpu_setup() or in INVALID (the state stays).
 */
int __must_check axvcpu_set_entry(struct axvcpu *vcpu, u64 entry);

/**
 * axvcpu_set_gpr() - set a general register
 * @vcpu: the vCPU, not running
 * @reg: AXVCPU_REG_*
 * @val: its value
 *
 * Context: May sleep.
 * Return: 0; -EINVAL when @reg is out of range; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val);

/**
 * axvcpu_set_return_value() - answer the last exit
 * @vcpu: the vCPU, not running
 * @val: as in struct axvcpu_return
 *
 * Context: May sleep.
 * Return: 0, or -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_set_return_value(struct axvcpu *vcpu, u64 val);

/**
 * axvcpu_set_return_fault() - answer the last exit by a fault
 * @vcpu: the vCPU, not running
 *
 * As AXVCPU_SET_RETURN with AXVCPU_RETURN_FAULT.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL after any other exit; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_set_return_fault(struct axvcpu *vcpu);

/**
 * axvcpu_save() - read all registers and pending events
 * @vcpu: the vCPU, not running
 * @state: as AXVCPU_SAVE
 * @size: bytes of the struct
 *
 * Context: May sleep.
 * Return: 0; -EOPNOTSUPP; -EINVAL for another @size; -EBADFD as axvcpu_set_entry(), or when the
 * guest has ended; -EIO when the host's CPU failed.
 */
int __must_check axvcpu_save(struct axvcpu *vcpu, void *state, size_t size);

/**
 * axvcpu_restore() - replace all registers and pending events
 * @vcpu: the vCPU, not running
 * @state: as AXVCPU_RESTORE
 * @size: bytes of the struct
 *
 * Context: May sleep.
 * Return: 0; -EINVAL with nothing changed; -EOPNOTSUPP; -EBADFD as axvcpu_set_entry(); -EIO.
 */
int __must_check axvcpu_restore(struct axvcpu *vcpu, const void *state, size_t size);

/**
 * axvcpu_get_regs() - read the registers
 * @vcpu: the vCPU, not running
 * @regs: all but size and flags are written
 *
 * Context: May sleep.
 * Return: 0, or -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs);

/**
 * axvcpu_set_regs() - write the registers
 * @vcpu: the vCPU, not running
 * @regs: as AXVCPU_SET_REGS
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs);

/**
 * axvcpu_inject_interrupt() - make an interrupt pending in the guest
 * @vcpu: the vCPU, which may be running
 * @vector: 32 to 255
 *
 * Context: Process context; does not sleep.
 * Return: 0; -EINVAL; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_inject_interrupt(struct axvcpu *vcpu, u32 vector);

/**
 * axvcpu_set_line() - set the level of an interrupt line
 * @vcpu: the vCPU, which may be running
 * @line: as AXVCPU_INJECT_RAISE
 * @level: whether the line is high
 *
 * Context: Process context; does not sleep.
 * Return: 0; -EINVAL; -EOPNOTSUPP; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_set_line(struct axvcpu *vcpu, u32 line, bool level);

/**
 * axvcpu_interrupt() - change an interrupt of an arm64 guest
 * @vcpu: the vCPU, which may be running
 * @how: 0, AXVCPU_INJECT_RAISE, _LOWER or _TIMER
 * @id: the interrupt, 0 to 255
 * @priority: its priority; 0 with AXVCPU_INJECT_LOWER
 *
 * Context: Process context; does not sleep.
 * Return: 0; 1 when AXVCPU_INJECT_LOWER took back an interrupt; -EINVAL; -EOPNOTSUPP; -EBADFD as
 * axvcpu_set_entry().
 */
int __must_check axvcpu_interrupt(struct axvcpu *vcpu, u32 how, u32 id, u32 priority);

/**
 * axvcpu_flush() - flush cached translations of the guest's own page tables
 * @vcpu: the vCPU, which may be running
 *
 * As AXVCPU_FLUSH.
 *
 * Context: Process context with interrupts on; waits until the vCPU has left its guest.
 * Return: 0; -EOPNOTSUPP; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_flush(struct axvcpu *vcpu);

/**
 * axvcpu_inject_now() - inject an interrupt that the next entry delivers
 * @vcpu: the vCPU, not running
 * @vector: 32 to 255
 *
 * Context: May sleep.
 * Return: 0; -EAGAIN when the guest would not take it; -EINVAL; -EOPNOTSUPP; -EBADFD as
 * axvcpu_set_entry().
 */
int __must_check axvcpu_inject_now(struct axvcpu *vcpu, u32 vector);

/**
 * axvcpu_inject_exception() - raise an exception
 * @vcpu: the vCPU, not running
 * @vector: as AXVCPU_INJECT_EXCEPTION
 * @error: its error code
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EOPNOTSUPP; -EBADFD as axvcpu_set_entry().
 */
int __must_check axvcpu_inject_exception(struct axvcpu *vcpu, u32 vector, u32 error);

/**
 * axvcpu_reset() - return to CREATED, from FREE or CREATED
 * @vcpu: the vCPU
 *
 * Context: May sleep.
 * Return: 0; -EBADFD in another state, which stays; -EOPNOTSUPP.
 */
int __must_check axvcpu_reset(struct axvcpu *vcpu);

/**
 * axvcpu_kick() - end a run
 * @vcpu: the vCPU
 *
 * The current axvcpu_run(), or else the next one, returns -EINTR, as AXVCPU_KICK. After it, its
 * thread sees what the caller wrote before.
 *
 * Context: Process context with interrupts on.
 */
void axvcpu_kick(struct axvcpu *vcpu);

/**
 * axvcpu_exit_name() - the name of an exit reason
 * @reason: AXVCPU_EXIT_*
 *
 * Context: Any.
 * Return: such as "NestedPageFault"; "?" for an unknown reason.
 */
const char *axvcpu_exit_name(u32 reason);

/* Longest text that axvcpu_exit_snprint() writes, including the final 0. */
#define AXVCPU_EXIT_STRLEN	160

/**
 * axvcpu_exit_snprint() - print an exit with all its fields
 * @buf: the buffer
 * @len: bytes of @buf
 * @exit: the exit
 *
 * Context: Any.
 * Return: as scnprintf().
 */
int axvcpu_exit_snprint(char *buf, size_t len, const struct axvcpu_exit *exit);

#endif /* _AXAS_VCPU_H */
