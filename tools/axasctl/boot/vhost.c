// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk in another process: the front end of vhost-user-blk. The back end, such as
 * qemu-storage-daemon, maps the guest's memory by the descriptor of the space and works on the
 * queue itself; the driver's notifications and the device's interrupts are eventfds. Calls
 * virtqueue.c.
 *
 * Locks: the machine's lock is held, except by vhost_open() and vhost_close(); a thread that waits
 * for interrupts takes it.
 *
 * QEMU, docs/interop/vhost-user.rst.
 */
#include "boot.h"

#include <errno.h>
#include <linux/vhost_types.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5, SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9, SET_VRING_BASE = 10, GET_VRING_BASE = 11, SET_VRING_KICK = 12,
	SET_VRING_CALL = 13, GET_PROTOCOL_FEATURES = 15, SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18, GET_CONFIG = 24,
};

#define VERSION			0x1u
#define NEED_REPLY		0x8u
#define F_PROTOCOL_FEATURES	0x40000000ull
#define PROTOCOL_FEATURES	0x208ull	/* REPLY_ACK, CONFIG */
#define ANSWER_S		60

/*
 * Those that are between the driver and the back end alone. Not VIRTIO_BLK_F_SIZE_MAX: QEMU's
 * offers it with a size of 0.
 */
#define FEATURES								\
	(1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |		\
	 1ull << VIRTIO_BLK_F_TOPOLOGY | 1ull << VIRTIO_BLK_F_RO |		\
	 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_DISCARD |		\
	 1ull << VIRTIO_BLK_F_WRITE_ZEROES |					\
	 1ull << VIRTIO_RING_F_INDIRECT_DESC | 1ull << VIRTIO_RING_F_EVENT_IDX)

struct header {
	u32 request;
	u32 flags;
	u32 size;
};

struct region {
	u64 gpa;
	u64 bytes;
	u64 user;
	u64 offset;
};

struct message {
	struct header head;
	union {
		u64 num;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			u32 nr, padding;
			struct region region[RAM_RANGES];
		} memory;
		struct {
			u32 offset, size, flags;
			u8 bytes[VHOST_CONFIG];
		} config;
	};
} __attribute__((packed));

/* Of the message in @msg->head, and descriptors. */
static int send_message(int sock, struct message *msg, u32 bytes, const int *fds, u32 nr_fds)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(RAM_RANGES * sizeof(int))];
	} control = { .head.cmsg_level = SOL_SOCKET };
	struct iovec vec = { msg, sizeof(msg->head) + bytes };
	struct msghdr out = { .msg_iov = &vec, .msg_iovlen = 1 };
	ssize_t sent;

	msg->head.flags |= VERSION;
	msg->head.size = bytes;
	if (nr_fds) {
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, nr_fds * sizeof(int));
		out.msg_control = &control;
		out.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
	}
	do
		sent = sendmsg(sock, &out, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)vec.iov_len ? 0 : -EPIPE;
}

/* Until there are some, or @end. Signals of the vCPU's timer interrupt it. */
static int wait_for_bytes(int sock, u64 end)
{
	struct pollfd in = { .fd = sock, .events = POLLIN };
	u64 now = now_ns();

	if (now >= end)
		return -ETIMEDOUT;
	return poll(&in, 1, (end - now) / 1000000 + 1) < 0 && errno != EINTR ? -errno : 0;
}

static int receive_bytes(int sock, void *buf, size_t len, u64 end)
{
	ssize_t n;
	int err;

	for (size_t done = 0; done < len; done += n > 0 ? n : 0) {
		err = wait_for_bytes(sock, end);
		if (err)
			return err;
		n = recv(sock, (u8 *)buf + done, len - done, MSG_DONTWAIT);
		if (!n || (n < 0 && errno != EINTR && errno != EAGAIN))
			return n ? -errno : -EPIPE;
	}
	return 0;
}

/* The answer, all of which comes in time, replaces the message. */
static int receive(int sock, struct message *msg, u32 bytes)
{
	u64 end = now_ns() + ANSWER_S * NSEC;
	u32 request = msg->head.request;
	int err = receive_bytes(sock, &msg->head, sizeof(msg->head), end);

	if (!err && (msg->head.request != request || msg->head.size != bytes))
		err = -EPROTO;
	return err ? err : receive_bytes(sock, &msg->num, bytes, end);
}

