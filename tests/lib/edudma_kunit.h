/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Suites whose tests are in the kernel.
 */
#ifndef EDUDMA_KUNIT_H
#define EDUDMA_KUNIT_H

/**
 * kunit_run() - run the tests of a module, and print their results
 * @module:	its file
 * @params:	for it
 *
 * Prints the tests that EDUDMA_TEST names; all run.
 *
 * Return: what main() is to return.
 */
int kunit_run(const char *module, const char *params);

#endif /* EDUDMA_KUNIT_H */
