// SPDX-License-Identifier: GPL-2.0-only
/* edudma doctor: what needs the device. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <linux/capability.h>

#include <edudma_stream.h>

#include "doctor.h"

#define EDU_WINDOW	4096
#define MEMLOCK_LOW	(1024 * 1024)
#define TRANSFER_MAX	4096
#define STREAM_FRAME	4096
#define STREAM_FRAMES	8
#define STREAM_WAIT_MS	5000

static void check_window(struct doctor *doctor)
{
	const uint64_t window = doctor->info.window_bytes;
	char size[16];

	if (doctor->info.engine == EDUDMA_ENGINE_EDU && window < EDU_WINDOW)
		doctor_report(doctor, "window", FINDING_WARN,
			      "QEMU before 8.0 aborts at the last byte; with a newer one, load with window_bytes=4096",
			      "%" PRIu64 " bytes, less than the %u of edu", window,
			      EDU_WINDOW);
	else
		doctor_report(doctor, "window", FINDING_OK, NULL, "%s, engine %s",
			      format_size(window, size),
			      edudma_engine_name(doctor->info.engine));
}

/* "msix" and how many, from what the kernel has allocated. */
static unsigned int count_messages(const struct doctor *doctor, char kind[static 16])
{
	struct dirent *dirent;
	unsigned int count = 0;
	char path[96];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/msi_irqs",
		 doctor->address);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((dirent = readdir(dir)))
		if (dirent->d_name[0] != '.' &&
		    read_line(kind, 16, "%s/%s", path, dirent->d_name))
			count++;
	closedir(dir);
	return count;
}

static void check_interrupt(struct doctor *doctor)
{
	unsigned int count;
	char kind[16] = "";

	if (!(doctor->info.capabilities & EDUDMA_CAP_MSI)) {
		doctor_report(doctor, "interrupt", FINDING_WARN,
			      "load with msi=Y; if it says so already, see 'dmesg'",
			      "INTx, a line that others may share");
		return;
	}

	count = count_messages(doctor, kind);
	doctor_report(doctor, "interrupt", FINDING_OK, NULL, "%s, %u of them",
		      !strcmp(kind, "msix") ? "MSI-X" : "MSI", count ? count : 1);
}

static void check_iommu(struct doctor *doctor)
{
	if (doctor->info.capabilities & EDUDMA_CAP_IOMMU)
		doctor_report(doctor, "iommu", FINDING_OK, NULL,
			      "an IOMMU translates the device's addresses");
	else
		doctor_report(doctor, "iommu", FINDING_OK, NULL,
			      "none: the device uses addresses of the machine");
}

/* Which memory goes without a copy? */
static void check_reach(struct doctor *doctor)
{
	const struct edudma_info *info = &doctor->info;
	const uint64_t top = memory_top("");
	char reach[16], memory[16], pool[16];

	if (!(info->capabilities & EDUDMA_CAP_BUFFERS)) {
		doctor_report(doctor, "reach", FINDING_WARN,
			      "leave 'swiotlb=force' out of the command line, where it is there",
			      "the kernel copies what it maps for the device");
		return;
	}
	if (info->capabilities & EDUDMA_CAP_IOMMU || info->address_bits >= 64 ||
	    (top && top <= 1ULL << info->address_bits)) {
		doctor_report(doctor, "reach", FINDING_OK, NULL,
			      "all memory is moved without a copy, %u address bits",
			      info->address_bits);
		return;
	}

	format_size(1ULL << info->address_bits, reach);
	format_size(info->bounce_bytes, pool);
	if (top)
		doctor_report(doctor, "reach", FINDING_WARN,
			      "use an IOMMU, or give edu a larger dma_mask= and load with dma_bits=",
			      "%u address bits: memory from %s on, of %s, is copied by way of %s",
			      info->address_bits, reach, format_size(top, memory), pool);
	else
		doctor_report(doctor, "reach", FINDING_WARN, NULL,
			      "%u address bits: memory from %s on, if there is any, is copied by way of %s",
			      info->address_bits, reach, pool);
}

static void check_memlock(struct doctor *doctor)
{
	struct rlimit limit = {};
	const char *way_out = NULL;
	char size[16];

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (has_capability(CAP_IPC_LOCK) || limit.rlim_cur == RLIM_INFINITY) {
		doctor_report(doctor, "memlock", FINDING_OK, NULL,
			      "registered buffers are not limited");
		return;
	}
	if (limit.rlim_cur < MEMLOCK_LOW)
		way_out = "raise it: 'ulimit -l', limits.conf(5), LimitMEMLOCK= of systemd";
	doctor_report(doctor, "memlock", way_out ? FINDING_WARN : FINDING_OK, way_out,
		      "registered buffers of this user: up to %s",
		      format_size(limit.rlim_cur, size));
}

/* What has gone wrong since the device was bound. */
static void check_history(struct doctor *doctor)
{
	uint64_t leaked = 0, timeouts = 0, lost = 0;
	struct edudma_stats *stats;
	int ret;

	ret = edudma_stats_read(doctor->index, &stats);
	if (ret) {
		doctor_report(doctor, "history", FINDING_FAIL, device_hint(ret),
			      "statistics: %s", strerror(-ret));
		return;
	}
	edudma_stats_get(stats, "pages_leaked", &leaked);
	edudma_stats_get(stats, "timeouts", &timeouts);
	edudma_stats_get(stats, "interrupts_lost", &lost);
	edudma_stats_free(stats);

	if (leaked)
		doctor_report(doctor, "history", FINDING_FAIL,
			      "'edudma reset' gives them back if the device can be reset",
			      "a channel could not be stopped, %" PRIu64 " pages are kept for it",
			      leaked);
	else if (timeouts || lost)
		doctor_report(doctor, "history", FINDING_WARN, "'dmesg' tells when",
			      "%" PRIu64 " timeouts, %" PRIu64 " lost interrupts so far",
			      timeouts, lost);
	else
		doctor_report(doctor, "history", FINDING_OK, NULL,
			      "no timeout and no lost interrupt since it was bound");
}

