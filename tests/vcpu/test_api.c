// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules of the user API: sizes, flags, reserved fields, states, errors, affinity.
 */
#include "vm.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int call(int fd, unsigned long nr, void *arg)
{
	return -axas_ioctl(fd, nr, arg);
}

static int device(void)
{
	return axvcpu_open(NULL);
}

static void device_is_for_root_alone(void)
{
	struct stat st;

	expect_eq(stat("/dev/axvcpu", &st), 0);
	expect_eq(st.st_mode & 0777, 0600);
	expect_eq(axvcpu_get_api_version(device()), AXVCPU_API_VERSION);
}

/* R8 and R9, for the struct of each ioctl. */
static void envelopes_are_checked(void)
{
	static const struct { unsigned long nr; u32 size; bool system; } calls[] = {
		{ AXVCPU_CREATE, sizeof(struct axvcpu_create), true },
		{ AXVCPU_SETUP, sizeof(struct axvcpu_setup), false },
		{ AXVCPU_GET_REGS, sizeof(struct axvcpu_regs), false },
		{ AXVCPU_SET_REGS, sizeof(struct axvcpu_regs), false },
		{ AXVCPU_SET_GPR, sizeof(struct axvcpu_set_gpr), false },
		{ AXVCPU_RUN, sizeof(struct axvcpu_exit), false },
		{ AXVCPU_KICK, sizeof(struct axvcpu_kick), false },
		{ AXVCPU_INJECT, sizeof(struct axvcpu_inject), false },
		{ AXVCPU_GET_STATE, sizeof(struct axvcpu_state), false },
		{ AXVCPU_SET_AFFINITY, sizeof(struct axvcpu_affinity), false },
		{ AXVCPU_SET_RETURN, sizeof(struct axvcpu_return), false },
		{ AXVCPU_RESET, sizeof(struct axvcpu_reset), false },
		{ AXVCPU_FLUSH, sizeof(struct axvcpu_flush), false },
		{ AXVCPU_SAVE, sizeof(struct axvcpu_save), false },
		{ AXVCPU_RESTORE, sizeof(struct axvcpu_save), false },
	};
	int space = open_space(), dev = device(), vcpu = open_vcpu(space, 0, 0);

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		int fd = calls[i].system ? dev : vcpu;
		u32 arg[128] = { 0 };

		expect_eq(call(fd, calls[i].nr, NULL), EFAULT);
		expect_eq(call(fd, calls[i].nr, arg), EINVAL);		/* size 0 */
		arg[0] = 4;
		expect_eq(call(fd, calls[i].nr, arg), EINVAL);
		arg[0] = calls[i].size;
		arg[1] = 1u << 31;
		expect_eq(call(fd, calls[i].nr, arg), EINVAL);
		arg[1] = 0;
		arg[0] = calls[i].size + 8;
		arg[calls[i].size / 4] = 1;
		expect_eq(call(fd, calls[i].nr, arg), E2BIG);
		expect_eq(call(calls[i].system ? vcpu : dev, calls[i].nr, arg), ENOTTY);
	}
	expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_CREATED);
}

static void reserved_fields_are_zero(void)
{
	struct axvcpu_create create = { .size = sizeof(create), .reserved = 1 };
	struct axvcpu_setup setup_arg = { .size = sizeof(setup_arg), .reserved = 1 };
	struct axvcpu_set_gpr gpr = { .size = sizeof(gpr), .reserved = 1 };
	struct axvcpu_exit exit = { .size = sizeof(exit), .vector = 1 };
	struct axvcpu_inject inject = { .size = sizeof(inject), .vector = 40, .error = 256 };
	struct axvcpu_affinity affinity = { .size = sizeof(affinity), .reserved = 1 };
	struct vm vm = vm_new();
	struct axvcpu_regs regs;

	create.space_fd = vm.space;
	expect_eq(call(device(), AXVCPU_CREATE, &create), EINVAL);
	expect_eq(call(vm.vcpu, AXVCPU_SETUP, &setup_arg), EINVAL);
	expect_eq(call(vm.vcpu, AXVCPU_SET_GPR, &gpr), EINVAL);
	expect_eq(call(vm.vcpu, AXVCPU_RUN, &exit), EINVAL);
	expect_eq(call(vm.vcpu, AXVCPU_INJECT, &inject), EINVAL);
	expect_eq(call(vm.vcpu, AXVCPU_SET_AFFINITY, &affinity), EINVAL);
	expect_eq(axvcpu_get_regs(vm.vcpu, &regs), 0);
	regs.reserved[3] = 1;
	expect_eq(axvcpu_set_regs(vm.vcpu, &regs), -EINVAL);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_FREE);
}

