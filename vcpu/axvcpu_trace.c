// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code of the tracepoints in axvcpu_trace.h. Calls axas_space_id(). No locks.
 */
#define CREATE_TRACE_POINTS
#include "axvcpu_trace.h"
