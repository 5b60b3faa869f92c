// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code of the tracepoints in axas_trace.h. Calls nothing of axas. No locks.
 */
#define CREATE_TRACE_POINTS
#include "axas_trace.h"
