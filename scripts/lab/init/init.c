// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the kernel's hands to power off, in order.  The last record is "end":
 * without it the runner believes nothing.
 */
#include "init.h"

int main(void)
{
	static struct job job;

	mount_early();
	job_read(&job, "/job");
	load_initramfs_modules(&job);
	record_open(job.nonce);
	/* A trial boot asks for no more than to have come this far. */
	if (job.argv[0]) {
		if (job.root)
			mount_ram_root();
		else
			mount_root(&job);
		link_ports(&job);
		begin_detection();
		load_module(&job);
		report_sections();
		module_is_loaded();
		run_command(&job);
		unload_module(&job);
		report_pins();
		report_detection();
	}
	record("end", "-");
	power_off();
}
