/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of axas.ko, system "axas"; axas_trace.c has their code. Fields are described in
 * Documentation/tracing.md. @start: when what is traced began, from axas_trace_start().
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM axas

#if !defined(_AXAS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _AXAS_TRACE_H

#include <linux/ktime.h>
#include <linux/tracepoint.h>

#include "axas_image.h"

#ifndef _AXAS_TRACE_ONCE
#define _AXAS_TRACE_ONCE

/* @on: trace_EVENT_enabled(). 0 if not, so that time costs nothing without the event. */
static __always_inline u64 axas_trace_start(bool on)
{
	return on ? ktime_get_ns() : 0;
}

/* 0 if the event was enabled in between. */
static inline u64 axas_trace_ns(u64 start)
{
	return start ? ktime_get_ns() - start : 0;
}

#endif /* _AXAS_TRACE_ONCE */

#define AXAS_TRACE_PROT							\
	{ AXAS_PROT_READ, "r" }, { AXAS_PROT_WRITE, "w" }, { AXAS_PROT_EXEC, "x" }

#define AXAS_TRACE_BACKENDS						\
	{ AXAS_BACKEND_LINEAR, "linear" }, { AXAS_BACKEND_ALLOC, "alloc" },	\
	{ AXAS_BACKEND_SHARED, "shared" }, { AXAS_BACKEND_FILE, "file" },	\
	{ AXAS_BACKEND_OTHER, "other" }, { AXAS_BACKEND_IMAGE, "image" }

#define AXAS_TRACE_KINDS						\
	{ AXAS_FAULT_FIXED, "fixed" }, { AXAS_FAULT_SPURIOUS, "spurious" },	\
	{ AXAS_FAULT_RETRY, "retry" }, { AXAS_FAULT_HOLE, "hole" },		\
	{ AXAS_FAULT_DENIED, "denied" }, { AXAS_FAULT_NOMEM, "nomem" },		\
	{ AXAS_FAULT_ERROR, "error" }, { AXAS_FAULT_MISSING, "missing" }

TRACE_EVENT(axas_map,
	TP_PROTO(const struct axas_space *space, const struct axas_gpa_range *range,
		 const struct axas_area *area, int ret),
	TP_ARGS(space, range, area, ret),
	TP_STRUCT__entry(
		__field(u32, space)
		__field(u32, backend)
		__field(u64, gpa)
		__field(u64, size)
		__field(u32, prot)
		__field(u32, flags)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->space = space->id;
		__entry->backend = area->backend.ops->id;
		__entry->gpa = range->start.val;
		__entry->size = range->size;
		__entry->prot = area->prot;
		__entry->flags = area->flags;
		__entry->ret = ret;
	),
	TP_printk("space=%u gpa=0x%llx size=0x%llx backend=%s prot=%s flags=0x%x ret=%d",
		  __entry->space, __entry->gpa, __entry->size,
		  __print_symbolic(__entry->backend, AXAS_TRACE_BACKENDS),
		  __print_flags(__entry->prot, "", AXAS_TRACE_PROT), __entry->flags,
		  __entry->ret)
);

TRACE_EVENT(axas_unmap,
	TP_PROTO(const struct axas_space *space, const struct axas_gpa_range *range, int ret,
		 u64 start),
	TP_ARGS(space, range, ret, start),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, size)
		__field(u64, ns)
		__field(u32, space)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->gpa = range->start.val;
		__entry->size = range->size;
		__entry->ns = axas_trace_ns(start);
		__entry->space = space->id;
		__entry->ret = ret;
	),
	TP_printk("space=%u gpa=0x%llx size=0x%llx ret=%d ns=%llu", __entry->space,
		  __entry->gpa, __entry->size, __entry->ret, __entry->ns)
);

TRACE_EVENT(axas_protect,
	TP_PROTO(const struct axas_space *space, const struct axas_gpa_range *range, u32 prot,
		 int ret, u64 start),
	TP_ARGS(space, range, prot, ret, start),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, size)
		__field(u64, ns)
		__field(u32, space)
		__field(u32, prot)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->gpa = range->start.val;
		__entry->size = range->size;
		__entry->ns = axas_trace_ns(start);
		__entry->space = space->id;
		__entry->prot = prot;
		__entry->ret = ret;
	),
	TP_printk("space=%u gpa=0x%llx size=0x%llx prot=%s ret=%d ns=%llu", __entry->space,
		  __entry->gpa, __entry->size,
		  __print_flags(__entry->prot, "", AXAS_TRACE_PROT), __entry->ret, __entry->ns)
);

