// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares the CPU's walks of G-stage tables with axas_space_translate(), for random spaces of
 * each mode that the CPU has, by a load, fetch or store at random addresses with the hypervisor
 * load and store instructions (../../vcpu/riscv/hlv.S). This needs no guest. It reports in KTAP
 * to the kernel log.
 *
 * Calls axas.ko only. The module owns hgatp, vsatp and hstatus only while interrupts are off.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>

#include <axas/space.h>
#include "axas_compat.h"
#include "axas_single.h"
#include "../../vcpu/riscv/hlv.h"

static uint addresses = 45000;
module_param(addresses, uint, 0444);
MODULE_PARM_DESC(addresses, "how many addresses to compare in each mode (45000)");

static uint seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the random numbers; 0: another one each time");

#define AREAS		24
#define PER_SPACE	1500		/* addresses */
#define OURS_ORDER	10		/* memory of the test for linear areas: 4 MiB */
#define OURS_SIZE	(PAGE_SIZE << OURS_ORDER)
#define BLOCKS		2
#define VMID		1		/* no guests run now */

/* Actual or expected result of one access. */
struct result {
	bool trap;
	u64 val;
};

struct area {
	struct axas_gpa_range range;
	u64 hpa;		/* if linear */
	bool linear;
	bool mixed;		/* maps more than the test's memory */
};

/* Memory of the test, in which each 8-byte word is derived from its address. */
static struct page *blocks[BLOCKS];

struct test {
	struct axas_space *space;
	struct axas_consumer consumer;
	unsigned int ia_bits;
	unsigned long hgatp;
	struct area areas[AREAS];
	unsigned int nr;
	struct rnd_state rnd;
	bool half, fetch_loads;	/* emulators' bugs, see probe() */
	unsigned long fetch_cause;
	u64 compared, left_out, trapped, loads, fetches, stores, differ;
	u64 at_level[AXAS_LEAF_LEVELS];
};

static u64 rnd(struct test *t, u64 below)
{
	u64 val = (u64)prandom_u32_state(&t->rnd) << 32 | prandom_u32_state(&t->rnd);

	return val % below;
}

/* The word at @hpa: unique, so that a wrong address is detected. */
static u64 mark_of(u64 hpa)
{
	return (hpa ^ 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
}

static void mark(u64 hpa, u64 bytes)
{
	u64 *word = __va(hpa);
	u64 off;

	for (off = 0; off < bytes; off += sizeof(*word))
		*word++ = mark_of(hpa + off);
}

static void fence(void *unused)
{
	riscv_hfence_gvma_all();
}

static void flush(struct axas_consumer *consumer, const struct axas_flush *flush,
		  struct cpumask *cpus)
{
	on_each_cpu(fence, NULL, 1);
}

static const struct axas_consumer_ops consumer_ops = { .request = flush };

/* Access @gpa through the space's table, as a guest's kernel with paging off would. */
static u64 guest_access(struct test *t, riscv_access_fn *fn, u64 gpa, u64 val,
			struct riscv_trap *trap)
{
	unsigned long flags, hgatp, vsatp, hstatus;

	local_irq_save(flags);
	hgatp = csr_swap(CSR_HGATP, t->hgatp);
	vsatp = csr_swap(CSR_VSATP, 0);
	riscv_hfence_gvma_vmid(VMID);
	hstatus = csr_read_set(CSR_HSTATUS, HSTATUS_SPVP);
	trap->cause = RISCV_NO_TRAP;
	val = fn(gpa, trap, val);
	csr_write(CSR_HSTATUS, hstatus);
	csr_write(CSR_VSATP, vsatp);
	csr_write(CSR_HGATP, hgatp);
	riscv_hfence_gvma_vmid(VMID);
	local_irq_restore(flags);
	return val;
}

/* The kinds of access; results are extended by width and sign. */
static const struct access {
	const char *name;
	riscv_access_fn *fn;
	u32 prot;
	u32 bytes;
	bool sign;
} accesses[] = {
	{ "hlv.b", riscv_hlv_b, AXAS_PROT_READ, 1, true },
	{ "hlv.bu", riscv_hlv_bu, AXAS_PROT_READ, 1, false },
	{ "hlv.h", riscv_hlv_h, AXAS_PROT_READ, 2, true },
	{ "hlv.hu", riscv_hlv_hu, AXAS_PROT_READ, 2, false },
	{ "hlv.w", riscv_hlv_w, AXAS_PROT_READ, 4, true },
	{ "hlv.wu", riscv_hlv_wu, AXAS_PROT_READ, 4, false },
	{ "hlv.d", riscv_hlv_d, AXAS_PROT_READ, 8, false },
	{ "hlvx.hu", riscv_hlvx_hu, AXAS_PROT_EXEC, 2, false },
	{ "hlvx.wu", riscv_hlvx_wu, AXAS_PROT_EXEC, 4, false },
	{ "hsv.b", riscv_hsv_b, AXAS_PROT_WRITE, 1, false },
	{ "hsv.h", riscv_hsv_h, AXAS_PROT_WRITE, 2, false },
	{ "hsv.w", riscv_hsv_w, AXAS_PROT_WRITE, 4, false },
	{ "hsv.d", riscv_hsv_d, AXAS_PROT_WRITE, 8, false },
};

static u64 extended(const struct access *a, u64 val)
{
	unsigned int unused_bits = 64 - 8 * a->bytes;

	return a->sign ? (u64)((s64)(val << unused_bits) >> unused_bits) :
			 val << unused_bits >> unused_bits;
}

/* Load host memory with the width of the access. */
static u64 memory(const struct access *a, u64 hpa)
{
	return axas_load(__va(hpa), a->bytes);
}

static bool in_block(u64 hpa)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		if (hpa - page_to_phys(blocks[i]) < OURS_SIZE)
			return true;
	return false;
}

