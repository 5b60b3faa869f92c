// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device back end that knows nothing of axas: qemu-storage-daemon serves /dev/ram0 as a
 * vhost-user-blk device, with O_DIRECT, from and to the memory of a space whose descriptor it was
 * sent.
 */
#include "vhost.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES	(8 * MIB)
#define PIECE	(64 * 1024u)
#define SECTOR	512
#define DAEMON	"/usr/bin/qemu-storage-daemon"
#define SOCKET	"/tmp/vhost.sock"
#define EXPORT	"type=vhost-user-blk,id=e,node-name=d,writable=on,addr.type=unix,addr.path=" SOCKET
#define RINGS	(6 * MIB)

static struct memory m;
static struct vm vm;
static struct vhost vhost;
static pid_t daemon_pid;

static void start_daemon(void)
{
	unlink(SOCKET);
	daemon_pid = fork();
	if (!daemon_pid) {
		execl(DAEMON, DAEMON, "--blockdev",
		      "driver=host_device,node-name=d,filename=" DISK ",cache.direct=on",
		      "--export", EXPORT, NULL);
		fail(DAEMON ": %s", strerror(errno));
	}
}

static void begin(void)
{
	m = new_memory(BYTES);
	vm_make(&vm, &m);
	start_daemon();
	vhost_start(&vhost, SOCKET, &m, RINGS);
}

static void end(void)
{
	close(vhost.sock);
	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
}

static void guest_fills(u64 gpa, u64 first)
{
	expect_ok(vm_call(&vm, guest_fill, TEST_GPA + gpa, TEST_GPA + gpa + PIECE, first, NULL));
}

/* By the guest, pread() and the disk itself. */
static void expect_filled(u64 gpa, u64 first)
{
	u64 want = PIECE / 8 * first + PIECE / 8 * (PIECE / 8 - 1) / 2;

	expect_eq(guest_sum_of(&vm, gpa, PIECE), want);
	expect_eq(guest_word(&vm, gpa), first);
	expect_eq(read_word(&m, gpa + PIECE - 8), first + PIECE / 8 - 1);
}

static void back_end_reads_and_writes(void)
{
	u64 *disk = buffer(PIECE);

	begin();
	guest_fills(0, 100);
	expect_eq(vhost_write(&vhost, 0, 0, PIECE), 0);
	expect_eq(pread(open_disk(), disk, PIECE, 0), (ssize_t)PIECE);
	expect_eq(disk[9], 109);
	/* Into untouched memory, and across two frames of 2 MiB. */
	expect_eq(vhost_read(&vhost, 0, MIB, PIECE), 0);
	expect_filled(MIB, 100);
	expect_eq(vhost_read(&vhost, 0, 4 * MIB - PIECE / 2, PIECE), 0);
	expect_filled(4 * MIB - PIECE / 2, 100);
	end();
}

static void back_end_follows_a_discard(void)
{
	begin();
	for (u64 i = 0; i < 50; i++) {
		guest_fills(0, 1000 * i + 1);
		expect_eq(vhost_write(&vhost, i * PIECE / SECTOR, 0, PIECE), 0);
		expect_ok(discard(&m, 0, 2 * MIB));
		expect_eq(guest_sum_of(&vm, 0, PIECE), 0);
		expect_eq(vhost_read(&vhost, i * PIECE / SECTOR, 0, PIECE), 0);
		expect_filled(0, 1000 * i + 1);
	}
	end();
}

/* An error of the device, not the end of the back end. */
static void back_end_respects_areas(void)
{
	begin();
	guest_fills(0, 7);
	expect_eq(vhost_write(&vhost, 0, 0, PIECE), 0);
	expect_ok(axas_protect(m.fd, 0, 2 * MIB, RO));
	expect(vhost_read(&vhost, 0, 0, PIECE) != 0);
	expect_eq(read_word(&m, 0), 7);
	expect_eq(vhost_read(&vhost, 0, 2 * MIB, PIECE), 0);
	expect_filled(2 * MIB, 7);
	end();
}

/* It unmaps what it was given: the space ends with its last user. */
static void back_end_lets_go(void)
{
	u64 frames;

	begin();
	expect_eq(vhost_read(&vhost, 0, 0, PIECE), 0);
	frames = frames_of(&m);
	end();
	expect_eq(frames_of(&m), frames);
	guest_fills(0, 3);
	expect_filled(0, 3);
}

static const struct test tests[] = {
	{ "vhost-user-blk: a back end reads and writes guest memory", back_end_reads_and_writes },
	{ "vhost-user-blk: a back end follows a discard", back_end_follows_a_discard },
	{ "vhost-user-blk: a back end respects areas", back_end_respects_areas },
	{ "vhost-user-blk: a back end lets go", back_end_lets_go },
};

const struct suite suite_vhost = { "vhost", tests, ARRAY_SIZE(tests), false };
