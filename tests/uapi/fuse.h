/* SPDX-License-Identifier: GPL-2.0-only */
/* A FUSE file system with one file, and the process that serves it: see fuse.c. */
#ifndef AXAS_UAPI_FUSE_H
#define AXAS_UAPI_FUSE_H

#include <stdatomic.h>
#include <sys/types.h>

/**
 * struct fuse_server - the server; shared with its process
 * @pid: the process; 0: killed
 * @pages: size of the file
 * @reads: read requests that it has taken
 * @hold: it does not answer the read request that it has taken
 * @forbids: nobody may write the file
 */
struct fuse_server {
	pid_t pid;
	atomic_ullong pages;
	atomic_uint reads;
	atomic_bool hold;
	atomic_bool forbids;
};

/* The first word of a page of the file. */
static inline u64 fuse_stamp(u64 page)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull | 1;
}

/* Skips the test if the kernel has no FUSE. */
struct fuse_server *fuse_start(u64 pages);
const char *fuse_path(void);		/* the file */
/* Until it continues, it takes no requests. */
void fuse_stop(const struct fuse_server *server);
void fuse_continue(const struct fuse_server *server);
void fuse_kill(struct fuse_server *server);
void fuse_end(struct fuse_server *server);

#endif /* AXAS_UAPI_FUSE_H */