static int ask(int sock, u32 request, u64 *num)
{
	struct message msg = { .head.request = request };
	int err = send_message(sock, &msg, 0, NULL, 0);

	if (!err)
		err = receive(sock, &msg, sizeof(msg.num));
	*num = msg.num;
	return err;
}

/* The back end says whether it did it. */
static int tell(int sock, struct message *msg, u32 bytes, const int *fds, u32 nr_fds)
{
	int err;

	msg->head.flags = NEED_REPLY;
	err = send_message(sock, msg, bytes, fds, nr_fds);
	if (!err)
		err = receive(sock, msg, sizeof(msg->num));
	if (!err && msg->num)
		err = -EPROTO;
	return err;
}

static int tell_num(int sock, u32 request, u64 num, const int *fd)
{
	struct message msg = { .head.request = request, .num = num };

	return tell(sock, &msg, sizeof(msg.num), fd, fd ? 1 : 0);
}

static int tell_state(int sock, u32 request, u32 num)
{
	struct message msg = { .head.request = request, .state.num = num };

	return tell(sock, &msg, sizeof(msg.state), NULL, 0);
}

/* Addresses of the guest stand for those of a process that the queue's are. */
static int tell_memory(struct machine *m)
{
	struct message msg = { .head.request = SET_MEM_TABLE, .memory.nr = m->memory.nr };
	int fds[RAM_RANGES];

	for (u32 i = 0; i < m->memory.nr; i++) {
		u64 gpa = m->memory.range[i].gpa;

		msg.memory.region[i] = (struct region){
			.gpa = gpa, .bytes = m->memory.range[i].length, .user = gpa, .offset = gpa,
		};
		fds[i] = m->space;
	}
	return tell(m->vhost.sock, &msg, 8 + m->memory.nr * sizeof(struct region), fds,
		    m->memory.nr);
}

static int tell_queue(int sock, const struct virtq *q)
{
	struct message msg = {
		.head.request = SET_VRING_ADDR,
		.addr = {
			.desc_user_addr = q->desc, .avail_user_addr = q->avail,
			.used_user_addr = q->used,
		},
	};
	int err = tell_state(sock, SET_VRING_NUM, q->num);

	if (!err)
		err = tell_state(sock, SET_VRING_BASE, 0);
	return err ? err : tell(sock, &msg, sizeof(msg.addr), NULL, 0);
}

static int start_queue(const struct vhost *h, const struct virtq *q)
{
	int err = tell_queue(h->sock, q);

	if (!err)
		err = tell_num(h->sock, SET_VRING_CALL, 0, &h->call);
	if (!err)
		err = tell_num(h->sock, SET_VRING_KICK, 0, &h->kick);
	return err ? err : tell_state(h->sock, SET_VRING_ENABLE, 1);
}

