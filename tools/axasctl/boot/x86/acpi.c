// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ACPI tables: a RSDP, a XSDT, a FADT with a PM1 block and a reset register, a FACS, a MADT of
 * local APICs without an I/O APIC, and a DSDT that says how to power off and which virtio devices
 * there are. Calls nothing.
 *
 * "Advanced Configuration and Power Interface Specification", 6.4, chapters 5 and 20, and 6.4 of
 * chapter 6 for resources.
 */
#include "../boot.h"

#include <string.h>

/* Offsets from ACPI_TABLES. */
#define AT_RSDP		0x000
#define AT_XSDT		0x100
#define AT_FADT		0x200
#define AT_FACS		0x400
#define AT_MADT		0x500
#define AT_DSDT		0x800

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 long_checksum;
	u8 reserved[3];
} __attribute__((packed));

struct header {
	char signature[4];
	u32 length;
	u8 revision;
	u8 checksum;
	char oem[6];
	char oem_table[8];
	u32 oem_revision;
	u32 creator;
	u32 creator_revision;
} __attribute__((packed));

struct address {
	u8 space;		/* 1: ports */
	u8 bits;
	u8 offset;
	u8 access;
	u64 address;
} __attribute__((packed));

#define FADT_WBINVD		0x1u
#define FADT_C1			0x4u
#define FADT_NO_POWER_BUTTON	0x10u
#define FADT_NO_SLEEP_BUTTON	0x20u
#define FADT_RESET		0x400u
#define BOOT_LEGACY_DEVICES	0x1u
#define BOOT_NO_VGA		0x4u
#define BOOT_NO_MSI		0x8u

/* Table 5.9, up to version 5 of the table. Reserved fields have no name. */
struct fadt {
	struct header h;
	u32 facs, dsdt;
	u8 reserved_44, profile;
	u16 sci;
	u32 smi_port;
	u8 smi_commands[4];
	u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
	u32 gpe0, gpe1;
	u8 pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length;
	u8 gpe0_length, gpe1_length, gpe1_base, cst;
	u16 c2_latency, c3_latency, flush_size, flush_stride;
	u8 duty_offset, duty_width, day_alarm, month_alarm, century;
	u16 boot;
	u8 reserved_111;
	u32 flags;
	struct address reset;
	u8 reset_value;
	u16 arm_boot;
	u8 minor;
	u64 x_facs, x_dsdt;
	struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control;
	struct address x_pm2_control, x_pm_timer, x_gpe0, x_gpe1;
	struct address sleep_control, sleep_status;
} __attribute__((packed));

struct facs {
	char signature[4];
	u32 length;
	u8 rest[56];
} __attribute__((packed));

struct madt {
	struct header h;
	u32 address;
	u32 flags;		/* 1: there are 8259s */
	struct {
		u8 type, length, processor, apic;
		u32 flags;	/* 1: enabled */
	} __attribute__((packed)) cpu[MAX_CPUS];
} __attribute__((packed));

_Static_assert(sizeof(struct fadt) == 268, "the length of a FADT of version 5");
_Static_assert(AT_MADT + sizeof(struct madt) <= AT_DSDT, "the tables overlap");

/* Name (\_S5, Package () { SLEEP_TYPE_S5, 0, 0, 0 }) */
static const u8 dsdt_code[] = {
	0x08, '_', 'S', '5', '_', 0x12, 0x07, 0x04, 0x0a, SLEEP_TYPE_S5, 0x00, 0x00, 0x00,
};

/* Opcodes and descriptors, as bytes in the order of memory. */
#define AML_DEVICE		0x825b
#define AML_ROOT_DUAL		0x2e5c		/* a name from the root of two parts */
#define AML_NAME		0x08
#define AML_STRING		0x0d
#define AML_BYTE		0x0a
#define AML_BUFFER		0x11
#define RESOURCE_MEMORY32	0x01000986u	/* of 9 bytes, writable */
#define RESOURCE_IRQ		0x01000689u	/* of 6 bytes, level, high, exclusive */
#define RESOURCE_END		0x0079

/*
 * Device (\_SB.VIO0)
 * {
 *	Name (_HID, "LNRO0005")
 *	Name (_UID, 0)
 *	Name (_CRS, ResourceTemplate ()
 *	{
 *		Memory32Fixed (ReadWrite, base, size)
 *		Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive) { irq }
 *	})
 * }
 */
struct virtio_aml {
	u16 device, length, root;
	char scope[4], name[4];
	u8 hid_op;
	char hid[4];
	u8 hid_string;
	char id[9];
	u8 uid_op;
	char uid[4];
	u8 uid_byte, slot;
	u8 crs_op;
	char crs[4];
	u8 buffer, buffer_length, resources_byte, resources_length;
	u32 memory, base, size;
	u32 interrupt;
	u8 nr_irqs;
	u32 irq;
	u16 end;
} __attribute__((packed));

/* From this member to the end. */
#define LENGTH_FROM(member)	(sizeof(struct virtio_aml) - offsetof(struct virtio_aml, member))
/* In two bytes: the low four bits are in the first one, which tells that there is a second. */
#define LENGTH_WORD		(0x40 | (LENGTH_FROM(length) & 0xf) | LENGTH_FROM(length) >> 4 << 8)

