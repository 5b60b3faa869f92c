// SPDX-License-Identifier: GPL-2.0-only
/*
 * A front end of vhost-user-blk. The guest's memory reaches the back end as the descriptor of the
 * space, which it maps.
 */
#include "vhost.h"

#include <linux/vhost_types.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Requests, and flags of a message: version 1, and "answer even if there is nothing to say". */
enum {
	GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5, SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9, SET_VRING_BASE = 10, SET_VRING_KICK = 12, SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15, SET_PROTOCOL_FEATURES = 16, SET_VRING_ENABLE = 18
};

#define VERSION			1u
#define NEED_REPLY		0x8u
#define F_PROTOCOL_FEATURES	0x40000000ull	/* bit 30 */
#define F_VERSION_1		0x100000000ull	/* bit 32, VIRTIO_F_VERSION_1 */
#define PROTOCOL_F_REPLY_ACK	0x8ull

#define QUEUE		16
#define ANSWER_MS	60000

struct header {
	u32 request;
	u32 flags;
	u32 size;
};

struct message {
	struct header head;
	union {
		u64 num;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			u32 nr;
			u32 padding;
			u64 gpa;
			u64 bytes;
			u64 user;
			u64 offset;
		} memory;
	};
} __attribute__((packed));

/* The queue in guest memory; requests are one at a time, so its first descriptors serve all. */
struct rings {
	struct vring_desc desc[QUEUE];
	u16 avail_flags;
	u16 avail_idx;
	u16 avail_ring[QUEUE];
	u8 gap[PAGE - 16 * QUEUE - 4 - 2 * QUEUE];
	u16 used_flags;
	u16 used_idx;
	struct vring_used_elem used_ring[QUEUE];
	struct virtio_blk_outhdr header;
	u8 status;
};

static volatile struct rings *rings(const struct vhost *v)
{
	return (volatile struct rings *)word(v->m, v->rings);
}

/* Send a message, with a descriptor unless @fd is -1. */
static void send_message(struct vhost *v, struct message *msg, u32 request, u32 bytes, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head.cmsg_level = SOL_SOCKET };
	struct iovec vec = { msg, sizeof(msg->head) + bytes };
	struct msghdr out = { .msg_iov = &vec, .msg_iovlen = 1 };

	msg->head.request = request;
	msg->head.flags |= VERSION;
	msg->head.size = bytes;
	if (fd >= 0) {
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		out.msg_control = &control;
		out.msg_controllen = sizeof(control);
	}
	expect_eq(sendmsg(v->sock, &out, MSG_NOSIGNAL), (ssize_t)vec.iov_len);
}

static u64 answer(struct vhost *v, u32 request)
{
	struct pollfd poll_in = { .fd = v->sock, .events = POLLIN };
	struct message msg;
	ssize_t want = sizeof(msg.head) + sizeof(msg.num);

	expect_eq(poll(&poll_in, 1, ANSWER_MS), 1);
	expect_eq(recv(v->sock, &msg, want, MSG_WAITALL), want);
	expect_eq(msg.head.request, request);
	return msg.num;
}

static u64 ask(struct vhost *v, u32 request)
{
	struct message msg = { .head.flags = 0 };

	send_message(v, &msg, request, 0, -1);
	return answer(v, request);
}

static void tell(struct vhost *v, u32 request, u64 num, int fd)
{
	struct message msg = { .num = num };

	send_message(v, &msg, request, sizeof(msg.num), fd);
}

static void tell_state(struct vhost *v, u32 request, u32 num)
{
	struct message msg = { .state = { .index = 0, .num = num } };

	send_message(v, &msg, request, sizeof(msg.state), -1);
}

static void set_owner(struct vhost *v)
{
	struct message msg = { .head.flags = 0 };

	send_message(v, &msg, SET_OWNER, 0, -1);
}

static void agree_on_features(struct vhost *v)
{
	u64 features = ask(v, GET_FEATURES);

	expect(features & F_VERSION_1);
	expect(features & F_PROTOCOL_FEATURES);
	expect(ask(v, GET_PROTOCOL_FEATURES) & PROTOCOL_F_REPLY_ACK);
	tell(v, SET_PROTOCOL_FEATURES, PROTOCOL_F_REPLY_ACK, -1);
	set_owner(v);
	tell(v, SET_FEATURES, F_VERSION_1 | F_PROTOCOL_FEATURES, -1);
}

