// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an asynchronous request costs the processor, in instructions, and what it asks of
 * the device: io_uring with plain and with registered buffers, with commands, and with
 * commands of a ring that is polled, at several depths; beside it, in the same guest and
 * by the same program, QEMU's NVMe, whose commands are those of its passthrough.
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
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define LEN		4096
#define MAX_DEPTH	64
#define REQUESTS	8192
#define WARM_UP		512

enum mode { PLAIN, FIXED, COMMAND, POLLED };

static const char *const mode_names[] = { "plain", "registered", "command", "polled" };

struct target {
	const char *name;
	bool nvme;
	int fd;
	struct io_uring ring;
	uint8_t *buf;
	struct edudma_segment segs[MAX_DEPTH];
	int buffer;
	bool reading;
	enum mode mode;
	unsigned int depth;
	unsigned int batch;	/* submitted with one system call */
};

/* A read or write by the device's own command, of a buffer that was registered. */
static void prepare_command(struct target *t, struct io_uring_sqe *sqe, unsigned int slot)
{
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = t->fd;
	if (t->nvme) {
		struct nvme_uring_cmd *cmd = (void *)((uint8_t *)sqe + 48);

		sqe->off = NVME_URING_CMD_IO;
		sqe->rw_flags = 1U << 0;	/* IORING_URING_CMD_FIXED */
		memset(cmd, 0, sizeof(*cmd));
		cmd->opcode = t->reading ? 2 : 1;
		cmd->nsid = 1;
		cmd->addr = ptr64(t->buf + slot * LEN);
		cmd->data_len = LEN;
		cmd->cdw10 = slot * (LEN / 512);
		cmd->cdw12 = LEN / 512 - 1;
		return;
	}
	t->segs[slot] = (struct edudma_segment) {
		.addr = slot * LEN, .len = LEN, .offset = slot * LEN,
		.direction = t->reading ? EDUDMA_FROM_DEVICE : EDUDMA_TO_DEVICE,
		.buffer = t->buffer,
	};
	sqe->off = EDUDMA_URING_CMD_TRANSFER;
	*(struct edudma_uring_cmd *)((uint8_t *)sqe + 48) = (struct edudma_uring_cmd) {
		.segments = ptr64(&t->segs[slot]), .nr_segments = 1,
	};
}

static void prepare(struct target *t, unsigned int slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&t->ring);
	uint8_t *buf = t->buf + slot * LEN;
	off_t offset = slot * LEN;

	if (!sqe)
		die("io_uring_get_sqe");
	if (t->mode >= COMMAND)
		prepare_command(t, sqe, slot);
	else if (t->reading && t->mode == FIXED)
		io_uring_prep_read_fixed(sqe, t->fd, buf, LEN, offset, 0);
	else if (t->reading)
		io_uring_prep_read(sqe, t->fd, buf, LEN, offset);
	else if (t->mode == FIXED)
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
			if (cqe->res != (t->nvme && t->mode >= COMMAND ? 0 : LEN)) {
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
	       mode_names[t->mode], t->depth, t->batch,
	       cost.instructions / 1000);
	if (!t->nvme)
		printf(" %9.3f %6.3f %7.3f %8.3f", cost.doorbells, cost.reads,
		       cost.writes, cost.interrupts);
	printf("\n");
	fflush(stdout);
}

static void measure_mode(struct target *t, enum mode which, const char *path)
{
	static const unsigned int depths[][2] = {
		{ 1, 1 }, { 8, 1 }, { 32, 1 }, { 32, 16 },
	};
	struct edudma_buffer_register arg = {
		.addr = ptr64(t->buf), .len = MAX_DEPTH * LEN,
	};
	struct iovec registered = { t->buf, MAX_DEPTH * LEN };
	unsigned int i, flags = 0;

	t->mode = which;
	t->fd = open(path, O_RDWR | O_CLOEXEC | (t->nvme && which >= COMMAND ? 0 : O_DIRECT));
	if (t->fd < 0)
		die(path);
	if (!t->nvme && ioctl(t->fd, EDUDMA_IOC_BUFFER_REGISTER, &arg))
		die("EDUDMA_IOC_BUFFER_REGISTER");
	t->buffer = arg.buffer;
	if (which == POLLED)
		flags |= IORING_SETUP_IOPOLL;
	if (t->nvme && which >= COMMAND)
		flags |= IORING_SETUP_SQE128 | IORING_SETUP_CQE32;
	if (io_uring_queue_init(MAX_DEPTH, &t->ring, flags) ||
	    io_uring_register_buffers(&t->ring, &registered, 1))
		die("io_uring");
	for (i = 0; i < ARRAY_LEN(depths); i++) {
		t->depth = depths[i][0];
		t->batch = depths[i][1];
		t->reading = false;
		measure(t);
		t->reading = true;
		measure(t);
	}
	io_uring_queue_exit(&t->ring);
	close(t->fd);
}

/* @commands: the node that takes them, if it is another. */
static void measure_all(const char *name, const char *path, const char *commands)
{
	struct target t = { .name = name, .nvme = commands };

	t.buf = private_pages(MAX_DEPTH);
	measure_mode(&t, PLAIN, path);
	measure_mode(&t, FIXED, path);
	measure_mode(&t, COMMAND, commands ?: path);
	measure_mode(&t, POLLED, commands ?: path);
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
	measure_all("edudma", dev.node, NULL);
	/* The block device, and the character device that takes commands. */
	if (argc > 2)
		measure_all("nvme", argv[1], argv[2]);
	return EXIT_SUCCESS;
}
