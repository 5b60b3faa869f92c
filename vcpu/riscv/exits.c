// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exit handling: scause and related CSRs, SBI calls, faults, and instructions that trap. Calls
 * irq.c, insn.c and hlv.S. No locks: interrupts are off and the vCPU is loaded, unless a function
 * says otherwise.
 */
#include <linux/bitfield.h>
#include <linux/module.h>

#include "axas_compat.h"
#include "insn.h"
#include "riscv.h"

/* htinst is optional; this forces the fallback. */
static bool fetch_insn;
module_param(fetch_insn, bool, 0644);
MODULE_PARM_DESC(fetch_insn, "read a faulting instruction from memory, whatever htinst has");

#define REG_A(n)		(10 + (n))	/* a0 to a7 are x10 to x17 */

/* RISC-V Supervisor Binary Interface: extension IDs. */
#define SBI_LEGACY_SHUTDOWN	0x08
#define SBI_LEGACY_LAST		0x0f
#define SBI_TIME		0x54494d45	/* "TIME" */
#define SBI_TIME_SET_TIMER	0
#define SBI_IPI			0x735049	/* "sPI" */
#define SBI_IPI_SEND		0
#define SBI_HSM			0x48534d	/* "HSM" */
#define SBI_HSM_HART_START	0
#define SBI_HSM_HART_STOP	1
#define SBI_SRST		0x53525354	/* "SRST" */
#define SBI_SRST_RESET		0
#define SBI_SRST_WARM		2		/* the last type: shutdown, cold reboot, warm */
#define SBI_ALL_HARTS		(~0ul)

/* H, "Transformed Instruction or Pseudoinstruction": implicit access to a VS-stage table. */
#define PSEUDO_READ		0x3000
#define PSEUDO_WRITE		0x3020

/* Volume I, "SYSTEM" instructions. */
#define INSN_WFI		0x10500073
#define INSN_OPCODE		GENMASK(6, 0)
#define INSN_RD			GENMASK(11, 7)
#define INSN_FUNCT3		GENMASK(14, 12)
#define INSN_RS1		GENMASK(19, 15)
#define INSN_CSR		GENMASK(31, 20)
#define OPCODE_SYSTEM		0x73
#define CSR_LEVEL		GENMASK(9, 8)	/* of the CSR number: lowest privilege level */
#define CSR_LEVEL_USER		0
#define CSR_LEVEL_HYPERVISOR	2
#define CSR_COUNTER		GENMASK(4, 0)	/* counter index from CSR_CYCLE on: its bit */
#define CSR_KIND		GENMASK(1, 0)	/* of funct3: 1 write, 2 set, 3 clear */
#define CSR_KIND_WRITE		1
#define CSR_KIND_SET		2
#define CSR_IMMEDIATE		BIT(2)

/*
 * Retire an emulated instruction: only pc changes. There is no trace bit and no interrupt shadow,
 * and the VMM handles counters.
 */
static void retire(struct axvcpu_riscv *rv, int len)
{
	rv->world.pc += len;
}

/* H, "Traps": sstatus.SPP has the guest's previous level, 0 for VU-mode. */
static bool from_user(const struct axvcpu_riscv *rv)
{
	return !(rv->world.sstatus & SR_SPP);
}

static int sbi_cpu_up(const unsigned long *a, struct axvcpu_exit *exit)
{
	exit->reason = AXVCPU_EXIT_CPU_UP;
	exit->cpu_up.target = a[0];
	exit->cpu_up.entry = a[1];
	exit->cpu_up.arg = a[2];
	return AXVCPU_RAN_EXIT;
}

/* A mask of harts and the hart of its first bit. */
static int sbi_send_ipi(const unsigned long *a, struct axvcpu_exit *exit)
{
	exit->reason = AXVCPU_EXIT_SEND_IPI;
	exit->send_ipi.target = a[0];
	exit->send_ipi.target_aux = a[1];
	exit->send_ipi.to_all = a[1] == SBI_ALL_HARTS;
	exit->send_ipi.vector = AXVCPU_RISCV_VECTOR_SOFT;
	return AXVCPU_RAN_EXIT;
}

static int sbi_hypercall(const unsigned long *a, struct axvcpu_exit *exit)
{
	u64 function = a[7] > SBI_LEGACY_LAST ? a[6] : 0;
	unsigned int i;

	exit->reason = AXVCPU_EXIT_HYPERCALL;
	exit->hypercall.nr = (u32)a[7] | function << 32;
	for (i = 0; i < ARRAY_SIZE(exit->hypercall.args); i++)
		exit->hypercall.args[i] = a[i];
	return AXVCPU_RAN_EXIT;
}

