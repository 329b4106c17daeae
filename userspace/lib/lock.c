// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Copies keep out of each other's way.
 *
 * On a device with several channels two requests of different files run at the
 * same time, and one would fetch from the window what the other has put there.
 * So whoever uses the window for scratch takes an advisory lock on the node,
 * flock(2), request by request.
 *
 * The lock is the open file's, that is the handle's.  Threads that share one need
 * none against each other, since its requests run one after the other; they have
 * the lock together, until the last of them gives it back.
 */
#include <errno.h>
#include <sys/file.h>

#include "internal.h"

int edudma_lock(struct edudma *dev)
{
	int ret;

	if (dev->info.channels < 2)
		return 0;

	pthread_mutex_lock(&dev->mutex);
	dev->lockers++;
	pthread_mutex_unlock(&dev->mutex);

	/* At once, where another thread has it. */
	if (!flock(dev->fd, LOCK_EX))
		return 0;

	ret = -errno;
	edudma_unlock(dev);
	return ret;
}

void edudma_unlock(struct edudma *dev)
{
	if (dev->info.channels < 2)
		return;

	pthread_mutex_lock(&dev->mutex);
	if (!--dev->lockers)
		flock(dev->fd, LOCK_UN);
	pthread_mutex_unlock(&dev->mutex);
}
