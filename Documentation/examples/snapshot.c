// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot server: it holds the image of a guest's memory, and sends a clone of it, as a
 * descriptor, to each process that connects to its socket. A clone costs what its owner writes, and
 * ends with its owner. With libaxas; needs /dev/axas, in the server only.
 *
 *	example_snapshot serve SOCKET [CONNECTIONS]	answer so many (default: without end)
 *	example_snapshot clone SOCKET TEXT		get a clone, write TEXT into it, print it
 */
#include <errno.h>
#include <libaxas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RAM_GPA		0x80000000ull
#define RAM_SIZE	(64ull << 20)

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
	return sendmsg(to, &m.head, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int receive_fd(int from)
{
	struct cmsghdr *cmsg;
	struct message m;
	int fd;

	make_message(&m);
	if (must_errno(recvmsg(from, &m.head, MSG_CMSG_CLOEXEC), "recvmsg") == 0)
		must(-ECONNRESET, "the server closed the connection");
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

static void serve(const char *path, unsigned long connections)
{
	struct sockaddr_un addr;
	int listener = unix_socket(path, &addr), image = make_image(), peer, clone, err;

	unlink(path);
	must_errno(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), path);
	must_errno(listen(listener, 64), "listen");
	while (connections--) {
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0 && errno == ECONNABORTED)	/* it has gone already */
			continue;
		must_errno(peer, "accept");
		clone = axas_clone_one(image);
		err = clone < 0 ? clone : send_fd(peer, clone);
		if (err)	/* this one's trouble: no memory, or it has gone */
			fprintf(stderr, "no clone: %s\n", strerror(-err));
		if (clone >= 0)
			close(clone);
		close(peer);
	}
	unlink(path);
}

static void use_clone(const char *path, const char *text)
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
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "serve")) {
		serve(argv[2], argc > 3 ? strtoul(argv[3], NULL, 0) : ~0ul);
	} else if (argc == 4 && !strcmp(argv[1], "clone")) {
		use_clone(argv[2], argv[3]);
	} else {
		fprintf(stderr, "usage: %s serve SOCKET [CONNECTIONS] | clone SOCKET TEXT\n",
			argv[0]);
		return 2;
	}
	return 0;
}