/* Run until HLT with the struct of @size bytes at @exit; return the errno. */
static int run_there(struct vm *vm, void *exit, u32 size)
{
	u32 head[6];
	int err;

	vm_enter(vm, guest(halt), 0, 0, 0, 0);
	do {
		memset(head, 0, sizeof(head));
		head[0] = size;
		memcpy(exit, head, sizeof(head));
		err = call(vm->vcpu, AXVCPU_RUN, exit);
		memcpy(head, exit, sizeof(head));
		/* The kernel returns its own size for a longer struct. */
		expect_eq(head[0], err || size < sizeof(struct axvcpu_exit) ? size :
			  sizeof(struct axvcpu_exit));
	} while (!err && head[2] == AXVCPU_EXIT_NOTHING);
	if (!err)
		expect_eq(head[2], AXVCPU_EXIT_HALT);
	return err;
}

/* AXVCPU_RUN has a fast path for the current struct size; R8 and R11 hold there too. */
static void run_takes_its_struct_as_any_ioctl(void)
{
	const u32 size = sizeof(struct axvcpu_exit), shortest = 24;
	struct vm vm = vm_new();
	u8 *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	u8 *across = pages + PAGE - size / 2 / 8 * 8;
	u64 entries;

	expect(pages != MAP_FAILED);
	expect_eq(run_there(&vm, across, size), 0);
	expect_eq(run_there(&vm, across + 4, size), 0);
	memset(pages, 0, 2 * PAGE);
	expect_eq(run_there(&vm, across, size + 8), 0);
	memset(across, 0x55, PAGE / 2);
	expect_eq(run_there(&vm, across, shortest), 0);
	for (u32 i = shortest; i < size; i++)
		expect_eq(across[i], 0x55);
	memset(across, 0, PAGE / 2);
	across[size + 7] = 1;
	entries = vcpu_state(vm.vcpu).entries;
	expect_eq(run_there(&vm, across, size + 8), E2BIG);
	/* A struct whose head or tail is not writable: EFAULT before the guest is entered. */
	expect_eq(mprotect(pages + PAGE, PAGE, PROT_READ), 0);
	expect_eq(run_there(&vm, across, size), EFAULT);
	expect_eq(mprotect(pages + PAGE, PAGE, PROT_NONE), 0);
	expect_eq(run_there(&vm, across, size), EFAULT);
	expect_eq(vcpu_state(vm.vcpu).entries, entries);
	/* Bytes after a shorter struct are not accessed. */
	expect_eq(run_there(&vm, pages + PAGE - shortest, shortest), 0);
	expect_eq(run_there(&vm, pages + PAGE - size, size), 0);
	*(u32 *)(pages + PAGE - size) = size;
	expect_eq(mprotect(pages, PAGE, PROT_READ), 0);
	entries = vcpu_state(vm.vcpu).entries;
	expect_eq(call(vm.vcpu, AXVCPU_RUN, pages + PAGE - size), EFAULT);
	expect_eq(vcpu_state(vm.vcpu).entries, entries);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_FREE);
}

/* Is CPU 63 possible? The list is one range on the tests' machines, as "0-1". */
static bool may_be_cpu_63(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "r");
	unsigned int first = 0, last = 0;
	int n;

	if (!file)
		fail("the kernel does not say which CPUs may come");
	n = fscanf(file, "%u-%u", &first, &last);
	fclose(file);
	expect(n >= 1);
	return last >= 63;
}

static void create_refuses_what_it_cannot(void)
{
	struct axas_create other = { .format = ARCH_OTHER_FORMAT };
	struct axvcpu_create create = {
		.size = sizeof(create), .preferred_cpu = AXVCPU_CPU_ANY
	};
	int space = open_space(), dev = axas_open(NULL);

	expect_eq(-axvcpu_open_vcpu(NULL, 999, 0, 0), EBADF);
	expect_eq(-axvcpu_open_vcpu(NULL, dev, 0, 0), EINVAL);
	expect_eq(-axvcpu_open_vcpu(NULL, axas_create(dev, &other), 0, 0), EMEDIUMTYPE);
	create.space_fd = space;
	create.cpu_set = 1ull << 63;
	if (!may_be_cpu_63())
		expect_eq(call(device(), AXVCPU_CREATE, &create), EINVAL);
	create.cpu_set = 1;
	create.preferred_cpu = 1;
	expect_eq(call(device(), AXVCPU_CREATE, &create), EINVAL);
	create.cpu_set = 0;
	create.preferred_cpu = 100000;
	expect_eq(call(device(), AXVCPU_CREATE, &create), EINVAL);
}

