// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

/*
 * Files of programs have numbers from here on, and no other has.  One thread closes
 * what another is about to use: that then is another file of the device or none, but
 * neither the io_uring nor the file in sysfs that was opened next.
 */
#define FIRST_FILE	64

static void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

int fuzz_file(const struct fuzz_run *run, uint64_t slot)
{
	unsigned int i;
	int fd = __atomic_load_n(&run->files[slot % FUZZ_FILES], __ATOMIC_SEQ_CST);

	for (i = 0; fd < 0 && i < FUZZ_FILES; i++)
		fd = __atomic_load_n(&run->files[i], __ATOMIC_SEQ_CST);
	return fd;
}

/* Put a file into a slot, and close what was there. */
static void replace(struct fuzz_run *run, uint64_t slot, int fd)
{
	int old = fuzz_set_file(run, slot, fd, NULL);

	if (old >= 0)
		close(old);
}

int fuzz_move_file(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FILE), err = errno;

	close(fd);
	errno = err;
	return moved;
}

int fuzz_open_node(const struct fuzz_run *run, uint64_t device, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/edudma%u",
		 __atomic_load_n(&run->fuzz->nodes[device % FUZZ_DEVICES],
				 __ATOMIC_SEQ_CST));
	return open(path, flags | O_CLOEXEC);
}

static void do_open(struct fuzz_run *run, const uint64_t *arg,
		    struct fuzz_result *result)
{
	result->made = true;
	result->ret = fuzz_open_node(run, arg[1],
				     arg[2] & ~(uint64_t)(O_CREAT | O_EXCL | O_TMPFILE));
	if (result->ret >= 0)
		result->ret = fuzz_move_file(result->ret);
	result->err = result->ret < 0 ? errno : 0;
	if (result->ret >= 0)
		replace(run, arg[0], result->ret);
}

static void do_close(struct fuzz_run *run, const uint64_t *arg,
		     struct fuzz_result *result)
{
	int fd = fuzz_set_file(run, arg[0], -1, NULL);

	if (fd < 0)
		return;
	result->made = true;
	result->ret = close(fd);
}

static void do_dup(struct fuzz_run *run, const uint64_t *arg,
		   struct fuzz_result *result)
{
	int fd = fuzz_file(run, arg[0]);

	if (fd < 0)
		return;
	result->made = true;
	result->ret = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FILE);
	result->err = result->ret < 0 ? errno : 0;
	if (result->ret >= 0)
		replace(run, arg[1], result->ret);
}

/* Asked for by a vector that others may write to: no more than can be. */
#define ANY_COUNT	0x7ffff000

static void do_rw(int fd, const struct fuzz_call *call, struct fuzz_result *result)
{
	const uint64_t *arg = call->arg;

	result->asked = arg[2];
	switch (call->nr) {
	case FUZZ_read:
		result->ret = read(fd, at(arg[1]), arg[2]);
		return;
	case FUZZ_write:
		result->ret = write(fd, at(arg[1]), arg[2]);
		return;
	case FUZZ_pread:
		result->ret = pread(fd, at(arg[1]), arg[2], arg[3]);
		return;
	case FUZZ_pwrite:
		result->ret = pwrite(fd, at(arg[1]), arg[2], arg[3]);
		return;
	}
	result->asked = ANY_COUNT;
	switch (call->nr) {
	case FUZZ_readv:
		result->ret = readv(fd, at(arg[1]), arg[2]);
		break;
	case FUZZ_writev:
		result->ret = writev(fd, at(arg[1]), arg[2]);
		break;
	case FUZZ_preadv2:
		result->ret = preadv2(fd, at(arg[1]), arg[2], arg[3], arg[4]);
		break;
	case FUZZ_pwritev2:
		result->ret = pwritev2(fd, at(arg[1]), arg[2], arg[3], arg[4]);
		break;
	}
}

static long do_poll(int fd, const uint64_t *arg)
{
	struct pollfd pfd = { .fd = fd, .events = arg[1] };

	return poll(&pfd, 1, 0);
}

/* The child of a process with threads makes system calls only. */
static long do_fork(int fd, const uint64_t *arg)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	syscall(SYS_pwrite64, fd, arg[1], arg[2], arg[3]);
	syscall(SYS_ioctl, fd, EDUDMA_IOC_STREAM_KICK);
	syscall(SYS_exit_group, 0);
	return 0;
}

static long do_register(struct fuzz_run *run, int fd, const uint64_t *arg)
{
	struct edudma_buffer_register buffer = {
		.addr = arg[1], .len = arg[2], .kind = arg[3], .flags = arg[4],
		.fd = arg[3] ? fuzz_file(run, arg[3]) : 0,
	};

	return ioctl(fd, EDUDMA_IOC_BUFFER_REGISTER, &buffer);
}

static long do_unregister(int fd, const uint64_t *arg)
{
	struct edudma_buffer_unregister buffer = { .buffer = arg[1] };

	return ioctl(fd, EDUDMA_IOC_BUFFER_UNREGISTER, &buffer);
}

/*
 * Any ioctl.  What makes a stream is `create', which knows what to do with the file
 * that comes of it.
 */
