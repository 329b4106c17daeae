/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's log, from a point on.
 */
#ifndef EDUDMA_KMSG_H
#define EDUDMA_KMSG_H

#include <stdbool.h>

/** kmsg_open() - the log from here on; -1 and errno */
int kmsg_open(void);

/** kmsg_says() - did a line of the driver's come with both words in it? */
bool kmsg_says(int kmsg, const char *one, const char *two);

#endif /* EDUDMA_KMSG_H */
