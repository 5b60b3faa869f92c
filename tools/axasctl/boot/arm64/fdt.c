// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device tree, written by libfdt. Calls nothing else.
 *
 * "Devicetree Specification", 0.4; the bindings are Linux', Documentation/devicetree/bindings/.
 */
#include "../boot.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define PHANDLE_GIC	1
#define PHANDLE_CLOCK	2

/* Cells of an interrupt of arm,gic-v3. */
#define SPI		0
#define PPI		1
#define LEVEL_HIGH	4
#define PPI_NUMBER(irq)	((irq) - 16)

#define CLOCK_HZ	24000000
#define UART_HZ		1843200
#define SEED_BYTES	64

/* Each adds its result to *@err, of which any is negative. */
static void begin(void *fdt, int *err, const char *name)
{
	*err |= fdt_begin_node(fdt, name);
}

static void begin_at(void *fdt, int *err, const char *name, u64 address)
{
	char text[64];

	snprintf(text, sizeof(text), "%s@%llx", name, address);
	begin(fdt, err, text);
}

static void end(void *fdt, int *err)
{
	*err |= fdt_end_node(fdt);
}

static void empty(void *fdt, int *err, const char *name)
{
	*err |= fdt_property(fdt, name, NULL, 0);
}

static void text(void *fdt, int *err, const char *name, const char *val)
{
	*err |= fdt_property_string(fdt, name, val);
}

static void cell(void *fdt, int *err, const char *name, u32 val)
{
	*err |= fdt_property_u32(fdt, name, val);
}

static void cells(void *fdt, int *err, const char *name, const u32 *val, size_t nr)
{
	fdt32_t be[16];

	for (size_t i = 0; i < nr; i++)
		be[i] = cpu_to_fdt32(val[i]);
	*err |= fdt_property(fdt, name, be, nr * sizeof(be[0]));
}

/* Pairs of an address and a size. */
static void reg(void *fdt, int *err, const u64 *val, size_t nr)
{
	fdt64_t be[4];

	for (size_t i = 0; i < nr; i++)
		be[i] = cpu_to_fdt64(val[i]);
	*err |= fdt_property(fdt, "reg", be, nr * sizeof(be[0]));
}

static void interrupt(void *fdt, int *err, u32 irq)
{
	const u32 val[] = { SPI, irq - SPI_FIRST, LEVEL_HIGH };

	cells(fdt, err, "interrupts", val, ARRAY_SIZE(val));
}

static void add_chosen(const struct machine *m, void *fdt, int *err, u64 initrd, u64 initrd_end)
{
	u8 seed[SEED_BYTES];

	begin(fdt, err, "chosen");
	text(fdt, err, "bootargs", m->cmdline);
	text(fdt, err, "stdout-path", "serial0");
	if (initrd_end > initrd) {
		*err |= fdt_property_u64(fdt, "linux,initrd-start", initrd);
		*err |= fdt_property_u64(fdt, "linux,initrd-end", initrd_end);
	}
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		*err |= fdt_property(fdt, "rng-seed", seed, sizeof(seed));
	end(fdt, err);
}

static void add_aliases(void *fdt, int *err)
{
	char path[32];

	begin(fdt, err, "aliases");
	snprintf(path, sizeof(path), "/serial@%llx", UART_BASE);
	text(fdt, err, "serial0", path);
	end(fdt, err);
}

static void add_memory(const struct machine *m, void *fdt, int *err)
{
	const u64 range[] = { RAM_BASE, m->mem };

	begin_at(fdt, err, "memory", RAM_BASE);
	text(fdt, err, "device_type", "memory");
	reg(fdt, err, range, 2);
	end(fdt, err);
}

static void add_cpus(const struct machine *m, void *fdt, int *err)
{
	begin(fdt, err, "cpus");
	cell(fdt, err, "#address-cells", 1);
	cell(fdt, err, "#size-cells", 0);
	for (u32 i = 0; i < m->nr_cpus; i++) {
		begin_at(fdt, err, "cpu", i);
		text(fdt, err, "device_type", "cpu");
		text(fdt, err, "compatible", "arm,armv8");
		cell(fdt, err, "reg", i);
		text(fdt, err, "enable-method", "psci");
		end(fdt, err);
	}
	end(fdt, err);
}

static void add_psci(void *fdt, int *err)
{
	static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";

	begin(fdt, err, "psci");
	*err |= fdt_property(fdt, "compatible", compatible, sizeof(compatible));
	text(fdt, err, "method", "hvc");
	end(fdt, err);
}

