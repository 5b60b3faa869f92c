// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's that counts the instructions of a virtual machine by who executes them: its
 * kernel, its programs, or the guest that it runs by SVM. The guest may be the same kernel at the
 * same addresses: what is executed from a VMRUN until the instruction behind it is the guest's.
 *
 * A program in the virtual machine says what is counted by calling functions that do nothing:
 * "mark=ADDR" of one begins a section, of which there are as many as marks; until the first, and in
 * the section of the last, nothing is counted.
 *
 * At the end the lines of "out=FILE" are "world SECTION WORLD INSTRUCTIONS", "entries SECTION
 * VMRUNS", and "kernel SECTION ADDR INSTRUCTIONS" for each block of the machine's kernel. A block
 * that an exception ends early counts as a whole.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define MAX_MARKS	8
#define MAX_CPUS	8
#define MAX_VMRUNS	8
#define BUCKETS		262144	/* 2^18: the hash's upper bits */
#define VMRUN_BYTES	3

enum world { KERNEL, PROGRAMS, GUEST, NR_WORLDS };
static const char *const world_names[] = { "kernel", "programs", "guest" };

/* A block of instructions: how often the machine's own kernel executed it in each section. */
struct block {
	u64 addr;
	u64 insns;
	u64 kernel[MAX_MARKS];
	struct block *next;
};

static struct block *buckets[BUCKETS];
static u64 marks[MAX_MARKS], vmruns[MAX_VMRUNS];
static uintptr_t nr_marks, nr_vmruns, section;
static u64 worlds[MAX_MARKS][NR_WORLDS], entries[MAX_MARKS];
static bool counting, in_guest[MAX_CPUS];
static const char *path;

static struct block *block_of(u64 addr, u64 insns)
{
	struct block **bucket = &buckets[(addr * 0x9e3779b97f4a7c15ull + insns) >> 46], *b;

	for (b = *bucket; b; b = b->next)
		if (b->addr == addr && b->insns == insns)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->addr = addr;
	b->insns = insns;
	b->next = *bucket;
	*bucket = b;
	return b;
}

static void executed(unsigned int cpu, void *data)
{
	struct block *b = data;
	enum world world = in_guest[cpu % MAX_CPUS] ? GUEST : b->addr >> 63 ? KERNEL : PROGRAMS;

	if (!counting)
		return;
	worlds[section][world] += b->insns;
	if (world == KERNEL)
		b->kernel[section] += b->insns;
}

static void entered(unsigned int cpu, void *data)
{
	(void)data;
	in_guest[cpu % MAX_CPUS] = true;
	entries[section] += counting;
}

static void left(unsigned int cpu, void *data)
{
	(void)data;
	in_guest[cpu % MAX_CPUS] = false;
}

static void marked(unsigned int cpu, void *data)
{
	if (in_guest[cpu % MAX_CPUS])
		return;
	section = (uintptr_t)data;
	counting = section + 1 < nr_marks;
}

static bool is_vmrun(const struct qemu_plugin_insn *insn)
{
	static const unsigned char vmrun[VMRUN_BYTES] = { 0x0f, 0x01, 0xd8 };

	return qemu_plugin_insn_size(insn) == VMRUN_BYTES &&
	       !memcmp(qemu_plugin_insn_data(insn), vmrun, VMRUN_BYTES);
}

static void remember(u64 addr)
{
	for (uintptr_t i = 0; i < nr_vmruns; i++)
		if (vmruns[i] == addr)
			return;
	if (nr_vmruns == MAX_VMRUNS)
		abort();
	vmruns[nr_vmruns++] = addr;
}

static bool follows_vmrun(u64 addr)
{
	for (uintptr_t i = 0; i < nr_vmruns; i++)
		if (vmruns[i] + VMRUN_BYTES == addr)
			return true;
	return false;
}

static void look_at(struct qemu_plugin_insn *insn)
{
	u64 addr = qemu_plugin_insn_vaddr(insn);

	for (uintptr_t mark = 0; mark < nr_marks; mark++)
		if (marks[mark] == addr)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)mark);
	if (is_vmrun(insn)) {
		remember(addr);
		qemu_plugin_register_vcpu_insn_exec_cb(insn, entered, QEMU_PLUGIN_CB_NO_REGS,
						       NULL);
	}
}

/* VMRUN ends its block, and an exit begins one. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t insns = qemu_plugin_tb_n_insns(tb);
	u64 addr = qemu_plugin_tb_vaddr(tb);

	(void)id;
	if (follows_vmrun(addr))
		qemu_plugin_register_vcpu_tb_exec_cb(tb, left, QEMU_PLUGIN_CB_NO_REGS, NULL);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS,
					     block_of(addr, insns));
	for (size_t i = 0; i < insns; i++)
		look_at(qemu_plugin_tb_get_insn(tb, i));
}

static void end(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(path, "w");

	(void)id;
	(void)data;
	if (!file)
		return;
	for (unsigned int s = 0; s + 1 < nr_marks; s++) {
		for (unsigned int w = 0; w < NR_WORLDS; w++)
			fprintf(file, "world %u %s %llu\n", s, world_names[w], worlds[s][w]);
		fprintf(file, "entries %u %llu\n", s, entries[s]);
	}
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (const struct block *b = buckets[i]; b; b = b->next)
			for (unsigned int s = 0; s < MAX_MARKS; s++)
				if (b->kernel[s])
					fprintf(file, "kernel %u %llx %llu\n", s, b->addr,
						b->kernel[s]);
	fclose(file);
}

__attribute__((visibility("default")))
int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "mark=", 5) && nr_marks < MAX_MARKS)
			marks[nr_marks++] = strtoull(argv[i] + 5, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			path = strdup(argv[i] + 4);
	}
	if (!path || !nr_marks)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, end, NULL);
	return 0;
}
