// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk in another process, without a guest: prints TAP. The driver and the back end are this
 * test. Has the functions of memory.c, machine.c, of the architecture and of libaxas that virtio's
 * devices call.
 */
#include "boot.h"
#include "test.h"

#include <errno.h>
#include <semaphore.h>
#include <linux/vhost_types.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUESTS	32
#define FEATURES	0x140001202ull	/* of the protocol, version 1, MQ, FLUSH, SIZE_MAX */
#define SECTORS		77
#define REFUSED		7
#define HANG_S		100	/* until what never ends has failed */

static const u64 good = 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_F_VERSION_1;

static struct machine m;
static bool line;
static int failed;
static sem_t changed, looked;
static pthread_t driver;
static u64 seconds;

/* A second passes each time that it is looked at. */
u64 now_ns(void)
{
	sem_post(&looked);
	return ++seconds * NSEC;
}

int memory_read(struct machine *machine, u64 gpa, void *buf, size_t len)
{
	(void)machine;
	(void)gpa;
	(void)buf;
	(void)len;
	return -EFAULT;
}

int memory_write(struct machine *machine, u64 gpa, const void *buf, size_t len)
{
	(void)machine;
	(void)gpa;
	(void)buf;
	(void)len;
	return -EFAULT;
}

int axas_discard(int space, const struct axas_extent *extents, __u32 count, __u64 *done)
{
	(void)space;
	(void)extents;
	(void)count;
	(void)done;
	return 0;
}

void arch_virtio_line(struct machine *machine, u32 slot, bool level)
{
	(void)machine;
	if (slot == VIRTIO_DISK)
		line = level;
	if (level)
		sem_post(&changed);
}

void machine_fail(struct machine *machine, int err, const char *what, const char *fmt, ...)
{
	(void)machine;
	(void)what;
	(void)fmt;
	failed = err;
	sem_post(&changed);
}

/**
 * struct back_end - the back end
 * @listener: its socket
 * @path: of that
 * @thread: replies
 * @protocol: features of the protocol that it offers
 * @refuse: the request that it refuses, or 0
 * @slow: a byte of an answer comes when the front end has looked at the clock again
 * @seen: requests, a bit each
 * @memory: of SET_MEM_TABLE, and its first descriptor
 * @addr: of SET_VRING_ADDR
 * @num: of SET_VRING_NUM
 * @features: of SET_FEATURES
 * @fd: descriptors, by request
 */
static struct back_end {
	int listener;
	char path[64];
	pthread_t thread;
	u64 protocol;
	u32 refuse;
	bool slow;
	u32 seen;
	struct { u32 nr, padding; u64 gpa, bytes, user, offset; } memory;
	struct vhost_vring_addr addr;
	u32 num;
	u64 features;
	int fd[REQUESTS];
} b;

struct message {
	u32 request, flags, size;
	u8 payload[256];
} __attribute__((packed));

static void reply(int sock, struct message *msg, const void *payload, u32 size)
{
	msg->flags = 5;
	msg->size = size;
	memcpy(msg->payload, payload, size);
	for (u32 i = 0; b.slow && i < 12 + size; i++)
		if (sem_wait(&looked) || send(sock, (u8 *)msg + i, 1, MSG_NOSIGNAL) < 0)
			return;
	if (!b.slow && send(sock, msg, 12 + size, MSG_NOSIGNAL) < 0)
		exit(1);
}

static void on_signal(int sig)
{
	(void)sig;
}

/* As by the timer of a vCPU, which waits for the answer. */
static void interrupt(void)
{
	usleep(20000);
	pthread_kill(driver, SIGUSR1);
	usleep(20000);
}

static void serve(int sock, struct message *msg)
{
	struct virtio_blk_config config = { .capacity = SECTORS };
	u64 num = msg->request == 1 ? FEATURES : b.protocol, refused = REFUSED, zero = 0;

	switch (msg->request) {
	case 1:
	case 15:
		reply(sock, msg, &num, sizeof(num));
		return;
	case 2:
		memcpy(&b.features, msg->payload, sizeof(b.features));
		break;
	case 5:
		memcpy(&b.memory, msg->payload, sizeof(b.memory));
		break;
	case 8:
		memcpy(&b.num, msg->payload + 4, sizeof(b.num));
		break;
	case 9:
		memcpy(&b.addr, msg->payload, sizeof(b.addr));
		break;
	case 11:
		interrupt();
		reply(sock, msg, &zero, sizeof(zero));
		return;
	case 24:
		memcpy(msg->payload + 12, &config, VHOST_CONFIG);
		reply(sock, msg, msg->payload, 12 + VHOST_CONFIG);
		return;
	}
	if (msg->flags & 8)
		reply(sock, msg, msg->request == b.refuse ? &refused : &zero, sizeof(zero));
}