/* Of secure and non-secure EL1, the virtual one, that of EL2. Only the third is there. */
static void add_timer(void *fdt, int *err)
{
	const u32 irqs[] = {
		PPI, PPI_NUMBER(29), LEVEL_HIGH, PPI, PPI_NUMBER(30), LEVEL_HIGH,
		PPI, PPI_NUMBER(IRQ_TIMER), LEVEL_HIGH, PPI, PPI_NUMBER(26), LEVEL_HIGH,
	};

	begin(fdt, err, "timer");
	text(fdt, err, "compatible", "arm,armv8-timer");
	cells(fdt, err, "interrupts", irqs, ARRAY_SIZE(irqs));
	empty(fdt, err, "always-on");
	end(fdt, err);
}

static void add_gic(const struct machine *m, void *fdt, int *err)
{
	const u64 frames[] = { GICD_BASE, GICD_SIZE, GICR_BASE, m->nr_cpus * GICR_STRIDE };

	begin_at(fdt, err, "interrupt-controller", GICD_BASE);
	text(fdt, err, "compatible", "arm,gic-v3");
	cell(fdt, err, "#interrupt-cells", 3);
	empty(fdt, err, "interrupt-controller");
	reg(fdt, err, frames, 4);
	cell(fdt, err, "phandle", PHANDLE_GIC);
	end(fdt, err);
}

static void add_uart(void *fdt, int *err)
{
	const u64 range[] = { UART_BASE, UART_SIZE };

	begin_at(fdt, err, "serial", UART_BASE);
	text(fdt, err, "compatible", "ns16550a");
	reg(fdt, err, range, 2);
	interrupt(fdt, err, IRQ_UART);
	cell(fdt, err, "clock-frequency", UART_HZ);
	end(fdt, err);
}

static void add_clock(void *fdt, int *err)
{
	begin(fdt, err, "apb-pclk");
	text(fdt, err, "compatible", "fixed-clock");
	cell(fdt, err, "#clock-cells", 0);
	cell(fdt, err, "clock-frequency", CLOCK_HZ);
	cell(fdt, err, "phandle", PHANDLE_CLOCK);
	end(fdt, err);
}

static void add_rtc(void *fdt, int *err)
{
	static const char compatible[] = "arm,pl031\0arm,primecell";
	const u64 range[] = { RTC_BASE, RTC_SIZE };

	begin_at(fdt, err, "rtc", RTC_BASE);
	*err |= fdt_property(fdt, "compatible", compatible, sizeof(compatible));
	reg(fdt, err, range, 2);
	interrupt(fdt, err, IRQ_RTC);
	cell(fdt, err, "clocks", PHANDLE_CLOCK);
	text(fdt, err, "clock-names", "apb_pclk");
	end(fdt, err);
}

static void add_virtio(const struct machine *m, void *fdt, int *err)
{
	for (u32 i = 0; i < NR_VIRTIO; i++) {
		const u64 range[] = { VIRTIO_BASE + i * VIRTIO_SIZE, VIRTIO_SIZE };

		if (!virtio_is_there(m, i))
			continue;
		begin_at(fdt, err, "virtio", range[0]);
		text(fdt, err, "compatible", "virtio,mmio");
		reg(fdt, err, range, 2);
		interrupt(fdt, err, IRQ_VIRTIO + i);
		end(fdt, err);
	}
}

static void add_root(void *fdt, int *err)
{
	begin(fdt, err, "");
	text(fdt, err, "compatible", "linux,dummy-virt");
	text(fdt, err, "model", "axasctl boot");
	cell(fdt, err, "#address-cells", 2);
	cell(fdt, err, "#size-cells", 2);
	cell(fdt, err, "interrupt-parent", PHANDLE_GIC);
}

int fdt_make(const struct machine *m, u64 initrd, u64 initrd_end, void *fdt)
{
	int err = fdt_create(fdt, FDT_MAX);

	err |= fdt_finish_reservemap(fdt);
	add_root(fdt, &err);
	add_chosen(m, fdt, &err, initrd, initrd_end);
	add_aliases(fdt, &err);
	add_memory(m, fdt, &err);
	add_cpus(m, fdt, &err);
	add_psci(fdt, &err);
	add_timer(fdt, &err);
	add_gic(m, fdt, &err);
	add_uart(fdt, &err);
	add_clock(fdt, &err);
	add_rtc(fdt, &err);
	add_virtio(m, fdt, &err);
	end(fdt, &err);
	err |= fdt_finish(fdt);
	return err < 0 ? -E2BIG : 0;
}
