/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's init: a static C program rather than a shell script, because it
 * must pass any bytes through as arguments and output, report how a command
 * ended, and say so even when little else works.  It is process 1 of the guest
 * and the only program in its initramfs; all others are the host's, by 9p.  A
 * guest that is to sleep cannot have that, since a 9p of Linux does not wake: then
 * the initramfs holds what the command needs, and is the root.
 */
#ifndef GUEST_INIT_H
#define GUEST_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_ITEMS	4096

#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]))
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define __noreturn	__attribute__((noreturn))
#define noinline	__attribute__((noinline))
#define __noclone	__attribute__((noclone))

/**
 * struct job - what the runner wants, from /job in the initramfs
 *
 * Each list ends with NULL.  The strings point into one buffer that lives as
 * long as init.
 */
struct job {
	char *text;			/* all of it, which the others point into */
	const char *nonce;		/* begins each record */
	const char *cwd;		/* of the command */
	const char *modules;		/* this kernel's modules, on the host; or NULL */
	const char *module;		/* for the command, by name or path; or NULL */
	const char *root;		/* "ram": the initramfs; NULL: the host's files */
	const char *rows, *columns;	/* of the terminal; NULL: no terminal */
	const char *attach;		/* the port for further shells; or NULL */
	char *insmods[MAX_ITEMS];	/* modules of the initramfs, in order */
	char *params[MAX_ITEMS];	/* of the module */
	char *files[MAX_ITEMS];		/* tag=directory: more of the host's, to read */
	char *shares[MAX_ITEMS];	/* tag=directory */
	char *ports[MAX_ITEMS];		/* that the command may open, by name */
	char *argv[MAX_ITEMS];
	char *env[MAX_ITEMS];
};

/* job.c: reading what is asked */
void job_read(struct job *job, const char *path);

/* record.c: what the runner is told, and the guest's end */
void record_open(const char *nonce);
int record_port(void);
__printf(2, 3)
void record(const char *key, const char *format, ...);
__printf(1, 2)
void note(const char *format, ...);
__printf(1, 2) __noreturn
void fail(const char *format, ...);
__noreturn
void power_off(void);
int open_port(const char *name);
void link_ports(const struct job *job);
bool write_all(int fd, const char *data, size_t size);

/* mounts.c: making the host's files the root */
void mount_early(void);
void mount_root(const struct job *job);
void mount_ram_root(void);

/* module.c: the module under test, and what it left */
void load_initramfs_modules(const struct job *job);
void load_module(const struct job *job);
void report_sections(void);
void module_is_loaded(void);
void unload_module(const struct job *job);
void report_pins(void);

/* detect.c: what the kernel's own detectors have to say */
void begin_detection(void);
void report_detection(void);

/* command.c: running the command */
void run_command(const struct job *job);

/* attach.c: further shells, for who connects to the guest */
void attach_open(const struct job *job);
int attach_events(void);
void attach_take_event(const struct job *job);
void attach_reaped(pid_t pid);
void attach_end(void);

#endif /* GUEST_INIT_H */
