// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recorder: waits for frames, and for whatever else it has to do, with epoll.  Here that
 * is a signal: ^C ends the recording.
 *
 * Usage: recorder [NODE [FILE [FRAMES]]]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <edudma_stream.h>

struct recorder {
	struct edudma_stream *stream;
	FILE *file;
	unsigned long frames;
	unsigned long wanted;
	uint64_t lost;
};

/* All frames that there are: no system call for these. */
static int record(struct recorder *recorder)
{
	const struct edudma_frame *frame;
	int ret = 0;

	while (!ret && recorder->frames < recorder->wanted) {
		ret = edudma_stream_next(recorder->stream, 0, &frame);
		if (ret)
			break;
		if (fwrite(frame->data, 1, frame->bytes, recorder->file) != frame->bytes)
			ret = -EIO;
		recorder->frames++;
		recorder->lost += frame->lost;
		edudma_stream_release(recorder->stream, frame);
	}
	return ret == -EAGAIN ? 0 : ret;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int loop(struct recorder *recorder, int epoll, int signals)
{
	struct epoll_event event;
	int ret;

	ret = watch(epoll, signals);
	if (!ret)
		ret = watch(epoll, edudma_stream_fd(recorder->stream));
	while (!ret && recorder->frames < recorder->wanted) {
		if (epoll_wait(epoll, &event, 1, -1) < 0)
			return -errno;
		if (event.data.fd == signals)
			break;
		ret = record(recorder);
	}
	return ret;
}

static int run(struct recorder *recorder)
{
	int epoll, signals, ret;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ret = signals < 0 || epoll < 0 ? -errno : loop(recorder, epoll, signals);
	close(epoll);
	close(signals);
	return ret;
}

int main(int argc, char **argv)
{
	const char *node = argc > 1 ? argv[1] : "/dev/edudma0";
	const char *path = argc > 2 ? argv[2] : "/dev/null";
	const struct edudma_stream_options options = {
		.size = sizeof(options),
		.direction = EDUDMA_FROM_DEVICE,
		.rate = 4 << 20,
		.pattern = EDUDMA_PATTERN_PRBS31,
		.flags = EDUDMA_STREAM_HEADER,
	};
	struct recorder recorder = { .wanted = argc > 3 ? strtoul(argv[3], NULL, 0) : 100 };
	struct edudma *dev;
	int ret;

	ret = edudma_open(node, O_RDONLY, &dev);
	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}
	recorder.file = fopen(path, "we");
	if (!recorder.file) {
		perror(path);
		edudma_close(dev);
		return 1;
	}
	ret = edudma_stream_open(dev, &options, &recorder.stream);
	if (!ret)
		ret = edudma_stream_start(recorder.stream);
	if (!ret)
		ret = run(&recorder);
	edudma_stream_close(recorder.stream);
	edudma_close(dev);
	if (fclose(recorder.file) && !ret)
		ret = -errno;

	if (ret) {
		fprintf(stderr, "%s: %s\n", node, strerror(-ret));
		return 1;
	}
	printf("%s: %lu frames recorded, %" PRIu64 " bytes lost\n", node, recorder.frames,
	       recorder.lost);
	return 0;
}
