// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot server: it holds the image of a guest's memory, and sends a clone of it, as a
 * descriptor, to each process that connects to its socket. A clone costs what its owner writes, and
 * ends with its owner. With libaxas; needs /dev/axas, in the server only.
 *
 * A client stays connected while it uses its clone: so many have one at a time, each with so much
 * memory of its own, and the others are told to come again. Nobody makes the server wait. A client
 * that hangs up may keep its clone, within the same bound; what it writes its memory cgroup pays.
 *
 *	example_snapshot serve SOCKET [CONNECTIONS [CLIENTS]]
 *		answer so many connections (default: without end), of so many clients at a time
 *	example_snapshot clone SOCKET TEXT [SECONDS]
 *		get a clone, write TEXT into it, print it, and keep it so long
 */
#include <errno.h>
#include <libaxas.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RAM_GPA		0x80000000ull
#define RAM_SIZE	(64ull << 20)
#define MAX_CLIENTS	32
#define MAX_FRAMES	4096		/* of 4 KiB, that a clone holds itself */

static int must(int ret, const char *what)
{
	if (ret >= 0)
		return ret;
	fprintf(stderr, "%s: %s\n", what, strerror(-ret));
	exit(1);
}

static int must_errno(int ret, const char *what)
{
	return must(ret < 0 ? -errno : ret, what);
}

static int unix_socket(const char *path, struct sockaddr_un *addr)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(addr->sun_path))
		must(-ENAMETOOLONG, path);
	strcpy(addr->sun_path, path);
	return must_errno(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

/* A message of one byte with one descriptor, to be sent or to be received. */
struct message {
	char byte;
	struct iovec iov;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr head;
};

static void make_message(struct message *m)
{
	memset(m, 0, sizeof(*m));
	m->iov = (struct iovec){ .iov_base = &m->byte, .iov_len = 1 };
	m->head = (struct msghdr){
		.msg_iov = &m->iov, .msg_iovlen = 1,
		.msg_control = m->control.buf, .msg_controllen = sizeof(m->control.buf)
	};
}

static int send_fd(int to, int fd)
{
	struct cmsghdr *cmsg;
	struct message m;

	make_message(&m);
	cmsg = CMSG_FIRSTHDR(&m.head);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(to, &m.head, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

static int receive_fd(int from)
{
	struct cmsghdr *cmsg;
	struct message m;
	int fd;

	make_message(&m);
	if (must_errno(recvmsg(from, &m.head, MSG_CMSG_CLOEXEC), "recvmsg") == 0)
		must(-EAGAIN, "the server has no clone for now");
	cmsg = CMSG_FIRSTHDR(&m.head);
	if (!cmsg || m.head.msg_flags & MSG_CTRUNC || cmsg->cmsg_level != SOL_SOCKET ||
	    cmsg->cmsg_type != SCM_RIGHTS || cmsg->cmsg_len != CMSG_LEN(sizeof(fd)))
		must(-EBADMSG, "the server sent no descriptor");
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* The memory that all begin with. The space itself is not needed any more: the image is. */
static int make_image(void)
{
	static const char text[] = "what every clone begins with";
	int space = must(axas_open_space(NULL, NULL), AXAS_DEV_PATH), image;

	must(axas_map_alloc(space, RAM_GPA, RAM_SIZE, AXAS_PROT_MASK, 0), "AXAS_MAP_ALLOC");
	must(axas_write_all(space, RAM_GPA, text, sizeof(text), NULL), "pwrite");
	image = must(axas_freeze(space), "AXAS_FREEZE");
	close(space);
	return image;
}

/* A socket that only this user may connect to. */
static int listen_at(const char *path)
{
	struct sockaddr_un addr;
	int listener = unix_socket(path, &addr);

	unlink(path);
	umask(077);
	must_errno(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), path);
	must_errno(listen(listener, 64), "listen");
	return listener;
}

/* Send a clone to a peer. Its troubles are its own: no memory, or it has gone. */
static int send_clone(int peer, int image)
{
	int clone, err = axas_clone(image, 0, MAX_FRAMES, &clone, 1);

	if (!err) {
		err = send_fd(peer, clone);
		close(clone);
	}
	if (err)
		fprintf(stderr, "no clone: %s\n", strerror(-err));
	return err;
}

/* Answer one connection. Return 1 if it has a place in @peers now, and 0 if it has none. */
static int answer(int listener, int image, struct pollfd *peers, int nr, int most)
{
	int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (peer < 0 && errno == ECONNABORTED)	/* it has gone already */
		return 0;
	must_errno(peer, "accept");
	if (nr >= most || send_clone(peer, image)) {
		close(peer);
		return 0;
	}
	peers[nr] = (struct pollfd){ .fd = peer, .events = POLLIN };
	return 1;
}

/* Clients have nothing to say: what can be read is that one has hung up, or a mistake. */
static int drop_gone(struct pollfd *peers, int nr)
{
	int left = 0;

	for (int i = 0; i < nr; i++) {
		if (peers[i].revents)
			close(peers[i].fd);
		else
			peers[left++] = peers[i];
	}
	return left;
}

/* @fds: the listener, and behind it those who have a clone. */
static void serve(const char *path, unsigned long connections, int most)
{
	struct pollfd fds[1 + MAX_CLIENTS] = { { .events = POLLIN } };
	int image = make_image(), nr = 0;

	fds[0].fd = listen_at(path);
	while (connections || nr) {
		if (poll(fds, 1 + nr, -1) < 0 && errno == EINTR)
			continue;
		nr = drop_gone(fds + 1, nr);
		if (connections && fds[0].revents) {
			connections--;
			nr += answer(fds[0].fd, image, fds + 1, nr, most);
		}
		if (!connections)
			fds[0].fd = -1;
	}
	unlink(path);
}

static void use_clone(const char *path, const char *text, unsigned int seconds)
{
	struct sockaddr_un addr;
	int server = unix_socket(path, &addr), clone;
	struct axas_info info;
	char *ram;

	must_errno(connect(server, (struct sockaddr *)&addr, sizeof(addr)), path);
	clone = receive_fd(server);
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, clone, RAM_GPA);
	if (ram == MAP_FAILED)
		must(-errno, "mmap");
	printf("got:   \"%.64s\"\n", ram);
	snprintf(ram, 64, "%s", text);
	must(axas_get_info(clone, &info), "AXAS_GET_INFO");
	printf("wrote: \"%.64s\", own frames: %llu\n", ram, (unsigned long long)info.frames);
	fflush(stdout);
	sleep(seconds);
}

int main(int argc, char **argv)
{
	int most = argc > 4 ? atoi(argv[4]) : MAX_CLIENTS;

	most = most < MAX_CLIENTS ? most : MAX_CLIENTS;
	if (argc >= 3 && !strcmp(argv[1], "serve")) {
		serve(argv[2], argc > 3 ? strtoul(argv[3], NULL, 0) : ~0ul, most);
	} else if (argc >= 4 && !strcmp(argv[1], "clone")) {
		use_clone(argv[2], argv[3], argc > 4 ? strtoul(argv[4], NULL, 0) : 0);
	} else {
		fprintf(stderr, "usage: %s serve SOCKET [CONNECTIONS [CLIENTS]]\n", argv[0]);
		fprintf(stderr, "       %s clone SOCKET TEXT [SECONDS]\n", argv[0]);
		return 2;
	}
	return 0;
}