/* Does @gpa map memory that only this test uses? */
static bool is_ours(const struct test *t, u64 gpa, u64 hpa)
{
	unsigned int i;

	if (in_block(hpa))
		return true;
	for (i = 0; i < t->nr; i++)
		if (axas_gpa_range_contains(t->areas[i].range, axas_gpa(gpa)))
			return !t->areas[i].mixed;
	return false;
}

static void complain(struct test *t, const struct access *a, u64 gpa, const char *what,
		     u64 expected, u64 seen)
{
	if (t->differ++ < 8)
		pr_info("# %s at GPA:0x%llx: %s 0x%llx, hardware 0x%llx\n", a->name, gpa, what,
			expected, seen);
}

/* RISC-V Privileged, "H" Extension: hlvx faults as a load; htval has the address. */
static void check_trap(struct test *t, const struct access *a, u64 gpa,
		       const struct riscv_trap *trap)
{
	unsigned long cause = a->prot == AXAS_PROT_WRITE ? EXC_STORE_GUEST_PAGE_FAULT :
			      a->prot == AXAS_PROT_EXEC ? t->fetch_cause :
							  EXC_LOAD_GUEST_PAGE_FAULT;

	t->trapped++;
	if (trap->cause != cause)
		complain(t, a, gpa, "a fault of cause", cause, trap->cause);
	else if (trap->tval != gpa)
		complain(t, a, gpa, "stval", gpa, trap->tval);
	else if (cause != EXC_INST_PAGE_FAULT && riscv_trap_gpa(trap) != gpa)
		complain(t, a, gpa, "htval", gpa, riscv_trap_gpa(trap));
}

static void check_done(struct test *t, const struct access *a, u64 gpa, u64 hpa, u64 val,
		       u64 got)
{
	u64 after = memory(a, hpa);
	bool store = a->prot == AXAS_PROT_WRITE;

	t->loads += a->prot == AXAS_PROT_READ;
	t->fetches += a->prot == AXAS_PROT_EXEC;
	t->stores += store;
	if (store) {
		if (after != extended(a, val))
			complain(t, a, gpa, "to store", extended(a, val), after);
		mark(hpa & ~7ull, 8);
	} else if (got != extended(a, after)) {
		complain(t, a, gpa, "to load", extended(a, after), got);
	}
}

/* Skip accesses that this CPU is known to get wrong, or to memory that is not the test's. */
static bool leave_out(const struct test *t, const struct access *a, u64 gpa,
		      const struct axas_translation *to)
{
	u64 top = gpa >> (t->ia_bits - 1);

	if (t->half && (top == 1 || top == U64_MAX >> (t->ia_bits - 1)))
		return true;
	if (t->fetch_loads && a->prot == AXAS_PROT_EXEC &&
	    !(to->prot & AXAS_PROT_READ) != !(to->prot & AXAS_PROT_EXEC))
		return true;
	return (to->prot & a->prot) && !is_ours(t, gpa, to->hpa.val);
}

