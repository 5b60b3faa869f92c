/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of axvcpu.ko, system "axvcpu"; axvcpu_trace.c has their code. Fields are described
 * in Documentation/tracing.md.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM axvcpu

#if !defined(_AXVCPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _AXVCPU_TRACE_H

#include <linux/tracepoint.h>
#include <axas/space.h>

#include "axvcpu.h"

#define AXVCPU_TRACE_REASONS						\
	{ AXVCPU_EXIT_NOTHING, "nothing" },				\
	{ AXVCPU_EXIT_HYPERCALL, "hypercall" },				\
	{ AXVCPU_EXIT_MMIO_READ, "mmio_read" },				\
	{ AXVCPU_EXIT_MMIO_WRITE, "mmio_write" },			\
	{ AXVCPU_EXIT_SYSREG_READ, "sysreg_read" },			\
	{ AXVCPU_EXIT_SYSREG_WRITE, "sysreg_write" },			\
	{ AXVCPU_EXIT_IO_READ, "io_read" },				\
	{ AXVCPU_EXIT_IO_WRITE, "io_write" },				\
	{ AXVCPU_EXIT_EXTERNAL_INTERRUPT, "external_interrupt" },	\
	{ AXVCPU_EXIT_NESTED_PAGE_FAULT, "nested_page_fault" },		\
	{ AXVCPU_EXIT_HALT, "halt" },					\
	{ AXVCPU_EXIT_CPU_UP, "cpu_up" },				\
	{ AXVCPU_EXIT_CPU_DOWN, "cpu_down" },				\
	{ AXVCPU_EXIT_SYSTEM_DOWN, "system_down" },			\
	{ AXVCPU_EXIT_FAIL_ENTRY, "fail_entry" },			\
	{ AXVCPU_EXIT_SEND_IPI, "send_ipi" },				\
	{ AXVCPU_EXIT_CPUID, "cpuid" }

TRACE_EVENT(axvcpu_exit,
	TP_PROTO(const struct axvcpu *vcpu, u32 reason, const struct axvcpu_exit *exit),
	TP_ARGS(vcpu, reason, exit),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u32, space)
		__field(u32, vcpu)
		__field(u32, reason)
		__field(u32, access)
	),
	TP_fast_assign(
		bool fault = reason == AXVCPU_EXIT_NESTED_PAGE_FAULT;

		__entry->gpa = fault ? exit->nested_page_fault.gpa : 0;
		__entry->space = axas_space_id(vcpu->space);
		__entry->vcpu = vcpu->id;
		__entry->reason = reason;
		__entry->access = fault ? exit->nested_page_fault.access : 0;
	),
	TP_printk("space=%u vcpu=%u reason=%s gpa=0x%llx access=%s", __entry->space,
		  __entry->vcpu, __print_symbolic(__entry->reason, AXVCPU_TRACE_REASONS),
		  __entry->gpa,
		  __print_flags(__entry->access, "", { AXAS_PROT_READ, "r" },
				{ AXAS_PROT_WRITE, "w" }, { AXAS_PROT_EXEC, "x" }))
);

#endif /* _AXVCPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH vcpu
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE axvcpu_trace
#include <trace/define_trace.h>
