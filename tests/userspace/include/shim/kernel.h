/* SPDX-License-Identifier: GPL-2.0-only */
/* All of them: what a header that has none of its own stands for. */
#ifndef SHIM_KERNEL_H
#define SHIM_KERNEL_H

#include "base.h"
#include "sync.h"
#include "mm.h"
#include "tree.h"
#include "interval.h"
#include "misc.h"
#include "trace.h"

#endif /* SHIM_KERNEL_H */
