// SPDX-License-Identifier: GPL-2.0-only
/*
 * each - run programs one after the other, in a guest that has no Python
 * usage: each PROGRAM...
 *
 * Says "@begin PROGRAM" before and "@end STATUS" behind each, what it wrote
 * between them; -N is the end by signal N.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(const char *program)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execl(program, program, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 127;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 1; i < argc; i++) {
		printf("@begin %s\n", argv[i]);
		printf("@end %d\n", run(argv[i]));
	}
	return EXIT_SUCCESS;
}
