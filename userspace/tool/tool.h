/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the tool edudma share. */
#ifndef _TOOL_H
#define _TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <edudma.h>
#include <json-c/json.h>

#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]))
#define __printf(a, b)	__attribute__((format(printf, a, b)))

/* Exit status, as the manual has it. */
enum status {
	STATUS_OK	= 0,
	STATUS_FAILURE	= 1,
	STATUS_USAGE	= 2,
};

/**
 * struct command - one word that can follow "edudma"
 * @name:	the word
 * @arguments:	what can follow it, for the usage line
 * @summary:	what it does, in a few words
 * @help:	its options and whatever else a user must know
 * @run:	does it; argv[0] is @name; returns an enum status
 */
struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	const char *help;
	int (*run)(int argc, char **argv);
};

extern const struct command command_list, command_info, command_load,
	command_unload, command_read, command_write, command_copy,
	command_stats, command_bench, command_capture, command_play,
	command_selftest, command_doctor, command_why, command_reset,
	command_trace;

/* main.c */

/**
 * command_help() - print the help of the command that runs
 *
 * Return: STATUS_OK.
 */
int command_help(void);

/* message.c: everything that goes to standard error */

/**
 * message_command() - say which command messages come from
 * @name:	its name, kept; NULL for none
 */
void message_command(const char *name);

/**
 * message() - print "edudma: COMMAND: ..." and a newline to standard error
 * @format:	as printf()
 */
void message(const char *format, ...) __printf(1, 2);

/**
 * fail() - message() and a status
 * @format:	as printf()
 *
 * Return: STATUS_FAILURE.
 */
int fail(const char *format, ...) __printf(1, 2);

/**
 * fail_device() - report an error of a device with the way out
 * @path:	node
 * @err:	negative errno
 * @format:	what was going on, as printf(); "" for nothing to add
 *
 * Return: STATUS_FAILURE.
 */
int fail_device(const char *path, int err, const char *format, ...)
	__printf(3, 4);

/**
 * device_hint() - what the user can do about an error of a device
 * @err:	negative errno
 *
 * Return: a few words, or NULL if the error speaks for itself.
 */
const char *device_hint(int err);

/**
 * usage_error() - message() and where to find help
 * @format:	as printf()
 *
 * Return: STATUS_USAGE.
 */
int usage_error(const char *format, ...) __printf(1, 2);

/**
 * option_error() - usage_error() for what getopt_long() did not take
 * @opt:	its return value, ':' or '?'
 * @argv:	its vector
 *
 * Return: STATUS_USAGE.
 */
int option_error(int opt, char **argv);

/* device.c: the device that --device names */

/**
 * device_open() - open a device, report failure
 * @which:	number, name, PCI address, path, or NULL for the first device present
 * @flags:	O_RDWR, O_RDONLY or O_WRONLY
 * @dev:	where the handle goes
 *
 * Return: a status; other than STATUS_OK it has been reported.
 */
int device_open(const char *which, int flags, struct edudma **dev);

/**
 * device_find() - index of a device without opening it, report failure
 * @which:	see device_open()
 * @index:	where the index goes
 *
 * Return: see device_open().
 */
int device_find(const char *which, unsigned int *index);

/* size.c */

/**
 * parse_size() - read a size such as 4095, 0x1000, 64K, 1M or 2G
 * @text:	decimal or, with 0x, hexadecimal number; K, M and G multiply by
 *		powers of 1024
 * @size:	where the bytes go
 *
 * Return: true if all of @text is a size.
 */
bool parse_size(const char *text, uint64_t *size);

/**
 * parse_seconds() - read a time
 * @text:	number of seconds, with a fraction if wanted
 * @seconds:	where they go
 *
 * Return: true if all of @text is a time from 0.01 seconds to a day; longer is a
 * mistake.
 */
bool parse_seconds(const char *text, double *seconds);

/**
 * format_size() - write a size for people
 * @size:	bytes
 * @text:	where it goes, such as "12.5 MiB"
 *
 * Return: @text.
 */
char *format_size(double size, char text[static 16]);

/* files.c */

