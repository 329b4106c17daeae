// SPDX-License-Identifier: GPL-2.0-only
/*
 * edudma why: is this memory moved without a copy?
 *
 * Where the answer depends on where pages are, it comes from the kernel's pagemap,
 * and is true as long as they stay there.  Nothing is pinned and nothing moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "tool.h"

/* Of an entry in /proc/PID/pagemap. */
#define PAGEMAP_PRESENT	0x8000000000000000ULL
#define PAGEMAP_FRAME	0x007fffffffffffffULL

/**
 * struct why - a question and its answer
 * @device:	what --device said
 * @pid:	whose memory, 0 for a file
 * @json:	print an object
 * @info:	what the device can do
 * @reach_all:	all memory is in its reach
 * @bounces_all: the kernel copies all that it maps
 * @pages:	pages in question
 * @zero_copy:	of these, moved without a copy
 * @copied:	out of the device's reach
 * @absent:	not in memory now
 * @hidden:	in memory, but the kernel does not tell where
 * @to_device:	a transfer to the device may read it
 * @from_device: a transfer from the device may write it
 * @refused:	why there can be no transfer, or NULL
 * @registers:	why it can not be registered, or NULL if it can
 */
struct why {
	const char *device;
	long pid;
	bool json;
	struct edudma_info info;
	bool reach_all;
	bool bounces_all;
	uint64_t pages;
	uint64_t zero_copy;
	uint64_t copied;
	uint64_t absent;
	uint64_t hidden;
	bool to_device;
	bool from_device;
	const char *refused;
	const char *registers;
};

static int ask_device(struct why *why)
{
	struct edudma *dev;
	uint64_t top;
	int ret;

	ret = device_open(why->device, O_RDONLY, &dev);
	if (ret)
		return ret;
	ret = edudma_get_info(dev, &why->info, sizeof(why->info));
	if (ret)
		ret = fail_device(edudma_path(dev), ret, "%s", "");
	edudma_close(dev);

	top = memory_top("");
	why->bounces_all = !(why->info.capabilities & EDUDMA_CAP_BUFFERS);
	why->reach_all = why->info.capabilities & EDUDMA_CAP_IOMMU ||
			 why->info.address_bits >= 64 ||
			 (top && top <= 1ULL << why->info.address_bits);
	return ret;
}

static void count_page(struct why *why, uint64_t entry, uint64_t page)
{
	const uint64_t frame = entry & PAGEMAP_FRAME;

	if (!(entry & PAGEMAP_PRESENT))
		why->absent++;
	else if (why->bounces_all)
		why->copied++;
	else if (why->reach_all)
		why->zero_copy++;
	else if (!frame)
		why->hidden++;
	else if ((frame + 1) * page <= 1ULL << why->info.address_bits)
		why->zero_copy++;
	else
		why->copied++;
}

/* Returns 0 or a negative errno. */
static int count_pages(struct why *why, int pagemap, uint64_t start, uint64_t end)
{
	const uint64_t page = sysconf(_SC_PAGESIZE);
	uint64_t entries[512], pos = start / page, last = (end + page - 1) / page;
	size_t n, i;
	ssize_t got;

	why->pages = last - pos;
	while (pos < last) {
		n = last - pos < ARRAY_SIZE(entries) ? last - pos : ARRAY_SIZE(entries);
		got = pread(pagemap, entries, n * sizeof(*entries),
			    pos * sizeof(*entries));
		if (got <= 0)
			return got ? -errno : -EIO;
		n = got / sizeof(*entries);
		for (i = 0; i < n; i++)
			count_page(why, entries[i], page);
		pos += n;
	}
	return 0;
}

static const char *reason_not_registered(const struct why *why)
{
	if (why->bounces_all)
		return "the kernel copies what it maps for the device";
	if (!why->from_device)
		return "it cannot be written";
	if (why->copied)
		return "the device does not reach all of it";
	return NULL;
}