/* A second AXVCPU_SETUP is EBADFD and moves the vCPU to INVALID. */
static void wrong_steps_leave_invalid(void)
{
	int space = open_space(), vcpu = open_vcpu(space, 0, 0);
	struct axvcpu_exit exit;

	expect_eq(setup(vcpu, ARCH_MODE, 0, 0), 0);
	expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_FREE);
	expect_eq(-setup(vcpu, ARCH_MODE, 0, 0), EBADFD);
	expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_INVALID);
	expect_eq(-setup(vcpu, ARCH_MODE, 0, 0), EBADFD);
	expect_eq(-axvcpu_run(vcpu, &exit), EBADFD);
}

static void run_before_setup_changes_nothing(void)
{
	int space = open_space(), vcpu = open_vcpu(space, 0, 0);
	struct vm vm = { .space = space, .vcpu = vcpu };
	struct axvcpu_exit exit;

	low_memory(space);
	for (int i = 0; i < 2; i++) {
		expect_eq(-axvcpu_run(vcpu, &exit), EBADFD);
		expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_CREATED);
	}
	expect_eq(setup(vcpu, ARCH_MODE, guest(halt), 0), 0);
	vm_expect(&vm, AXVCPU_EXIT_HALT);
}

static void registers_want_a_setup(void)
{
	int space = open_space(), vcpu = open_vcpu(space, 0, 0);
	struct axvcpu_regs regs;

	expect_eq(-axvcpu_get_regs(vcpu, &regs), EBADFD);
	expect_eq(-axvcpu_set_regs(vcpu, &regs), EBADFD);
	expect_eq(-axvcpu_set_gpr(vcpu, 0, 1), EBADFD);
	expect_eq(-axvcpu_set_return(vcpu, 1), EBADFD);
	expect_eq(-axvcpu_inject(vcpu, 40), EBADFD);
	expect_eq(vcpu_state(vcpu).state, AXVCPU_STATE_CREATED);
}

static void enter_spin(struct vm *vm)
{
	vm_enter(vm, guest(spin), 0, 0, 0, 0);
}

static int get_regs(struct vm *vm)
{
	struct axvcpu_regs regs;

	return axvcpu_get_regs(vm->vcpu, &regs);
}

static int set_gpr(struct vm *vm)
{
	return axvcpu_set_gpr(vm->vcpu, 0, 0);
}

static int run(struct vm *vm)
{
	struct axvcpu_exit exit;

	return axvcpu_run(vm->vcpu, &exit);
}

/* Where the first thread's run has ended, run() would not come back by itself. */
static void one_thread_at_a_time(void)
{
	struct vm vm = vm_new();

	expect_eq(-beside_run(&vm, enter_spin, get_regs), EBUSY);
	expect_eq(-beside_run(&vm, enter_spin, set_gpr), EBUSY);
	expect_eq(-beside_run(&vm, enter_spin, run), EBUSY);
	expect_eq(vcpu_state(vm.vcpu).state, AXVCPU_STATE_FREE);
	expect_eq(get_regs(&vm), 0);
}

static void bsp_and_id_are_told(void)
{
	int space = open_space();
	struct axvcpu_state state = vcpu_state(open_vcpu(space, 77, AXVCPU_CREATE_BSP));

	expect_eq(state.flags, AXVCPU_CREATE_BSP);
	expect_eq(state.id, 77);
	expect_eq(state.cpu, AXVCPU_CPU_ANY);
	expect_eq(state.preferred_cpu, AXVCPU_CPU_ANY);
	state = vcpu_state(open_vcpu(space, 78, 0));
	expect_eq(state.flags, 0);
}

/* axvcpu-NAME of a descriptor's fdinfo, by which axasctl finds the vCPUs of a space. */
static u64 fdinfo(int fd, const char *name)
{
	char path[64], line[256];
	unsigned long long val = ~0ull;
	size_t len = strlen(name);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	expect(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && line[len] == ':')
			val = strtoull(line + len + 1, NULL, 0);
	fclose(file);
	return val;
}

