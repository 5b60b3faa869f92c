// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host HAL of vCPUs: Linux, or one that a module registers. Calls the backend.
 *
 * Locks: hal_lock protects the registered HAL and its use count.
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/mutex.h>
#include <linux/processor.h>

#include "axas_compat.h"
#include "axvcpu.h"

/* The interrupt is pending: it is taken as soon as interrupts are enabled. */
static void linux_irq_handler(void)
{
	local_irq_enable();
	/* STI keeps interrupts blocked for one more instruction. */
	cpu_relax();
	local_irq_disable();
}

const struct axvcpu_hal axvcpu_hal_linux = {
	.mm		= &axas_hal_linux,
	.irq_fetch	= axvcpu_arch_irq_fetch,
	.irq_handler	= linux_irq_handler,
};
EXPORT_SYMBOL_AXAS(axvcpu_hal_linux);

static DEFINE_MUTEX(hal_lock);	/* @hal and @hal_users */
static const struct axvcpu_hal *hal = &axvcpu_hal_linux;
static unsigned int hal_users;	/* of the registered HAL */

int axvcpu_hal_register(const struct axvcpu_hal *new)
{
	int err = 0;

	if (!new->irq_handler || !new->mm)
		return -EINVAL;
	mutex_lock(&hal_lock);
	if (hal != &axvcpu_hal_linux)
		err = -EBUSY;
	else
		hal = new;
	mutex_unlock(&hal_lock);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_hal_register);

int axvcpu_hal_unregister(const struct axvcpu_hal *old)
{
	int err = 0;

	mutex_lock(&hal_lock);
	if (hal != old || hal == &axvcpu_hal_linux)
		err = -ENOENT;
	else if (hal_users)
		err = -EBUSY;
	else
		hal = &axvcpu_hal_linux;
	mutex_unlock(&hal_lock);
	return err;
}
EXPORT_SYMBOL_AXAS(axvcpu_hal_unregister);

const struct axvcpu_hal *axvcpu_hal_get(void)
{
	const struct axvcpu_hal *got;

	mutex_lock(&hal_lock);
	got = hal;
	if (got != &axvcpu_hal_linux)
		hal_users++;
	mutex_unlock(&hal_lock);
	return got;
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_hal_get);

void axvcpu_hal_put(const struct axvcpu_hal *got)
{
	if (got == &axvcpu_hal_linux)
		return;
	mutex_lock(&hal_lock);
	hal_users--;
	mutex_unlock(&hal_lock);
}
EXPORT_SYMBOL_AXAS_KUNIT(axvcpu_hal_put);
