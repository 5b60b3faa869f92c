/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * <linux/tracepoint.h>: events that nobody sees. Whether they are on is SHIM_TRACING, by which the
 * core takes other ways.
 */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#ifndef SHIM_TRACING
#define SHIM_TRACING		false
#endif

#define TP_PROTO(...)		__VA_ARGS__
#define DECLARE_EVENT_CLASS(...)
#define TRACE_EVENT(name, proto, ...)						\
static inline bool trace_##name##_enabled(void) { return SHIM_TRACING; }	\
static inline void trace_##name(proto) { }
#define DEFINE_EVENT(class, name, proto, ...)					\
static inline bool trace_##name##_enabled(void) { return SHIM_TRACING; }	\
static inline void trace_##name(proto) { }

#endif /* SHIM_TRACE_H */
