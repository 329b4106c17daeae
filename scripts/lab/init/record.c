// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the runner is told: records "nonce key value" on a port of their own,
 * so that nothing that the kernel or the command prints can pass for one.
 */
#include "init.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *nonce;
static int port = -1;

bool write_all(int fd, const char *data, size_t size)
{
	ssize_t wrote;

	while (size) {
		wrote = write(fd, data, size);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		data += wrote;
		size -= wrote;
	}
	return true;
}

/* The number of the port called @name, -1 if the kernel has not seen it yet. */
static int find_port(const char *name, char *device, size_t size)
{
	char path[300], found[64];
	struct dirent *entry;
	FILE *file;
	DIR *dir;
	int err = -1;

	dir = opendir("/sys/class/virtio-ports");
	if (!dir)
		return -1;
	while (err && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name",
			 entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(found, sizeof(found), file)) {
			found[strcspn(found, "\n")] = '\0';
			if (!strcmp(found, name)) {
				snprintf(device, size, "/dev/%s", entry->d_name);
				err = 0;
			}
		}
		fclose(file);
	}
	closedir(dir);
	return err;
}

/*
 * Ports announce themselves by messages after the driver has loaded; the
 * runner's time limit ends this wait if they never do.
 */
static void await_port(const char *name, char *device, size_t size)
{
	while (find_port(name, device, size))
		usleep(10000);
}

int open_port(const char *name)
{
	char device[280];
	int fd;

	for (;;) {
		await_port(name, device, sizeof(device));
		fd = open(device, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		note("%s: %m", device);
		usleep(10000);
	}
}

/* As udev would: /dev/virtio-ports/NAME. */
void link_ports(const struct job *job)
{
	char device[280], link[280];

	if (!job->ports[0])
		return;
	if (mkdir("/dev/virtio-ports", 0755))
		fail("/dev/virtio-ports: %m");
	for (size_t i = 0; job->ports[i]; i++) {
		await_port(job->ports[i], device, sizeof(device));
		snprintf(link, sizeof(link), "/dev/virtio-ports/%s", job->ports[i]);
		if (symlink(device, link))
			fail("%s: %m", link);
	}
}

void record_open(const char *job_nonce)
{
	nonce = job_nonce;
	port = open_port("edudma.record");
}

int record_port(void)
{
	return port;
}

static void record_v(const char *key, const char *format, va_list args)
{
	char text[2048], line[2560];
	int size;

	vsnprintf(text, sizeof(text), format, args);
	/* One record, one line. */
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	size = snprintf(line, sizeof(line), "%s %s %s\n", nonce, key, text);
	write_all(port, line, size);
}

void record(const char *key, const char *format, ...)
{
	va_list args;

	if (port < 0)
		return;
	va_start(args, format);
	record_v(key, format, args);
	va_end(args);
}

/* A line among the kernel's own, for who reads the console. */
void note(const char *format, ...)
{
	char text[800];
	va_list args;
	int fd, size;

	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size = snprintf(text, sizeof(text), "<5>guest init: ");
	va_start(args, format);
	vsnprintf(text + size, sizeof(text) - size, format, args);
	va_end(args);
	write_all(fd, text, strlen(text));
	close(fd);
}

void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Process 1 must not return, and a panic ends the guest as well. */
	abort();
}

void fail(const char *format, ...)
{
	char text[800];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	note("%s", text);
	record("error", "%s", text);
	power_off();
}