static void report_transfer(struct doctor *doctor, const struct roundtrip *trip, int err)
{
	if (trip->lost)
		doctor_report(doctor, "transfer", FINDING_FAIL, device_hint(err),
			      "%s; the window's first %zu bytes could not be restored",
			      strerror(-err), trip->len);
	else if (err == -EBADMSG)
		doctor_report(doctor, "transfer", FINDING_FAIL,
			      "does dma_bits= say what the device has? 'edudma selftest' tells more",
			      "byte %zu went as 0x%02x and came back as 0x%02x", trip->bad,
			      trip->src[trip->bad], trip->dst[trip->bad]);
	else if (err)
		doctor_report(doctor, "transfer", FINDING_FAIL, device_hint(err), "%s",
			      strerror(-err));
	else
		doctor_report(doctor, "transfer", FINDING_OK, NULL,
			      "%zu bytes went and came back, and the window is as it was",
			      trip->len);
}

static void check_transfer(struct doctor *doctor)
{
	unsigned char *memory;
	char who[128];
	struct roundtrip trip = { .len = TRANSFER_MAX };
	size_t i;

	if (find_mapper(doctor->path, who, sizeof(who))) {
		doctor_report(doctor, "transfer", FINDING_WARN,
			      "'edudma selftest --force' does, if nothing of it is needed",
			      "not tried, as %s has mapped the window", who);
		return;
	}

	if (doctor->info.window_bytes < trip.len)
		trip.len = doctor->info.window_bytes;
	memory = malloc(3 * trip.len);
	if (!memory) {
		doctor_report(doctor, "transfer", FINDING_FAIL, NULL, "%s",
			      strerror(ENOMEM));
		return;
	}
	for (i = 0; i < trip.len; i++)
		memory[i] = i * 7 + (i >> 8);
	trip.src = memory;
	trip.dst = memory + trip.len;
	trip.saved = memory + 2 * trip.len;

	report_transfer(doctor, &trip, roundtrip(doctor->dev, &trip));
	free(memory);
}

/* Takes a few frames; tells how many of their bytes are not what they should be. */
static int take_frames(struct edudma_stream *stream, uint64_t *bytes, uint64_t *wrong)
{
	const struct edudma_frame *frame;
	unsigned int i;
	int ret;

	ret = edudma_stream_start(stream);
	for (i = 0; !ret && i < STREAM_FRAMES; i++) {
		ret = edudma_stream_next(stream, STREAM_WAIT_MS, &frame);
		if (ret)
			return ret == -EAGAIN ? -ETIMEDOUT : ret;
		ret = -frame->error;
		*bytes += frame->bytes;
		*wrong += edudma_stream_verify(stream, frame, NULL);
		edudma_stream_release(stream, frame);
	}
	return ret;
}

static void report_streams(struct doctor *doctor, int err, uint64_t bytes, uint64_t wrong)
{
	const unsigned int streams = doctor->info.streams;

	switch (err) {
	case -EBUSY:
		doctor_report(doctor, "streams", FINDING_WARN, NULL,
			      "not tried, as others have all channels for streams: %u",
			      streams);
		return;
	case -EDQUOT:
	case -EADDRNOTAVAIL:
		doctor_report(doctor, "streams", FINDING_WARN,
			      err == -EDQUOT ? "raise the limit: 'ulimit -l'" : NULL,
			      "not tried, as no memory can be registered: %s", strerror(-err));
		return;
	case 0:
		break;
	default:
		doctor_report(doctor, "streams", FINDING_FAIL, device_hint(err),
			      "after %" PRIu64 " bytes: %s", bytes, strerror(-err));
		return;
	}
	if (wrong)
		doctor_report(doctor, "streams", FINDING_FAIL,
			      "'edudma capture --verify' tells more",
			      "%" PRIu64 " of %" PRIu64 " bytes are not what they should be",
			      wrong, bytes);
	else
		doctor_report(doctor, "streams", FINDING_OK, NULL,
			      "%u at a time; %" PRIu64 " bytes came, as they should be",
			      streams, bytes);
}

static void check_streams(struct doctor *doctor)
{
	const struct edudma_stream_options options = {
		.size = sizeof(options),
		.direction = EDUDMA_FROM_DEVICE,
		.frame_bytes = STREAM_FRAME,
		.buffers = 2,
		.flags = EDUDMA_STREAM_HEADER,
	};
	struct edudma_stream *stream = NULL;
	uint64_t bytes = 0, wrong = 0;
	int ret;

	if (!(doctor->info.capabilities & EDUDMA_CAP_STREAMS)) {
		doctor_report(doctor, "streams", FINDING_OK, NULL, "this device has none");
		return;
	}
	ret = edudma_stream_open(doctor->dev, &options, &stream);
	if (!ret)
		ret = take_frames(stream, &bytes, &wrong);
	edudma_stream_close(stream);
	report_streams(doctor, ret, bytes, wrong);
}

void doctor_examine_device(struct doctor *doctor)
{
	check_window(doctor);
	check_interrupt(doctor);
	check_iommu(doctor);
	check_reach(doctor);
	check_memlock(doctor);
	check_history(doctor);
	check_transfer(doctor);
	/* They need all that a transfer needs. */
	if (!doctor->failed)
		check_streams(doctor);
}
