/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fuzzer of the uapi: what its processes share.
 *
 * Workers run programs, made by a seed out of nothing and out of those that
 * reached something new in the driver.  The process that started them looks on,
 * replaces those that end themselves, and has the last word.
 */
#ifndef EDUDMA_FUZZ_H
#define EDUDMA_FUZZ_H

#include "edudma_stream.h"
#include "fuzz_program.h"

#include <pthread.h>
#include <sys/types.h>

#define FUZZ_WORKERS	2
#define FUZZ_DEVICES	2
#define FUZZ_KEPT	512	/* programs that a worker keeps, at most */
#define FUZZ_PCS	8192	/* places in the driver, at most; a power of two */

/** struct fuzz_cover - a set of places in the driver */
struct fuzz_cover {
	uint64_t words[FUZZ_PCS / 64];
};

/** struct fuzz_kept - a program that reached something new, and all it reached */
struct fuzz_kept {
	struct fuzz_program program;
	struct fuzz_cover cover;
};

/**
 * struct fuzz_worker - one; outlives its processes
 * @pid:	of its process
 * @number:	of the program that comes next
 * @running:	the program that is being run
 * @calls:	system calls made
 * @done, @failed: the same by kind: that succeeded, that did not
 * @spent:	nanoseconds in calls of each kind
 * @reached:	by all of its programs
 * @kept, @nr_kept: those that reached something new
 */
struct fuzz_worker {
	pid_t pid;
	uint64_t number;
	struct fuzz_program running;
	uint64_t calls;
	uint64_t done[FUZZ_NRS];
	uint64_t failed[FUZZ_NRS];
	uint64_t spent[FUZZ_NRS];
	struct fuzz_cover reached;
	unsigned int nr_kept;
	struct fuzz_kept kept[FUZZ_KEPT];
};

/**
 * struct fuzz - in shared memory
 * @seed:	of all programs
 * @corpus, @nr_corpus: programs that each worker runs first
 * @repeat:	the corpus alone, so many times; 0 for programs without end
 * @shorten:	programs are kept without the calls that reach nothing new
 * @stop:	all are to end
 * @wrong, @what: something went wrong, and the first of it
 * @trouble:	held by who takes devices away or breaks them; robust
 * @faulty:	the device that was broken, and one more; 0 if none is
 * @breaks:	how often one was
 * @slots:	PCI addresses of the devices
 * @nodes:	numbers of their nodes
 * @pcs:	the places that sets are of, found by their hash
 * @workers:	who does what
 */
struct fuzz {
	uint64_t seed;
	unsigned int nr_corpus;
	struct fuzz_program corpus[FUZZ_KEPT];
	unsigned int repeat;
	bool shorten;
	int stop;
	int wrong;
	char what[512];
	pthread_mutex_t trouble;
	unsigned int faulty;
	unsigned int breaks;
	char slots[FUZZ_DEVICES][32];
	unsigned int nodes[FUZZ_DEVICES];
	uint32_t pcs[FUZZ_PCS];
	struct fuzz_worker workers[FUZZ_WORKERS];
};

/**
 * struct fuzz_stream - a stream in a file of a program
 * @s:		the stream; without rings there is none
 * @own:	its slots are memory that no other call can reach
 * @scribbled:	what is in the rings is no longer what they are for
 * @breaks:	as in struct fuzz, when it was made
 * @given:	of its own slots, those that are the device's, a bit each
 */
struct fuzz_stream {
	struct stream s;
	bool own;
	bool scribbled;
	unsigned int breaks;
	uint32_t given;
};

/**
 * struct fuzz_run - one program in one process
 * @fuzz, @worker: whose
 * @program:	the program
 * @files:	its files, or -1
 * @streams:	those of them that are streams
 * @locks:	protect @streams, and that they are of these files
 * @threads:	those that run its calls
 * @signals:	it has calls that send signals
 * @creates:	it has calls that make streams of its memory
 * @captures:	it has calls that make others
 * @maps:	it has calls that map files, so the rings of streams, too
 * @starts:	streams that it has started
 */
