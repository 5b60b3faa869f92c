// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's thread: delivers what its interrupt controllers request, runs the guest, answers exits,
 * sleeps until a startup IPI. Calls the devices and libaxas.
 *
 * Locks: the machine's lock is held except while the guest runs.
 */
#include "boot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIG_TIMER	SIGUSR1
#define ENOSYS_RETURN	(-38ll)
#define DENIED_WAIT_US	500

/* The vCPU of this thread. */
static __thread struct cpu *this_cpu;

void machine_kick(struct cpu *cpu)
{
	if (cpu == this_cpu)
		return;
	pthread_cond_signal(&cpu->wake);
	axvcpu_kick(cpu->fd);
}

/* The signal itself ends a run; the kick ends one that is about to begin. */
static void on_timer(int sig)
{
	(void)sig;
	if (this_cpu)
		axvcpu_kick(this_cpu->fd);
}

static int make_timer(struct cpu *cpu)
{
	struct sigaction action = { .sa_handler = on_timer };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIG_TIMER,
	};

	event._sigev_un._tid = syscall(SYS_gettid);
	if (sigaction(SIG_TIMER, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &event, &cpu->timer))
		return -errno;
	return 0;
}

static void arm_timer(struct cpu *cpu, u64 due)
{
	struct itimerspec at = { 0 };

	if (due == cpu->armed)
		return;
	cpu->armed = due;
	if (due != NEVER) {
		at.it_value.tv_sec = due / NSEC;
		at.it_value.tv_nsec = due % NSEC;
	}
	timer_settime(cpu->timer, TIMER_ABSTIME, &at, NULL);
}

static void expire(struct cpu *cpu)
{
	u64 now = now_ns(), due;

	apic_expire(&cpu->apic, now);
	if (!cpu->id)
		devices_expire(cpu->m, now);
	due = cpu->apic.due;
	if (!cpu->id && devices_due(cpu->m) < due)
		due = devices_due(cpu->m);
	arm_timer(cpu, due);
}

/* The vector that waits, or -1; the 8259 comes first. */
static int pending(struct cpu *cpu, bool *from_pic)
{
	int vector = -1;

	if (!cpu->id && apic_takes_pic(&cpu->apic))
		vector = pic_pending(cpu->m);
	*from_pic = vector >= 0;
	return *from_pic ? vector : apic_pending(&cpu->apic);
}

/* Deliver what the guest takes at once. Returns the vector for which it must run, or 0. */
static u32 deliver(struct cpu *cpu)
{
	bool from_pic;
	int vector;

	while ((vector = pending(cpu, &from_pic)) >= 0) {
		if (vector < 32 || axvcpu_inject_now(cpu->fd, vector))
			return vector < 32 ? 0 : vector;
		if (from_pic)
			pic_ack(cpu->m);
		else
			apic_ack(&cpu->apic, vector);
	}
	return 0;
}

static void on_io_read(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	axvcpu_set_return(cpu->fd, port_read(cpu->m, exit->io_read.port, exit->io_read.width));
}

static void trace_msr(const struct cpu *cpu, const struct axvcpu_exit *exit, bool known)
{
	if (cpu->m->trace)
		fprintf(stderr, "%#llx %s MSR %#x%s\r\n", exit->rip,
			exit->reason == AXVCPU_EXIT_SYSREG_READ ? "reads" : "writes",
			exit->sysreg_read.addr, known ? "" : ": #GP");
}

static void on_msr_read(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	u64 val;
	bool known = msr_read(cpu, exit->sysreg_read.addr, &val);

	if (!apic_msr(exit->sysreg_read.addr))
		trace_msr(cpu, exit, known);
	if (known)
		axvcpu_set_return(cpu->fd, val);
	else
		axvcpu_set_return_fault(cpu->fd);
}

static void on_msr_write(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	bool known = msr_write(cpu, exit->sysreg_write.addr, exit->sysreg_write.value);

	if (!apic_msr(exit->sysreg_write.addr))
		trace_msr(cpu, exit, known);
	if (!known)
		axvcpu_set_return_fault(cpu->fd);
}

/*
 * Another process that has the space may protect memory for a while, to copy it: the access waits
 * until it is allowed, and is made again.
 */
static void on_fault(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct machine *m = cpu->m;

	if (exit->nested_page_fault.result != AXAS_FAULT_DENIED) {
		machine_fail(m, 0, "run", "CPU %u at %#llx wanted %s of %#llx: %s", cpu->id,
			     exit->rip, axas_prot_name(exit->nested_page_fault.access),
			     exit->nested_page_fault.gpa,
			     axas_fault_name(exit->nested_page_fault.result));
		return;
	}
	pthread_mutex_unlock(&m->lock);
	usleep(DENIED_WAIT_US);
	pthread_mutex_lock(&m->lock);
}

