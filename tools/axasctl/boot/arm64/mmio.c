// SPDX-License-Identifier: GPL-2.0-only
/* Which device has which address. Calls the devices. The machine's lock is held. */
#include "../boot.h"

static bool within(u64 gpa, u64 base, u64 size)
{
	return gpa >= base && gpa - base < size;
}

static struct cpu *redistributor(struct machine *m, u64 gpa)
{
	return within(gpa, GICR_BASE, m->nr_cpus * GICR_STRIDE) ?
	       &m->cpu[(gpa - GICR_BASE) / GICR_STRIDE] : NULL;
}

bool mmio_read(struct machine *m, u64 gpa, u32 width, u64 *val)
{
	struct cpu *cpu = redistributor(m, gpa);

	if (cpu)
		*val = gicr_read(cpu, (gpa - GICR_BASE) % GICR_STRIDE, width);
	else if (within(gpa, GICD_BASE, GICD_SIZE))
		*val = gicd_read(m, gpa - GICD_BASE, width);
	else if (within(gpa, UART_BASE, UART_SIZE))
		*val = uart_read(m, (gpa - UART_BASE) % 8);
	else if (within(gpa, RTC_BASE, RTC_SIZE))
		*val = rtc_read(m, gpa - RTC_BASE);
	else if (within(gpa, VIRTIO_BASE, NR_VIRTIO * VIRTIO_SIZE))
		*val = virtio_read(m, (gpa - VIRTIO_BASE) / VIRTIO_SIZE,
				   (gpa - VIRTIO_BASE) % VIRTIO_SIZE, width);
	else
		return false;
	return true;
}

bool mmio_write(struct machine *m, u64 gpa, u32 width, u64 val)
{
	struct cpu *cpu = redistributor(m, gpa);

	if (cpu)
		gicr_write(cpu, (gpa - GICR_BASE) % GICR_STRIDE, width, val);
	else if (within(gpa, GICD_BASE, GICD_SIZE))
		gicd_write(m, gpa - GICD_BASE, width, val);
	else if (within(gpa, UART_BASE, UART_SIZE))
		uart_write(m, (gpa - UART_BASE) % 8, val);
	else if (within(gpa, RTC_BASE, RTC_SIZE))
		rtc_write(m, gpa - RTC_BASE, val);
	else if (within(gpa, VIRTIO_BASE, NR_VIRTIO * VIRTIO_SIZE))
		virtio_write(m, (gpa - VIRTIO_BASE) / VIRTIO_SIZE,
			     (gpa - VIRTIO_BASE) % VIRTIO_SIZE, val);
	else
		return false;
	return true;
}