struct fuzz_run {
	struct fuzz *fuzz;
	struct fuzz_worker *worker;
	struct fuzz_program *program;
	int files[FUZZ_FILES];
	struct fuzz_stream streams[FUZZ_FILES];
	pthread_mutex_t locks[FUZZ_FILES];
	pid_t threads[FUZZ_THREADS];
	bool signals;
	bool creates;
	bool captures;
	bool maps;
	unsigned int starts;
};

/**
 * struct fuzz_result - what a call said
 * @made:	it was made: programs may ask for what cannot be
 * @ret:	return value
 * @err:	errno, or 0
 * @asked:	bytes asked for, where @ret is a count of them
 */
struct fuzz_result {
	bool made;
	long ret;
	int err;
	uint64_t asked;
};

/** fuzz_fail() - note what is wrong and have everybody stop */
void fuzz_fail(struct fuzz *fuzz, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* fuzz_memory.c */

/** fuzz_memory_init() - once in a process, before threads start */
void fuzz_memory_init(void);

/** fuzz_memory_reset() - memory for a program, none of it moved or taken away */
void fuzz_memory_reset(const struct fuzz_program *program);

/** fuzz_put() - store at an address; false if nothing can be there */
bool fuzz_put(uint64_t address, const void *from, size_t len);

/** fuzz_get() - load from an address; false if nothing is there */
bool fuzz_get(void *to, uint64_t address, size_t len);

/** fuzz_memory_call() - map, unmap, protect, advise, remap, touch, poke */
void fuzz_memory_call(struct fuzz_run *run, const struct fuzz_call *call,
		      struct fuzz_result *result);

/* fuzz_execute.c */

/** fuzz_file() - the file of a slot, of another if that is empty, or -1 */
int fuzz_file(const struct fuzz_run *run, uint64_t slot);

/** fuzz_move_file() - under a number that only files of programs have; -1 with errno */
int fuzz_move_file(int fd);

/** fuzz_open_node() - the node of a device; as open(2) returns */
int fuzz_open_node(const struct fuzz_run *run, uint64_t device, int flags);

/** fuzz_execute() - make a call */
void fuzz_execute(struct fuzz_run *run, const struct fuzz_call *call,
		  struct fuzz_result *result);

/* fuzz_async.c */

/** fuzz_aio() - read or write by io_submit(2); as a system call returns */
long fuzz_aio(int fd, const uint64_t *arg);

/** fuzz_uring() - the same by io_uring, cancelled at once or not */
long fuzz_uring(int fd, const uint64_t *arg);

/** fuzz_command() - a transfer by a command of io_uring, of a ring that is polled or not */
long fuzz_command(int fd, const uint64_t *arg);

/* fuzz_transfer.c */

/** fuzz_structure_call() - argument, segment, iovec: no system call */
void fuzz_structure_call(const struct fuzz_call *call);

/** fuzz_transfer() - EDUDMA_IOC_TRANSFER, and what it must keep to */
void fuzz_transfer(struct fuzz_run *run, const struct fuzz_call *call,
		   struct fuzz_result *result);

/* fuzz_stream.c */

/**
 * fuzz_set_file() - put a file into a slot
 * @fd:		the file, or -1
 * @stream:	what it is, if it is a stream and its rings are mapped; or NULL
 *
 * The file that was there, to be closed, or -1.
 */
int fuzz_set_file(struct fuzz_run *run, uint64_t slot, int fd,
		  const struct fuzz_stream *stream);

/** fuzz_stream_call() - slot to scribble */
void fuzz_stream_call(struct fuzz_run *run, const struct fuzz_call *call,
		      struct fuzz_result *result);

/* fuzz_capture.c */

/** fuzz_capture() - make a stream with memory of its own; 0 or an errno */
int fuzz_capture(struct fuzz_run *run, const uint64_t *arg);

/** fuzz_give() - give it a slot that is the user's; false if there is none */
bool fuzz_give(struct fuzz_run *run, struct fuzz_stream *stream, uint64_t slot);

/** fuzz_judge_frame() - complain about a frame that was taken; @end is that of the one before */
void fuzz_judge_frame(struct fuzz_run *run, struct fuzz_stream *stream,
		      const struct edudma_stream_frame *frame, uint64_t end);

/** fuzz_judge_status() - complain about what a stream says of itself */
void fuzz_judge_status(struct fuzz_run *run, const struct edudma_stream_status *status);

/** fuzz_finish_streams() - before they are closed: does all add up? */
void fuzz_finish_streams(struct fuzz_run *run);

/* fuzz_judge.c */

/** fuzz_judge() - complain if a call said what it may not */
void fuzz_judge(struct fuzz_run *run, const struct fuzz_call *call,
		const struct fuzz_result *result);

/* fuzz_cover.c */

/** struct fuzz_trace - what one thread reaches */
struct fuzz_trace {
	uint64_t *words;
};

/** fuzz_can_trace() - has the kernel what tells what was reached? */
bool fuzz_can_trace(void);

/** fuzz_trace_open() - begin to trace this thread */
void fuzz_trace_open(struct fuzz_trace *trace);

/** fuzz_trace_reset() - forget what was reached */
void fuzz_trace_reset(struct fuzz_trace *trace);

/** fuzz_trace_add() - add what was reached to a set */
void fuzz_trace_add(struct fuzz *fuzz, const struct fuzz_trace *trace,
		    struct fuzz_cover *cover);

/** fuzz_cover_new() - how many of these are in no other set */
unsigned int fuzz_cover_new(const struct fuzz_cover *cover,
			    const struct fuzz_cover *others);

/** fuzz_cover_only() - leave in a set what is in no other set */
void fuzz_cover_only(struct fuzz_cover *cover, const struct fuzz_cover *others);

/** fuzz_cover_join() - add these to a set */
void fuzz_cover_join(struct fuzz_cover *cover, const struct fuzz_cover *more);

/* fuzz_next.c */

/**
 * fuzz_next() - make the program that is a worker's next
 *
 * The seed, the worker and the programs that it has kept determine it.
 */
void fuzz_next(const struct fuzz *fuzz, unsigned int nr, struct fuzz_program *program);

/** fuzz_keep() - keep a program */
void fuzz_keep(struct fuzz_worker *worker, const struct fuzz_program *program,
	       const struct fuzz_cover *cover);

/* fuzz_worker.c */

/** fuzz_work() - run programs until it is over; never returns */
void fuzz_work(struct fuzz *fuzz, unsigned int nr) __attribute__((noreturn));

/* fuzz_trouble.c */

/** fuzz_trouble_init() - see what devices there are */
void fuzz_trouble_init(struct fuzz *fuzz);

/** fuzz_trouble_call() - kill, power, rebind, rescan, reset, fault */
void fuzz_trouble_call(struct fuzz_run *run, const struct fuzz_call *call,
		       struct fuzz_result *result);

/** fuzz_mend() - undo what a fault call has done */
void fuzz_mend(struct fuzz *fuzz);

/** fuzz_restore() - everything as it was in the beginning; no files are open */
void fuzz_restore(struct fuzz *fuzz);

/* fuzz_finish.c */

/** fuzz_check() - is every device there, idle, and does it work? */
void fuzz_check(struct fuzz *fuzz);

/** fuzz_report() - print what was done and reached */
void fuzz_report(const struct fuzz *fuzz);

/** fuzz_save() - write few programs that reach all that was reached */
void fuzz_save(const struct fuzz *fuzz, const char *dir);

#endif /* EDUDMA_FUZZ_H */
