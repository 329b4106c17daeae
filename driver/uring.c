// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of io_uring: what EDUDMA_IOC_TRANSFER does, for which nobody waits.
 */
#include "compat.h"

#if EDUDMA_HAS_URING_CMD

#include <linux/fs.h>
#include <linux/uio.h>

#include "edudma_device.h"
#include "entry.h"
#include "request.h"

static void edudma_uring_complete(void *owner, u64 bytes, int error)
{
	edudma_uring_cmd_complete(owner, bytes ?: error);
}

/**
 * edudma_uring_cmd_iopoll() - look for the end of commands of a ring that is polled
 * @ioucmd:	one of them
 * @iob:	not used
 * @flags:	not used
 *
 * Context: Process.
 * Return: how many descriptors had ended.
 */
int edudma_uring_cmd_iopoll(struct io_uring_cmd *ioucmd, struct io_comp_batch *iob,
			    unsigned int flags)
{
	struct edudma_file *efile = ioucmd->file->private_data;

	return edudma_queue_poll(efile->standing.queue);
}

/* Has the request use memory that is registered with the ring. */
static int edudma_uring_import(struct edudma_request *req, struct io_uring_cmd *ioucmd,
			       unsigned int issue_flags)
{
	const struct edudma_segment *seg = req->segments;
	int rw = seg->direction == EDUDMA_FROM_DEVICE ? READ : WRITE;
	struct iov_iter iter;
	int ret;

	if (req->nr_segments != 1 || seg->buffer)
		return -EINVAL;
	ret = edudma_uring_cmd_import_fixed(seg->addr, seg->len, rw, &iter, ioucmd,
					    issue_flags);
	if (!ret)
		edudma_request_borrow(req, &iter);

	return ret;
}

/**
 * edudma_uring_cmd() - execute a command
 * @ioucmd:	the command
 * @issue_flags: of io_uring: in which context
 *
 * Context: Process; sleeps for other requests only if @issue_flags allow it.
 * Return: -EIOCBQUEUED if the command has been or will be completed; -EAGAIN if it is
 * to come again where it may sleep; or why it was refused.
 */
int edudma_uring_cmd(struct io_uring_cmd *ioucmd, unsigned int issue_flags)
{
	const struct edudma_uring_cmd *arg =
		edudma_uring_sqe_cmd(ioucmd, struct edudma_uring_cmd);
	struct edudma_file *efile = ioucmd->file->private_data;
	struct edudma_result result;
	struct edudma_request *req;
	int ret;

	if (ioucmd->cmd_op != EDUDMA_URING_CMD_TRANSFER)
		return -ENOTTY;

	/* The entry is the user's memory: each field is read once. */
	req = edudma_request_from_user(ioucmd->file, READ_ONCE(arg->segments),
				       READ_ONCE(arg->nr_segments), READ_ONCE(arg->flags));
	if (IS_ERR(req))
		return PTR_ERR(req);
	if (ioucmd->flags & IORING_URING_CMD_FIXED) {
		ret = edudma_uring_import(req, ioucmd, issue_flags);
		if (ret)
			goto out_put;
	}

	edudma_uring_pdu(ioucmd)->polled = issue_flags & IO_URING_F_IOPOLL;
	if (issue_flags & IO_URING_F_NONBLOCK && req->len) {
		ret = -EAGAIN;
		if (!req->grant.exclusive)
			ret = edudma_request_start(req, efile,
						   issue_flags & IO_URING_F_IOPOLL,
						   edudma_uring_complete, ioucmd);
		goto out_put;
	}

	edudma_request_run(req, efile, &result);
	if (result.error == -ERESTARTSYS)
		result.error = -EINTR;
	edudma_uring_cmd_complete(ioucmd, result.bytes ?: result.error);
	ret = -EIOCBQUEUED;
out_put:
	edudma_request_put(req);
	return ret;
}

#endif /* EDUDMA_HAS_URING_CMD */