/* The back end answers when it has mapped it: 0 is good. */
static void hand_over_memory(struct vhost *v)
{
	struct message msg = {
		.head.flags = NEED_REPLY,
		.memory = { .nr = 1, .bytes = v->m->bytes, .user = (uintptr_t)v->m->at }
	};

	send_message(v, &msg, SET_MEM_TABLE, sizeof(msg.memory), v->m->fd);
	expect_eq(answer(v, SET_MEM_TABLE), 0);
}

static void start_queue(struct vhost *v)
{
	volatile struct rings *r = rings(v);
	struct message msg = {
		.addr = {
			.desc_user_addr = (uintptr_t)r->desc,
			.avail_user_addr = (uintptr_t)&r->avail_flags,
			.used_user_addr = (uintptr_t)&r->used_flags,
		}
	};

	tell_state(v, SET_VRING_NUM, QUEUE);
	tell_state(v, SET_VRING_BASE, 0);
	send_message(v, &msg, SET_VRING_ADDR, sizeof(msg.addr), -1);
	tell(v, SET_VRING_CALL, 0, v->call);
	tell(v, SET_VRING_KICK, 0, v->kick);
	tell_state(v, SET_VRING_ENABLE, 1);
}

/* The back end may have just been started. */
static void connect_to(int sock, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	u64 end = now_ms() + ANSWER_MS;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	while (connect(sock, (struct sockaddr *)&to, sizeof(to))) {
		if ((errno != ENOENT && errno != ECONNREFUSED) || now_ms() > end)
			fail("connect: %s", strerror(errno));
		sleep_ms(20);
	}
}

void vhost_start(struct vhost *v, const char *path, const struct memory *m, u64 at)
{
	_Static_assert(sizeof(struct rings) <= VHOST_RINGS_BYTES, "the queue's room");
	*v = (struct vhost){ .sock = socket(AF_UNIX, SOCK_STREAM, 0), .m = m, .rings = at };
	v->kick = eventfd(0, 0);
	v->call = eventfd(0, 0);
	expect(v->sock >= 0 && v->kick >= 0 && v->call >= 0);
	connect_to(v->sock, path);
	agree_on_features(v);
	hand_over_memory(v);
	start_queue(v);
}

static void set_desc(struct vhost *v, u16 i, u64 gpa, u32 bytes, u16 flags)
{
	rings(v)->desc[i].addr = gpa;
	rings(v)->desc[i].len = bytes;
	rings(v)->desc[i].flags = flags | (i < 2 ? VRING_DESC_F_NEXT : 0);
	rings(v)->desc[i].next = i + 1;
}

static int request(struct vhost *v, u32 type, u64 sector, u64 gpa, u32 bytes)
{
	volatile struct rings *r = rings(v);
	struct pollfd done = { .fd = v->call, .events = POLLIN };
	u64 one = 1;

	r->header.type = type;
	r->header.ioprio = 0;
	r->header.sector = sector;
	r->status = 0xff;
	set_desc(v, 0, v->rings + offsetof(struct rings, header), sizeof(r->header), 0);
	set_desc(v, 1, gpa, bytes, type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0);
	set_desc(v, 2, v->rings + offsetof(struct rings, status), 1, VRING_DESC_F_WRITE);
	r->avail_ring[v->sent % QUEUE] = 0;
	__atomic_store_n(&r->avail_idx, ++v->sent, __ATOMIC_RELEASE);
	expect_eq(write(v->kick, &one, sizeof(one)), (int)sizeof(one));
	while (__atomic_load_n(&r->used_idx, __ATOMIC_ACQUIRE) != v->sent) {
		expect_eq(poll(&done, 1, ANSWER_MS), 1);
		expect_eq(read(v->call, &one, sizeof(one)), (int)sizeof(one));
	}
	return r->status;
}

int vhost_read(struct vhost *v, u64 sector, u64 gpa, u32 bytes)
{
	return request(v, VIRTIO_BLK_T_IN, sector, gpa, bytes);
}

int vhost_write(struct vhost *v, u64 sector, u64 gpa, u32 bytes)
{
	return request(v, VIRTIO_BLK_T_OUT, sector, gpa, bytes);
}
