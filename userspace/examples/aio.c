// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux AIO, without a library: requests are submitted by one call and completed by
 * the device, while the program does something else.
 *
 * Usage: aio [NODE]
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NR	4
#define LEN	256

/* NR requests of LEN bytes; 0 if each moved all of them. */
static int run(aio_context_t context, int fd, int opcode, char *memory)
{
	struct iocb iocbs[NR] = {}, *list[NR];
	struct io_event events[NR];
	int i;

	for (i = 0; i < NR; i++) {
		iocbs[i].aio_lio_opcode = opcode;
		iocbs[i].aio_fildes = fd;
		iocbs[i].aio_buf = (uintptr_t)(memory + i * LEN);
		iocbs[i].aio_nbytes = LEN;
		iocbs[i].aio_offset = i * LEN;
		list[i] = &iocbs[i];
	}
	if (syscall(SYS_io_submit, context, NR, list) != NR) {
		perror("io_submit");
		return -1;
	}

	/* Here the program could do something else. */

	if (syscall(SYS_io_getevents, context, NR, NR, events, NULL) != NR) {
		perror("io_getevents");
		return -1;
	}
	for (i = 0; i < NR; i++) {
		if (events[i].res != LEN) {
			fprintf(stderr, "result %lld\n", (long long)events[i].res);
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	static char out[NR * LEN], in[NR * LEN];
	aio_context_t context = 0;
	int fd, i, ret;

	for (i = 0; i < NR * LEN; i++)
		out[i] = i / 5;

	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(node);
		return 1;
	}
	if (syscall(SYS_io_setup, NR, &context)) {
		perror("io_setup");
		close(fd);
		return 1;
	}

	ret = run(context, fd, IOCB_CMD_PWRITE, out);
	if (!ret)
		ret = run(context, fd, IOCB_CMD_PREAD, in);
	/* Waits for what is still under way. */
	syscall(SYS_io_destroy, context);
	close(fd);
	if (ret)
		return 1;

	if (memcmp(out, in, sizeof(in))) {
		fprintf(stderr, "%s: what came back differs\n", node);
		return 1;
	}
	printf("%s: %d requests by one call, there and back\n", node, NR);
	return 0;
}