static void compare(struct test *t, const struct access *a, u64 gpa)
{
	struct axas_translation to = {};
	bool mapped = !axas_space_translate(t->space, axas_gpa(gpa), &to);
	bool allowed = to.prot & a->prot;
	struct riscv_trap trap;
	u64 val, got;

	if (leave_out(t, a, gpa, &to)) {
		t->left_out++;
		return;
	}
	val = rnd(t, U64_MAX);
	got = guest_access(t, a->fn, gpa, val, &trap);
	t->compared++;
	if (mapped)
		t->at_level[to.level]++;
	if (allowed && trap.cause != RISCV_NO_TRAP)
		complain(t, a, gpa, "access to", to.hpa.val, trap.cause);
	else if (allowed)
		check_done(t, a, gpa, to.hpa.val, val, got);
	else
		check_trap(t, a, gpa, &trap);
}

static u32 random_prot(struct test *t)
{
	static const u32 prots[] = {
		AXAS_PROT_READ, AXAS_PROT_EXEC, AXAS_PROT_READ | AXAS_PROT_EXEC,
		AXAS_PROT_READ | AXAS_PROT_WRITE, AXAS_PROT_MASK, AXAS_PROT_MASK,
	};

	return prots[rnd(t, ARRAY_SIZE(prots))];
}

/* A random range of @size bytes for an area, aligned to @align. */
static struct axas_gpa_range random_range(struct test *t, u64 size, u64 align)
{
	u64 slots = (BIT_ULL(t->ia_bits - t->half) - size) / align + 1;

	/* Often at the end of the space, or near other areas. */
	switch (rnd(t, 8)) {
	case 0:
		return axas_gpa_range(axas_gpa((slots - 1) * align), size);
	case 1 ... 3:
		slots = min(slots, 64ull);
		break;
	}
	return axas_gpa_range(axas_gpa(rnd(t, slots) * align), size);
}

/* Add an alloc area with some pages populated. */
static int add_alloc(struct test *t)
{
	bool huge = rnd(t, 4) == 0;
	u64 size = huge ? SZ_2M << rnd(t, 2) : PAGE_SIZE * (1 + rnd(t, 96));
	struct axas_gpa_range range = random_range(t, size, huge ? SZ_2M : PAGE_SIZE);
	u32 flags = huge ? AXAS_MAP_HUGE_ALWAYS : AXAS_MAP_HUGE_NEVER;
	unsigned int i;
	int err;

	flags |= rnd(t, 2) ? AXAS_MAP_POPULATE : 0;
	err = axas_space_map_alloc(t->space, range, random_prot(t), AXAS_TYPE_NORMAL, flags);
	if (err)
		return err;
	t->areas[t->nr++] = (struct area){ .range = range };
	for (i = 0; i < 16; i++)
		axas_space_fault(t->space, axas_gpa_offset(range.start, rnd(t, size)),
				 AXAS_PROT_READ, NULL);
	return 0;
}

/* Add a linear area of the test's memory: 4 KiB and 2 MiB leaves, or one large leaf around it. */
static int add_linear(struct test *t)
{
	u64 block = page_to_phys(blocks[rnd(t, BLOCKS)]);
	u64 kind = rnd(t, 6);
	u64 size, align, hpa;
	struct axas_gpa_range range;
	int err;

	if (kind == 0 && t->ia_bits > 41) {
		size = BIT_ULL(39);
		align = size;
		hpa = block & ~(size - 1);
	} else if (kind <= 2) {
		size = SZ_1G;
		align = size;
		hpa = block & ~(size - 1);
	} else {
		size = kind == 3 ? OURS_SIZE : PAGE_SIZE * (1 + rnd(t, 512));
		align = kind == 3 ? SZ_2M : PAGE_SIZE;
		hpa = kind == 3 ? block : block + PAGE_SIZE * rnd(t, 512);
	}
	range = random_range(t, size, align);
	err = axas_space_map_linear(t->space, range, axas_hpa(hpa), random_prot(t),
				    AXAS_TYPE_NORMAL);
	if (!err)
		t->areas[t->nr++] = (struct area){ range, hpa, true, size > OURS_SIZE };
	return err;
}