/* False: the front end has gone. */
static bool receive(int sock, struct message *msg)
{
	char control[CMSG_SPACE(4 * sizeof(int))];
	struct iovec vec = { msg, 12 };
	struct msghdr in = {
		.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (recvmsg(sock, &in, MSG_WAITALL) != 12 || msg->size > sizeof(msg->payload) ||
	    msg->request >= REQUESTS)
		return false;
	if (CMSG_FIRSTHDR(&in))
		memcpy(&b.fd[msg->request], CMSG_DATA(CMSG_FIRSTHDR(&in)), sizeof(int));
	return !msg->size || recv(sock, msg->payload, msg->size, MSG_WAITALL) == (ssize_t)msg->size;
}

static void *back_end(void *arg)
{
	int sock = accept(b.listener, NULL, NULL);
	struct message msg;

	(void)arg;
	while (receive(sock, &msg)) {
		b.seen |= 1u << msg.request;
		serve(sock, &msg);
		/* It goes when all is set up. */
		if (b.refuse == REQUESTS && msg.request == 18)
			break;
	}
	close(sock);
	return NULL;
}

static int begin_with(struct back_end how)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	b = how;
	m = (struct machine){ .disk = -1, .space = STDIN_FILENO };
	m.memory.nr = 1;
	m.memory.range[0] = (struct axas_extent){ 0x40000000, 0x8000000 };
	pthread_mutex_init(&m.lock, NULL);
	line = false;
	failed = 0;
	snprintf(b.path, sizeof(b.path), "/tmp/axas-vhost.%d", getpid());
	strcpy(at.sun_path, b.path);
	b.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(b.listener, (struct sockaddr *)&at, sizeof(at)) || listen(b.listener, 1) ||
	    pthread_create(&b.thread, NULL, back_end, NULL))
		exit(1);
	return vhost_open(&m, b.path);
}

static int begin(u64 protocol, u32 refuse)
{
	return begin_with((struct back_end){ .protocol = protocol, .refuse = refuse });
}

static void end(void)
{
	vhost_close(&m);
	close(m.disk);
	/* One that is slow waits for us to look again. */
	for (u32 i = 0; b.slow && i < sizeof(struct message); i++)
		sem_post(&looked);
	pthread_join(b.thread, NULL);
	close(b.listener);
	unlink(b.path);
}

static void put(u32 reg, u32 val)
{
	pthread_mutex_lock(&m.lock);
	virtio_write(&m, VIRTIO_DISK, reg, val);
	pthread_mutex_unlock(&m.lock);
}