static void print_part(const char *name, uint64_t pages, const char *reason)
{
	if (pages)
		printf("%-12s%" PRIu64 " page%s%s%s\n", name, pages,
		       pages == 1 ? "" : "s", *reason ? ": " : "", reason);
}

static void print_answer(const struct why *why)
{
	char reach[64];

	if (why->refused) {
		printf("%-12s%s\n", "refused", why->refused);
		return;
	}
	snprintf(reach, sizeof(reach), "beyond the %u address bits of the device",
		 why->info.address_bits);
	print_part("zero-copy", why->zero_copy,
		   why->info.capabilities & EDUDMA_CAP_IOMMU ? "the IOMMU maps them" : "");
	print_part("copied", why->copied, why->bounces_all ?
		   "the kernel copies what it maps for the device" : reach);
	print_part("absent", why->absent,
		   "not in memory; a transfer brings them to where there is room");
	print_part("unknown", why->hidden, "only root is told where they are");
	printf("%-12s%s\n", "to device", why->to_device ? "yes" : "no: it cannot be read");
	printf("%-12s%s\n", "from device",
	       why->from_device ? "yes" : "no: it cannot be written");
	printf("%-12s%s%s\n", "registered", why->registers ? "no: " : "yes",
	       why->registers ? why->registers : "");
}

static void print_json(const struct why *why)
{
	struct json_object *object = json_object_new_object();

	json_add_u64(object, "pages", why->pages);
	json_add_u64(object, "zero_copy", why->zero_copy);
	json_add_u64(object, "copied", why->copied);
	json_add_u64(object, "absent", why->absent);
	json_add_u64(object, "unknown", why->hidden);
	json_object_object_add(object, "to_device",
			       json_object_new_boolean(why->to_device));
	json_object_object_add(object, "from_device",
			       json_object_new_boolean(why->from_device));
	json_object_object_add(object, "can_be_registered",
			       json_object_new_boolean(!why->registers));
	if (why->refused)
		json_add_string(object, "refused", why->refused);
	else if (why->registers)
		json_add_string(object, "not_registered", why->registers);
	json_print(object, false);
}

static void print_why(struct why *why)
{
	if (why->refused)
		why->registers = why->refused;
	else if (!why->registers)
		why->registers = reason_not_registered(why);

	if (why->json)
		print_json(why);
	else
		print_answer(why);
}

/* Its pages in the page cache, which are what a mapping of it shows. */
static int ask_mapping(struct why *why, const char *path, int fd, uint64_t len)
{
	int pagemap, ret;
	void *memory;

	/* With MAP_POPULATE it is read in, as a transfer would. */
	memory = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED)
		return fail("%s: %s", path, strerror(errno));

	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0) {
		ret = -errno;
	} else {
		ret = count_pages(why, pagemap, (uintptr_t)memory,
				  (uintptr_t)memory + len);
		close(pagemap);
	}
	munmap(memory, len);
	return ret ? fail("/proc/self/pagemap: %s", strerror(-ret)) : STATUS_OK;
}

static int ask_file(struct why *why, const char *path)
{
	struct statfs fs = {};
	struct stat st;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		ret = fail("%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		ret = fail("%s: not a regular file", path);
	else if (!st.st_size)
		ret = fail("%s: empty, there is nothing to move", path);
	else
		ret = ask_mapping(why, path, fd, st.st_size);
	close(fd);
	if (ret)
		return ret;

	why->to_device = true;
	why->from_device = !access(path, W_OK);
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != HUGETLBFS_MAGIC)
		why->registers = "its file system may need to write its pages; use a memfd";
	print_why(why);
	return STATUS_OK;
}

/**
 * struct area - a mapping of a process
 * @start:	its first byte
 * @end:	behind its last one
 * @mode:	such as "rw-p"
 * @device:	it shows memory of a device, which has no pages
 */
struct area {
	uint64_t start;
	uint64_t end;
	char mode[8];
	bool device;
};

