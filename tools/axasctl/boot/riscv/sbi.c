// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware: SBI calls that axvcpu does not answer itself. Calls libaxas and console.c. The
 * machine's lock is held.
 *
 * RISC-V Supervisor Binary Interface Specification, 2.0.
 */
#include "../boot.h"

#define SUCCESS			0
#define NOT_SUPPORTED		-2
#define INVALID_PARAM		-3
#define INVALID_ADDRESS		-5
#define ALREADY_AVAILABLE	-6

#define EXT_LAST_LEGACY		0x0f
#define EXT_BASE		0x10
#define EXT_TIME		0x54494d45
#define EXT_IPI			0x735049
#define EXT_RFENCE		0x52464e43
#define EXT_HSM			0x48534d
#define EXT_SRST		0x53525354
#define EXT_DBCN		0x4442434e

#define LEGACY_PUTCHAR		0x01

#define SPEC_2_0		(2 << 24)
#define IMPLEMENTATION		0x61786173	/* "axas": no number has been assigned */
#define PRINT_MAX		1024		/* bytes printed by a call; it returns how many */

#define REG_A0			10
#define REG_A1			11
#define REG_A7			17

/* Functions. */
enum {
	BASE_SPEC, BASE_IMPLEMENTATION, BASE_VERSION, BASE_PROBE, BASE_MVENDORID, BASE_MARCHID,
	BASE_MIMPID,
};

enum { RFENCE_FENCE_I, RFENCE_SFENCE_VMA, RFENCE_SFENCE_VMA_ASID };
enum { HSM_START, HSM_STOP, HSM_STATUS };
enum { DBCN_WRITE, DBCN_READ, DBCN_WRITE_BYTE };

/* What HSM_STATUS returns. */
enum { HART_STARTED, HART_STOPPED, HART_START_PENDING };

#define SRST_SHUTDOWN		0	/* type of reset */

struct sbi_ret {
	__s64 error;
	u64 value;
};

static struct sbi_ret error(__s64 err)
{
	return (struct sbi_ret){ .error = err };
}

static struct sbi_ret value(u64 val)
{
	return (struct sbi_ret){ .value = val };
}

static bool has_extension(u64 ext)
{
	static const u32 all[] = {
		EXT_BASE, EXT_TIME, EXT_IPI, EXT_RFENCE, EXT_HSM, EXT_SRST, EXT_DBCN,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] == ext)
			return true;
	return false;
}

static struct sbi_ret base(u32 function, u64 arg)
{
	switch (function) {
	case BASE_SPEC:
		return value(SPEC_2_0);
	case BASE_IMPLEMENTATION:
		return value(IMPLEMENTATION);
	case BASE_PROBE:
		return value(has_extension(arg));
	case BASE_VERSION:
	case BASE_MVENDORID:
	case BASE_MARCHID:
	case BASE_MIMPID:
		return value(0);
	default:
		return error(NOT_SUPPORTED);
	}
}

/* Call @fn for each hart of a mask, whose bit 0 is hart @first, or of all if that is -1. */
static __s64 for_harts(struct machine *m, u64 mask, u64 first, int (*fn)(int fd))
{
	if (first == ~0ull) {
		first = 0;
		mask = (1ull << m->nr_cpus) - 1;
	}
	for (u64 i = 0; i < 64; i++)
		if (mask >> i & 1 && (first >= m->nr_cpus || i >= m->nr_cpus - first))
			return INVALID_PARAM;
	for (u64 i = 0; i < m->nr_cpus; i++)
		if (mask >> i & 1 && m->cpu[first + i].arch.on)
			fn(m->cpu[first + i].fd);
	return SUCCESS;
}

/* Addresses are ignored: all is flushed. */
static struct sbi_ret rfence(struct machine *m, u32 function, const __u64 *args)
{
	return function > RFENCE_SFENCE_VMA_ASID ? error(NOT_SUPPORTED) :
	       error(for_harts(m, args[0], args[1], axvcpu_flush));
}

static int inject_ipi(int fd)
{
	return axvcpu_inject(fd, AXVCPU_RISCV_VECTOR_SOFT);
}

