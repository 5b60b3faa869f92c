/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backends of other modules: a module registers a type of backend by name, and supplies the frames
 * of areas that axas_space_map_backend(), or AXAS_MAP_BACKEND, maps with an object of that type.
 */
#ifndef _AXAS_BACKEND_API_H
#define _AXAS_BACKEND_API_H

#include <linux/bits.h>
#include <axas/space.h>

struct module;

/* How the host reaches the frames of a type, and what else may be done with them. */
#define AXAS_FRAMES_DIRECT	BIT(0)	/* RAM in the kernel's direct map */
#define AXAS_FRAMES_WINDOW	BIT(1)	/* by windows of the HAL: memory that is no System RAM */
#define AXAS_FRAMES_PAGES	BIT(2)	/* with _DIRECT: mmap() and axas_space_bvec() work */
#define AXAS_FRAMES_2M		BIT(3)	/* @get serves order 9 too */
#define AXAS_FRAMES_ANY_TYPE	BIT(4)	/* with _WINDOW: any AXAS_TYPE_*, not just NORMAL */
#define AXAS_FRAMES_ANY_USER	BIT(5)	/* AXAS_MAP_BACKEND without CAP_SYS_RAWIO */

/**
 * struct axas_backend_type - a type of backend that a module supplies
 * @name: its name, at most AXAS_NAME_MAX - 1 bytes, unique on this host
 * @flags: AXAS_FRAMES_*. Without _DIRECT and _WINDOW the host does not reach the memory: reads and
 *	writes are -EOPNOTSUPP
 * @open: make an object from the number @arg, which only this type understands. @user: for a caller
 *	of AXAS_MAP_BACKEND. Returns 0 with *@object set, or an error
 * @release: the last area and the last user of an object are gone, and all its frames were put.
 *	Optional
 * @get: get up to @n frames of 4 KiB << @order for consecutive offsets from @offset on, which is
 *	aligned to @order. Each is aligned to its size, written wholly, and stays valid until it is
 *	put. Returns their number, at least 1; or -ENOMEM; -EINTR if a fatal signal is pending; any
 *	other error fails the access: AXAS_FAULT_ERROR
 * @put: take back frames that @get returned, or aligned pieces of them, in any order, once for each
 *	time that @get returned them. The area may be gone, the object is not
 *
 * @get and @put may sleep, and run without a lock of the space; several calls of @get for one
 * offset may run at once: each returns the same frame, or another. The frame of all but one of them
 * is put at once. No page of the frame may be locked by the module with AXAS_FRAMES_PAGES, and
 * references on it may remain after @put.
 *
 * What @get returned is checked. Frames that are misaligned or at address 0, that entries of the
 * space cannot address, more than @n, with AXAS_FRAMES_DIRECT such that are no referenced RAM, and
 * without it System RAM, are put again, nothing is mapped, and the access fails as with any other
 * error.
 */
struct axas_backend_type {
	const char *name;
	u32 flags;
	int (*open)(u64 arg, bool user, void **object);
	void (*release)(void *object);
	int (*get)(void *object, u64 offset, unsigned int order, struct axas_hpa *hpas,
		   unsigned int n);
	void (*put)(void *object, unsigned int order, const struct axas_hpa *hpas, unsigned int n);
};

struct axas_backend_object;

/**
 * axas_backend_register() - let areas be mapped with a type of backend
 * @type: the type; constant until it is unregistered
 * @owner: the module, THIS_MODULE. Each object holds a reference on it, so that it cannot be
 *	removed (EBUSY) while an area exists
 *
 * Context: May sleep.
 * Return: 0; -EINVAL without a name, @open, @get or @put, or with flags that do not go together;
 * -EEXIST if the name is taken; -ENOMEM.
 */
int __must_check axas_backend_register(const struct axas_backend_type *type, struct module *owner);

/**
 * axas_backend_unregister() - no object of a type is made from now on
 * @type: the type, which is registered
 *
 * To be called by the module's exit function, or if its init function fails; one that was not
 * registered is ignored. Objects that exist stay, with their areas.
 *
 * Context: May sleep.
 */
void axas_backend_unregister(const struct axas_backend_type *type);

/**
 * axas_backend_open() - make an object of a type
 * @name: the name of the type
 * @arg: for its @open
 *
 * Context: May sleep.
 * Return: the object, with a reference for the caller; ERR_PTR(-ENOENT) if there is no such type,
 * or its module is being removed; ERR_PTR(-ENOMEM); an error of the type.
 */
struct axas_backend_object *__must_check axas_backend_open(const char *name, u64 arg);

/**
 * axas_backend_close() - drop a reference on an object
 * @object: the object
 *
 * Context: May sleep.
 */
void axas_backend_close(struct axas_backend_object *object);

/**
 * axas_space_map_backend() - map memory of a backend object
 * @space: the space
 * @range: guest-physical range, in whole 4 KiB pages
 * @object: the object. The area takes references of its own
 * @offset: offset in the object of the first byte, 4 KiB aligned
 * @prot: AXAS_PROT_*
 * @type: AXAS_TYPE_*; for memory that the host caches AXAS_TYPE_NORMAL
 * @flags: AXAS_MAP_POLICY flags
 *
 * Frames come on first touch, or by axas_space_populate(), and go when they are unmapped or
 * discarded; the next touch asks the object again. They count towards max_frames as alloc's do.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL, also if the offsets wrap; -EOPNOTSUPP if the format cannot encode @prot or
 * @type, or the object's type of backend does not permit @type; -EEXIST on overlap with an area;
 * -ENOMEM; -EINTR on a fatal signal.
 */
int __must_check axas_space_map_backend(struct axas_space *space, struct axas_gpa_range range,
					struct axas_backend_object *object, u64 offset, u32 prot,
					u32 type, u32 flags);

#endif /* _AXAS_BACKEND_API_H */
