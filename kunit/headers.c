// SPDX-License-Identifier: GPL-2.0-only
/*
 * That every header of include/axas compiles by itself, in a module that was told to look
 * in include/ alone (see Kbuild). There is nothing to run.
 */
#include <axas/vcpu.h>
#include <axas/access.h>
#include <axas/addr.h>
#include <axas/device.h>
#include <axas/frame.h>
#include <axas/hal.h>
#include <axas/space.h>
