/* SPDX-License-Identifier: GPL-2.0-only */
/* What stress.c and stress_watch.c share: the worlds, and their threads. */
#ifndef _AXAS_STRESS_H
#define _AXAS_STRESS_H

#include "axas_space.h"
#include "oracle_fixture.h"

#define MOST_THREADS	16
#define TLB_ENTRIES	32
#define BASE		((u64)SZ_1G - SZ_2M - SZ_64K)
#define NR_PAGES	(1024u + 32)
/* Each thread has its own line of every page for copies that are not single accesses. */
#define LINE		128

#define R		AXAS_PROT_READ
#define RW		(AXAS_PROT_READ | AXAS_PROT_WRITE)

#define NR_IMAGES	3
#define NR_SAMPLES	8

struct tlb_entry {
	u64 first;
	u64 last;
	u64 hpa;
	bool write;
};

/* An image, and words of it as they were when it was made. */
struct snapshot {
	struct axas_image *image;
	u64 gpa[NR_SAMPLES];
	u64 val[NR_SAMPLES];
};

/* A space and its guests. */
struct world {
	struct axas_space *space;
	struct axas_consumer consumer;
	struct oracle_machine machine;
	struct thread *guests[MOST_THREADS];
	unsigned int nr_guests;
	/* Held for each change: none grants write permission while another checks its removal. */
	pthread_mutex_t narrowing;
	struct snapshot snapshots[NR_IMAGES];
	/* Held to change a snapshot, and by hosts to take one. */
	pthread_mutex_t taking;
};

struct thread {
	pthread_t pthread;
	unsigned int nr;
	struct world *world;
	struct rnd_state rnd;
	/* Held in guest mode; @kicks counts the threads that want the vCPU to leave it. */
	pthread_mutex_t running;
	int kicks;
	struct tlb_entry tlb[TLB_ENTRIES];
	unsigned long steps;
	unsigned long misses;
};

extern struct world worlds[2];

/* The memory is missing at first, or another space's; then there are no images. */
extern bool brought;

__noreturn void die(struct thread *t, const char *what, u64 gpa, u64 val);
u32 rnd(struct thread *t, u32 below);
u64 random_page(struct thread *t);
struct axas_gpa_range random_range(struct thread *t);

/* What is written to an address of a space: but for the lowest byte always the same. */
u64 stamp(const struct world *w, u64 gpa);

/* stress_bring.c: map such memory, and supply what is missing. */
int bring_map(struct thread *t, struct world *w, struct axas_gpa_range range, u32 flags);
void bring(struct thread *t, struct world *w, u64 gpa);
void bring_what_hosts_await(struct thread *t, struct world *w);

/* stress_watch.c: a step of a changer, which holds world->narrowing, and one of a host. */
void watch_step(struct thread *t, struct world *w);
void watch_host_step(struct thread *t, struct world *w);
void watch_end(struct world *w);

#endif /* _AXAS_STRESS_H */
