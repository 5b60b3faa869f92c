// SPDX-License-Identifier: GPL-2.0-only
/*
 * What interrupts a guest: lines, the software interrupt, injected vectors, and its timer. Calls
 * timer.h.
 *
 * With Sstc the CPU compares vstimecmp with time from load() to put(). Without, the timer's
 * interrupt is a bit of hvip, and an hrtimer of this CPU brings the vCPU out of its guest at the
 * deadline. A vCPU that waits has neither: the core waits for axvcpu_riscv_sleep_ns() at most.
 *
 * Locks: none. The timer belongs to the thread that runs the vCPU.
 */
#include <linux/module.h>
#include <asm/cpufeature.h>
#include <asm/delay.h>
#include <asm/hwcap.h>
#include <asm/timex.h>

#include "axas_compat.h"
#include "riscv.h"

/* For tests: timers as on a CPU without Sstc. */
static bool use_sstc = true;
module_param_named(sstc, use_sstc, bool, 0644);
MODULE_PARM_DESC(sstc, "let the CPU compare for the timers of vCPUs, from the next new vCPU on");

/* The interrupt itself is what is wanted. */
static enum hrtimer_restart on_deadline(struct hrtimer *timer)
{
	return HRTIMER_NORESTART;
}

void axvcpu_riscv_timer_init(struct riscv_timer *timer)
{
	hrtimer_setup(&timer->hrtimer, on_deadline, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
	timer->by_cpu = READ_ONCE(use_sstc) &&
			__riscv_isa_extension_available(NULL, RISCV_ISA_EXT_SSTC);
	axvcpu_riscv_timer_reset(timer, false);
}

void axvcpu_riscv_timer_reset(struct riscv_timer *timer, bool on)
{
	timer->on = on;
	timer->compare = RISCV_TIMER_NEVER;
}

/* The timer runs by vstimecmp, which is written while the CSRs are loaded. */
static bool is_loaded_by_cpu(const struct riscv_timer *timer)
{
	return timer->on && timer->by_cpu;
}

/* Sstc: henvcfg.STCE makes vstimecmp the guest's stimecmp, and its comparison VSTIP. */
void axvcpu_riscv_timer_load(struct riscv_timer *timer)
{
	if (!is_loaded_by_cpu(timer))
		return;
	csr_set(CSR_HENVCFG, ENVCFG_STCE);
	csr_write(CSR_VSTIMECMP, timer->compare);
}

void axvcpu_riscv_timer_put(struct riscv_timer *timer)
{
	if (is_loaded_by_cpu(timer)) {
		timer->compare = csr_swap(CSR_VSTIMECMP, RISCV_TIMER_NEVER);
		csr_clear(CSR_HENVCFG, ENVCFG_STCE);
	} else {
		hrtimer_cancel(&timer->hrtimer);
	}
}

void axvcpu_riscv_timer_set(struct riscv_timer *timer, u64 compare)
{
	if (is_loaded_by_cpu(timer))
		csr_write(CSR_VSTIMECMP, compare);
	else
		timer->compare = compare;
}

/* Without Sstc: whether the timer is due; if not, have the guest interrupted when it is. */
static bool is_due_or_arm(struct riscv_timer *timer)
{
	u64 now = get_cycles64();
	s64 ns;

	if (now >= timer->compare)
		return true;
	if (timer->compare == RISCV_TIMER_NEVER ||
	    (timer->armed == timer->compare && hrtimer_active(&timer->hrtimer)))
		return false;
	ns = riscv_timer_ns(now, timer->compare, riscv_timebase);
	timer->armed = timer->compare;
	hrtimer_start(&timer->hrtimer, ktime_add_ns(ktime_get(), ns), HRTIMER_MODE_ABS_PINNED_HARD);
	return false;
}

/* Lines and vectors, as bits of hvip. External vectors stay pending until the guest claims them. */
static unsigned long raised(const struct axvcpu *vcpu)
{
	unsigned long hvip = READ_ONCE(vcpu->lines) << VSIP_TO_HVIP_SHIFT;

	return axvcpu_next_vector(vcpu) > AXVCPU_RISCV_VECTOR_SOFT ? hvip | HVIP_EXT : hvip;
}

/* The software interrupt is edge-triggered. */
unsigned long axvcpu_riscv_hvip(struct axvcpu *vcpu)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	struct riscv_timer *timer = &rv->timer;
	unsigned long hvip;

	if (test_bit(AXVCPU_RISCV_VECTOR_SOFT, vcpu->vectors)) {
		axvcpu_vector_done(vcpu, AXVCPU_RISCV_VECTOR_SOFT, false);
		rv->hvip |= HVIP_SOFT;
	}
	hvip = rv->hvip | raised(vcpu);
	if (timer->on && !timer->by_cpu && is_due_or_arm(timer))
		hvip |= HVIP_TIMER;
	return hvip;
}

/* Priv, "Wait for Interrupt": one that is pending and enabled, whatever sstatus.SIE is. */
static bool ends_wait(const struct axvcpu *vcpu, unsigned long vsie, u64 compare)
{
	const struct axvcpu_riscv *rv = to_riscv(vcpu);
	unsigned long hvip = rv->hvip | raised(vcpu);

	if (test_bit(AXVCPU_RISCV_VECTOR_SOFT, vcpu->vectors))
		hvip |= HVIP_SOFT;
	if (rv->timer.on && get_cycles64() >= compare)
		hvip |= HVIP_TIMER;
	return hvip >> VSIP_TO_HVIP_SHIFT & vsie;
}

bool axvcpu_riscv_wakes(const struct axvcpu *vcpu)
{
	const struct axvcpu_riscv *rv = to_riscv(vcpu);

	return ends_wait(vcpu, rv->csrs.vsie, rv->timer.compare);
}

bool axvcpu_riscv_wakes_loaded(const struct axvcpu *vcpu)
{
	const struct riscv_timer *timer = &to_riscv(vcpu)->timer;

	return ends_wait(vcpu, csr_read(CSR_VSIE),
			 is_loaded_by_cpu(timer) ? csr_read(CSR_VSTIMECMP) : timer->compare);
}

s64 axvcpu_riscv_sleep_ns(const struct axvcpu *vcpu)
{
	const struct axvcpu_riscv *rv = to_riscv(vcpu);

	if (!rv->timer.on || rv->timer.compare == RISCV_TIMER_NEVER ||
	    !(rv->csrs.vsie & BIT(IRQ_S_TIMER)))
		return KTIME_MAX;
	return riscv_timer_ns(get_cycles64(), rv->timer.compare, riscv_timebase);
}

u32 axvcpu_riscv_time_hz(void)
{
	return riscv_timebase;
}