static void do_ioctl(struct fuzz_run *run, int fd, const uint64_t *arg,
		     struct fuzz_result *result)
{
	result->made = (arg[1] & ~(uint64_t)IOCSIZE_MASK) !=
		       (EDUDMA_IOC_STREAM_CREATE & ~(uint64_t)IOCSIZE_MASK);
	if (!result->made)
		return;
	result->ret = ioctl(fd, arg[1], arg[2]);
	if (!result->ret && (unsigned int)arg[1] == EDUDMA_IOC_STREAM_START)
		__atomic_fetch_add(&run->starts, 1, __ATOMIC_SEQ_CST);
}

static void file_call(struct fuzz_run *run, const struct fuzz_call *call,
		      struct fuzz_result *result)
{
	const uint64_t *arg = call->arg;
	int fd = fuzz_file(run, arg[0]);

	if (fd < 0)
		return;
	result->made = true;
	switch (call->nr) {
	case FUZZ_lseek:
		result->ret = lseek(fd, arg[1], arg[2]) < 0 ? -1 : 0;
		break;
	case FUZZ_poll:
		result->ret = do_poll(fd, arg);
		break;
	case FUZZ_info:
		result->ret = ioctl(fd, _IOC(_IOC_READ, EDUDMA_IOC_MAGIC, 0,
					     arg[2] & _IOC_SIZEMASK), arg[1]);
		break;
	case FUZZ_ioctl:
		do_ioctl(run, fd, arg, result);
		break;
	case FUZZ_fork:
		result->ret = do_fork(fd, arg);
		break;
	case FUZZ_sendfile:
		result->ret = sendfile(fd, fuzz_file(run, arg[1]), NULL, arg[2]);
		break;
	case FUZZ_aio:
		result->asked = arg[2];
		result->ret = fuzz_aio(fd, arg);
		break;
	case FUZZ_uring:
		result->asked = arg[2];
		result->ret = fuzz_uring(fd, arg);
		break;
	case FUZZ_command:
		result->ret = fuzz_command(fd, arg);
		break;
	case FUZZ_register:
		result->ret = do_register(run, fd, arg);
		break;
	case FUZZ_unregister:
		result->ret = do_unregister(fd, arg);
		break;
	default:
		do_rw(fd, call, result);
		break;
	}
}

static void hear(int sig)
{
	(void)sig;
}

static long do_alarm(const uint64_t *arg)
{
	struct sigaction action = {
		.sa_handler = hear, .sa_flags = arg[1] % 2 ? SA_RESTART : 0,
	};
	struct itimerval timer = { .it_value.tv_usec = arg[0] % 20000 };

	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	return setitimer(ITIMER_REAL, &timer, NULL);
}

static long do_signal(struct fuzz_run *run, const uint64_t *arg)
{
	pid_t thread = run->threads[arg[0] % FUZZ_THREADS];

	return thread ? syscall(SYS_tgkill, getpid(), thread, SIGUSR1) : 0;
}

/* Reads a counter.  Nobody waits for a device that is not there. */
static long do_stat(struct fuzz_run *run, const uint64_t *arg)
{
	char path[96], text[32];

	snprintf(path, sizeof(path), "/sys/class/edudma/edudma%u/statistics/%s",
		 __atomic_load_n(&run->fuzz->nodes[arg[0] % FUZZ_DEVICES],
				 __ATOMIC_SEQ_CST),
		 stats_names[arg[1] % ARRAY_LEN(stats_names)]);
	file_read(path, text, sizeof(text));
	return text[0] ? 0 : -1;
}

/* timeout_ms keeps to what a slow guest can do, or to what is refused. */
static long do_param(const uint64_t *arg)
{
	static const char *const names[] = { "chunk_bytes", "timeout_ms", "msi" };
	uint64_t value = arg[1];

	if (arg[0] % 3 == 1 && value >= 200 && value <= 600000)
		value = 5000;
	errno = param_set(names[arg[0] % 3], value);
	return errno ? -1 : 0;
}

void fuzz_execute(struct fuzz_run *run, const struct fuzz_call *call,
		  struct fuzz_result *result)
{
	const uint64_t *arg = call->arg;

	*result = (struct fuzz_result) { 0 };
	switch (call->nr) {
	case FUZZ_open:
		do_open(run, arg, result);
		return;
	case FUZZ_close:
		do_close(run, arg, result);
		return;
	case FUZZ_dup:
		do_dup(run, arg, result);
		return;
	case FUZZ_argument:
	case FUZZ_segment:
	case FUZZ_iovec:
		fuzz_structure_call(call);
		return;
	case FUZZ_slot ... FUZZ_scribble:
		fuzz_stream_call(run, call, result);
		return;
	case FUZZ_transfer:
	case FUZZ_transfer32:
		fuzz_transfer(run, call, result);
		return;
	case FUZZ_map ... FUZZ_poke:
		fuzz_memory_call(run, call, result);
		break;
	case FUZZ_kill ... FUZZ_fault:
		fuzz_trouble_call(run, call, result);
		return;
	case FUZZ_alarm:
		result->made = true;
		result->ret = do_alarm(arg);
		break;
	case FUZZ_signal:
		result->made = true;
		result->ret = do_signal(run, arg);
		break;
	case FUZZ_nap:
		usleep(arg[0] % 20000);
		return;
	case FUZZ_stat:
		result->made = true;
		result->ret = do_stat(run, arg);
		return;
	case FUZZ_param:
		result->made = true;
		result->ret = do_param(arg);
		break;
	default:
		file_call(run, call, result);
		break;
	}
	result->err = result->ret < 0 ? errno : 0;
}
