// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a machine's state but its memory: vCPUs and devices, while no thread runs. Calls the
 * architecture's check.c, and libaxas.
 *
 * Times are those of this host's clocks, which run on: a deadline that has passed is due at once.
 * So a state is of use until the host boots again.
 */
#include "boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t state_size(u32 nr_cpus)
{
	return sizeof(struct machine_state) + nr_cpus * sizeof(struct cpu_state);
}

static int save_cpu(const struct cpu *cpu, struct cpu_state *state)
{
	state->wait = cpu->wait;
	state->reset = cpu->reset;
	state->start = cpu->start;
	state->set_up = cpu->set_up;
	state->entry = cpu->entry;
	state->arg = cpu->arg;
	state->arch = cpu->arch;
	return cpu->set_up ? axvcpu_save(cpu->fd, &state->vcpu, sizeof(state->vcpu)) : 0;
}

static int resume_cpu(struct cpu *cpu, const struct cpu_state *state)
{
	int err = state->set_up ? arch_setup_again(cpu) : 0;

	if (!err && state->set_up)
		err = axvcpu_restore(cpu->fd, &state->vcpu, sizeof(state->vcpu));
	cpu->wait = state->wait;
	cpu->reset = state->reset;
	cpu->start = state->start;
	cpu->set_up = state->set_up;
	cpu->entry = state->entry;
	cpu->arg = state->arg;
	cpu->arch = state->arch;
	return err;
}

int machine_save(const struct machine *m, struct machine_state **state)
{
	struct machine_state *s = calloc(1, state_size(m->nr_cpus));
	int err = s ? 0 : -ENOMEM;

	for (u32 i = 0; i < m->nr_cpus && !err; i++)
		err = save_cpu(&m->cpu[i], &s->cpu[i]);
	if (err) {
		free(s);
		return err;
	}
	s->version = STATE_VERSION;
	s->size = state_size(m->nr_cpus);
	strcpy(s->name, ARCH_NAME);
	s->mem = m->mem;
	s->nr_cpus = m->nr_cpus;
	s->uart = m->uart;
	memcpy(s->virtio, m->virtio, sizeof(s->virtio));
	s->arch = m->arch;
	*state = s;
	return 0;
}

/* A length that a driver can have set, and no chain is longer than the room for its parts. */
static bool virtq_can_be(const struct virtq *q)
{
	return q->num <= VIRTQ_MAX && !(q->num & (q->num - 1)) && is_bool(&q->ready) &&
	       (q->num || !q->ready);
}

static bool virtio_can_be(const struct virtio *v)
{
	for (u32 i = 0; i < VIRTIO_QUEUES; i++)
		if (!virtq_can_be(&v->queue[i]))
			return false;
	return true;
}

static bool uart_can_be(const struct uart *u)
{
	return is_bool(&u->thr_empty) && u->head - u->tail <= UART_FIFO;
}

static bool cpu_can_be(const struct cpu_state *cpu, u32 id)
{
	return is_bool(&cpu->wait) && is_bool(&cpu->reset) && is_bool(&cpu->start) &&
	       is_bool(&cpu->set_up) && arch_cpu_can_be(&cpu->arch, id);
}

static bool header_can_be(const struct machine_state *s, u64 bytes)
{
	return bytes >= sizeof(*s) && s->version == STATE_VERSION &&
	       !strncmp(s->name, ARCH_NAME, sizeof(s->name)) && s->nr_cpus &&
	       s->nr_cpus <= MAX_CPUS && s->size == bytes && bytes == state_size(s->nr_cpus) &&
	       memory_can_be(s->mem);
}

bool machine_can_be(const struct machine_state *s, u64 bytes)
{
	if (!header_can_be(s, bytes) || !uart_can_be(&s->uart) || !arch_machine_can_be(&s->arch))
		return false;
	for (u32 i = 0; i < NR_VIRTIO; i++)
		if (!virtio_can_be(&s->virtio[i]))
			return false;
	for (u32 i = 0; i < s->nr_cpus; i++)
		if (!cpu_can_be(&s->cpu[i], i))
			return false;
	return true;
}

/* The machine is as machine_create() has made it, and its memory has its content. */
int machine_resume(struct machine *m, const struct machine_state *s)
{
	int err = 0;

	if (s->version != STATE_VERSION || s->size != state_size(m->nr_cpus) ||
	    strncmp(s->name, ARCH_NAME, sizeof(s->name)) || s->mem != m->mem ||
	    s->nr_cpus != m->nr_cpus)
		return -EINVAL;
	m->uart = s->uart;
	memcpy(m->virtio, s->virtio, sizeof(m->virtio));
	m->arch = s->arch;
	for (u32 i = 0; i < m->nr_cpus && !err; i++)
		err = resume_cpu(&m->cpu[i], &s->cpu[i]);
	return err;
}