/* The guest's external interrupt handler claims a vector. */
static int sbi_claim(struct axvcpu *vcpu, unsigned long *a)
{
	int vector = axvcpu_next_vector(vcpu);

	a[0] = 0;
	a[1] = 0;
	if (vector > AXVCPU_RISCV_VECTOR_SOFT) {
		axvcpu_vector_done(vcpu, vector, false);
		a[1] = vector;
	}
	return AXVCPU_RAN_AGAIN;
}

static int sbi_set_timer(struct axvcpu_riscv *rv, unsigned long *a)
{
	axvcpu_riscv_timer_set(&rv->timer, a[0]);
	a[0] = 0;
	a[1] = 0;
	return AXVCPU_RAN_AGAIN;
}

/* a0 tells the VMM whether to reset. */
static bool sbi_is_down(const unsigned long *a)
{
	return a[7] == SBI_LEGACY_SHUTDOWN ||
	       (a[7] == SBI_SRST && a[6] == SBI_SRST_RESET && (u32)a[0] <= SBI_SRST_WARM);
}

static int sbi_down(struct axvcpu_riscv *rv, struct axvcpu_exit *exit)
{
	rv->down = true;
	exit->reason = AXVCPU_EXIT_SYSTEM_DOWN;
	return AXVCPU_RAN_EXIT;
}

/* Returns an error in a0 and a value in a1; legacy calls return only a0. */
static int sbi_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	unsigned long *a = &rv->world.x[REG_A(0)];
	int ran;

	retire(rv, 4);
	if (a[7] == AXVCPU_RISCV_SBI_CLAIM)
		return sbi_claim(vcpu, a);
	if (a[7] == SBI_TIME && a[6] == SBI_TIME_SET_TIMER && rv->timer.on)
		return sbi_set_timer(rv, a);
	if (sbi_is_down(a)) {
		ran = sbi_down(rv, exit);
	} else if (a[7] == SBI_HSM && a[6] == SBI_HSM_HART_START) {
		ran = sbi_cpu_up(a, exit);
	} else if (a[7] == SBI_HSM && a[6] == SBI_HSM_HART_STOP) {
		exit->reason = AXVCPU_EXIT_CPU_DOWN;
		ran = AXVCPU_RAN_EXIT;
	} else if (a[7] == SBI_IPI && a[6] == SBI_IPI_SEND) {
		ran = sbi_send_ipi(a, exit);
	} else {
		ran = sbi_hypercall(a, exit);
	}
	if (a[7] > SBI_LEGACY_LAST)
		a[1] = 0;
	return ran;
}

/*
 * Read the instruction at pc through the guest's tables, no more bytes than it has. False: the page
 * is gone meanwhile, or not mapped for this access yet.
 */
static bool fetch(struct axvcpu_riscv *rv, u32 *insn)
{
	unsigned long hstatus = csr_swap(CSR_HSTATUS, rv->world.hstatus);
	struct riscv_trap trap = { .cause = RISCV_NO_TRAP };

	*insn = riscv_hlvx_hu(rv->world.pc, &trap, 0);
	if (trap.cause == RISCV_NO_TRAP && (*insn & 3) == 3)
		*insn |= (u32)riscv_hlvx_hu(rv->world.pc + 2, &trap, 0) << 16;
	csr_write(CSR_HSTATUS, hstatus);
	return trap.cause == RISCV_NO_TRAP;
}

static bool is_pseudo(unsigned long htinst)
{
	return htinst == PSEUDO_READ || htinst == PSEUDO_WRITE;
}

static u32 fault_access(const struct riscv_trap *trap)
{
	if (trap->htinst == PSEUDO_READ)
		return AXAS_PROT_READ;
	if (trap->htinst == PSEUDO_WRITE)
		return AXAS_PROT_READ | AXAS_PROT_WRITE;
	switch (trap->cause) {
	case EXC_INST_GUEST_PAGE_FAULT:
		return AXAS_PROT_EXEC;
	case EXC_STORE_GUEST_PAGE_FAULT:
		return AXAS_PROT_WRITE;
	default:
		return AXAS_PROT_READ;
	}
}

