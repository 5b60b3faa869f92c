// SPDX-License-Identifier: GPL-2.0-only
/*
 * What axas_main.c does when the module is loaded, before main().
 */
#include <stdlib.h>
#include "axas_area.h"
#include "axas_stock.h"

__attribute__((constructor)) static void load(void)
{
	if (axas_stock_init() || axas_area_init())
		abort();
}

__attribute__((destructor)) static void unload(void)
{
	axas_area_exit();
	axas_stock_exit();
}