static void want(u64 features)
{
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	put(VIRTIO_MMIO_DRIVER_FEATURES, features);
	put(VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	put(VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
}

static void start_queue(void)
{
	put(VIRTIO_MMIO_QUEUE_NUM, 64);
	put(VIRTIO_MMIO_QUEUE_DESC_LOW, 0x41000000);
	put(VIRTIO_MMIO_QUEUE_AVAIL_LOW, 0x41001000);
	put(VIRTIO_MMIO_QUEUE_USED_LOW, 0x41002000);
	put(VIRTIO_MMIO_QUEUE_READY, 1);
	put(VIRTIO_MMIO_STATUS, 0xf);
}

static void start_driver(void)
{
	want(good);
	put(VIRTIO_MMIO_STATUS, 0xb);
	start_queue();
}

/* What the back end did not offer, or is not ours: it never hears of it. */
static void test_features(void)
{
	const u64 bad = 1ull << VHOST_F_LOG_ALL | 1ull << VIRTIO_F_ACCESS_PLATFORM |
			1ull << VIRTIO_F_RING_PACKED | 1ull << VIRTIO_BLK_F_MQ;

	begin(0x208, 0);
	want(good | bad);
	put(VIRTIO_MMIO_STATUS, 0xb);
	start_queue();
	ok(!m.vhost.started && !(b.seen & 1u << 2), "features that were not offered start nothing");
	put(VIRTIO_MMIO_STATUS, 0);
	want(good);
	put(VIRTIO_MMIO_STATUS, 0xb);
	want(good | bad);
	start_queue();
	ok(m.vhost.started && b.features == (good | 1ull << 30), "nor does a change of them");
	put(VIRTIO_MMIO_STATUS, 0);
	m.virtio[VIRTIO_DISK].driver_features = good | bad;
	m.virtio[VIRTIO_DISK].queue[0] = (struct virtq){ .num = 64, .ready = true };
	m.virtio[VIRTIO_DISK].status = 0xf;
	vhost_device.status(&m, &m.virtio[VIRTIO_DISK]);
	ok(m.vhost.started && b.features == (good | 1ull << 30), "the back end hears of none");
	end();
}

static void test_start(void)
{
	u64 one = 1, count = 0;

	ok(!begin(0x208, 0), "a connection");
	ok(virtio_read(&m, VIRTIO_DISK, VIRTIO_MMIO_CONFIG, 4) == SECTORS,
	   "the configuration is the back end's");
	ok(virtio_read(&m, VIRTIO_DISK, VIRTIO_MMIO_DEVICE_FEATURES, 4) ==
	   1u << VIRTIO_BLK_F_FLUSH, "features that both know");
	ok(!(b.seen & 1u << 5), "no memory before the driver starts");
	start_driver();
	ok(!failed && b.features == (good | 1ull << 30),
	   "the driver's features");
	ok(b.memory.nr == 1 && b.memory.gpa == 0x40000000 && b.memory.bytes == 0x8000000 &&
	   b.memory.offset == 0x40000000 && b.fd[5], "the memory, by a descriptor");
	ok(b.num == 64 && b.addr.desc_user_addr - b.memory.user == 0x1000000 &&
	   b.addr.avail_user_addr - b.memory.user == 0x1001000 &&
	   b.addr.used_user_addr - b.memory.user == 0x1002000, "the queue");
	put(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	ok(read(b.fd[12], &count, sizeof(count)) == sizeof(count) && count == 1, "a notification");
	if (write(b.fd[13], &one, sizeof(one)) != sizeof(one) || sem_wait(&changed))
		exit(1);
	ok(line, "an interrupt");
	put(VIRTIO_MMIO_INTERRUPT_ACK, 1);
	ok(!line && !(b.seen & 1u << 11), "which is acknowledged");
	put(VIRTIO_MMIO_STATUS, 0);
	ok(!failed && b.seen & 1u << 11 && !m.vhost.started, "a reset stops the queue");
	b.seen = 0;
	start_driver();
	ok(!failed && b.seen & 1u << 5 && b.seen & 1u << 18, "it starts again");
	end();
	ok(b.seen & 1u << 11, "the end stops the queue");
}

/* 84 seconds for the configuration: none of its bytes is late, but the last of them. */
static void test_slow(void)
{
	while (!sem_trywait(&looked))
		;
	ok(begin_with((struct back_end){ .protocol = 0x208, .slow = true }) == -ETIMEDOUT &&
	   b.seen == (1u << 24 | 1u << 16 | 1u << 15 | 1u << 3 | 1u << 1),
	   "an answer byte by byte is too late when it is not whole in time");
	end();
}

/* The counts are the back end's, too: one is full, the other empty when it is read. */
static void test_counts(void)
{
	u64 count = ~0ull - 1;

	begin(0x208, 0);
	start_driver();
	if (write(b.fd[12], &count, sizeof(count)) != sizeof(count))
		exit(1);
	put(VIRTIO_MMIO_QUEUE_NOTIFY, 0);
	ok(!failed, "a notification that has no room is no wait");
	ok(read(m.vhost.call, &count, sizeof(count)) < 0 && errno == EAGAIN,
	   "nor is an interrupt that somebody has taken");
	end();
}

static void test_failures(void)
{
	ok(begin(0x8, 0) == -EPROTONOSUPPORT, "refused: a back end without configuration");
	end();
	ok(begin(0x200, 0) == -EPROTONOSUPPORT, "refused: a back end that does not answer");
	end();
	begin(0x208, 5);
	start_driver();
	ok(failed == -EPROTO && !(b.seen & 1u << 18), "a back end that does not map the memory");
	end();
	while (!sem_trywait(&changed))
		;
	begin(0x208, REQUESTS);
	start_driver();
	sem_wait(&changed);
	ok(failed == -EPIPE, "a back end that goes ends the machine");
	end();
	ok(vhost_open(&m, "/nonexistent/socket") == -ENOENT, "refused: no back end");
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	alarm(HANG_S);
	driver = pthread_self();
	sigaction(SIGUSR1, &action, NULL);
	puts("TAP version 13");
	sem_init(&changed, 0, 0);
	sem_init(&looked, 0, 0);
	test_start();
	test_features();
	test_slow();
	test_counts();
	test_failures();
	printf("1..%d\n", nr);
	return failures != 0;
}
