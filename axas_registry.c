// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backends of other modules: the list of their types, their objects, and the checks of what they
 * return. Calls the types, and the HAL.
 *
 * Locks: types_lock protects the list, and is held while an object takes its reference on a type
 * and the type's module. It nests inside nothing, and nothing inside it.
 */
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "axas_compat.h"
#include "axas_registry.h"

#define FRAMES_MASK	(AXAS_FRAMES_DIRECT | AXAS_FRAMES_WINDOW | AXAS_FRAMES_PAGES |	\
			 AXAS_FRAMES_2M | AXAS_FRAMES_ANY_TYPE | AXAS_FRAMES_ANY_USER)

/**
 * struct registered - a registered type
 * @node: in types
 * @refs: one of the list, one of each object
 * @type: the type
 * @owner: its module
 * @ops: the operations of its areas' backends
 */
struct registered {
	struct list_head node;
	refcount_t refs;
	const struct axas_backend_type *type;
	struct module *owner;
	struct axas_backend_ops ops;
};

/**
 * struct axas_backend_object - what a type made of a number
 * @refs: references: of areas, of faults in progress, of axas_backend_open()
 * @registered: its type, with a reference, and one on the module
 * @object: the type's own
 */
struct axas_backend_object {
	refcount_t refs;
	struct registered *registered;
	void *object;
};

static DEFINE_MUTEX(types_lock);
static LIST_HEAD(types);

static struct axas_backend_object *object_of(const struct axas_backend *backend)
{
	return (struct axas_backend_object *)backend->object;
}

static void put_registered(struct registered *registered)
{
	if (refcount_dec_and_test(&registered->refs))
		kfree(registered);
}

static void registered_put(const struct axas_backend *backend, unsigned int order,
			   const struct axas_hpa *hpas, unsigned int n)
{
	struct axas_backend_object *object = object_of(backend);

	object->registered->type->put(object->object, order, hpas, n);
}

/* A type's error as one of a backend. */
static int error_of(int err)
{
	if (err == -EINTR && fatal_signal_pending(current))
		return err;
	return err == -ENOMEM ? 0 : -EIO;
}

static int registered_get(const struct axas_backend *backend, u64 offset, unsigned int order,
			  u32 flags, struct axas_hpa *hpas, unsigned int n)
{
	struct axas_backend_object *object = object_of(backend);
	const struct axas_backend_type *type = object->registered->type;
	int got;

	if (order && (!(type->flags & AXAS_FRAMES_2M) ||
		      offset & ((AXAS_FRAME_SIZE << order) - 1)))
		return 0;
	got = type->get(object->object, offset, order, hpas, n);
	if (got <= 0)
		return error_of(got);
	if (got <= n)
		return got;
	registered_put(backend, order, hpas, n);
	return -EIO;
}

static void registered_hold(const struct axas_backend *backend)
{
	refcount_inc(&object_of(backend)->refs);
}

static void registered_release(const struct axas_backend *backend)
{
	axas_backend_close(object_of(backend));
}

/* Internal flags of a type's areas. */
static u32 flags_of(const struct axas_backend_type *type)
{
	u32 flags = AXAS_BACKEND_PLACED | AXAS_BACKEND_CHECKED;

	if (type->flags & AXAS_FRAMES_DIRECT)
		flags |= AXAS_BACKEND_DIRECT;
	else if (!(type->flags & AXAS_FRAMES_WINDOW))
		flags |= AXAS_BACKEND_NO_ACCESS;
	return flags | (type->flags & AXAS_FRAMES_PAGES ? AXAS_BACKEND_OWN_PAGES :
							  AXAS_BACKEND_NO_PAGES);
}

static bool type_ok(const struct axas_backend_type *type)
{
	u32 flags = type->flags;

	if (flags & ~FRAMES_MASK || !type->open || !type->get || !type->put || !type->name ||
	    !type->name[0] || strlen(type->name) >= AXAS_NAME_MAX)
		return false;
	if (flags & AXAS_FRAMES_PAGES && !(flags & AXAS_FRAMES_DIRECT))
		return false;
	return !(flags & AXAS_FRAMES_DIRECT &&
		 flags & (AXAS_FRAMES_WINDOW | AXAS_FRAMES_ANY_TYPE));
}

static struct registered *find_type(const char *name)
{
	struct registered *registered;

	lockdep_assert_held(&types_lock);
	list_for_each_entry(registered, &types, node)
		if (!strcmp(registered->type->name, name))
			return registered;
	return NULL;
}

int axas_backend_register(const struct axas_backend_type *type, struct module *owner)
{
	struct registered *registered;
	bool taken;

	if (!type_ok(type))
		return -EINVAL;
	registered = kzalloc(sizeof(*registered), GFP_KERNEL);
	if (!registered)
		return -ENOMEM;
	refcount_set(&registered->refs, 1);
	registered->type = type;
	registered->owner = owner;
	registered->ops = (struct axas_backend_ops){
		.id = AXAS_BACKEND_OTHER, .flags = flags_of(type),
		.get = registered_get, .put = registered_put,
		.hold = registered_hold, .release = registered_release,
	};
	mutex_lock(&types_lock);
	taken = find_type(type->name);
	if (!taken)
		list_add_tail(&registered->node, &types);
	mutex_unlock(&types_lock);
	if (taken)
		kfree(registered);
	return taken ? -EEXIST : 0;
}
EXPORT_SYMBOL_AXAS(axas_backend_register);