/**
 * struct output - a file that appears as a whole or not at all
 * @fd:		write here
 * @name:	for messages
 * @target:	what the file will be called; NULL if @fd is written directly
 *		(standard output, a FIFO, a device)
 * @temp:	what it is called meanwhile; NULL if it has no name yet
 */
struct output {
	int fd;
	const char *name;
	char *target;
	char *temp;
};

/**
 * output_open() - start to write a file
 * @out:	filled in
 * @path:	where the file shall be; "-" is standard output.  Kept
 *
 * Return: 0 or a negative errno.  After 0, output_commit() or output_abort()
 * must follow.
 */
int output_open(struct output *out, const char *path);

/**
 * output_commit() - put the file in place
 * @out:	as output_open() filled it in; closed in every case
 *
 * Return: 0, or a negative errno with nothing left behind.
 */
int output_commit(struct output *out);

/**
 * output_abort() - drop the file and leave what was there before
 * @out:	as output_open() filled it in
 */
void output_abort(struct output *out);

/**
 * output_fail() - report that output cannot be written
 * @out:	the output
 * @err:	negative errno
 *
 * Nothing is said if the reader of a pipe has gone: signals_deliver() will end
 * the tool as SIGPIPE does.
 *
 * Return: STATUS_FAILURE.
 */
int output_fail(const struct output *out, int err);

/**
 * input_open() - open a file to read from
 * @path:	file; "-" is standard input
 * @name:	where the name for messages goes
 *
 * Return: a descriptor or a negative errno.
 */
int input_open(const char *path, const char **name);

/**
 * read_full() - read() without short counts
 * @fd:		descriptor
 * @buf:	destination
 * @len:	bytes
 *
 * Return: bytes read, less than @len at the end of the file only; -EINTR once
 * signal_caught(); or another negative errno.
 */
ssize_t read_full(int fd, void *buf, size_t len);

/**
 * write_full() - write() without short counts
 * @fd:		descriptor
 * @buf:	source
 * @len:	bytes
 *
 * Return: 0; -EINTR once signal_caught(); or another negative errno.
 */
int write_full(int fd, const void *buf, size_t len);

/* signals.c: to tidy up before a signal ends the tool */

/**
 * signals_catch() - from now on only note signals that ask to end
 *
 * They interrupt what sleeps.  A broken pipe becomes EPIPE.
 */
void signals_catch(void);

/**
 * signal_note() - note a signal as if it had been caught
 * @number:	its number
 */
void signal_note(int number);

/**
 * signal_caught() - was there a signal?
 *
 * Return: its number or 0.
 */
int signal_caught(void);

/**
 * signals_deliver() - end by the signal that was caught, if one was
 *
 * Whoever started the tool sees that a signal ended it, as if it had not been
 * caught.  Returns if there was none.
 */
void signals_deliver(void);

/* progress.c */

#define NS_PER_S	1000000000LL

/**
 * now_ns() - time that only goes on
 *
 * Return: nanoseconds since some time in the past.
 */
int64_t now_ns(void);

/**
 * struct progress - a bar on standard error
 * @shown:	standard error is a terminal
 * @total:	bytes in all, 0 if not known
 * @start_ns:	time of the start
 * @last_ns:	time of the last drawing
 */
struct progress {
	bool shown;
	uint64_t total;
	int64_t start_ns;
	int64_t last_ns;
};

/**
 * progress_start() - start the clock
 * @progress:	filled in
 * @total:	bytes in all, 0 if not known
 * @quiet:	never draw
 */
void progress_start(struct progress *progress, uint64_t total, bool quiet);

/**
 * progress_update() - draw the bar, if it is time to
 * @progress:	the bar
 * @done:	bytes done
 */
void progress_update(struct progress *progress, uint64_t done);

/**
 * progress_stop() - remove the bar
 * @progress:	the bar
 *
 * Return: seconds since the start.
 */
double progress_stop(struct progress *progress);

/**
 * progress_clear() - remove what is drawn, before something else is printed
 */
void progress_clear(void);

/**
 * progress_waiting() - draw "waiting for ..." in place of the bar
 * @path:	what is waited for
 */
