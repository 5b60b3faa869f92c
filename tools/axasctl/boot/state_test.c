// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which states of a machine are accepted from a file, without a guest: prints TAP. Has the
 * functions of the architecture and of libaxas that state.c calls.
 */
#include "boot.h"
#include "test.h"

#include <stddef.h>
#include <string.h>

#define CPUS	2u

static struct machine m;
static struct machine_state *saved;

int arch_setup_again(struct cpu *cpu)
{
	(void)cpu;
	return 0;
}

int axvcpu_save(int vcpu, void *state, __u32 bytes)
{
	(void)vcpu;
	memset(state, 0xff, bytes);
	return 0;
}

int axvcpu_restore(int vcpu, const void *state, __u32 bytes)
{
	(void)vcpu;
	(void)state;
	(void)bytes;
	return 0;
}

/* What all architectures have: a frequency, and numbers of CPUs. */
static void make_arch(void)
{
#if defined(__x86_64__)
	m.arch.tsc_khz = 1;
	for (u32 i = 0; i < CPUS; i++)
		m.cpu[i].arch.apic.id = i;
#elif defined(__riscv)
	m.arch.time_hz = 1;
#endif
}

static void begin(void)
{
	m = (struct machine){ .mem = MEM_MIN, .nr_cpus = CPUS, .disk = -1 };
	m.cpu[0].set_up = true;
	m.virtio[VIRTIO_BALLOON].queue[0] = (struct virtq){ .num = VIRTQ_MAX, .ready = true };
	m.uart.head = 5;
	m.uart.tail = -(UART_FIFO - 5u);
	make_arch();
	free(saved);
	if (machine_save(&m, &saved))
		exit(1);
}

static bool accepted(void)
{
	return machine_can_be(saved, saved->size);
}

/* With a byte or a word of the state replaced; then it is as before. */
static bool refuses_byte(void *at, u8 val)
{
	u8 *byte = at, was = *byte;
	bool good;

	*byte = val;
	good = accepted();
	*byte = was;
	return !good && accepted();
}

static bool refuses_word(u32 *at, u32 val)
{
	u32 was = *at;
	bool good;

	*at = val;
	good = accepted();
	*at = was;
	return !good && accepted();
}

static bool refuses_mem(u64 val)
{
	u64 was = saved->mem;
	bool good;

	saved->mem = val;
	good = accepted();
	saved->mem = was;
	return !good && accepted();
}

static void test_header(void)
{
	begin();
	ok(accepted() && !machine_resume(&m, saved), "what was saved is accepted");
	ok(!machine_can_be(saved, saved->size - 1) && refuses_word(&saved->size, saved->size + 1),
	   "refused: another size");
	ok(refuses_word(&saved->version, STATE_VERSION + 1) && refuses_byte(saved->name, 'X'),
	   "refused: another version, another architecture");
	ok(refuses_word(&saved->nr_cpus, 0) && refuses_word(&saved->nr_cpus, CPUS + 1) &&
	   refuses_word(&saved->nr_cpus, MAX_CPUS + 1) && refuses_word(&saved->nr_cpus, ~0u),
	   "refused: other numbers of CPUs");
	ok(refuses_mem(0) && refuses_mem(MEM_MIN - MEM_UNIT) && refuses_mem(MEM_MIN + PAGE) &&
	   refuses_mem(MEM_MAX + MEM_UNIT) && refuses_mem(~0ull), "refused: no size of a RAM");
}

static void test_devices(void)
{
	begin();
	for (u32 slot = 0; slot < NR_VIRTIO; slot++) {
		struct virtq *q = &saved->virtio[slot].queue[VIRTIO_QUEUES - 1];

		*q = (struct virtq){ .num = 1, .ready = true };
		ok(refuses_word(&q->num, 0), "refused: a queue in use without a length");
		ok(refuses_word(&q->num, 2 * VIRTQ_MAX) && refuses_word(&q->num, 0x1000) &&
		   refuses_word(&q->num, 1u << 31), "refused: a queue that is too long");
		ok(refuses_word(&q->num, 3) && refuses_word(&q->num, ~0u),
		   "refused: no power of two");
		ok(refuses_byte(&q->ready, 2), "refused: a queue that is neither ready nor not");
	}
	ok(refuses_word(&saved->uart.head, saved->uart.head + 1) &&
	   refuses_byte(&saved->uart.thr_empty, 0xff), "refused: more than the FIFO has room for");
}

static void test_cpus(void)
{
	struct cpu_state *cpu;

	begin();
	cpu = &saved->cpu[CPUS - 1];
	ok(refuses_byte(&cpu->wait, 2) && refuses_byte(&cpu->reset, 2) &&
	   refuses_byte(&cpu->start, 2) && refuses_byte(&cpu->set_up, 2),
	   "refused: a CPU that neither waits nor runs");
#if defined(__x86_64__)
	ok(refuses_word(&saved->arch.tsc_khz, 0), "refused: a TSC that stands");
	ok(refuses_word(&cpu->arch.apic.id, 0), "refused: the number of another APIC");
	ok(refuses_byte(&saved->arch.pic[1].base, 0xff) &&
	   refuses_byte(&saved->arch.pic[0].auto_eoi, 2) &&
	   refuses_byte(&saved->arch.pit[2].counting, 2) &&
	   refuses_byte(&saved->arch.pit[0].mode, 6) &&
	   refuses_byte(&saved->arch.cmos_index, sizeof(saved->arch.cmos)),
	   "refused: no 8259, 8254 or clock");
#else
	ok(refuses_byte(&cpu->arch.on, 2), "refused: a CPU that is neither on nor off");
#endif
}

int main(void)
{
	puts("TAP version 13");
	test_header();
	test_devices();
	test_cpus();
	free(saved);
	printf("1..%d\n", nr);
	return failures != 0;
}
