/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that a fuzzer runs: lists of calls over a few files and a piece of
 * memory, by several threads.
 *
 * As text each call is a line, THREAD NAME ARGUMENT...: a file is f0 to f7, an
 * address in the piece of memory m+0x10, all else a number.
 *
 *	0 open f0 0x0 0x2
 *	0 pwrite f0 m+0x10000 0x200 0x0
 *	1 lseek f0 0x0 0x2
 *
 * A stream is a file, too.  `create' makes one in memory of the program, out of
 * what `setup' and `slot' have put there; `capture' one that is in order, in
 * memory that no other call reaches.
 *
 * What thread 0 does before the first call of another comes before that.
 * Nothing here needs the device: it also runs on the host.
 */
#ifndef EDUDMA_FUZZ_PROGRAM_H
#define EDUDMA_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FUZZ_ARGS	6
#define FUZZ_CALLS	192	/* of a program, at most */
#define FUZZ_THREADS	3
#define FUZZ_FILES	8

/* The piece of memory: where 32-bit callers reach it, and nothing else is. */
#define FUZZ_PAGE	4096
#define FUZZ_BASE	0x20000000u
#define FUZZ_PAGES	64
#define FUZZ_END	(FUZZ_BASE + FUZZ_PAGES * FUZZ_PAGE)
/* Its first pages are for structures, what follows for data. */
#define FUZZ_DATA	(FUZZ_BASE + 8 * FUZZ_PAGE)

/* X(name, weight, arguments): a letter for each argument, see fuzz_arg(). */
#define FUZZ_TABLE(X)				\
	X(open, 40, "fdO")			\
	X(close, 150, "f")			\
	X(dup, 200, "ff")			\
	X(read, 60, "fal")			\
	X(write, 60, "fal")			\
	X(pread, 60, "falo")			\
	X(pwrite, 60, "falo")			\
	X(readv, 20, "fsn")			\
	X(writev, 20, "fsn")			\
	X(preadv2, 20, "fsnoR")			\
	X(pwritev2, 20, "fsnoR")		\
	X(lseek, 1500, "foW")			\
	X(poll, 1500, "fP")			\
	X(map, 8, "alpM")			\
	X(mapdev, 12, "falpMo")			\
	X(unmap, 6, "al")			\
	X(protect, 8, "alp")			\
	X(advise, 10, "alA")			\
	X(remap, 3, "alal")			\
	X(touch, 10, "a")			\
	X(poke, 10, "av")			\
	X(info, 1500, "fsI")			\
	X(transfer, 150, "fsT")			\
	X(transfer32, 30, "fsT")		\
	X(ioctl, 800, "fCs")			\
	X(argument, 5, "ssnFEv")		\
	X(segment, 5, "saloDg")			\
	X(iovec, 5, "sal")			\
	X(alarm, 12, "ub")			\
	X(signal, 12, "t")			\
	X(nap, 2, "u")				\
	X(stat, 6, "dS")			\
	X(param, 1, "Vc")			\
	X(sendfile, 6, "ffl")			\
	X(aio, 10, "faloB")			\
	X(uring, 10, "faloU")			\
	X(command, 40, "fsnFY")			\
	X(register, 40, "falKz")		\
	X(unregister, 20, "fg")			\
	X(slot, 5, "sllez")			\
	X(setup, 5, "ssnkrm")			\
	X(create, 60, "qfsZ")			\
	X(capture, 40, "qdkrmi")		\
	X(start, 150, "q")			\
	X(stop, 40, "q")			\
	X(kick, 80, "q")			\
	X(status, 80, "qsZ")			\
	X(give, 400, "qiy")			\
	X(take, 300, "qu")			\
	X(scribble, 50, "qwx")			\
	X(fork, 16, "falo")			\
	X(kill, 12, "")				\
	X(power, 12, "db")			\
	X(rebind, 12, "d")			\
	X(rescan, 8, "d")			\
	X(reset, 12, "d")			\
	X(fault, 16, "dXv")

enum fuzz_nr {
#define FUZZ_ENUM(name, ...) FUZZ_##name,
	FUZZ_TABLE(FUZZ_ENUM)
#undef FUZZ_ENUM
	FUZZ_NRS
};

/**
 * struct fuzz_kind - one kind of call
 * @name:	in text
 * @weight:	how often it is chosen
 * @args:	what each argument is
 */
struct fuzz_kind {
	const char *name;
	unsigned int weight;
	const char *args;
};

extern const struct fuzz_kind fuzz_kinds[FUZZ_NRS];

/** struct fuzz_call - a call of a program */
struct fuzz_call {
	uint8_t nr;
	uint8_t thread;
	uint64_t arg[FUZZ_ARGS];
};

/** struct fuzz_program - calls in the order of the text */
struct fuzz_program {
	unsigned int nr;
	struct fuzz_call calls[FUZZ_CALLS];
};

/* fuzz_text.c */

/** fuzz_print() - as text */
void fuzz_print(FILE *file, const struct fuzz_program *program);

/**
 * fuzz_parse() - from text; lines that are empty or begin with # are left out
 *
 * 0, or the number of the line that is none.
 */
unsigned int fuzz_parse(FILE *file, struct fuzz_program *program);

/** fuzz_load() - from a file, whose text must be right, or the process ends */
void fuzz_load(const char *path, struct fuzz_program *program);

/* fuzz_generate.c */

/** fuzz_arg() - a value for an argument of this kind */
uint64_t fuzz_arg(uint64_t *random, char kind);

/** fuzz_generate() - a program out of nothing */
void fuzz_generate(uint64_t *random, struct fuzz_program *program);

/* fuzz_mutate.c */

/**
 * fuzz_mutate() - change a program a little
 * @program:	to be changed
 * @other:	one to take calls from
 */
void fuzz_mutate(uint64_t *random, struct fuzz_program *program,
		 const struct fuzz_program *other);

/** fuzz_remove() - take out so many calls, or as many as there are */
void fuzz_remove(struct fuzz_program *program, unsigned int at, unsigned int count);

/** fuzz_append() - add the calls of another program, as far as there is room */
void fuzz_append(struct fuzz_program *program, const struct fuzz_program *other);

#endif /* EDUDMA_FUZZ_PROGRAM_H */