/* Fetch the faulting instruction now, while loaded; only the space knows whether it is needed. */
static int fault_exit(struct axvcpu_riscv *rv, struct axvcpu_exit *exit)
{
	const struct riscv_trap *trap = &rv->world.trap;

	rv->insn = 0;
	rv->faulted = true;
	rv->fault_gpa = riscv_trap_gpa(trap);
	if (trap->cause != EXC_INST_GUEST_PAGE_FAULT && !is_pseudo(trap->htinst)) {
		rv->insn_is_raw = !trap->htinst || fetch_insn;
		if (!rv->insn_is_raw)
			rv->insn = trap->htinst;
		else if (!fetch(rv, &rv->insn))
			rv->insn = 0;
	}
	exit->nested_page_fault.gpa = rv->fault_gpa;
	exit->nested_page_fault.access = fault_access(trap);
	exit->nested_page_fault.info = trap->cause;
	return AXVCPU_RAN_FAULT;
}

static u64 mask(u64 val, unsigned int bytes)
{
	return val & (U64_MAX >> (64 - 8 * bytes));
}

void axvcpu_riscv_hole(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	u64 gpa = exit->nested_page_fault.gpa;
	struct riscv_mem_insn mem;

	if (!(rv->insn_is_raw ? riscv_decode_raw(rv->insn, &mem) :
				riscv_decode_transformed(rv->insn, &mem)))
		return;
	memset(exit->raw, 0, sizeof(exit->raw));
	if (mem.store) {
		exit->reason = AXVCPU_EXIT_MMIO_WRITE;
		exit->mmio_write.gpa = gpa;
		exit->mmio_write.width = mem.bytes;
		exit->mmio_write.data = mask(rv->world.x[mem.reg], mem.bytes);
	} else {
		exit->reason = AXVCPU_EXIT_MMIO_READ;
		exit->mmio_read.gpa = gpa;
		exit->mmio_read.width = mem.bytes;
		exit->mmio_read.reg = mem.reg;
		exit->mmio_read.reg_width = 8;
		exit->mmio_read.sign_extend = mem.sign;
	}
	retire(rv, mem.len);
	exit->rip = rv->world.pc;
}

/* H, "Traps": raise the exception in VS-mode, as if it had been delegated. */
static void raise_illegal(struct axvcpu_riscv *rv, struct riscv_csrs *csrs, u32 insn)
{
	unsigned long old = csrs->vsstatus;

	csrs->vsstatus &= ~(SR_SPP | SR_SPIE | SR_SIE);
	csrs->vsstatus |= rv->world.sstatus & SR_SPP;
	csrs->vsstatus |= old & SR_SIE ? SR_SPIE : 0;
	csrs->vscause = EXC_INST_ILLEGAL;
	csrs->vsepc = rv->world.pc;
	csrs->vstval = insn;
	rv->world.pc = csrs->vstvec & ~3ul;
	rv->world.sstatus |= SR_SPP;
}

static int illegal_instruction(struct axvcpu_riscv *rv, u32 insn)
{
	struct riscv_csrs csrs = {
		.vsstatus = csr_read(CSR_VSSTATUS), .vstvec = csr_read(CSR_VSTVEC),
	};

	raise_illegal(rv, &csrs, insn);
	csr_write(CSR_VSSTATUS, csrs.vsstatus);
	csr_write(CSR_VSCAUSE, csrs.vscause);
	csr_write(CSR_VSEPC, csrs.vsepc);
	csr_write(CSR_VSTVAL, csrs.vstval);
	return AXVCPU_RAN_AGAIN;
}

/* With an interrupt pending, WFI does not exit. */
static int wait_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);

	retire(rv, 4);
	if (axvcpu_riscv_wakes_loaded(vcpu))
		return AXVCPU_RAN_AGAIN;
	exit->reason = AXVCPU_EXIT_HALT;
	return AXVCPU_RAN_EXIT;
}

int axvcpu_riscv_csr_write_exit(struct axvcpu_riscv *rv, struct axvcpu_exit *exit)
{
	rv->csr_step = RISCV_CSR_NONE;
	exit->reason = AXVCPU_EXIT_SYSREG_WRITE;
	exit->sysreg_write.addr = rv->csr;
	exit->sysreg_write.value = rv->csr_operand;
	return AXVCPU_RAN_EXIT;
}

/* The VMM refuses the access of the last exit: undo the retirement. Not loaded. */
int axvcpu_riscv_csr_faults(struct axvcpu_riscv *rv)
{
	if (!rv->csr_insn)
		return -EINVAL;
	retire(rv, -4);
	raise_illegal(rv, &rv->csrs, rv->csr_insn);
	rv->csr_insn = 0;
	rv->csr_step = RISCV_CSR_NONE;
	return 0;
}