void progress_waiting(const char *path);

/* waiting.c */

/* What takes longer is told. */
#define WAITING_SECONDS	1

/**
 * waiting_start() - a call that sleeps until a device is done comes next
 * @path:	the device; kept until waiting_stop()
 *
 * If standard error is a terminal and the call takes long, the terminal shows that.
 */
void waiting_start(const char *path);

/**
 * waiting_stop() - the call has returned
 *
 * What was shown is cleared.
 */
void waiting_stop(void);

/* json.c */

/**
 * json_print() - print an object to standard output and free it
 * @object:	object
 * @compact:	on one line
 */
void json_print(struct json_object *object, bool compact);

/**
 * json_add_u64() - add a number to an object
 * @object:	object
 * @key:	its name
 * @value:	the number
 */
void json_add_u64(struct json_object *object, const char *key, uint64_t value);

/**
 * json_add_string() - add a string to an object
 * @object:	object
 * @key:	its name
 * @value:	the string, copied
 */
void json_add_string(struct json_object *object, const char *key,
		     const char *value);

/**
 * json_stats() - statistics as an object
 * @stats:	snapshot or difference
 *
 * Return: the object, with a number for each value.
 */
struct json_object *json_stats(const struct edudma_stats *stats);

/* holders.c */

/**
 * print_holders() - tell which processes have a node of the driver open
 *
 * Return: how many were found; processes of other users may be hidden.
 */
unsigned int print_holders(void);

/**
 * find_mapper() - find a process that has mapped the window of a device
 * @path:	node of the device
 * @who:	where "process 123 (name)" goes
 * @size:	of @who
 *
 * Return: true if there is one; processes of other users may be hidden.
 */
bool find_mapper(const char *path, char *who, size_t size);

/* sysfs.c: what the kernel tells in small files */

/**
 * read_line() - read the first line of a file
 * @text:	where it goes, without the newline
 * @size:	of @text
 * @format:	path, as printf()
 *
 * Return: true if there was one.
 */
bool read_line(char *text, size_t size, const char *format, ...)
	__printf(3, 4);

/**
 * signatures_needed() - does the kernel refuse modules that are not signed?
 * @root:	"" for this system, or where a test keeps another one's files
 * @why:	where the reason goes
 * @size:	of @why
 *
 * Return: true if it does.
 */
bool signatures_needed(const char *root, char *why, size_t size);

/**
 * secure_boot() - did the firmware start the system by Secure Boot?
 * @root:	see signatures_needed()
 *
 * Return: true if it did.
 */
bool secure_boot(const char *root);

/**
 * memory_top() - end of the machine's memory
 * @root:	see signatures_needed()
 *
 * Return: the physical address behind the last byte, 0 if the kernel does not tell.
 */
uint64_t memory_top(const char *root);

/**
 * has_capability() - may this process do what the capability stands for?
 * @number:	CAP_*
 *
 * Return: true if it may.
 */
bool has_capability(unsigned int number);

/* roundtrip.c */

/**
 * struct roundtrip - bytes that go to the window and come back
 * @offset:	where in the window
 * @len:	bytes
 * @src:	the bytes
 * @dst:	where they come back to
 * @saved:	where the bytes of the window are kept meanwhile
 * @bad:	place of the first byte that came back as another
 * @lost:	the window could not be restored
 */
struct roundtrip {
	uint64_t offset;
	size_t len;
	const unsigned char *src;
	unsigned char *dst;
	unsigned char *saved;
	size_t bad;
	bool lost;
};

/**
 * roundtrip() - move bytes to the window and back, verify them, restore the window
 * @dev:	device, opened for reading and writing
 * @trip:	what and where; @bad and @lost are filled in
 *
 * All is one exclusive vector, so that nobody else's transfer sees the window changed,
 * or is lost when it is restored.  Only stores to a mapping of the window can be.
 *
 * Return: 0; -EBADMSG if something else came back; or as edudma_transfer().
 */
int roundtrip(struct edudma *dev, struct roundtrip *trip);

#endif /* _TOOL_H */
