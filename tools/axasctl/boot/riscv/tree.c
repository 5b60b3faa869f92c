// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device tree. Calls isa.c and libfdt.
 *
 * Devicetree Specification, 0.4; bindings of Linux, Documentation/devicetree/bindings.
 */
#include "../boot.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Handles of interrupt controllers: the PLIC, then one of each hart. */
#define HANDLE_PLIC	1
#define HANDLE_HART(n)	(2 + (n))

#define UART_HZ		3686400

/* The tree, and the first error of libfdt, after which nothing is added. */
struct tree {
	void *fdt;
	int err;
};

static void begin(struct tree *t, const char *name)
{
	if (!t->err)
		t->err = fdt_begin_node(t->fdt, name);
}

static void begin_at(struct tree *t, const char *name, u64 at)
{
	char unit[64];

	snprintf(unit, sizeof(unit), "%s@%llx", name, at);
	begin(t, unit);
}

static void end(struct tree *t)
{
	if (!t->err)
		t->err = fdt_end_node(t->fdt);
}

static void bytes(struct tree *t, const char *name, const void *data, size_t len)
{
	if (!t->err)
		t->err = fdt_property(t->fdt, name, data, len);
}

static void string(struct tree *t, const char *name, const char *text)
{
	bytes(t, name, text, strlen(text) + 1);
}

static void cells(struct tree *t, const char *name, const u32 *vals, size_t nr)
{
	fdt32_t be[2 * MAX_CPUS];

	for (size_t i = 0; i < nr; i++)
		be[i] = cpu_to_fdt32(vals[i]);
	bytes(t, name, be, nr * sizeof(*be));
}

static void cell(struct tree *t, const char *name, u32 val)
{
	cells(t, name, &val, 1);
}

static void address(struct tree *t, const char *name, u64 val)
{
	const u32 vals[] = { val >> 32, val };

	cells(t, name, vals, ARRAY_SIZE(vals));
}

static void range(struct tree *t, const char *name, u64 base, u64 size)
{
	const u32 vals[] = { base >> 32, base, size >> 32, size };

	cells(t, name, vals, ARRAY_SIZE(vals));
}

static void chosen(struct tree *t, const struct machine *m, u64 initrd, u64 initrd_len)
{
	u8 seed[64];

	begin(t, "chosen");
	string(t, "bootargs", m->cmdline);
	string(t, "stdout-path", "/soc/serial@10000000");
	if (initrd_len) {
		address(t, "linux,initrd-start", initrd);
		address(t, "linux,initrd-end", initrd + initrd_len);
	}
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		bytes(t, "rng-seed", seed, sizeof(seed));
	end(t);
}

static void memory(struct tree *t, const struct machine *m)
{
	begin_at(t, "memory", RAM_BASE);
	string(t, "device_type", "memory");
	range(t, "reg", RAM_BASE, m->mem);
	end(t);
}

/* Names separated by blanks become a list of strings, those of the letters first. */
static void extensions(struct tree *t, const struct isa *isa)
{
	char list[ISA_MAX + 64];
	size_t len = 0;

	for (const char *letter = isa->base + strlen("rv64"); *letter; letter++) {
		list[len++] = *letter;
		list[len++] = 0;
	}
	len += sprintf(list + len, "%s", isa->extensions) + 1;
	for (size_t i = 0; i < len; i++)
		if (list[i] == ' ')
			list[i] = 0;
	bytes(t, "riscv,isa-extensions", list, len);
}

/* The same as one word. */
static void isa_string(struct tree *t, const struct isa *isa)
{
	char text[sizeof(isa->base) + ISA_MAX + 1];

	snprintf(text, sizeof(text), "%s_%s", isa->base, isa->extensions);
	for (char *c = text; *c; c++)
		if (*c == ' ')
			*c = '_';
	string(t, "riscv,isa", text);
}

static void hart(struct tree *t, const struct isa *isa, u32 id)
{
	char mmu[32];

	begin_at(t, "cpu", id);
	string(t, "device_type", "cpu");
	cell(t, "reg", id);
	string(t, "status", "okay");
	string(t, "compatible", "riscv");
	string(t, "riscv,isa-base", "rv64i");
	extensions(t, isa);
	isa_string(t, isa);
	snprintf(mmu, sizeof(mmu), "riscv,%s", isa->mmu);
	string(t, "mmu-type", mmu);
	begin(t, "interrupt-controller");
	cell(t, "#interrupt-cells", 1);
	bytes(t, "interrupt-controller", NULL, 0);
	string(t, "compatible", "riscv,cpu-intc");
	cell(t, "phandle", HANDLE_HART(id));
	end(t);
	end(t);
}

