// SPDX-License-Identifier: GPL-2.0-only
/*
 * disk_server FILE SOCKET: the back end of a vhost-user-blk disk, for one front end and one queue.
 * It maps the guest's memory, works on the queue and copies between the guest's buffers and FILE.
 * It stands for qemu-storage-daemon on architectures for which no test has that. Ends when the
 * front end goes: 0, or 1 with a message.
 *
 * QEMU, docs/interop/vhost-user.rst; "Virtual I/O Device (VIRTIO) Version 1.2", 2.7 and 5.2.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <linux/vhost_types.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	GET_FEATURES = 1, SET_MEM_TABLE = 5, SET_VRING_NUM = 8, SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10, GET_VRING_BASE = 11, SET_VRING_KICK = 12, SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15, SET_VRING_ENABLE = 18, GET_CONFIG = 24,
};

#define VERSION		1u
#define REPLY		4u
#define NEED_REPLY	8u
#define PROTOCOL_FEATURES	30
#define FEATURES								\
	(1ull << VIRTIO_F_VERSION_1 | 1ull << PROTOCOL_FEATURES |		\
	 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_SEG_MAX)
#define PROTOCOL	0x208ull	/* REPLY_ACK, CONFIG */
#define REGIONS		4
#define SECTOR		512ull
#define PAYLOAD		512
#define NO_FD		0x100ull
#define NUM_MAX		1024u

/**
 * struct region - a part of the guest's memory, as SET_MEM_TABLE has it
 * @gpa: its guest-physical address
 * @bytes: its length
 * @user: its address in the front end's terms
 * @offset: of its first byte, in the descriptor
 */
struct region {
	__u64 gpa, bytes, user, offset;
};

struct message {
	__u32 request, flags, size;
	union {
		__u64 num;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			__u32 nr, padding;
			struct region region[REGIONS];
		} memory;
		struct {
			__u32 offset, size, flags;
			__u8 bytes[PAYLOAD - 12];
		} config;
		__u8 payload[PAYLOAD];
	};
} __attribute__((packed));

/* The disk, the memory, where it is mapped, and the queue. */
static int file, sock;
static __u64 sectors;
static struct region region[REGIONS];
static __u8 *mapped[REGIONS];
static __u32 nr_regions, num;
static int kick = -1, call = -1;
static struct vring_desc *desc;
static struct vring_avail *avail;
static struct vring_used *used;
static __u16 seen;
static bool enabled;

static void die(const char *what)
{
	fprintf(stderr, "disk_server: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Where @len bytes of the guest are, by the front end's address or by the guest's. */
static void *at(__u64 address, __u64 len, bool user)
{
	for (__u32 i = 0; i < nr_regions; i++) {
		__u64 offset = address - (user ? region[i].user : region[i].gpa);

		if (offset < region[i].bytes && len <= region[i].bytes - offset)
			return mapped[i] + offset;
	}
	errno = EFAULT;
	die("address");
	return NULL;
}

static void map_memory(const struct message *msg, const int *fds)
{
	nr_regions = msg->memory.nr;
	if (nr_regions > REGIONS)
		die("regions");
	enabled = false;
	for (__u32 i = 0; i < nr_regions; i++) {
		region[i] = msg->memory.region[i];
		mapped[i] = mmap(NULL, region[i].bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i],
				 region[i].offset);
		if (mapped[i] == MAP_FAILED)
			die("mmap");
		close(fds[i]);
	}
}

/* A descriptor as it is now: the guest may change it at any time. */
static struct vring_desc descriptor(__u16 i)
{
	struct vring_desc d;

	memcpy(&d, &desc[i % num], sizeof(d));
	return d;
}

/* All of one part of a request, from or to the file. */
static bool move_part(const struct vring_desc *d, bool in, __u64 offset)
{
	void *buf = at(d->addr, d->len, false);
	ssize_t n = in ? pread(file, buf, d->len, offset) : pwrite(file, buf, d->len, offset);

	return n == (ssize_t)d->len;
}

static __u8 move_parts(const struct vring_desc *d, __u32 nr, bool in, __u64 sector, __u32 *written)
{
	__u64 offset = sector * SECTOR;

	if (sector > sectors)
		return VIRTIO_BLK_S_IOERR;
	for (; nr; nr--, d++) {
		if (offset + d->len > sectors * SECTOR || !move_part(d, in, offset))
			return VIRTIO_BLK_S_IOERR;
		offset += d->len;
		*written += in ? d->len : 0;
	}
	return VIRTIO_BLK_S_OK;
}

/* A header, data, and a byte for the status. Returns how many bytes the guest has got. */
static __u32 serve(__u16 first)
{
	static struct vring_desc d[NUM_MAX];
	struct virtio_blk_outhdr head;
	__u32 written = 0, last = 0;
	__u8 status = VIRTIO_BLK_S_UNSUPP;

	for (d[0] = descriptor(first); d[last].flags & VRING_DESC_F_NEXT; last++) {
		/* A ring. */
		if (last + 1 == num)
			return 0;
		d[last + 1] = descriptor(d[last].next);
	}
	memcpy(&head, at(d[0].addr, sizeof(head), false), sizeof(head));
	if (last && (head.type == VIRTIO_BLK_T_IN || head.type == VIRTIO_BLK_T_OUT))
		status = move_parts(&d[1], last - 1, head.type == VIRTIO_BLK_T_IN, head.sector,
				    &written);
	else if (head.type == VIRTIO_BLK_T_FLUSH)
		status = fdatasync(file) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	*(__u8 *)at(d[last].addr, 1, false) = status;
	return written + 1;
}

static void work(void)
{
	const __u64 one = 1;
	__u16 done = used->idx;

	while (seen != __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE)) {
		__u16 head = __atomic_load_n(&avail->ring[seen++ % num], __ATOMIC_RELAXED);

		used->ring[done % num] = (struct vring_used_elem){ head, serve(head) };
		__atomic_store_n(&used->idx, ++done, __ATOMIC_RELEASE);
	}
	if (write(call, &one, sizeof(one)) != sizeof(one))
		die("call");
}