static void fdinfo_tells_of_the_vcpu(void)
{
	struct vm vm = vm_new();
	struct axvcpu_exit exit;
	int other = open_vcpu(vm.space, 77, 0);

	expect_eq(fdinfo(other, "axvcpu-id"), 77);
	expect_eq(fdinfo(other, "axvcpu-space"), space_id(vm.space));
	expect_eq(fdinfo(other, "axvcpu-state"), AXVCPU_STATE_CREATED);
	expect_eq(fdinfo(vm.vcpu, "axvcpu-state"), AXVCPU_STATE_FREE);
	expect_eq(fdinfo(vm.vcpu, "axvcpu-entries"), 0);
	expect_eq(run_there(&vm, &exit, sizeof(exit)), 0);
	expect_eq(fdinfo(vm.vcpu, "axvcpu-entries"), vcpu_state(vm.vcpu).entries);
	expect(fdinfo(vm.vcpu, "axvcpu-entries"));
}

static void affinity_is_kept(void)
{
	struct vm vm = vm_new();

	need_two_cpus();
	use_all_cpus();
	for (u32 i = 0; i < 20; i++) {
		u32 cpu = i % 2;

		expect_eq(axvcpu_set_affinity(vm.vcpu, i % 4 < 2 ? cpu : AXVCPU_CPU_ANY,
					      1ull << cpu), 0);
		vm_call(&vm, guest(read), VM_DATA, 0, 0, 0);
		expect_eq(vcpu_state(vm.vcpu).cpu, cpu);
	}
	expect_eq(-axvcpu_set_affinity(vm.vcpu, 0, 2), EINVAL);
	/* AXVCPU_RUN is EINVAL when the thread's own affinity excludes all CPUs of the set. */
	pin_thread(0);
	expect_eq(axvcpu_set_affinity(vm.vcpu, AXVCPU_CPU_ANY, 2), 0);
	vm_enter(&vm, guest(read), VM_DATA, 0, 0, 0);
	expect_eq(-axvcpu_run(vm.vcpu, &(struct axvcpu_exit){}), EINVAL);
	expect_eq(axvcpu_set_affinity(vm.vcpu, AXVCPU_CPU_ANY, 3), 0);
	vm_done(&vm);
}

/* A thread that runs a vCPU; @mask is its affinity afterwards, bit n for CPU n. */
struct placed {
	struct vm *vm;
	int err;
	u64 mask;
};

static u64 my_mask(void)
{
	cpu_set_t set;
	u64 mask = 0;

	expect_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < 64; cpu++)
		mask |= CPU_ISSET(cpu, &set) ? 1ull << cpu : 0;
	return mask;
}

static void *run_placed(void *arg)
{
	struct placed *p = arg;
	struct axvcpu_exit exit;

	do {
		p->err = axvcpu_run(p->vm->vcpu, &exit);
	} while (!p->err && exit.reason == AXVCPU_EXIT_NOTHING);
	p->mask = my_mask();
	return NULL;
}

/*
 * G10: an affinity that a manager sets during AXVCPU_RUN stays the thread's afterwards. The run
 * ends if it excludes all CPUs of the vCPU.
 */
static void a_managers_affinity_stays(void)
{
	static const struct { u64 set; int err; } runs[] = { { 3, -EINTR }, { 2, -EINVAL } };
	struct vm vm = vm_new();

	need_two_cpus();
	map(vm.space, VM_TEST, 2 * MIB, RW, 0);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct placed p = { .vm = &vm };
		pthread_t thread;
		cpu_set_t set;

		vm_enter(&vm, guest(stores), VM_TEST, VM_TEST + 8, 0, 0);
		expect_eq(axvcpu_set_affinity(vm.vcpu, 1, runs[i].set), 0);
		expect_eq(pthread_create(&thread, NULL, run_placed, &p), 0);
		wait_change(vm.space, VM_TEST + 8, peek(vm.space, VM_TEST + 8));
		CPU_ZERO(&set);
		CPU_SET(0, &set);
		expect_eq(pthread_setaffinity_np(thread, sizeof(set), &set), 0);
		if (runs[i].err == -EINTR) {
			wait_change(vm.space, VM_TEST + 8, peek(vm.space, VM_TEST + 8));
			expect_eq(axvcpu_kick(vm.vcpu), 0);
		}
		pthread_join(thread, NULL);
		expect_eq(-p.err, -runs[i].err);
		expect_eq(p.mask, 1);
	}
}