static void harts(struct tree *t, const struct machine *m)
{
	struct isa isa;

	isa_read(&isa);
	begin(t, "cpus");
	cell(t, "#address-cells", 1);
	cell(t, "#size-cells", 0);
	cell(t, "timebase-frequency", m->arch.time_hz);
	for (u32 i = 0; i < m->nr_cpus; i++)
		hart(t, &isa, i);
	end(t);
}

static void interrupt_controller(struct tree *t, const struct machine *m)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
	u32 lines[2 * MAX_CPUS];

	for (u32 i = 0; i < m->nr_cpus; i++) {
		lines[2 * i] = HANDLE_HART(i);
		lines[2 * i + 1] = AXVCPU_RISCV_LINE_EXTERNAL;
	}
	begin_at(t, "plic", PLIC_BASE);
	bytes(t, "compatible", compatible, sizeof(compatible));
	range(t, "reg", PLIC_BASE, PLIC_SIZE);
	cell(t, "#interrupt-cells", 1);
	cell(t, "#address-cells", 0);
	bytes(t, "interrupt-controller", NULL, 0);
	cell(t, "riscv,ndev", NR_IRQS - 1);
	cell(t, "phandle", HANDLE_PLIC);
	cells(t, "interrupts-extended", lines, 2 * m->nr_cpus);
	end(t);
}

static void uart(struct tree *t)
{
	begin_at(t, "serial", UART_BASE);
	string(t, "compatible", "ns16550a");
	range(t, "reg", UART_BASE, UART_SIZE);
	cell(t, "clock-frequency", UART_HZ);
	cell(t, "interrupts", IRQ_UART);
	end(t);
}

/* Linux wants an interrupt for alarms, though there are none: a source that stays low. */
static void rtc(struct tree *t)
{
	begin_at(t, "rtc", RTC_BASE);
	string(t, "compatible", "google,goldfish-rtc");
	range(t, "reg", RTC_BASE, RTC_SIZE);
	cell(t, "interrupts", IRQ_RTC);
	end(t);
}

static void virtio(struct tree *t, const struct machine *m)
{
	for (u32 i = 0; i < NR_VIRTIO; i++) {
		if (!virtio_is_there(m, i))
			continue;
		begin_at(t, "virtio", VIRTIO_BASE + i * VIRTIO_SIZE);
		string(t, "compatible", "virtio,mmio");
		range(t, "reg", VIRTIO_BASE + i * VIRTIO_SIZE, VIRTIO_SIZE);
		cell(t, "interrupts", IRQ_VIRTIO + i);
		end(t);
	}
}

static void devices(struct tree *t, const struct machine *m)
{
	begin(t, "soc");
	cell(t, "#address-cells", 2);
	cell(t, "#size-cells", 2);
	string(t, "compatible", "simple-bus");
	bytes(t, "ranges", NULL, 0);
	cell(t, "interrupt-parent", HANDLE_PLIC);
	interrupt_controller(t, m);
	uart(t);
	rtc(t);
	virtio(t, m);
	end(t);
}

static void root(struct tree *t, const struct machine *m, u64 initrd, u64 initrd_len)
{
	begin(t, "");
	cell(t, "#address-cells", 2);
	cell(t, "#size-cells", 2);
	string(t, "compatible", "axas,boot");
	string(t, "model", "axasctl boot");
	chosen(t, m, initrd, initrd_len);
	memory(t, m);
	harts(t, m);
	devices(t, m);
	end(t);
}

int tree_make(const struct machine *m, u64 initrd, u64 initrd_len, void *fdt, size_t size)
{
	struct tree t = { .fdt = fdt, .err = fdt_create(fdt, size) };

	if (!t.err)
		t.err = fdt_finish_reservemap(fdt);
	root(&t, m, initrd, initrd_len);
	if (!t.err)
		t.err = fdt_finish(fdt);
	return t.err ? -ENOSPC : (int)fdt_totalsize(fdt);
}
