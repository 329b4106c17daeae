// SPDX-License-Identifier: GPL-2.0-only
/*
 * What calls may say: docs/uapi.md, and what the kernel says before the driver
 * is asked; see fuzz.h.
 */
#include "edudma_test.h"
#include "fuzz.h"

#include <errno.h>
#include <string.h>

/* Those of a request, whatever it came through. */
static const int of_requests[] = {
	EADDRNOTAVAIL, EBADF, EFAULT, EINTR, EINVAL, EIO, ENODEV, ENOMEM, ETIMEDOUT, 0,
};

/* Of calls for a node that are made to a stream. */
static const int of_streams[] = { ENOTTY, EOPNOTSUPP, ESPIPE, 0 };

/**
 * struct errors - what a kind of call may fail with
 * @about:	it is about the device, others are not looked at
 * @request:	as a request does
 * @more:	and so; ends with 0
 */
static const struct errors {
	bool about;
	bool request;
	int more[14];
} errors[FUZZ_NRS] = {
	[FUZZ_open] = { true, false, { ENOENT, ENXIO, ENODEV, ENOMEM, EINVAL } },
	[FUZZ_close] = { true, false, { EBADF } },
	[FUZZ_dup] = { true, false, { EBADF } },
	[FUZZ_read] = { true, true },
	[FUZZ_write] = { true, true, { ENOSPC } },
	[FUZZ_pread] = { true, true },
	[FUZZ_pwrite] = { true, true, { ENOSPC } },
	[FUZZ_readv] = { true, true },
	[FUZZ_writev] = { true, true, { ENOSPC } },
	[FUZZ_preadv2] = { true, true, { EAGAIN, EOPNOTSUPP } },
	[FUZZ_pwritev2] = { true, true, { EAGAIN, ENOSPC, EOPNOTSUPP } },
	[FUZZ_lseek] = { true, false, { EBADF, EINVAL, ENODEV } },
	[FUZZ_poll] = { true, false, { EINTR } },
	[FUZZ_mapdev] = { true, false, { EACCES, EBADF, EINVAL, EIO, ENODEV, ENOMEM, ENXIO,
				       EOVERFLOW } },
	[FUZZ_info] = { true, false, { EBADF, EFAULT, EINVAL, ENODEV } },
	[FUZZ_transfer] = { true, true, { E2BIG, EMSGSIZE, ENOENT, ERANGE } },
	[FUZZ_transfer32] = { true, true, { E2BIG, EMSGSIZE, ENOENT, ERANGE } },
	[FUZZ_command] = { true, true, { EMSGSIZE, ENOENT, ERANGE } },
	[FUZZ_register] = { true, false, { EACCES, EADDRNOTAVAIL, EBADF, EFAULT, EINTR, EINVAL,
					 ENODEV, ENOMEM, ENOSPC, ENXIO, EOPNOTSUPP } },
	[FUZZ_unregister] = { true, false, { EBADF, ENOENT } },
	[FUZZ_ioctl] = { true, true, { E2BIG, EACCES, EAGAIN, EALREADY, EBUSY, EMSGSIZE, ENOENT,
				     ENOSPC, ENOTTY, ENXIO, EOPNOTSUPP, EPERM, ERANGE } },
	[FUZZ_create] = { true, false, { E2BIG, EBADF, EFAULT, EINVAL, EMFILE, ENODEV, ENOENT,
				       ENOMEM, ENOTTY, EOPNOTSUPP } },
	[FUZZ_capture] = { true, false, { EADDRNOTAVAIL, EINVAL, ENODEV, ENOENT, ENOMEM, ENXIO,
					EOPNOTSUPP } },
	[FUZZ_start] = { true, false, { EAGAIN, EALREADY, EBADF, EBUSY, EIO, ENODEV, ENOMEM,
				      ENOTTY } },
	[FUZZ_stop] = { true, false, { EBADF, ENOTTY } },
	[FUZZ_kick] = { true, false, { EBADF, ENOTTY } },
	[FUZZ_status] = { true, false, { EBADF, EFAULT, EINVAL, ENOTTY } },
	[FUZZ_fork] = { true, false, { EAGAIN, ENOMEM } },
	[FUZZ_param] = { true, false, { EINVAL, EACCES } },
	[FUZZ_sendfile] = { true, false, { EBADF, EINVAL, ENODEV, EOVERFLOW } },
	[FUZZ_aio] = { true, true, { ENOSPC, EAGAIN } },
	[FUZZ_uring] = { true, true, { ENOSPC, EAGAIN, ECANCELED } },
};

static bool is_one_of(int err, const int *list)
{
	while (*list && *list != err)
		list++;
	return *list;
}

static bool is_documented(const struct fuzz_run *run, enum fuzz_nr nr, int err)
{
	return is_one_of(err, errors[nr].more) ||
	       (errors[nr].request && is_one_of(err, of_requests)) ||
	       ((run->creates || run->captures) && is_one_of(err, of_streams));
}

void fuzz_judge(struct fuzz_run *run, const struct fuzz_call *call,
		const struct fuzz_result *result)
{
	const char *name = fuzz_kinds[call->nr].name;

	if (!result->made)
		return;
	if (result->err && errors[call->nr].about &&
	    !is_documented(run, call->nr, result->err))
		fuzz_fail(run->fuzz, "%s failed with errno %d, %s", name, result->err,
			  strerror(result->err));
	if (result->err == EINTR && !run->signals)
		fuzz_fail(run->fuzz, "%s failed with EINTR, but nobody sent a signal", name);
	if (result->err == EIO && errors[call->nr].about &&
	    !__atomic_load_n(&run->fuzz->breaks, __ATOMIC_SEQ_CST))
		fuzz_fail(run->fuzz, "%s failed with EIO, but no device was broken", name);
	if (result->asked && result->ret > 0 && (uint64_t)result->ret > result->asked)
		fuzz_fail(run->fuzz, "%s moved %ld bytes, asked for %llu", name,
			  result->ret, (unsigned long long)result->asked);
}
