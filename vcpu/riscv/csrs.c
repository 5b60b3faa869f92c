// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest CSRs from load() to put(): those that control the guest, and those of its supervisor. The
 * host does not use them, except scounteren and senvcfg, which affect its user mode. Calls no other
 * file. No locks.
 */
#include <linux/bitfield.h>
#include <linux/irqflags.h>
#include <linux/limits.h>
#include <asm/cpufeature.h>
#include <asm/hwcap.h>

#include "axas_compat.h"
#include "riscv.h"

/* Exceptions within the guest, delegated to its supervisor. H, hedeleg */
#define HEDELEG_GUEST	(BIT(EXC_INST_MISALIGNED) | BIT(EXC_INST_ACCESS) |		\
			 BIT(EXC_INST_ILLEGAL) | BIT(EXC_BREAKPOINT) |			\
			 BIT(EXC_LOAD_MISALIGNED) | BIT(EXC_LOAD_ACCESS) |		\
			 BIT(EXC_STORE_MISALIGNED) | BIT(EXC_STORE_ACCESS) |		\
			 BIT(EXC_SYSCALL) | BIT(EXC_INST_PAGE_FAULT) |			\
			 BIT(EXC_LOAD_PAGE_FAULT) | BIT(EXC_STORE_PAGE_FAULT))

/* H, hideleg: the VS-level interrupts. */
#define HIDELEG_GUEST	(HVIP_SOFT | BIT(IRQ_VS_TIMER) | HVIP_EXT)

#define HCOUNTEREN_TIME	BIT(1)		/* H, hcounteren: reads of time do not trap */

#define STVEC_MODE	GENMASK(1, 0)	/* Priv, stvec: direct or vectored only */
#define STVEC_VECTORED	1

#define SATP_PPNS	GENMASK_ULL(43, 0)
#define SATP_ASIDS	GENMASK_ULL(59, 44)
#define SATP_MODE_AT	60
#define SATP_BARE	0
#define SATP_SV39	8
#define SATP_SV57	10

#define SENVCFG_CBIE_RESERVED	2	/* Priv, senvcfg */

/* Priv, sstatus: bits that a guest without further extensions can have, with or without vectors. */
#define SSTATUS_UXL	GENMASK_ULL(33, 32)	/* 1: 32 bits, 2: 64 */
#define SSTATUS_VS	GENMASK(10, 9)
#define SSTATUS_UBE	BIT(6)
#define SSTATUS_MXR	BIT(19)
#define SSTATUS_ALL	(SR_SIE | SR_SPIE | SSTATUS_UBE | SR_SPP | SSTATUS_VS | SR_FS |	\
			 SR_SUM | SSTATUS_MXR | SSTATUS_UXL | SR_SD)

/* Written by axvcpu_riscv_probe_csrs(), before any other use. */
static bool has_aia, has_pbmt, has_sstc, has_stateen;
static unsigned int satp_modes;		/* one bit per mode */
static unsigned long satp_bits;		/* of PPN and ASID */

static bool has_isa(unsigned int ext)
{
	return __riscv_isa_extension_available(NULL, ext);
}

/* Probe vsatp, which the host does not use; its own satp, in use, has the same fields. */
static void probe_satp(void)
{
	unsigned long flags, mode, got;

	satp_modes = BIT(SATP_BARE);
	local_irq_save(flags);
	for (mode = SATP_SV39; mode <= SATP_SV57; mode++) {
		csr_write(CSR_VSATP, mode << SATP_MODE_AT | SATP_ASIDS | SATP_PPNS);
		got = csr_read(CSR_VSATP);
		if (got >> SATP_MODE_AT != mode)
			continue;
		satp_modes |= BIT(mode);
		satp_bits = got & (SATP_ASIDS | SATP_PPNS);
	}
	csr_write(CSR_VSATP, 0);
	local_irq_restore(flags);
}

void axvcpu_riscv_probe_csrs(void)
{
#ifdef RISCV_ISA_EXT_SSAIA
	has_aia = has_isa(RISCV_ISA_EXT_SSAIA);
#endif
	has_pbmt = has_isa(RISCV_ISA_EXT_SVPBMT);
	has_sstc = has_isa(RISCV_ISA_EXT_SSTC);
#ifdef RISCV_ISA_EXT_SMSTATEEN
	has_stateen = has_isa(RISCV_ISA_EXT_SMSTATEEN);
#endif
	probe_satp();
}

/*
 * Write all of them at each load: since the last one KVM may have started to use this CPU and left
 * its own values when it failed (S7), and a previous kernel may have crashed.
 */
