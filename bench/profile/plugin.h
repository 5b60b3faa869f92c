/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What count.c and worlds.c use of QEMU's interface for plugins, version 1. Debian has no header of
 * it.
 */
#ifndef AXAS_BENCH_PLUGIN_H
#define AXAS_BENCH_PLUGIN_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

typedef __u64 u64;

typedef u64 qemu_plugin_id_t;

struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
					   void (*cb)(qemu_plugin_id_t id,
						      struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int cpu, void *data),
					    int flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int cpu, void *data), int flags,
					  void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
				    void (*cb)(qemu_plugin_id_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
u64 qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
u64 qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

#endif /* AXAS_BENCH_PLUGIN_H */
