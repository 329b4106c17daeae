// SPDX-License-Identifier: GPL-2.0-only
/*
 * Further shells, one for each connection to the port "edudma.attach".
 *
 * Nothing of this runs before somebody connects.  Then init forks a server, which
 * carries bytes between the port and a shell on a pseudo terminal.  All that the
 * shell has started ends with the connection, or with the guest's command: so
 * that it cannot hold the module then.
 *
 * Both directions are frames: a type, a length of two bytes, big endian, and as
 * many bytes.  The client sends "s" first, "ROWS COLUMNS TERM"; then "d", what is
 * typed, and "w", "ROWS COLUMNS".  The guest sends "d", what is to be shown, and
 * at last "e", the shell has ended, or "x", there is none; both may say why.
 *
 * The guest does not always see that one client has gone before the next one has
 * come: an "s" begins a new shell at any time.
 */
#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER	_IO('T', 0x41)
#endif

#define HEADER		3
#define PAYLOAD		4096
#define KILL_US		2000000
#define STEP_US		10000

static int port = -1;
/* Readable when the port's state has changed. */
static int events = -1;
static pid_t server;

/**
 * struct shell - what the server knows
 * @job:	what the runner wants
 * @master:	of the pseudo terminal; -1: there is no shell
 * @pid:	the shell; 0 after its end
 * @in:		frames from the port, the first one not taken yet
 * @filled:	bytes in @in
 * @blocked:	the terminal does not take the first one now
 * @out:	the frame that the port has yet to take
 * @pending:	bytes in @out; 0: none
 */
struct shell {
	const struct job *job;
	int master;
	pid_t pid;
	unsigned char in[HEADER + PAYLOAD];
	size_t filled;
	bool blocked;
	unsigned char out[HEADER + PAYLOAD];
	size_t pending;
};

/* Send what is pending; a port takes all or nothing. */
static void flush_out(struct shell *shell)
{
	if (shell->pending && write(port, shell->out, shell->pending) > 0)
		shell->pending = 0;
}

static void send_frame(struct shell *shell, char type, size_t size)
{
	shell->out[0] = type;
	shell->out[1] = size >> 8;
	shell->out[2] = size;
	shell->pending = HEADER + size;
	flush_out(shell);
}

static void send_text(struct shell *shell, char type, const char *text)
{
	memcpy(shell->out + HEADER, text, strlen(text));
	send_frame(shell, type, strlen(text));
}

/* The parent of a process, 0 if it has gone. */
static pid_t parent_of(const char *pid)
{
	char path[300], line[512], *after;
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The name before it may hold anything. */
	if (fgets(line, sizeof(line), file)) {
		after = strrchr(line, ')');
		if (!after || sscanf(after, ") %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(file);
	return parent;
}

static void kill_children(void)
{
	struct dirent *entry;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		return;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    parent_of(entry->d_name) == getpid())
			kill(atoi(entry->d_name), SIGKILL);
	closedir(proc);
}

/*
 * End the shell and all that it has started: the server is the parent of those
 * whose own has gone.  What the kernel does not let die is left to init, whose
 * verdict it shows in.
 */
static void end_shell(struct shell *shell)
{
	if (shell->master >= 0)
		close(shell->master);
	shell->master = -1;
	shell->pid = 0;
	shell->blocked = false;
	for (int waited = 0; waited < KILL_US; waited += STEP_US) {
		kill_children();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0)
			return;
		usleep(STEP_US);
	}
}

static void set_size(int terminal, const char *text)
{
	struct winsize size = { 0 };

	if (sscanf(text, "%hu %hu", &size.ws_row, &size.ws_col) == 2)
		ioctl(terminal, TIOCSWINSZ, &size);
}

/* In the shell's process; returns if no shell can be executed. */
static void exec_shell(const struct job *job, int terminal, const char *term)
{
	static char *const shells[][2] = { { "bash" }, { "sh" } };
	sigset_t none;

	setsid();
	ioctl(terminal, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(terminal, i);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(job->cwd))
		(void)!chdir("/");
	environ = (char **)job->env;
	if (*term)
		setenv("TERM", term, 1);
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		execvp(shells[i][0], shells[i]);
}

static int open_terminal(int *slave)
{
	int master, locked = 0;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return -1;
	if (!ioctl(master, TIOCSPTLCK, &locked)) {
		*slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (*slave >= 0)
			return master;
	}
	close(master);
	return -1;
}

/* The errno for which the shell could not be executed, 0 if it runs. */
static int fork_shell(struct shell *shell, int slave, const char *term)
{
	int err = 0, ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return errno;
	shell->pid = fork();
	if (!shell->pid) {
		exec_shell(shell->job, slave, term);
		err = errno;
		(void)!write(ends[1], &err, sizeof(err));
		_exit(127);
	}
	close(ends[1]);
	if (shell->pid < 0)
		err = errno;
	else
		(void)!read(ends[0], &err, sizeof(err));
	close(ends[0]);
	return err;
}

static void refuse(struct shell *shell, const char *what, int err)
{
	char text[300];

	end_shell(shell);
	snprintf(text, sizeof(text), "%s: %s%s", what, strerror(err), shell->job->root ?
		 ": this guest has only its command's and its lane's programs" : "");
	send_text(shell, 'x', text);
}

/* The text is "ROWS COLUMNS TERM". */
static void start_shell(struct shell *shell, const char *text)
{
	const char *term = strrchr(text, ' ');
	int err, slave;

	end_shell(shell);
	shell->master = open_terminal(&slave);
	if (shell->master < 0) {
		refuse(shell, "no terminal for a shell", errno);
		return;
	}
	set_size(slave, text);
	err = fork_shell(shell, slave, term ? term + 1 : "");
	close(slave);
	if (err)
		refuse(shell, "no shell can be executed", err);
}

/* Forget the first bytes of what came. */
static void consume(struct shell *shell, size_t size)
{
	shell->filled -= size;
	memmove(shell->in, shell->in + size, shell->filled);
}

/*
 * Take a frame; false if there is no whole one, or if the terminal cannot take it.
 * Of "d" what the terminal has taken is cut out of the frame.
 */
static bool take_frame(struct shell *shell)
{
	size_t size = shell->in[1] << 8 | shell->in[2];
	char type = shell->in[0], text[PAYLOAD + 1];
	ssize_t wrote;

	if (shell->filled < HEADER || shell->filled < HEADER + size)
		return false;
	memcpy(text, shell->in + HEADER, size);
	text[size] = '\0';
	if (type == 'd' && size && shell->master >= 0) {
		wrote = write(shell->master, text, size);
		if (wrote < 0)
			wrote = errno == EAGAIN ? 0 : size;
		shell->blocked = (size_t)wrote < size;
		if (shell->blocked) {
			consume(shell, wrote);
			shell->in[0] = type;
			shell->in[1] = (size - wrote) >> 8;
			shell->in[2] = size - wrote;
			return false;
		}
	}
	consume(shell, HEADER + size);
	if (type == 's')
		start_shell(shell, text);
	if (type == 'w' && shell->master >= 0)
		set_size(shell->master, text);
	return true;
}

/* False if no frame can be that long: then these are none. */
static bool take_input(struct shell *shell)
{
	ssize_t got = 0;

	if (!shell->blocked)
		got = read(port, shell->in + shell->filled,
			   sizeof(shell->in) - shell->filled);
	if (got > 0)
		shell->filled += got;
	while (take_frame(shell))
		;
	return shell->filled < HEADER ||
	       (size_t)(shell->in[1] << 8 | shell->in[2]) <= PAYLOAD;
}

/* False once there is nothing more to be shown. */
static bool take_output(struct shell *shell)
{
	ssize_t got;

	got = read(shell->master, shell->out + HEADER, PAYLOAD);
	if (got > 0)
		send_frame(shell, 'd', got);
	return got > 0 || (got < 0 && errno == EAGAIN && shell->pid);
}

static void reap_children(struct shell *shell)
{
	pid_t ended;

	while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
		if (ended == shell->pid)
			shell->pid = 0;
}

/* SIGCHLD, or init's SIGTERM; false after that. */
static bool take_signal(struct shell *shell, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM)
			return false;
	reap_children(shell);
	return true;
}