/* Some pages inside an area; in a large leaf, around the test's memory. */
static struct axas_gpa_range random_piece(struct test *t)
{
	const struct area *area = &t->areas[rnd(t, t->nr)];
	u64 start = area->range.start.val, size = area->range.size, off, bytes;

	if (area->mixed) {
		start += page_to_phys(blocks[rnd(t, BLOCKS)]) - area->hpa;
		size = OURS_SIZE;
	}
	off = rnd(t, size / PAGE_SIZE);
	bytes = min(size - off * PAGE_SIZE, PAGE_SIZE * (1 + rnd(t, 64)));
	return axas_gpa_range(axas_gpa(start + off * PAGE_SIZE), bytes);
}

/* Mark the pages of alloc areas with their addresses. */
static void mark_areas(struct test *t)
{
	struct axas_translation to;
	unsigned int i;
	u64 off;

	for (i = 0; i < t->nr; i++) {
		const struct area *area = &t->areas[i];

		if (area->linear)
			continue;
		for (off = 0; off < area->range.size; off += PAGE_SIZE)
			if (!axas_space_translate(t->space,
						  axas_gpa_offset(area->range.start, off), &to))
				mark(to.hpa.val, PAGE_SIZE);
	}
}

static int fill_space(struct test *t)
{
	unsigned int tries, i;
	int err;

	t->nr = 0;
	for (tries = 0; tries < 4 * AREAS && t->nr < AREAS; tries++) {
		err = rnd(t, 2) ? add_linear(t) : add_alloc(t);
		if (err && err != -EEXIST)
			return err;
	}
	for (i = 0; i < 16; i++) {
		err = axas_space_protect(t->space, random_piece(t), random_prot(t));
		if (!err)
			err = axas_space_unmap(t->space, random_piece(t));
		if (err)
			return err;
	}
	mark_areas(t);
	return 0;
}

static u64 random_gpa(struct test *t)
{
	const struct area *area = &t->areas[rnd(t, t->nr)];
	u64 start = area->range.start.val, size = area->range.size;

	switch (rnd(t, 16)) {
	case 0:
		return rnd(t, BIT_ULL(t->ia_bits));
	case 1:
		return start + rnd(t, BIT_ULL(63 - t->ia_bits)) * BIT_ULL(t->ia_bits);
	case 2 ... 3:
		return start + (rnd(t, 2) ? size : 0) + rnd(t, 2 * PAGE_SIZE) - PAGE_SIZE;
	case 4:
		return start + rnd(t, size);
	default:
		if (!area->mixed)
			return start + rnd(t, size);
		start += page_to_phys(blocks[rnd(t, BLOCKS)]) - area->hpa;
		return start + rnd(t, OURS_SIZE);
	}
}

static int open_space(struct test *t)
{
	struct axas_space_params params = {
		.format = AXAS_FORMAT_GSTAGE,
		.ia_bits = t->ia_bits,
	};
	int err;

	t->space = axas_space_create(&params);
	if (IS_ERR(t->space))
		return PTR_ERR(t->space);
	t->consumer.ops = &consumer_ops;
	err = axas_space_attach(t->space, &t->consumer);
	if (err)
		axas_space_put(t->space);
	t->hgatp = riscv_hgatp(axas_space_root(t->space).val, t->ia_bits, VMID);
	return err;
}

static void close_space(struct test *t)
{
	axas_space_detach(t->space, &t->consumer);
	axas_space_put(t->space);
}

static int test_space(struct test *t, unsigned int n)
{
	int err = open_space(t);

	if (err)
		return err;
	err = fill_space(t);
	while (!err && n--) {
		const struct access *a = &accesses[rnd(t, ARRAY_SIZE(accesses))];

		compare(t, a, random_gpa(t) & ~(a->bytes - 1ull));
		cond_resched();
	}
	close_space(t);
	return err;
}

/*
 * QEMU before 8.1 treats the top bit of a guest-physical address as a sign, and checks read
 * instead of execute permission for hlvx. Since then hlvx faults as an instruction fetch of the
 * host.
 */
