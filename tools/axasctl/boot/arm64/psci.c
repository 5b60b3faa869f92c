// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware's calls that the module leaves to the VMM: CPUs that start, states, the end. Calls
 * machine_end() and machine_kick(). The machine's lock is held.
 *
 * Arm, "Power State Coordination Interface", DEN 0022, chapter 5.
 */
#include "../boot.h"

#define AFFINITY_INFO_32	0x84000004u
#define AFFINITY_INFO_64	0xc4000004u
#define MIGRATE_INFO_TYPE	0x84000006u
#define SYSTEM_RESET		0x84000009u

#define NOT_SUPPORTED		(-1ll)
#define INVALID_PARAMETERS	(-2ll)
#define ALREADY_ON		(-4ll)
#define ON_PENDING		(-5ll)
#define INVALID_ADDRESS		(-9ll)

#define STATE_ON		0
#define STATE_OFF		1
#define STATE_ON_PENDING	2
#define MIGRATE_NOT_NEEDED	2

static long long start(struct machine *m, const struct axvcpu_exit *exit)
{
	struct cpu *cpu;

	if (exit->cpu_up.target >= m->nr_cpus)
		return INVALID_PARAMETERS;
	if (exit->cpu_up.entry & 3)
		return INVALID_ADDRESS;
	cpu = &m->cpu[exit->cpu_up.target];
	if (cpu->start)
		return ON_PENDING;
	if (!cpu->wait && !cpu->reset)
		return ALREADY_ON;
	cpu->start = true;
	cpu->entry = exit->cpu_up.entry;
	cpu->arg = exit->cpu_up.arg;
	machine_kick(cpu);
	return 0;
}

void psci_cpu_up(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	axvcpu_set_return(cpu->fd, start(cpu->m, exit));
}

static long long state(const struct machine *m, u64 target)
{
	if (target >= m->nr_cpus)
		return INVALID_PARAMETERS;
	if (m->cpu[target].start)
		return STATE_ON_PENDING;
	return m->cpu[target].wait || m->cpu[target].reset ? STATE_OFF : STATE_ON;
}

void psci_call(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	long long result = NOT_SUPPORTED;

	switch ((u32)exit->hypercall.nr) {
	case AFFINITY_INFO_32:
	case AFFINITY_INFO_64:
		result = state(cpu->m, exit->hypercall.args[0]);
		break;
	case MIGRATE_INFO_TYPE:
		result = MIGRATE_NOT_NEEDED;
	}
	axvcpu_set_return(cpu->fd, result);
}

/* X0 still says which of the two calls it was. */
void psci_system_down(struct cpu *cpu)
{
	struct axvcpu_regs regs = { 0 };

	axvcpu_get_regs(cpu->fd, &regs);
	machine_end(cpu->m, (u32)regs.arm64.x[0] == SYSTEM_RESET ? RESET : POWERED_OFF);
}