/* Until the client has gone, or init asks for the end: false. */
static bool serve(struct shell *shell, int signals)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = signals, .events = POLLIN },
			{ .fd = port, .events = (shell->blocked ? 0 : POLLIN) |
						(shell->pending ? POLLOUT : 0) },
			{ .fd = shell->pending ? -1 : shell->master,
			  .events = POLLIN | (shell->blocked ? POLLOUT : 0) },
		};
		/* Of a shell that has ended what it said last is all there. */
		bool last = shell->master >= 0 && !shell->pid && !shell->pending;

		if (poll(fds, ARRAY_SIZE(fds), last ? 0 : -1) < 0 && errno != EINTR)
			return true;
		if (fds[0].revents && !take_signal(shell, signals))
			return false;
		if (fds[1].revents & POLLHUP)
			return true;
		flush_out(shell);
		if (!take_input(shell))
			return true;
		if (!shell->pending && shell->master >= 0 && !take_output(shell)) {
			end_shell(shell);
			send_text(shell, 'e', "");
		}
	}
}

__noreturn
static void run_server(const struct job *job)
{
	static struct shell shell = { .master = -1 };
	sigset_t mask;
	int signals;

	shell.job = job;
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (signals >= 0 && !serve(&shell, signals)) {
		end_shell(&shell);
		if (!shell.pending)
			send_text(&shell, 'e', "the guest's command has ended");
	}
	end_shell(&shell);
	_exit(0);
}

void attach_open(const struct job *job)
{
	/*
	 * Without a client the port hangs up, and goes on to: only changes are
	 * of interest.
	 */
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };

	if (!job->attach)
		return;
	port = open_port(job->attach);
	fcntl(port, F_SETFL, O_NONBLOCK);
	events = epoll_create1(EPOLL_CLOEXEC);
	if (events < 0 || epoll_ctl(events, EPOLL_CTL_ADD, port, &event))
		fail("epoll: %m");
}

int attach_events(void)
{
	/* While there is a server, they are its concern. */
	return server ? -1 : events;
}

void attach_take_event(const struct job *job)
{
	struct epoll_event event;

	if (epoll_wait(events, &event, 1, 0) != 1)
		return;
	/*
	 * What a client sends can come before the news that it is there.  Then it
	 * stays in the port until these have come, too.
	 */
	if (event.events & EPOLLHUP || !(event.events & EPOLLIN))
		return;
	server = fork();
	if (!server)
		run_server(job);
	if (server < 0) {
		note("fork: %m");
		server = 0;
	}
}

void attach_reaped(pid_t pid)
{
	if (pid == server)
		server = 0;
}

void attach_end(void)
{
	if (!server)
		return;
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
	server = 0;
}
