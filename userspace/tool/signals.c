// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that ask to end, kept until everything is tidy.
 *
 * A signal that arrives just before a read(2) that sleeps is seen only when that
 * returns; a second one then interrupts it.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "tool.h"

static volatile sig_atomic_t caught;

void signal_note(int number)
{
	caught = number;
}

void signals_catch(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	/* No SA_RESTART: what sleeps shall return and look at the flag. */
	struct sigaction action = { .sa_handler = signal_note }, old;
	size_t i;

	sigemptyset(&action.sa_mask);
	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		/* Under nohup and the like, what is ignored stays ignored. */
		if (sigaction(ends[i], NULL, &old) ||
		    old.sa_handler == SIG_IGN)
			continue;
		sigaction(ends[i], &action, NULL);
	}

	signal(SIGPIPE, SIG_IGN);
}

int signal_caught(void)
{
	return caught;
}

void signals_deliver(void)
{
	if (!caught)
		return;

	signal(caught, SIG_DFL);
	raise(caught);
}