void axas_backend_unregister(const struct axas_backend_type *type)
{
	struct registered *registered;

	mutex_lock(&types_lock);
	registered = find_type(type->name);
	/* Another module's type of this name, if the registration of this one was refused. */
	if (registered && registered->type != type)
		registered = NULL;
	if (registered)
		list_del(&registered->node);
	mutex_unlock(&types_lock);
	if (registered)
		put_registered(registered);
}
EXPORT_SYMBOL_AXAS(axas_backend_unregister);

/* Find a type, and take a reference on it and its module. NULL: there is none. */
static struct registered *get_type(const char *name)
{
	struct registered *registered;

	mutex_lock(&types_lock);
	registered = find_type(name);
	if (registered && !try_module_get(registered->owner))
		registered = NULL;
	if (registered)
		refcount_inc(&registered->refs);
	mutex_unlock(&types_lock);
	return registered;
}

static void put_type(struct registered *registered)
{
	struct module *owner = registered->owner;

	put_registered(registered);
	module_put(owner);
}

/* Consumes the reference on the type, also on an error. */
static struct axas_backend_object *new_object(struct registered *registered, u64 arg, bool user)
{
	struct axas_backend_object *object = kzalloc(sizeof(*object), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (object)
		err = registered->type->open(arg, user, &object->object);
	if (err) {
		kfree(object);
		put_type(registered);
		return ERR_PTR(IS_ERR_VALUE((long)err) ? err : -EIO);
	}
	refcount_set(&object->refs, 1);
	object->registered = registered;
	return object;
}

struct axas_backend_object *axas_backend_open(const char *name, u64 arg)
{
	struct registered *registered = get_type(name);

	return registered ? new_object(registered, arg, false) : ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_AXAS(axas_backend_open);

struct axas_backend_object *axas_registry_open(const char *name, u64 arg, bool privileged)
{
	struct registered *registered = get_type(name);

	if (!registered)
		return ERR_PTR(privileged ? -ENOENT : -EPERM);
	if (!privileged && !(registered->type->flags & AXAS_FRAMES_ANY_USER)) {
		put_type(registered);
		return ERR_PTR(-EPERM);
	}
	return new_object(registered, arg, true);
}
EXPORT_SYMBOL_AXAS_KUNIT(axas_registry_open);

void axas_backend_close(struct axas_backend_object *object)
{
	struct registered *registered = object->registered;

	if (!refcount_dec_and_test(&object->refs))
		return;
	if (registered->type->release)
		registered->type->release(object->object);
	put_type(registered);
	kfree(object);
}
EXPORT_SYMBOL_AXAS(axas_backend_close);

struct axas_backend axas_registry_backend(struct axas_backend_object *object, u64 offset)
{
	return (struct axas_backend){
		.ops = &object->registered->ops, .object = object, .offset = offset,
	};
}

bool axas_registry_may_have_type(const struct axas_backend_object *object, u32 type)
{
	return type == AXAS_TYPE_NORMAL ||
	       object->registered->type->flags & AXAS_FRAMES_ANY_TYPE;
}

/* Whether each page of a frame in the direct map is RAM with a reference. */
static bool is_held_ram(const struct axas_hal *hal, struct axas_hpa hpa, unsigned int order)
{
	unsigned int i;
	struct page *page;
	void *va;

	for (i = 0; i < 1u << order; i++) {
		va = axas_hal_va(hal, axas_hpa_offset(hpa, (u64)i << AXAS_FRAME_SHIFT));
		if (!virt_addr_valid(va))
			return false;
		page = virt_to_page(va);
		if (PageReserved(page) || !page_count(page))
			return false;
	}
	return true;
}

static bool frame_ok(const struct axas_hal *hal, unsigned int oa_bits, bool direct,
		     unsigned int order, struct axas_hpa hpa)
{
	u64 size = AXAS_FRAME_SIZE << order, last = hpa.val + (size - 1);

	if (!hpa.val || !axas_hpa_is_aligned(hpa, size) || (oa_bits < 64 && last >> oa_bits))
		return false;
	return direct ? is_held_ram(hal, hpa, order) : !hal->is_ram || !hal->is_ram(hal, hpa, size);
}

int axas_registry_check(const struct axas_hal *hal, unsigned int oa_bits,
			const struct axas_backend *backend, unsigned int order,
			const struct axas_hpa *hpas, unsigned int n)
{
	bool direct = backend->ops->flags & AXAS_BACKEND_DIRECT;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!frame_ok(hal, oa_bits, direct, order, hpas[i]))
			return -EIO;
		/* A guest may execute what the module wrote. */
		if (direct && hal->clean)
			hal->clean(hal, axas_hal_va(hal, hpas[i]), AXAS_FRAME_SIZE << order);
	}
	return 0;
}