/* Run a vCPU in a loop, ignoring exits. */
static void *run_placed_often(void *arg)
{
	struct placed *p = arg;

	for (int i = 0; i < 20000 && !p->err; i++) {
		struct axvcpu_exit exit;

		p->err = axvcpu_run(p->vm->vcpu, &exit);
	}
	p->mask = my_mask();
	return NULL;
}

/*
 * G10: the same when the manager's sched_setaffinity() races with axvcpu moving the thread
 * there or back. Kernels before 6.2 do not record the user's mask.
 */
static void a_managers_affinity_is_not_overruled(void)
{
	struct vm vm = vm_new();

	need_two_cpus();
	if (kernel_version() < 6002)
		skip("this kernel keeps no mask of the user's");
	expect_eq(axvcpu_set_affinity(vm.vcpu, 1, 2), 0);
	for (int i = 0; i < 100; i++) {
		struct placed p = { .vm = &vm };
		pthread_t thread;
		cpu_set_t set;
		u64 entries = vcpu_state(vm.vcpu).entries;

		/* A load from a hole: each run exits again without progress. */
		vm_enter(&vm, guest(read), VM_TEST, 0, 0, 0);
		expect_eq(pthread_create(&thread, NULL, run_placed_often, &p), 0);
		while (vcpu_state(vm.vcpu).entries < entries + 1 + i)
			sched_yield();
		CPU_ZERO(&set);
		CPU_SET(0, &set);
		expect_eq(pthread_setaffinity_np(thread, sizeof(set), &set), 0);
		pthread_join(thread, NULL);
		expect_eq(-p.err, EINVAL);
		expect_eq(p.mask, 1);
	}
}

/* Without a manager the thread's affinity is restored after the run. */
static void a_threads_own_affinity_comes_back(void)
{
	struct vm vm = vm_new();
	struct placed p = { .vm = &vm };
	u64 all;

	need_two_cpus();
	use_all_cpus();
	run_placed(&p);
	all = p.mask;
	for (u64 set = 1; set < 4; set++) {
		p.mask = 0;
		vm_enter(&vm, guest(halt), 0, 0, 0, 0);
		expect_eq(axvcpu_set_affinity(vm.vcpu, AXVCPU_CPU_ANY, set), 0);
		run_placed(&p);
		expect_eq(p.err, 0);
		expect_eq(p.mask, all);
	}
}

/*
 * Creating vCPUs beyond the hardware's tags is ENOSPC, unless these can be shared; closing them
 * frees the tags.
 */
static void tags_run_out_and_come_back(void)
{
	int space = open_space(), fds[5000], n = 0, err;

	for (int round = 0; round < 2; round++) {
		for (n = 0; n < (int)ARRAY_SIZE(fds); n++) {
			fds[n] = axvcpu_open_vcpu(NULL, space, n, 0);
			if (fds[n] < 0)
				break;
		}
		err = n < (int)ARRAY_SIZE(fds) ? -fds[n] : 0;
		for (int i = 0; i < n; i++)
			close(fds[i]);
		if (err == EMFILE || !err)
			skip("more than %d", n);
		expect_eq(err, ENOSPC);
	}
	note("%d vCPUs", n);
}

static const struct test tests[] = {
	{ "device_is_for_root_alone", device_is_for_root_alone },
	{ "envelopes_are_checked", envelopes_are_checked },
	{ "reserved_fields_are_zero", reserved_fields_are_zero },
	{ "run_takes_its_struct_as_any_ioctl", run_takes_its_struct_as_any_ioctl },
	{ "create_refuses_what_it_cannot", create_refuses_what_it_cannot },
	{ "wrong_steps_leave_invalid", wrong_steps_leave_invalid },
	{ "run_before_setup_changes_nothing", run_before_setup_changes_nothing },
	{ "registers_want_a_setup", registers_want_a_setup },
	{ "one_thread_at_a_time", one_thread_at_a_time },
	{ "bsp_and_id_are_told", bsp_and_id_are_told },
	{ "fdinfo_tells_of_the_vcpu", fdinfo_tells_of_the_vcpu },
	{ "affinity_is_kept", affinity_is_kept },
	{ "a_managers_affinity_stays", a_managers_affinity_stays },
	{ "a_managers_affinity_is_not_overruled", a_managers_affinity_is_not_overruled },
	{ "a_threads_own_affinity_comes_back", a_threads_own_affinity_comes_back },
	{ "tags_run_out_and_come_back", tags_run_out_and_come_back },
};

const struct suite suite_api = { .tests = tests, .nr = ARRAY_SIZE(tests) };