TRACE_EVENT(axas_discard,
	TP_PROTO(const struct axas_space *space, const struct axas_gpa_range *ranges,
		 unsigned int n, u64 done, int ret, u64 start),
	TP_ARGS(space, ranges, n, done, ret, start),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, size)
		__field(u64, done)
		__field(u64, ns)
		__field(u32, space)
		__field(u32, ranges)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->gpa = n ? ranges->start.val : 0;
		__entry->size = n ? ranges->size : 0;
		__entry->done = done;
		__entry->ns = axas_trace_ns(start);
		__entry->space = space->id;
		__entry->ranges = n;
		__entry->ret = ret;
	),
	TP_printk("space=%u gpa=0x%llx size=0x%llx ranges=%u done=0x%llx ret=%d ns=%llu",
		  __entry->space, __entry->gpa, __entry->size, __entry->ranges, __entry->done,
		  __entry->ret, __entry->ns)
);

TRACE_EVENT(axas_fault,
	TP_PROTO(const struct axas_space *space, u64 gpa, u32 access, int kind,
		 unsigned int level, bool host, u64 start),
	TP_ARGS(space, gpa, access, kind, level, host, start),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, ns)
		__field(u32, space)
		__field(u32, access)
		__field(u32, kind)
		__field(u8, level)
		__field(u8, host)
	),
	TP_fast_assign(
		__entry->gpa = gpa;
		__entry->ns = axas_trace_ns(start);
		__entry->space = space->id;
		__entry->access = access;
		__entry->kind = kind;
		__entry->level = level;
		__entry->host = host;
	),
	TP_printk("space=%u gpa=0x%llx access=%s kind=%s level=%u host=%u ns=%llu",
		  __entry->space, __entry->gpa,
		  __print_flags(__entry->access, "", AXAS_TRACE_PROT),
		  __print_symbolic(__entry->kind, AXAS_TRACE_KINDS), __entry->level,
		  __entry->host, __entry->ns)
);

TRACE_EVENT(axas_flush,
	TP_PROTO(const struct axas_space *space, const struct axas_flush *flush, u64 start),
	TP_ARGS(space, flush, start),
	TP_STRUCT__entry(
		__field(u64, gpa)
		__field(u64, size)
		__field(u64, ns)
		__field(u32, space)
		__field(u8, tables)
	),
	TP_fast_assign(
		__entry->gpa = flush->range.start.val;
		__entry->size = flush->range.size;
		__entry->ns = axas_trace_ns(start);
		__entry->space = space->id;
		__entry->tables = flush->tables;
	),
	TP_printk("space=%u gpa=0x%llx size=0x%llx tables=%u ns=%llu", __entry->space,
		  __entry->gpa, __entry->size, __entry->tables, __entry->ns)
);

DECLARE_EVENT_CLASS(axas_of_image,
	TP_PROTO(const struct axas_space *space, struct axas_image *image, int ret,
		 u64 start),
	TP_ARGS(space, image, ret, start),
	TP_STRUCT__entry(
		__field(u64, ns)
		__field(u32, space)
		__field(u32, image)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ns = axas_trace_ns(start);
		__entry->space = space->id;
		__entry->image = ret ? 0 : image->base->id;
		__entry->ret = ret;
	),
	TP_printk("space=%u image=%u ret=%d ns=%llu", __entry->space, __entry->image,
		  __entry->ret, __entry->ns)
);

DEFINE_EVENT(axas_of_image, axas_freeze,
	TP_PROTO(const struct axas_space *space, struct axas_image *image, int ret,
		 u64 start),
	TP_ARGS(space, image, ret, start)
);

DEFINE_EVENT(axas_of_image, axas_clone,
	TP_PROTO(const struct axas_space *space, struct axas_image *image, int ret,
		 u64 start),
	TP_ARGS(space, image, ret, start)
);

DEFINE_EVENT(axas_of_image, axas_reset,
	TP_PROTO(const struct axas_space *space, struct axas_image *image, int ret,
		 u64 start),
	TP_ARGS(space, image, ret, start)
);

#endif /* _AXAS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE axas_trace
#include <trace/define_trace.h>
