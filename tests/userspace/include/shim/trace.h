/* SPDX-License-Identifier: GPL-2.0-only */
/* <linux/tracepoint.h>: events that are never enabled. */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#define TP_PROTO(...)		__VA_ARGS__
#define DECLARE_EVENT_CLASS(...)
#define TRACE_EVENT(name, proto, ...)						\
static inline bool trace_##name##_enabled(void) { return false; }		\
static inline void trace_##name(proto) { }
#define DEFINE_EVENT(class, name, proto, ...)					\
static inline bool trace_##name##_enabled(void) { return false; }		\
static inline void trace_##name(proto) { }

#endif /* SHIM_TRACE_H */
