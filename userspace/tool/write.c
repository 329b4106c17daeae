// SPDX-License-Identifier: GPL-2.0-only
/* edudma write */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* All of the input before anything is moved: it fits, or nothing happens. */
static ssize_t load_input(const char *path, void *buf, size_t len,
			  const char **name)
{
	ssize_t n;
	int fd;

	fd = input_open(path, name);
	if (fd < 0) {
		fail("%s: %s", path, strerror(-fd));
		return -1;
	}

	n = read_full(fd, buf, len);
	if (fd != STDIN_FILENO)
		close(fd);
	if (n < 0) {
		fail("%s: %s", *name, strerror(-n));
		return -1;
	}
	return n;
}

static int run_write(struct edudma *dev, const char *input, uint64_t offset)
{
	const uint64_t window = edudma_window_bytes(dev);
	int status = STATUS_FAILURE, ret;
	const char *name;
	size_t room, done;
	ssize_t len;
	char *buf;

	if (offset > window)
		return fail("offset %" PRIu64 ": not within the window of %" PRIu64 " bytes",
			    offset, window);
	room = window - offset;

	/* One more byte tells whether there is more than fits. */
	buf = malloc(room + 1);
	if (!buf)
		return fail("%s", strerror(ENOMEM));

	len = load_input(input, buf, room + 1, &name);
	if (len < 0)
		goto out_free;
	if ((size_t)len > room) {
		fail("%s: more than the %zu bytes from %" PRIu64 " to the end; not written",
		     name, room, offset);
		goto out_free;
	}

	waiting_start(edudma_path(dev));
	ret = edudma_write_at(dev, buf, len, offset, &done);
	waiting_stop();
	if (ret)
		fail_device(edudma_path(dev), ret, "after %zu of %zd bytes",
			    done, len);
	else
		status = STATUS_OK;

out_free:
	free(buf);
	return status;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "offset", required_argument, NULL, 'o' },
		{ "input", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const char *which = NULL, *input = "-";
	struct edudma *dev;
	uint64_t offset = 0;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:o:i:h", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'd':
			which = optarg;
			break;
		case 'o':
			if (!parse_size(optarg, &offset))
				return usage_error("--offset: '%s' is not a size",
						   optarg);
			break;
		case 'i':
			input = optarg;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	if (optind < argc)
		return usage_error("unexpected argument '%s'", argv[optind]);

	ret = device_open(which, O_WRONLY, &dev);
	if (ret)
		return ret;
	ret = run_write(dev, input, offset);
	edudma_close(dev);
	return ret;
}

const struct command command_write = {
	.name = "write",
	.arguments = "[OPTION]...",
	.summary = "Write to the window of a device",
	.help =
	"What does not fit into the window is refused before anything is written.\n"
	"\n"
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -o, --offset N       where in the window to start; default 0\n"
	"  -i, --input FILE     where the bytes come from; default is standard input\n"
	"  -h, --help           this help\n"
	"\n"
	"Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run,
};
