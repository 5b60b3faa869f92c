/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vCPUs on axas spaces: what a hypervisor's module uses of axvcpu.ko. Import the
 * symbol namespace AXAS.
 *
 * A vCPU is used by one thread at a time, which its owner sees to; axvcpu_inject_interrupt(),
 * axvcpu_kick() and axvcpu_state() may be called beside it. All may sleep unless said
 * otherwise. Of those that it may not be beside, a second one answers -EBUSY when
 * another thread is in the first, and -EDEADLK when this thread is in one, of whatever
 * vCPU; then nothing has changed.
 */
#ifndef _AXAS_VCPU_H
#define _AXAS_VCPU_H

#include <linux/cpumask.h>
#include <axas/space.h>
#include <uapi/axas/vcpu.h>

struct axvcpu;

/**
 * struct axvcpu_hal - the host that vCPUs run on
 * @mm: its memory: where the vCPU's own pages come from
 * @irq_fetch: the vector of the host interrupt that made a vCPU exit; called on that CPU
 *	with interrupts off, before @irq_handler, for a vCPU that was set up with
 *	AXVCPU_SETUP_EXIT_IRQ. NULL: 0 is answered, which is none
 * @irq_handler: lets the host take the interrupts that are pending on this CPU. Called
 *	with interrupts off, and returns with them off. Required
 */
struct axvcpu_hal {
	const struct axas_hal *mm;
	u64 (*irq_fetch)(void);
	void (*irq_handler)(void);
};

/* axvcpu_hal_linux - Linux as the host, in use when no other HAL is registered */
extern const struct axvcpu_hal axvcpu_hal_linux;

/**
 * axvcpu_hal_register() - let vCPUs that are created from now on use another host
 * @hal: the host; stays until it is unregistered
 *
 * Context: May sleep.
 * Return: 0; -EINVAL without @hal->irq_handler or @hal->mm; -EBUSY when another one is
 * registered.
 */
int axvcpu_hal_register(const struct axvcpu_hal *hal);

/**
 * axvcpu_hal_unregister() - return to Linux as the host
 * @hal: what was registered
 *
 * Context: May sleep.
 * Return: 0; -ENOENT when it is not registered; -EBUSY while a vCPU uses it.
 */
int axvcpu_hal_unregister(const struct axvcpu_hal *hal);

/**
 * struct axvcpu_params - what a new vCPU is to be
 * @id: its number in the guest
 * @bsp: it is the one that starts the guest
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
 * axvcpu_create() - make a vCPU on a space
 * @space: the space; the vCPU takes its own reference
 * @params: what it is to be
 *
 * Context: May sleep.
 * Return: the vCPU, in state CREATED, or ERR_PTR of: -EINVAL, -EMEDIUMTYPE as
 * axas_space_check_machine(), -EOPNOTSUPP, -EBUSY, -ENOSPC, -ENOMEM as AXVCPU_CREATE.
 */
struct axvcpu *axvcpu_create(struct axas_space *space, const struct axvcpu_params *params);

/**
 * axvcpu_destroy() - end a vCPU
 * @vcpu: the vCPU, which no thread uses any more, or NULL
 *
 * Context: May sleep.
 */
void axvcpu_destroy(struct axvcpu *vcpu);

/**
 * axvcpu_setup() - say how the guest starts: CREATED to FREE
 * @vcpu: the vCPU
 * @setup: as AXVCPU_SETUP
 *
 * Context: May sleep.
 * Return: 0; -EINVAL, and the state stays; -EBADFD or the backend's error, and it is
 * INVALID.
 */
int axvcpu_setup(struct axvcpu *vcpu, const struct axvcpu_setup *setup);

/**
 * axvcpu_bind() - make a vCPU ready to run: FREE to READY
 * @vcpu: the vCPU
 *
 * Context: May sleep.
 * Return: 0; -EBADFD or the backend's error, and the state is INVALID.
 */
int axvcpu_bind(struct axvcpu *vcpu);

/**
 * axvcpu_unbind() - let it run nowhere: READY to FREE
 * @vcpu: the vCPU
 *
 * Context: May sleep.
 * Return: 0; -EBADFD or the backend's error, and the state is INVALID.
 */
int axvcpu_unbind(struct axvcpu *vcpu);

/**
 * axvcpu_run() - run the guest until it needs the caller: READY to RUNNING and back
 * @vcpu: the vCPU
 * @exit: why it came back; written when 0 is returned
 *
 * Context: May sleep. A signal for the current task or axvcpu_kick() ends it.
 * Return: 0; -EINTR and -ENOMEM, after which it is READY again, and -EINVAL when this
 * thread may not run on a CPU where the vCPU may; -EBADFD when it was not READY and -EIO
 * when the host's CPU failed, after which it is INVALID.
 */
int axvcpu_run(struct axvcpu *vcpu, struct axvcpu_exit *exit);

