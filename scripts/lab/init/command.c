// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running the command, and carrying what it writes to the runner.
 *
 * Its stdout and stderr are pipes and not the ports themselves: a port can be
 * opened once only, and programs do open /dev/stderr.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define TERMINAL	"/dev/hvc0"

/**
 * struct stream - one of the command's outputs
 * @from:	our end of the pipe; -1 after its end
 * @to:		the port
 * @bytes:	carried so far
 */
struct stream {
	int from, to;
	uint64_t bytes;
};

/* For the handler: written when a child has ended, so that poll() wakes. */
static int child_ended[2];

static void on_child(int signal)
{
	int saved = errno;

	(void)signal;
	(void)!write(child_ended[1], "", 1);
	errno = saved;
}

static void watch_children(void)
{
	struct sigaction action = { .sa_handler = on_child,
				    .sa_flags = SA_RESTART | SA_NOCLDSTOP };

	if (pipe2(child_ended, O_CLOEXEC | O_NONBLOCK))
		fail("pipe: %m");
	sigaction(SIGCHLD, &action, NULL);
}

static void exec_command(const struct job *job)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(job->cwd)) {
		dprintf(2, "guest: %s: %m\n", job->cwd);
		_exit(126);
	}
	environ = (char **)job->env;
	execvp(job->argv[0], job->argv);
	dprintf(2, "guest: %s: %m\n", job->argv[0]);
	/* As shells have it. */
	_exit(errno == ENOENT ? 127 : 126);
}

static pid_t start_piped(const struct job *job, struct stream streams[2])
{
	int ends[2][2];
	pid_t pid;

	for (int i = 0; i < 2; i++)
		if (pipe2(ends[i], O_CLOEXEC))
			fail("pipe: %m");
	pid = fork();
	if (!pid) {
		setsid();
		dup2(ends[0][1], 1);
		dup2(ends[1][1], 2);
		exec_command(job);
	}
	for (int i = 0; i < 2; i++) {
		close(ends[i][1]);
		fcntl(ends[i][0], F_SETFL, O_NONBLOCK);
		streams[i].from = ends[i][0];
	}
	return pid;
}

static void set_window_size(int terminal, int rows, int columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	ioctl(terminal, TIOCSWINSZ, &size);
}

static pid_t start_on_terminal(const struct job *job, int *terminal)
{
	pid_t pid;

	*terminal = open(TERMINAL, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*terminal < 0)
		fail("%s: %m", TERMINAL);
	set_window_size(*terminal, atoi(job->rows), atoi(job->columns));
	pid = fork();
	if (!pid) {
		setsid();
		ioctl(*terminal, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(*terminal, i);
		exec_command(job);
	}
	return pid;
}

/*
 * Carry what is there now; false at the end.  Once, and by as much as a pipe
 * can be made to hold: a process that never stops writing must not keep us.
 */
static bool carry(struct stream *stream)
{
	static char buffer[1 << 20];
	ssize_t got;

	got = read(stream->from, buffer, sizeof(buffer));
	if (got <= 0)
		return got < 0 && (errno == EAGAIN || errno == EINTR);
	if (!write_all(stream->to, buffer, got))
		fail("writing the command's output: %m");
	stream->bytes += got;
	return true;
}

/* The runner says "winsize ROWS COLUMNS" when its terminal has changed. */
static void take_window_size(int terminal)
{
	char line[64];
	int rows, columns;
	ssize_t got;

	got = read(record_port(), line, sizeof(line) - 1);
	if (got <= 0)
		return;
	line[got] = '\0';
	if (sscanf(line, "winsize %d %d", &rows, &columns) == 2)
		set_window_size(terminal, rows, columns);
}

/* Reap all that has ended; true if @pid was among them. */
static bool reap(pid_t pid, int *status)
{
	char drain[64];
	bool seen = false;
	int one;
	pid_t ended;

	while (read(child_ended[0], drain, sizeof(drain)) > 0)
		;
	while ((ended = waitpid(-1, &one, WNOHANG)) > 0) {
		if (ended == pid) {
			*status = one;
			seen = true;
		}
		attach_reaped(ended);
	}
	return seen;
}

/* Until the command has ended.  What its own children do later is not waited for. */
static int carry_until_end(const struct job *job, pid_t pid, struct stream streams[2],
			   int terminal)
{
	int status = 0;

	while (!reap(pid, &status)) {
		struct pollfd fds[] = {
			{ .fd = child_ended[0], .events = POLLIN },
			{ .fd = streams[0].from, .events = POLLIN },
			{ .fd = streams[1].from, .events = POLLIN },
			{ .fd = terminal < 0 ? -1 : record_port(),
			  .events = POLLIN },
			{ .fd = attach_events(), .events = POLLIN },
		};

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (fds[i + 1].revents && !carry(&streams[i]))
				streams[i].from = -1;
		if (fds[3].revents)
			take_window_size(terminal);
		if (fds[4].revents)
			attach_take_event(job);
	}
	for (int i = 0; i < 2; i++)
		if (streams[i].from >= 0)
			carry(&streams[i]);
	return status;
}

void run_command(const struct job *job)
{
	struct stream streams[2] = { { .from = -1 }, { .from = -1 } };
	int status, terminal = -1;
	pid_t pid;

	watch_children();
	attach_open(job);
	if (job->rows) {
		pid = start_on_terminal(job, &terminal);
	} else {
		streams[0].to = open_port("edudma.stdout");
		streams[1].to = open_port("edudma.stderr");
		pid = start_piped(job, streams);
	}
	if (pid < 0)
		fail("fork: %m");
	record("started", "-");
	status = carry_until_end(job, pid, streams, terminal);
	attach_end();
	record("bytes", "%" PRIu64 " %" PRIu64, streams[0].bytes, streams[1].bytes);
	if (WIFSIGNALED(status))
		record("status", "signal %d", WTERMSIG(status));
	else
		record("status", "exit %d", WEXITSTATUS(status));
}
