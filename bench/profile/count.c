// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's that counts how often each instruction is executed. A program in the
 * virtual machine says what is counted by calling functions that do nothing: "mark=ADDR" of
 * one begins a section, of which there are as many as marks; until the first, and in the
 * section of the last, nothing is counted.
 *
 * At the end each line of "out=FILE" is "SECTION ADDR COUNT".
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define MAX_MARKS	32
#define BUCKETS		262144	/* 2^18: the hash's upper bits */

/* One instruction: how often it was executed in each section. */
struct counter {
	u64 addr;
	u64 count[MAX_MARKS];
	struct counter *next;
};

static struct counter *buckets[BUCKETS];
static u64 marks[MAX_MARKS];
static uintptr_t nr_marks, section;
static bool counting;
static const char *path;

static struct counter *counter(u64 addr)
{
	struct counter **bucket = &buckets[(addr * 0x9e3779b97f4a7c15ull) >> 46], *c;

	for (c = *bucket; c; c = c->next)
		if (c->addr == addr)
			return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->addr = addr;
	c->next = *bucket;
	*bucket = c;
	return c;
}

static void executed(unsigned int cpu, void *data)
{
	struct counter *c = data;

	(void)cpu;
	if (counting)
		c->count[section]++;
}

static void marked(unsigned int cpu, void *data)
{
	(void)cpu;
	section = (uintptr_t)data;
	counting = section + 1 < nr_marks;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		u64 addr = qemu_plugin_insn_vaddr(insn);

		for (uintptr_t mark = 0; mark < nr_marks; mark++)
			if (marks[mark] == addr)
				qemu_plugin_register_vcpu_insn_exec_cb(insn, marked,
								       QEMU_PLUGIN_CB_NO_REGS,
								       (void *)mark);
		qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, QEMU_PLUGIN_CB_NO_REGS,
						       counter(addr));
	}
}

static void end(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(path, "w");

	(void)id;
	(void)data;
	if (!file)
		return;
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (const struct counter *c = buckets[i]; c; c = c->next)
			for (unsigned int s = 0; s < MAX_MARKS; s++)
				if (c->count[s])
					fprintf(file, "%u %llx %llu\n", s, c->addr,
						c->count[s]);
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