static const struct virtio_aml virtio_aml = {
	.device = AML_DEVICE, .length = LENGTH_WORD,
	.root = AML_ROOT_DUAL, .scope = "_SB_", .name = "VIO0",
	.hid_op = AML_NAME, .hid = "_HID", .hid_string = AML_STRING, .id = "LNRO0005",
	.uid_op = AML_NAME, .uid = "_UID", .uid_byte = AML_BYTE,
	.crs_op = AML_NAME, .crs = "_CRS",
	.buffer = AML_BUFFER, .buffer_length = LENGTH_FROM(buffer_length),
	.resources_byte = AML_BYTE, .resources_length = LENGTH_FROM(memory),
	.memory = RESOURCE_MEMORY32, .size = VIRTIO_SIZE,
	.interrupt = RESOURCE_IRQ, .nr_irqs = 1, .end = RESOURCE_END,
};

static u8 sum(const void *table, size_t len)
{
	const u8 *byte = table;
	u8 total = 0;

	while (len--)
		total += *byte++;
	return total;
}

static void finish(struct header *h, const char *signature, u8 revision, size_t len)
{
	memcpy(h->signature, signature, 4);
	h->length = len;
	h->revision = revision;
	memcpy(h->oem, "AXAS  ", 6);
	memcpy(h->oem_table, "AXASCTL ", 8);
	memcpy(&h->creator, "AXAS", 4);
	h->checksum = 0;
	h->checksum = -sum(h, len);
}

static void make_rsdp(struct rsdp *r)
{
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem, "AXAS  ", 6);
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = ACPI_TABLES + AT_XSDT;
	/* The first checksum covers the struct of ACPI 1.0. */
	r->checksum = -sum(r, 20);
	r->long_checksum = -sum(r, sizeof(*r));
}

static void make_xsdt(u8 *at)
{
	u64 tables[] = { ACPI_TABLES + AT_FADT, ACPI_TABLES + AT_MADT };

	memcpy(at + sizeof(struct header), tables, sizeof(tables));
	finish((void *)at, "XSDT", 1, sizeof(struct header) + sizeof(tables));
}

static struct address port_address(u32 port, u8 bytes)
{
	return (struct address){ .space = 1, .bits = 8 * bytes, .access = bytes == 1 ? 1 : 2,
				 .address = port };
}

static void make_fadt(struct fadt *f)
{
	f->facs = ACPI_TABLES + AT_FACS;
	f->dsdt = ACPI_TABLES + AT_DSDT;
	f->x_dsdt = f->dsdt;
	f->sci = IRQ_SCI;
	f->pm1a_event = PORT_PM1_EVT;
	f->pm1a_control = PORT_PM1_CNT;
	f->pm1_event_length = 4;
	f->pm1_control_length = 2;
	f->x_pm1a_event = port_address(PORT_PM1_EVT, 4);
	f->x_pm1a_control = port_address(PORT_PM1_CNT, 2);
	/* More than 100 and 1000: neither C2 nor C3. */
	f->c2_latency = 101;
	f->c3_latency = 1001;
	f->century = 0x32;
	f->boot = BOOT_LEGACY_DEVICES | BOOT_NO_VGA | BOOT_NO_MSI;
	f->flags = FADT_WBINVD | FADT_C1 | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET;
	f->reset = port_address(PORT_RESET, 1);
	f->reset_value = RESET_VALUE;
	finish(&f->h, "FACP", 5, sizeof(*f));
}

static void make_facs(struct facs *f)
{
	memcpy(f->signature, "FACS", 4);
	f->length = sizeof(*f);
}

static void make_madt(struct madt *t, u32 nr_cpus)
{
	t->address = 0xfee00000;
	t->flags = 1;
	for (u32 i = 0; i < nr_cpus; i++) {
		t->cpu[i].length = sizeof(t->cpu[i]);
		t->cpu[i].processor = i;
		t->cpu[i].apic = i;
		t->cpu[i].flags = 1;
	}
	finish(&t->h, "APIC", 3, offsetof(struct madt, cpu) + nr_cpus * sizeof(t->cpu[0]));
}

static struct virtio_aml virtio_device(u32 slot)
{
	struct virtio_aml aml = virtio_aml;

	aml.name[3] += slot;
	aml.slot = slot;
	aml.base = VIRTIO_BASE + slot * VIRTIO_SIZE;
	aml.irq = IRQ_VIRTIO + slot;
	return aml;
}

static void make_dsdt(const struct machine *m, u8 *at)
{
	u8 *end = at + sizeof(struct header);

	memcpy(end, dsdt_code, sizeof(dsdt_code));
	end += sizeof(dsdt_code);
	for (u32 i = 0; i < NR_VIRTIO; i++) {
		struct virtio_aml aml = virtio_device(i);

		if (!virtio_is_there(m, i))
			continue;
		memcpy(end, &aml, sizeof(aml));
		end += sizeof(aml);
	}
	finish((void *)at, "DSDT", 2, end - at);
}

void acpi_make(const struct machine *m, u8 *tables)
{
	memset(tables, 0, ACPI_SIZE);
	make_rsdp((void *)(tables + AT_RSDP));
	make_xsdt(tables + AT_XSDT);
	make_fadt((void *)(tables + AT_FADT));
	make_facs((void *)(tables + AT_FACS));
	make_madt((void *)(tables + AT_MADT), m->nr_cpus);
	make_dsdt(m, tables + AT_DSDT);
}
