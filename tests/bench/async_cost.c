// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an asynchronous request costs the processor, in instructions, and what it
 * asks of the device: io_uring with plain and with registered buffers, at several
 * depths; beside it, in the same guest and by the same program, QEMU's NVMe.
 *
 * For a lane in virtual time, like ring_cost.c; so what is measured does not depend
 * on the host.
 */
#define _GNU_SOURCE	/* O_DIRECT */
#include "bench_cost.h"
#include "edudma_pci.h"
#include "edudma_test.h"

#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEN		4096
#define MAX_DEPTH	64
#define REQUESTS	8192
#define WARM_UP		512

struct target {
	const char *name;
	int fd;
	struct io_uring ring;
	uint8_t *buf;
	bool reading;
	bool fixed;
	unsigned int depth;
	unsigned int batch;	/* submitted with one system call */
};

static void prepare(struct target *t, unsigned int slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&t->ring);
	uint8_t *buf = t->buf + slot * LEN;
	off_t offset = slot * LEN;

	if (!sqe)
		die("io_uring_get_sqe");
	if (t->reading && t->fixed)
		io_uring_prep_read_fixed(sqe, t->fd, buf, LEN, offset, 0);
	else if (t->reading)
		io_uring_prep_read(sqe, t->fd, buf, LEN, offset);
	else if (t->fixed)
		io_uring_prep_write_fixed(sqe, t->fd, buf, LEN, offset, 0);
	else
		io_uring_prep_write(sqe, t->fd, buf, LEN, offset);
	sqe->user_data = slot;
}

/* So many requests, at most @depth at a time, each @batch with a system call. */
static void run(struct target *t, unsigned int requests)
{
	unsigned int begun = 0, ended = 0, ready = 0;
	unsigned int idle[MAX_DEPTH], nr_idle = 0;
	struct io_uring_cqe *cqe;

	while (nr_idle < t->depth) {
		idle[nr_idle] = nr_idle;
		nr_idle++;
	}
	while (ended < requests) {
		while (nr_idle && begun < requests) {
			prepare(t, idle[--nr_idle]);
			begun++;
			ready++;
		}
		if (ready >= t->batch || begun == requests) {
			if (io_uring_submit(&t->ring) < 0)
				die("io_uring_submit");
			ready = 0;
		}
		do {
			if (io_uring_wait_cqe(&t->ring, &cqe))
				die("io_uring_wait_cqe");
			if (cqe->res != LEN) {
				fprintf(stderr, "%s: result %d\n", t->name, cqe->res);
				exit(EXIT_FAILURE);
			}
			idle[nr_idle++] = cqe->user_data;
			io_uring_cqe_seen(&t->ring, cqe);
			ended++;
			/* Gather a batch before the next system call. */
		} while (ended < begun && ended < requests &&
			 (io_uring_cq_ready(&t->ring) || nr_idle < t->batch));
	}
}

static void measure(struct target *t)
{
	struct counts before, after;
	struct cost cost;

	run(t, WARM_UP);
	before = counts_now();
	run(t, REQUESTS);
	after = counts_now();
	cost = cost_of(&before, &after, REQUESTS);
	printf("%-7s %-5s %-10s %5u %5u %8.2f", t->name, t->reading ? "read" : "write",
	       t->fixed ? "registered" : "plain", t->depth, t->batch,
	       cost.instructions / 1000);
	if (!strcmp(t->name, "edudma"))
		printf(" %9.3f %6.3f %7.3f %8.3f", cost.doorbells, cost.reads,
		       cost.writes, cost.interrupts);
	printf("\n");
	fflush(stdout);
}

static void measure_all(const char *name, const char *path)
{
	static const unsigned int depths[][2] = {
		{ 1, 1 }, { 8, 1 }, { 32, 1 }, { 32, 16 },
	};
	struct target t = { .name = name };
	struct iovec registered;
	unsigned int i, mode;

	t.fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (t.fd < 0)
		die(path);
	t.buf = private_pages(MAX_DEPTH);
	registered = (struct iovec) { t.buf, MAX_DEPTH * LEN };
	if (io_uring_queue_init(MAX_DEPTH, &t.ring, 0) ||
	    io_uring_register_buffers(&t.ring, &registered, 1))
		die("io_uring");
	for (i = 0; i < ARRAY_LEN(depths); i++) {
		t.depth = depths[i][0];
		t.batch = depths[i][1];
		for (mode = 0; mode < 4; mode++) {
			t.reading = mode & 1;
			t.fixed = mode & 2;
			measure(&t);
		}
	}
	io_uring_queue_exit(&t.ring);
	close(t.fd);
}

int main(int argc, char **argv)
{
	struct test_dev dev;

	if (!dev_get(0, &dev))
		die("no node");
	counts_begin(dev.slot);
	printf("requests of %u bytes; instructions in thousands\n"
	       "%-7s %-5s %-10s %5s %5s %8s %9s %6s %7s %8s\n", LEN,
	       "device", "call", "buffers", "depth", "batch", "request", "doorbells",
	       "reads", "writes", "interr.");
	measure_all("edudma", dev.node);
	if (argc > 1)
		measure_all("nvme", argv[1]);
	return EXIT_SUCCESS;
}