static int probe(struct test *t)
{
	struct axas_gpa_range low = axas_gpa_range(axas_gpa(0), PAGE_SIZE);
	struct axas_gpa_range high = axas_gpa_range(axas_gpa(BIT_ULL(t->ia_bits - 1)), PAGE_SIZE);
	struct riscv_trap trap;
	int err = open_space(t);

	if (err)
		return err;
	err = axas_space_map_alloc(t->space, low, AXAS_PROT_READ, AXAS_TYPE_NORMAL,
				   AXAS_MAP_POPULATE);
	if (!err)
		err = axas_space_map_alloc(t->space, high, AXAS_PROT_READ, AXAS_TYPE_NORMAL,
					   AXAS_MAP_POPULATE);
	guest_access(t, riscv_hlvx_hu, low.start.val, 0, &trap);
	t->fetch_loads = trap.cause == RISCV_NO_TRAP;
	guest_access(t, riscv_hlvx_hu, PAGE_SIZE, 0, &trap);
	t->fetch_cause = trap.cause == EXC_INST_PAGE_FAULT ? EXC_INST_PAGE_FAULT :
							     EXC_LOAD_GUEST_PAGE_FAULT;
	guest_access(t, riscv_hlv_d, high.start.val, 0, &trap);
	t->half = trap.cause != RISCV_NO_TRAP;
	close_space(t);
	if (t->half)
		pr_info("# an emulator's bug: no addresses of %u bits\n", t->ia_bits);
	if (t->fetch_loads)
		pr_info("# an emulator's bug: hlvx loads\n");
	if (t->fetch_cause == EXC_INST_PAGE_FAULT)
		pr_info("# an emulator's bug: hlvx faults as a fetch\n");
	return err;
}

static bool test_mode(struct test *t)
{
	int err = probe(t);

	while (!err && t->compared < addresses)
		err = test_space(t, PER_SPACE);
	pr_info("# %llu addresses compared, %llu differ, %llu left out\n", t->compared,
		t->differ, t->left_out);
	pr_info("# %llu loads, %llu fetches, %llu stores, %llu faults\n", t->loads, t->fetches,
		t->stores, t->trapped);
	pr_info("# in leaves of 4K %llu, 2M %llu, 1G %llu, 512G %llu\n", t->at_level[0],
		t->at_level[1], t->at_level[2], t->at_level[3]);
	if (err)
		pr_info("# ended by error %d\n", err);
	return !err && !t->differ;
}

static const struct {
	const char *name;
	unsigned int ia_bits;
} modes[] = {
	{ "sv39x4_as_software_says", 41 },
	{ "sv48x4_as_software_says", 50 },
	{ "sv57x4_as_software_says", 59 },
};

static void test_modes(struct test *t)
{
	unsigned int i;
	int err;

	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", ARRAY_SIZE(modes));
	pr_info("# seed %u\n", seed);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		memset(t, 0, sizeof(*t));
		prandom_seed_state(&t->rnd, seed + i);
		t->ia_bits = modes[i].ia_bits;
		err = open_space(t);
		if (!err)
			close_space(t);
		if (err == -EOPNOTSUPP)
			pr_info("ok %u %s # SKIP not on this CPU\n", i + 1, modes[i].name);
		else
			pr_info("%s %u %s\n", test_mode(t) ? "ok" : "not ok", i + 1,
				modes[i].name);
	}
}

static void free_blocks(void)
{
	unsigned int i;

	for (i = 0; i < BLOCKS; i++)
		if (blocks[i])
			__free_pages(blocks[i], OURS_ORDER);
}

static int __init gstage_test_init(void)
{
	struct test *t;
	unsigned int i;
	int err = -ENOMEM;

	if (!riscv_isa_extension_available(NULL, h))
		return -ENODEV;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	for (i = 0; i < BLOCKS && t; i++) {
		blocks[i] = alloc_pages(GFP_KERNEL, OURS_ORDER);
		if (!blocks[i])
			goto out;
		mark(page_to_phys(blocks[i]), OURS_SIZE);
	}
	seed = seed ?: get_random_u32();
	if (t) {
		test_modes(t);
		err = 0;
	}
out:
	free_blocks();
	kfree(t);
	return err;
}

static void __exit gstage_test_exit(void)
{
}

module_init(gstage_test_init);
module_exit(gstage_test_exit);

MODULE_DESCRIPTION("Test of axas: hardware walks of G-stage tables");
MODULE_AUTHOR("The axas authors");
MODULE_LICENSE("GPL");
AXAS_MODULE_IMPORT_NS(AXAS);