/* The mapping that has an address, from /proc/PID/smaps; false if there is none. */
static bool find_area(FILE *smaps, uint64_t address, struct area *area)
{
	char line[PATH_MAX + 128];
	bool found = false;
	struct area one;

	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &one.start, &one.end,
			   one.mode) == 3) {
			if (found)
				break;
			found = address >= one.start && address < one.end;
			*area = one;
			area->device = false;
		} else if (found && !strncmp(line, "VmFlags:", 8)) {
			area->device = strstr(line, " io") || strstr(line, " pf");
		}
	}
	return found;
}

static int ask_address(struct why *why, uint64_t address, uint64_t len)
{
	struct area area;
	char path[64];
	int pagemap, ret;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%ld/smaps", why->pid);
	smaps = fopen(path, "re");
	if (!smaps)
		return fail("%s: %s", path, strerror(errno));
	if (!find_area(smaps, address, &area)) {
		fclose(smaps);
		why->refused = "nothing is mapped there (EFAULT)";
		print_why(why);
		return STATUS_OK;
	}
	fclose(smaps);

	if (len > area.end - address)
		len = area.end - address;
	why->to_device = area.mode[0] == 'r';
	why->from_device = area.mode[1] == 'w';
	if (area.device)
		why->refused = "it is memory of a device, not of the machine (EFAULT)";

	snprintf(path, sizeof(path), "/proc/%ld/pagemap", why->pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return fail("%s: %s", path, strerror(errno));
	ret = count_pages(why, pagemap, address, address + len);
	close(pagemap);
	if (ret)
		return fail("%s: %s", path, strerror(-ret));
	print_why(why);
	return STATUS_OK;
}

static bool parse_pid(const char *text, long *pid)
{
	uint64_t value;

	if (!parse_size(text, &value) || !value || value > INT_MAX)
		return false;
	*pid = value;
	return true;
}

static int ask(struct why *why, int argc, char **argv)
{
	uint64_t address = 0, len = 1;
	int ret;

	if (!why->pid && argc != 1)
		return usage_error("one file is needed");
	if (why->pid && (argc < 1 || argc > 2))
		return usage_error("an address is needed, and at most a length");
	if (why->pid && !parse_size(argv[0], &address))
		return usage_error("'%s' is not an address", argv[0]);
	if (why->pid && argc > 1 && (!parse_size(argv[1], &len) || !len))
		return usage_error("'%s' is not a length", argv[1]);

	ret = ask_device(why);
	if (ret)
		return ret;
	return why->pid ? ask_address(why, address, len) : ask_file(why, argv[0]);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "pid", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct why why = {};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:p:jh", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			why.device = optarg;
			break;
		case 'p':
			if (!parse_pid(optarg, &why.pid))
				return usage_error("--pid: '%s' is not the number of a process",
						   optarg);
			break;
		case 'j':
			why.json = true;
			break;
		case 'h':
			return command_help();
		default:
			return option_error(opt, argv);
		}
	}
	return ask(&why, argc - optind, argv + optind);
}

const struct command command_why = {
	.name = "why",
	.arguments = "[OPTION]... FILE | --pid PID ADDRESS [LENGTH]",
	.summary = "Tell whether memory is moved without a copy, and why not",
	.help =
	"Of a FILE: its pages in the page cache, as a program has them that maps it; what\n"
	"is not there is read in.  Of a process: the pages from ADDRESS on, up to the end of\n"
	"the mapping that it is in; LENGTH is 1 by default, that is one page.\n"
	"Nothing is moved.  The answer holds as long as the pages stay where they are.\n"
	"\n"
	"  -d, --device DEVICE  which device; default is the first one present\n"
	"  -p, --pid PID        memory of this process; needs the right to trace it\n"
	"  -j, --json           print an object\n"
	"  -h, --help           this help\n"
	"\n"
	"Only root is told where pages are, which matters if the device does not reach all\n"
	"memory.  Numbers can be hexadecimal (0x10) and end in K, M or G.\n",
	.run = run,
};
