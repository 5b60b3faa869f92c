// SPDX-License-Identifier: GPL-2.0-only
/*
 * A FUSE file system with one file, served by a process of its own over /dev/fuse: a server that
 * can hold its answers, stop to take requests, cut the file off, or be killed.
 */
#include "uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse.h"

#define FILE_NODE	2
#define BUF_SIZE	(256 * 1024)

static char *fuse_dir(void)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/axas_fuse.%d", getpid());
	return dir;
}

const char *fuse_path(void)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/file", fuse_dir());
	return path;
}

static void answer(int dev, u64 unique, int err, const void *data, size_t len)
{
	static char buf[BUF_SIZE];
	struct fuse_out_header *out = (void *)buf;

	*out = (struct fuse_out_header){ sizeof(*out) + len, err, unique };
	memcpy(buf + sizeof(*out), data, len);
	/* A request that was killed has nobody to answer. */
	if (write(dev, buf, out->len) < 0 && errno != ENOENT)
		_exit(2);
}

static struct fuse_attr attr_of(const struct fuse_server *server, u64 node)
{
	struct fuse_attr attr = {
		.ino = node, .nlink = 1, .mode = S_IFDIR | 0755, .blksize = PAGE,
	};

	if (node == FILE_NODE) {
		attr.mode = S_IFREG | 0644;
		attr.size = server->pages * PAGE;
	}
	return attr;
}

static void answer_lookup(const struct fuse_server *server, int dev, u64 unique, const char *name)
{
	struct fuse_entry_out out = { .nodeid = FILE_NODE, .attr = attr_of(server, FILE_NODE) };

	if (strcmp(name, "file"))
		answer(dev, unique, -ENOENT, NULL, 0);
	else
		answer(dev, unique, 0, &out, sizeof(out));
}

static void answer_read(struct fuse_server *server, int dev, u64 unique,
			const struct fuse_read_in *in)
{
	static u64 data[BUF_SIZE / 2 / 8];
	u64 end = server->pages * PAGE, len = in->size < sizeof(data) ? in->size : sizeof(data);

	server->reads++;
	while (server->hold)
		usleep(1000);
	if (in->offset >= end)
		len = 0;
	else if (len > end - in->offset)
		len = end - in->offset;
	memset(data, 0, len);
	for (u64 at = 0; at < len; at += PAGE)
		data[at / 8] = fuse_stamp((in->offset + at) / PAGE);
	answer(dev, unique, 0, data, len);
}

/* As the kernel leaves it to the server to check permissions. */
static void answer_access(const struct fuse_server *server, int dev, u64 unique,
			  const struct fuse_access_in *in)
{
	answer(dev, unique, server->forbids && in->mask & W_OK ? -EACCES : 0, NULL, 0);
}

static void answer_init(int dev, u64 unique)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = 31, .max_readahead = 0, .max_write = 4096,
		.max_background = 16, .congestion_threshold = 12, .time_gran = 1,
	};

	answer(dev, unique, 0, &out, sizeof(out));
}

static void answer_any(struct fuse_server *server, int dev, const struct fuse_in_header *in)
{
	struct fuse_attr_out attr = { .attr = attr_of(server, in->nodeid) };
	/* Without FLUSH, for which the end of a process would wait. */
	struct fuse_open_out open = { .fh = 1, .open_flags = FOPEN_NOFLUSH };

	switch (in->opcode) {
	case FUSE_INIT:
		return answer_init(dev, in->unique);
	case FUSE_LOOKUP:
		return answer_lookup(server, dev, in->unique, (const char *)(in + 1));
	case FUSE_GETATTR:
		return answer(dev, in->unique, 0, &attr, sizeof(attr));
	case FUSE_ACCESS:
		return answer_access(server, dev, in->unique, (const void *)(in + 1));
	case FUSE_OPEN:
		return answer(dev, in->unique, 0, &open, sizeof(open));
	case FUSE_READ:
		return answer_read(server, dev, in->unique, (const void *)(in + 1));
	case FUSE_RELEASE:
		return answer(dev, in->unique, 0, NULL, 0);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		return answer(dev, in->unique, -EOPNOTSUPP, NULL, 0);
	}
}

static void serve(struct fuse_server *server, int dev)
{
	static u64 buf[BUF_SIZE / 8];

	for (;;) {
		if (read(dev, buf, sizeof(buf)) > 0)
			answer_any(server, dev, (void *)buf);
		else if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
			_exit(0);
	}
}

struct fuse_server *fuse_start(u64 pages)
{
	struct fuse_server *server = mmap(NULL, sizeof(*server), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int dev = open("/dev/fuse", O_RDWR | O_CLOEXEC), status;
	char options[80];
	pid_t pid;

	expect(server != MAP_FAILED);
	if (dev < 0)
		skip("no FUSE in this kernel");
	server->pages = pages;
	mkdir("/tmp", 0755);
	expect_libc(mkdir(fuse_dir(), 0755));
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", dev);
	expect_libc(mount("axas", fuse_dir(), "fuse", MS_NOSUID | MS_NODEV, options));
	pid = fork();
	expect_libc(pid);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(server, dev);
	}
	server->pid = pid;
	close(dev);
	expect_eq(waitpid(pid, &status, WNOHANG), 0);
	return server;
}

void fuse_stop(const struct fuse_server *server)
{
	int status;

	expect_libc(kill(server->pid, SIGSTOP));
	expect_eq(waitpid(server->pid, &status, WUNTRACED), server->pid);
	expect(WIFSTOPPED(status));
}

void fuse_continue(const struct fuse_server *server)
{
	expect_libc(kill(server->pid, SIGCONT));
}

void fuse_kill(struct fuse_server *server)
{
	if (server->pid) {
		expect_libc(kill(server->pid, SIGKILL));
		expect_eq(waitpid(server->pid, NULL, 0), server->pid);
	}
	server->pid = 0;
}

void fuse_end(struct fuse_server *server)
{
	fuse_kill(server);
	expect_libc(umount2(fuse_dir(), MNT_DETACH));
	expect_libc(rmdir(fuse_dir()));
	munmap(server, sizeof(*server));
}