static void on_call(struct machine *m)
{
	struct virtio *v = &m->virtio[VIRTIO_DISK];
	u64 count;

	if (read(m->vhost.call, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&m->lock);
	if (m->vhost.started) {
		v->isr |= VIRTIO_MMIO_INT_VRING;
		virtio_update(m, v);
	}
	pthread_mutex_unlock(&m->lock);
}

static void *wait_for_calls(void *arg)
{
	struct machine *m = arg;
	struct pollfd fds[3] = {
		{ .fd = m->vhost.call, .events = POLLIN },
		{ .fd = m->vhost.sock, .events = POLLRDHUP },
		{ .fd = m->vhost.stop, .events = POLLIN },
	};

	while (!fds[2].revents) {
		poll(fds, 3, -1);
		if (fds[0].revents)
			on_call(m);
		if (fds[1].revents)
			break;
	}
	pthread_mutex_lock(&m->lock);
	if (fds[1].revents)
		machine_fail(m, -EPIPE, "disk", "the back end has gone");
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* The driver's, as far as the back end has offered them to it, and what is between us and that. */
static u64 features_to_tell(const struct vhost *h, const struct virtio *v)
{
	u64 offered = h->features & (FEATURES | 1ull << VIRTIO_F_VERSION_1);

	return (v->driver_features & offered) | F_PROTOCOL_FEATURES;
}

static int start(struct machine *m, const struct virtio *v)
{
	struct vhost *h = &m->vhost;
	int err = 0;

	if (!h->runs)
		err = -pthread_create(&h->thread, NULL, wait_for_calls, m);
	if (err)
		return err;
	h->runs = true;
	err = tell_num(h->sock, SET_FEATURES, features_to_tell(h, v), NULL);
	if (!err)
		err = tell_memory(m);
	return err ? err : start_queue(h, &v->queue[0]);
}

/* When the back end has answered it does not access the queue and its buffers any more. */
static int stop(const struct vhost *h)
{
	struct message msg = { .head.request = GET_VRING_BASE };
	int err = send_message(h->sock, &msg, sizeof(msg.state), NULL, 0);

	return err ? err : receive(h->sock, &msg, sizeof(msg.state));
}

static void status(struct machine *m, struct virtio *v)
{
	bool runs = virtio_runs(v) && v->queue[0].ready;
	int err;

	if (runs == m->vhost.started)
		return;
	m->vhost.started = runs;
	err = runs ? start(m, v) : stop(&m->vhost);
	if (err)
		machine_fail(m, err, "disk", "the back end");
}

static void notify(struct machine *m, struct virtio *v, u32 queue)
{
	u64 one = 1;

	(void)v;
	(void)queue;
	/* One that is full is as good as a kick. */
	if (write(m->vhost.kick, &one, sizeof(one)) == sizeof(one))
		m->disk_requests++;
}

static void config(const struct machine *m, u8 *buf)
{
	memcpy(buf, m->vhost.config, VHOST_CONFIG);
}

const struct virtio_device vhost_device = {
	.id = VIRTIO_ID_BLOCK, .features = FEATURES, .nr_queues = 1, .notify = notify,
	.config = config, .status = status,
};

static int get_config(struct vhost *h)
{
	struct message msg = { .head.request = GET_CONFIG, .config.size = VHOST_CONFIG };
	int err = send_message(h->sock, &msg, sizeof(msg.config), NULL, 0);

	if (!err)
		err = receive(h->sock, &msg, sizeof(msg.config));
	memcpy(h->config, msg.config.bytes, sizeof(h->config));
	return err;
}

static int agree(struct vhost *h)
{
	struct message msg = { .head.request = SET_PROTOCOL_FEATURES, .num = PROTOCOL_FEATURES };
	u64 protocol = 0;
	int err = ask(h->sock, GET_FEATURES, &h->features);

	if (!err && (h->features & F_PROTOCOL_FEATURES))
		err = ask(h->sock, GET_PROTOCOL_FEATURES, &protocol);
	if (err)
		return err;
	if (~protocol & PROTOCOL_FEATURES || !(h->features >> VIRTIO_F_VERSION_1 & 1))
		return -EPROTONOSUPPORT;
	err = send_message(h->sock, &msg, sizeof(msg.num), NULL, 0);
	if (err)
		return err;
	msg = (struct message){ .head.request = SET_OWNER };
	err = tell(h->sock, &msg, 0, NULL, 0);
	return err ? err : get_config(h);
}

int vhost_open(struct machine *m, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_S };
	struct vhost *h = &m->vhost;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	h->there = true;
	/* The back end has these two: whatever it does with their counts, nothing waits for it. */
	h->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->stop = eventfd(0, EFD_CLOEXEC);
	h->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	m->disk = h->sock;
	if (h->kick < 0 || h->call < 0 || h->stop < 0 || h->sock < 0 ||
	    setsockopt(h->sock, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) ||
	    connect(h->sock, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return agree(h);
}

/* The vCPUs have stopped. */
void vhost_close(struct machine *m)
{
	struct vhost *h = &m->vhost;
	u64 one = 1;

	if (!h->there)
		return;
	if (h->runs && write(h->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(h->thread, NULL);
	if (h->started)
		stop(h);
	close(h->kick);
	close(h->call);
	close(h->stop);
}