void sbi_send_ipi(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	axvcpu_set_return(cpu->fd, for_harts(cpu->m, exit->send_ipi.target,
					     exit->send_ipi.target_aux, inject_ipi));
}

static u32 hart_status(const struct cpu *hart)
{
	if (!hart->wait && !hart->reset)
		return HART_STARTED;
	return hart->start ? HART_START_PENDING : HART_STOPPED;
}

static struct sbi_ret hsm(struct machine *m, u32 function, u64 hart)
{
	if (function != HSM_STATUS)
		return error(NOT_SUPPORTED);
	return hart < m->nr_cpus ? value(hart_status(&m->cpu[hart])) : error(INVALID_PARAM);
}

static __s64 start(struct machine *m, u64 hart, u64 entry, u64 arg)
{
	struct cpu *cpu;

	if (hart >= m->nr_cpus)
		return INVALID_PARAM;
	cpu = &m->cpu[hart];
	if (hart_status(cpu) != HART_STOPPED)
		return ALREADY_AVAILABLE;
	if (entry & 1)
		return INVALID_ADDRESS;
	cpu->entry = entry;
	cpu->arg = arg;
	cpu->start = true;
	machine_kick(cpu);
	return SUCCESS;
}

void sbi_hart_start(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	axvcpu_set_return(cpu->fd, start(cpu->m, exit->cpu_up.target, exit->cpu_up.entry,
					 exit->cpu_up.arg));
}

/* Its thread resets it, and waits for another start. */
void sbi_hart_stop(struct cpu *cpu)
{
	cpu->arch.on = false;
	cpu->reset = true;
}

/* The call's registers tell which one it was: the legacy call has no type. */
void sbi_down(struct cpu *cpu)
{
	struct axvcpu_regs regs = { 0 };
	bool reset;

	axvcpu_get_regs(cpu->fd, &regs);
	reset = regs.riscv.x[REG_A7] == EXT_SRST && regs.riscv.x[REG_A0] != SRST_SHUTDOWN;
	machine_end(cpu->m, reset ? RESET : POWERED_OFF);
}

/* Bytes of the guest's memory, as many as PRINT_MAX. */
static struct sbi_ret print(struct machine *m, u64 nr, u64 gpa)
{
	u8 buf[PRINT_MAX];
	ssize_t len = axas_read(m->space, gpa, buf, nr < sizeof(buf) ? nr : sizeof(buf));

	if (len < 0)
		return error(INVALID_PARAM);
	for (ssize_t i = 0; i < len; i++)
		console_put(m, buf[i]);
	return value(len);
}

/* Input comes by the serial line alone. */
static struct sbi_ret console(struct machine *m, u32 function, const __u64 *args)
{
	switch (function) {
	case DBCN_WRITE:
		return args[2] ? error(INVALID_PARAM) : print(m, args[0], args[1]);
	case DBCN_READ:
		return value(0);
	case DBCN_WRITE_BYTE:
		console_put(m, args[0]);
		return value(0);
	default:
		return error(NOT_SUPPORTED);
	}
}

static struct sbi_ret serve(struct machine *m, u32 ext, u32 function, const __u64 *args)
{
	switch (ext) {
	case EXT_BASE:
		return base(function, args[0]);
	case EXT_RFENCE:
		return rfence(m, function, args);
	case EXT_HSM:
		return hsm(m, function, args[0]);
	case EXT_SRST:
		return error(function ? NOT_SUPPORTED : INVALID_PARAM);
	case EXT_DBCN:
		return console(m, function, args);
	case LEGACY_PUTCHAR:
		console_put(m, args[0]);
		return value(0);
	default:
		return error(NOT_SUPPORTED);
	}
}

/* The error in a0, the value in a1, which is 0 before. Legacy calls have no a1. */
void sbi_call(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u32 ext = exit->hypercall.nr;
	struct sbi_ret a = serve(cpu->m, ext, exit->hypercall.nr >> 32, exit->hypercall.args);

	axvcpu_set_return(cpu->fd, a.error);
	if (a.value && ext > EXT_LAST_LEGACY)
		axvcpu_set_gpr(cpu->fd, REG_A1, a.value);
}