/* Where hardware leaves the registers as they were, they tell what happened. */
static void on_triple_fault(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct axvcpu_regs regs = { 0 };

	axvcpu_get_regs(cpu->fd, &regs);
	machine_fail(cpu->m, 0, "run",
		     "CPU %u: triple fault at %#llx, rsp %#llx, cr2 %#llx, cr3 %#llx, rflags %#llx",
		     cpu->id, exit->rip, regs.gpr[AXVCPU_REG_RSP], regs.cr2, regs.cr3, regs.rflags);
}

static void answer_exit(struct cpu *cpu, const struct axvcpu_exit *exit)
{
	struct machine *m = cpu->m;

	switch (exit->reason) {
	case AXVCPU_EXIT_NOTHING:
	case AXVCPU_EXIT_EXTERNAL_INTERRUPT:
	case AXVCPU_EXIT_WINDOW:
		break;
	case AXVCPU_EXIT_IO_WRITE:
		port_write(m, exit->io_write.port, exit->io_write.width, exit->io_write.data);
		break;
	case AXVCPU_EXIT_IO_READ:
		on_io_read(cpu, exit);
		break;
	case AXVCPU_EXIT_SYSREG_READ:
		on_msr_read(cpu, exit);
		break;
	case AXVCPU_EXIT_SYSREG_WRITE:
		on_msr_write(cpu, exit);
		break;
	case AXVCPU_EXIT_HYPERCALL:
		axvcpu_set_return(cpu->fd, ENOSYS_RETURN);
		break;
	case AXVCPU_EXIT_NESTED_PAGE_FAULT:
		on_fault(cpu, exit);
		break;
	case AXVCPU_EXIT_SYSTEM_DOWN:
		on_triple_fault(cpu, exit);
		break;
	default:
		machine_fail(m, 0, "run", "CPU %u at %#llx came out with %s %#llx", cpu->id,
			     exit->rip, axvcpu_exit_name(exit->reason), exit->raw[0]);
	}
}

#define SETUP_FLAGS	(AXVCPU_SETUP_BLOCK | AXVCPU_SETUP_X2APIC)

/* The boot protocol's state of the first CPU: RSI has the zero page. */
static int setup_first(struct cpu *cpu)
{
	struct axvcpu_setup setup = {
		.flags = SETUP_FLAGS, .mode = AXVCPU_MODE_LONG, .entry = cpu->m->entry,
		.stack = BOOT_STACK, .cr3 = PAGE_TABLES,
	};
	int err = axvcpu_setup(cpu->fd, &setup);

	return err ? err : axvcpu_set_gpr(cpu->fd, AXVCPU_REG_RSI, ZERO_PAGE);
}

static int setup_other(struct cpu *cpu, u8 page)
{
	struct axvcpu_setup setup = {
		.flags = SETUP_FLAGS | AXVCPU_SETUP_STARTUP, .mode = AXVCPU_MODE_REAL,
		.entry = (u64)page << 12,
	};

	return axvcpu_setup(cpu->fd, &setup);
}

/* INIT, and the wait for the startup IPI. False: the machine stops. */
static bool wait_for_startup(struct cpu *cpu)
{
	int err = 0;

	if (cpu->init) {
		cpu->init = false;
		err = axvcpu_reset(cpu->fd);
		apic_reset(&cpu->apic, cpu->id);
		cpu->wait = true;
	}
	while (cpu->wait && cpu->sipi < 0 && !machine_stopping(cpu->m))
		pthread_cond_wait(&cpu->wake, &cpu->m->lock);
	if (machine_stopping(cpu->m))
		return false;
	if (cpu->wait && !err)
		err = setup_other(cpu, cpu->sipi);
	cpu->wait = false;
	cpu->sipi = -1;
	if (err)
		machine_fail(cpu->m, err, "setup", "CPU %u", cpu->id);
	return !err;
}

static void run_once(struct cpu *cpu)
{
	struct axvcpu_exit exit;
	u32 window;
	int err;

	expire(cpu);
	window = deliver(cpu);
	pthread_mutex_unlock(&cpu->m->lock);
	err = window ? axvcpu_run_window(cpu->fd, window, &exit) : axvcpu_run(cpu->fd, &exit);
	pthread_mutex_lock(&cpu->m->lock);
	if (err && err != -EINTR)
		machine_fail(cpu->m, err, "run", "CPU %u", cpu->id);
	else if (!err)
		answer_exit(cpu, &exit);
}

static void *run_cpu(struct cpu *cpu)
{
	struct machine *m = cpu->m;
	int err = make_timer(cpu);

	pthread_mutex_lock(&m->lock);
	if (!err && !cpu->id)
		err = setup_first(cpu);
	if (err)
		machine_fail(m, err, "setup", "CPU %u", cpu->id);
	while (!machine_stopping(m)) {
		if ((cpu->wait || cpu->init) && !wait_for_startup(cpu))
			break;
		run_once(cpu);
	}
	pthread_mutex_unlock(&m->lock);
	timer_delete(cpu->timer);
	return NULL;
}

void *cpu_thread(void *arg)
{
	this_cpu = arg;
	return run_cpu(arg);
}