/**
 * axvcpu_transition() - one step of the state machine
 * @vcpu: the vCPU
 * @from: AXVCPU_STATE_* that it must be in
 * @to: AXVCPU_STATE_* that it is in then
 *
 * Context: Any.
 * Return: 0, or -EBADFD when it was in another state; it is INVALID then.
 */
int axvcpu_transition(struct axvcpu *vcpu, u32 from, u32 to);

/**
 * axvcpu_state() - where a vCPU stands
 * @vcpu: the vCPU
 *
 * Context: Any.
 * Return: AXVCPU_STATE_*.
 */
u32 axvcpu_state(const struct axvcpu *vcpu);

/**
 * axvcpu_current() - the vCPU that this thread works on
 *
 * For what axvcpu_run() calls of others': the HALs of vCPUs and of spaces. Takes no lock that
 * vCPUs share.
 *
 * Context: Any but interrupts.
 * Return: the vCPU, or NULL outside of its operations.
 */
struct axvcpu *axvcpu_current(void);

/* What it was created with, or was set to since. Context: Any. */
u32 axvcpu_id(const struct axvcpu *vcpu);
bool axvcpu_is_bsp(const struct axvcpu *vcpu);
u32 axvcpu_preferred_cpu(const struct axvcpu *vcpu);
u64 axvcpu_cpu_set(const struct axvcpu *vcpu);

/**
 * axvcpu_set_affinity() - say where a vCPU may run, from its next run on
 * @vcpu: the vCPU
 * @preferred_cpu: a host CPU, or AXVCPU_CPU_ANY
 * @cpu_set: host CPUs, bit n is CPU n; 0: any
 *
 * Context: Any.
 * Return: 0, or -EINVAL when @cpu_set has no possible CPU or not @preferred_cpu.
 */
int axvcpu_set_affinity(struct axvcpu *vcpu, u32 preferred_cpu, u64 cpu_set);

/**
 * axvcpu_set_entry() - say where execution goes on
 * @vcpu: the vCPU, not running
 * @entry: as in struct axvcpu_setup
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EBADFD before axvcpu_setup() or in INVALID (the state stays).
 */
int axvcpu_set_entry(struct axvcpu *vcpu, u64 entry);

/**
 * axvcpu_set_gpr() - set a general register
 * @vcpu: the vCPU, not running
 * @reg: AXVCPU_REG_*
 * @val: its value
 *
 * Context: May sleep.
 * Return: 0; -EINVAL for a register that there is not; -EBADFD as axvcpu_set_entry().
 */
int axvcpu_set_gpr(struct axvcpu *vcpu, u32 reg, u64 val);

/**
 * axvcpu_set_return_value() - answer the last exit
 * @vcpu: the vCPU, not running
 * @val: as in struct axvcpu_return
 *
 * Context: May sleep.
 * Return: 0, or -EBADFD as axvcpu_set_entry().
 */
int axvcpu_set_return_value(struct axvcpu *vcpu, u64 val);

/**
 * axvcpu_get_regs() - read the registers
 * @vcpu: the vCPU, not running
 * @regs: all but size and flags are written
 *
 * Context: May sleep.
 * Return: 0, or -EBADFD as axvcpu_set_entry().
 */
int axvcpu_get_regs(struct axvcpu *vcpu, struct axvcpu_regs *regs);

/**
 * axvcpu_set_regs() - write the registers
 * @vcpu: the vCPU, not running
 * @regs: as AXVCPU_SET_REGS
 *
 * Context: May sleep.
 * Return: 0; -EINVAL; -EBADFD as axvcpu_set_entry().
 */
int axvcpu_set_regs(struct axvcpu *vcpu, const struct axvcpu_regs *regs);

/**
 * axvcpu_inject_interrupt() - an interrupt for the guest
 * @vcpu: the vCPU, which may be running
 * @vector: 32 to 255
 *
 * Context: Process context; does not sleep.
 * Return: 0; -EINVAL; -EBADFD as axvcpu_set_entry().
 */
int axvcpu_inject_interrupt(struct axvcpu *vcpu, u32 vector);

/**
 * axvcpu_kick() - end a run
 * @vcpu: the vCPU
 *
 * axvcpu_run() answers -EINTR, that which is under way or the next one, as AXVCPU_KICK.
 *
 * Context: Process context with interrupts on.
 */
void axvcpu_kick(struct axvcpu *vcpu);

/**
 * axvcpu_exit_name() - an exit reason in words
 * @reason: AXVCPU_EXIT_*
 *
 * Context: Any.
 * Return: such as "NestedPageFault"; "?" for an unknown one.
 */
const char *axvcpu_exit_name(u32 reason);

/* Longest text that axvcpu_exit_snprint() writes, the final 0 included. */
#define AXVCPU_EXIT_STRLEN	160

/**
 * axvcpu_exit_snprint() - an exit with all its fields as text
 * @buf: where it goes
 * @len: bytes of @buf
 * @exit: the exit
 *
 * Context: Any.
 * Return: as snprintf().
 */
int axvcpu_exit_snprint(char *buf, size_t len, const struct axvcpu_exit *exit);

#endif /* _AXAS_VCPU_H */
