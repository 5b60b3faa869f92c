// SPDX-License-Identifier: GPL-2.0-only
/*
 * Check that each header of include/axas compiles by itself, in a module with no other include
 * path than include/ (see Kbuild). There is nothing to run.
 */
#include <axas/vcpu.h>
#include <axas/access.h>
#include <axas/addr.h>
#include <axas/backend.h>
#include <axas/conformance.h>
#include <axas/device.h>
#include <axas/frame.h>
#include <axas/hal.h>
#include <axas/space.h>