static void on_kick(void)
{
	__u64 count;

	if (read(kick, &count, sizeof(count)) == sizeof(count) && enabled && used)
		work();
}

static void set_queue(struct vhost_vring_addr addr)
{
	if (!num)
		die("queue");
	desc = at(addr.desc_user_addr, num * sizeof(*desc), true);
	avail = at(addr.avail_user_addr, sizeof(*avail) + num * sizeof(__u16), true);
	used = at(addr.used_user_addr, sizeof(*used) + num * sizeof(struct vring_used_elem), true);
}

static void reply(struct message *msg, __u32 size)
{
	msg->flags = VERSION | REPLY;
	msg->size = size;
	if (send(sock, msg, 12 + size, MSG_NOSIGNAL) != (ssize_t)(12 + size))
		die("send");
}

static void reply_num(struct message *msg, __u64 val)
{
	msg->num = val;
	reply(msg, sizeof(msg->num));
}

static void give_config(struct message *msg)
{
	struct virtio_blk_config config = { .capacity = sectors, .seg_max = 62 };
	__u32 len = msg->size < 12 ? 0 : msg->size - 12;

	memcpy(msg->config.bytes, &config, len < sizeof(config) ? len : sizeof(config));
	reply(msg, msg->size);
}

static void take_fd(const struct message *msg, int *to, int fd)
{
	if (*to >= 0)
		close(*to);
	*to = msg->num & NO_FD ? -1 : fd;
}

/* What has an answer of its own: true. */
static bool answer(struct message *msg)
{
	switch (msg->request) {
	case GET_FEATURES:
		reply_num(msg, FEATURES);
		return true;
	case GET_PROTOCOL_FEATURES:
		reply_num(msg, PROTOCOL);
		return true;
	case GET_CONFIG:
		give_config(msg);
		return true;
	case GET_VRING_BASE:
		enabled = false;
		msg->state.num = seen;
		reply(msg, sizeof(msg->state));
		return true;
	default:
		return false;
	}
}

static void obey(struct message *msg, const int *fds)
{
	bool tell = msg->flags & NEED_REPLY;

	switch (msg->request) {
	case SET_MEM_TABLE:
		map_memory(msg, fds);
		break;
	case SET_VRING_NUM:
		enabled = false;
		num = msg->state.num;
		if (!num || num > NUM_MAX)
			die("queue");
		break;
	case SET_VRING_BASE:
		seen = msg->state.num;
		break;
	case SET_VRING_ADDR:
		set_queue(msg->addr);
		break;
	case SET_VRING_KICK:
		take_fd(msg, &kick, fds[0]);
		break;
	case SET_VRING_CALL:
		take_fd(msg, &call, fds[0]);
		break;
	case SET_VRING_ENABLE:
		enabled = msg->state.num;
	}
	if (tell)
		reply_num(msg, 0);
}

/* False: the front end has gone. */
static bool on_message(void)
{
	char control[CMSG_SPACE(REGIONS * sizeof(int))];
	struct message msg;
	struct iovec vec = { &msg, 12 };
	struct msghdr in = {
		.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fds[REGIONS] = { -1, -1, -1, -1 };

	if (recvmsg(sock, &in, MSG_WAITALL) != 12 || msg.size > PAYLOAD)
		return false;
	if (CMSG_FIRSTHDR(&in))
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&in)),
		       CMSG_FIRSTHDR(&in)->cmsg_len - CMSG_LEN(0));
	if (msg.size && recv(sock, msg.payload, msg.size, MSG_WAITALL) != (ssize_t)msg.size)
		return false;
	if (!answer(&msg))
		obey(&msg, fds);
	return true;
}

static int wait_for_front_end(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (listener < 0 || bind(listener, (struct sockaddr *)&to, sizeof(to)) ||
	    listen(listener, 1))
		die(path);
	return accept(listener, NULL, NULL);
}

int main(int argc, char **argv)
{
	struct stat st;

	if (argc != 3)
		return 2;
	file = open(argv[1], O_RDWR);
	if (file < 0 || fstat(file, &st))
		die(argv[1]);
	sectors = st.st_size / SECTOR;
	sock = wait_for_front_end(argv[2]);
	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = sock, .events = POLLIN }, { .fd = kick, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[1].revents)
			on_kick();
		if (fds[0].revents && !on_message())
			return 0;
	}
}