static void load_controls(void)
{
	csr_write(CSR_HEDELEG, HEDELEG_GUEST);
	csr_write(CSR_HIDELEG, HIDELEG_GUEST);
	csr_write(CSR_HVIP, 0);
	csr_write(CSR_HIE, 0);
	csr_write(CSR_HGEIE, 0);
	csr_write(CSR_HCOUNTEREN, HCOUNTEREN_TIME);
	csr_write(CSR_HTIMEDELTA, 0);
	csr_write(CSR_HENVCFG, has_pbmt ? ENVCFG_PBMTE : 0);
	/* Without henvcfg.STCE it has no effect, but emulators raise its interrupt. */
	if (has_sstc)
		csr_write(CSR_VSTIMECMP, ULONG_MAX);
#ifdef RISCV_ISA_EXT_SSAIA
	if (has_aia) {
		csr_write(CSR_HVICTL, 0);
		csr_write(CSR_HVIEN, 0);
	}
#endif
#ifdef RISCV_ISA_EXT_SMSTATEEN
	if (has_stateen)
		csr_write(CSR_HSTATEEN0, SMSTATEEN0_HSENVCFG);
#endif
}

static void write_csrs(const struct riscv_csrs *c)
{
	csr_write(CSR_VSSTATUS, c->vsstatus);
	csr_write(CSR_VSIE, c->vsie);
	csr_write(CSR_VSTVEC, c->vstvec);
	csr_write(CSR_VSSCRATCH, c->vsscratch);
	csr_write(CSR_VSEPC, c->vsepc);
	csr_write(CSR_VSCAUSE, c->vscause);
	csr_write(CSR_VSTVAL, c->vstval);
}

static void read_csrs(struct riscv_csrs *c)
{
	c->vsstatus = csr_read(CSR_VSSTATUS);
	c->vsie = csr_read(CSR_VSIE);
	c->vstvec = csr_read(CSR_VSTVEC);
	c->vsscratch = csr_read(CSR_VSSCRATCH);
	c->vsepc = csr_read(CSR_VSEPC);
	c->vscause = csr_read(CSR_VSCAUSE);
	c->vstval = csr_read(CSR_VSTVAL);
}

void axvcpu_riscv_load_csrs(const struct riscv_csrs *guest, struct riscv_host_csrs *host)
{
	load_controls();
	host->scounteren = csr_swap(CSR_SCOUNTEREN, guest->scounteren);
	host->senvcfg = csr_swap(CSR_SENVCFG, guest->senvcfg);
	write_csrs(guest);
}

/* Without delegation, VS-level interrupts that are pending and enabled would go to the host. */
void axvcpu_riscv_save_csrs(struct riscv_csrs *guest, const struct riscv_host_csrs *host)
{
	csr_write(CSR_HVIP, 0);
	read_csrs(guest);
	csr_write(CSR_VSIE, 0);
	csr_write(CSR_HIDELEG, 0);
	csr_write(CSR_HEDELEG, 0);
	guest->senvcfg = csr_swap(CSR_SENVCFG, host->senvcfg);
	guest->scounteren = csr_swap(CSR_SCOUNTEREN, host->scounteren);
}

/* Priv: in Bare mode all other fields are 0. */
static bool can_hold_satp(unsigned long vsatp)
{
	unsigned long mode = vsatp >> SATP_MODE_AT;

	if (mode == SATP_BARE)
		return !vsatp;
	return satp_modes & BIT(mode) &&
	       !(vsatp & (SATP_ASIDS | SATP_PPNS) & ~satp_bits);
}

static bool is_reserved_status(unsigned long status)
{
	unsigned long uxl = FIELD_GET(SSTATUS_UXL, status);

	return status & ~SSTATUS_ALL || uxl < 1 || uxl > 2;
}

/* Values that no CPU may hold; emulators do. */
static bool is_reserved(const struct riscv_csrs *c)
{
	return is_reserved_status(c->vsstatus) ||
	       (c->vstvec & STVEC_MODE) > STVEC_VECTORED || c->vsepc & 1 ||
	       c->scounteren > U32_MAX ||
	       FIELD_GET(ENVCFG_CBIE, c->senvcfg) == SENVCFG_CBIE_RESERVED;
}

/* SD is a summary of other fields. */
static bool are_same(const struct riscv_csrs *a, const struct riscv_csrs *b)
{
	return !((a->vsstatus ^ b->vsstatus) & ~SR_SD) && a->vsie == b->vsie &&
	       a->vstvec == b->vstvec && a->vsscratch == b->vsscratch &&
	       a->vsepc == b->vsepc && a->vscause == b->vscause && a->vstval == b->vstval &&
	       a->scounteren == b->scounteren && a->senvcfg == b->senvcfg;
}

/* Only the CPU knows which bits of WARL registers exist: write and read them back. */
bool axvcpu_riscv_can_hold(const struct riscv_csrs *csrs, unsigned long vsatp)
{
	struct riscv_host_csrs host;
	struct riscv_csrs held;
	unsigned long flags;

	if (!can_hold_satp(vsatp) || is_reserved(csrs))
		return false;
	local_irq_save(flags);
	axvcpu_riscv_load_csrs(csrs, &host);
	axvcpu_riscv_save_csrs(&held, &host);
	local_irq_restore(flags);
	return are_same(&held, csrs);
}