/* The value to write depends on the value read; the write exits at the next entry. */
void axvcpu_riscv_csr_was_read(struct axvcpu_riscv *rv, u64 val)
{
	u32 kind = rv->csr_funct3 & CSR_KIND;

	rv->csr_insn = 0;
	if (rv->csr_step != RISCV_CSR_READ)
		return;
	if (kind == CSR_KIND_SET)
		rv->csr_operand |= val;
	else if (kind != CSR_KIND_WRITE)
		rv->csr_operand = val & ~rv->csr_operand;
	rv->csr_step = RISCV_CSR_WRITE;
}

/* Volume I, "Zicsr": no write without an operand, no read by CSRRW into x0. */
static int csr_exit(struct axvcpu_riscv *rv, u32 insn, struct axvcpu_exit *exit)
{
	u32 funct3 = FIELD_GET(INSN_FUNCT3, insn);
	u32 rs1 = FIELD_GET(INSN_RS1, insn), rd = FIELD_GET(INSN_RD, insn);
	bool plain = (funct3 & CSR_KIND) == CSR_KIND_WRITE;

	retire(rv, 4);
	rv->csr = FIELD_GET(INSN_CSR, insn);
	rv->csr_funct3 = funct3;
	rv->csr_insn = insn;
	rv->csr_operand = funct3 & CSR_IMMEDIATE ? rs1 : rv->world.x[rs1];
	if (plain && !rd)
		return axvcpu_riscv_csr_write_exit(rv, exit);
	rv->csr_step = plain || rs1 ? RISCV_CSR_READ : RISCV_CSR_NONE;
	exit->reason = AXVCPU_EXIT_SYSREG_READ;
	exit->sysreg_read.addr = rv->csr;
	exit->sysreg_read.reg = rd;
	return AXVCPU_RAN_EXIT;
}

/*
 * Whether the VMM handles an access to a CSR. The guest's machine has no hypervisor extension. Its
 * user mode may access what its kernel allows: of the CSRs that trap, counters enabled in
 * scounteren.
 */
static bool csr_comes_out(const struct axvcpu_riscv *rv, u32 csr)
{
	u32 level = FIELD_GET(CSR_LEVEL, csr);

	if (!from_user(rv))
		return level != CSR_LEVEL_HYPERVISOR;
	return level == CSR_LEVEL_USER && (csr & ~CSR_COUNTER) == CSR_CYCLE &&
	       csr_read(CSR_SCOUNTEREN) & BIT(csr & CSR_COUNTER);
}

/*
 * H, "Trap Cause Codes", virtual instruction: raised for instructions that the hypervisor
 * disallows, but also for those that VU-mode may not execute on any machine, such as WFI and
 * supervisor CSRs. Those go to the guest's kernel. stval may hold the instruction, or 0.
 */
static int insn_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	u32 insn = rv->world.trap.tval;

	/* Executing it again raises the fault. */
	if (!insn && !fetch(rv, &insn))
		return AXVCPU_RAN_AGAIN;
	if (insn == INSN_WFI && !from_user(rv))
		return wait_exit(vcpu, exit);
	if (FIELD_GET(INSN_OPCODE, insn) == OPCODE_SYSTEM &&
	    FIELD_GET(INSN_FUNCT3, insn) & CSR_KIND &&
	    csr_comes_out(rv, FIELD_GET(INSN_CSR, insn)))
		return csr_exit(rv, insn, exit);
	return illegal_instruction(rv, insn);
}

int axvcpu_riscv_exit(struct axvcpu *vcpu, struct axvcpu_exit *exit)
{
	struct axvcpu_riscv *rv = to_riscv(vcpu);
	const struct riscv_trap *trap = &rv->world.trap;

	if (trap->cause & CAUSE_IRQ_FLAG)
		return AXVCPU_RAN_IRQ;
	switch (trap->cause) {
	case EXC_SUPERVISOR_SYSCALL:
		return sbi_exit(vcpu, exit);
	case EXC_INST_GUEST_PAGE_FAULT:
	case EXC_LOAD_GUEST_PAGE_FAULT:
	case EXC_STORE_GUEST_PAGE_FAULT:
		return fault_exit(rv, exit);
	case EXC_VIRTUAL_INST_FAULT:
		return insn_exit(vcpu, exit);
	default:
		exit->reason = AXVCPU_EXIT_FAIL_ENTRY;
		exit->fail_entry.reason = trap->cause;
		exit->fail_entry.info = trap->tval;
		return AXVCPU_RAN_EXIT;
	}
}
