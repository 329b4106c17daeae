# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU with the device edu-sg.  Part of the top Makefile; scripts/qemu --help
# tells what in the environment it heeds.

.PHONY: qemu
qemu: ## QEMU with the device edu-sg, from the distribution's source package
	@scripts/qemu build

.PHONY: qemu-newest
qemu-newest: ## the same from the newest source package that can be had
	@EDUDMA_QEMU=newest scripts/qemu --place qemu-newest build

.PHONY: qemu-test
qemu-test: ## run the device's tests by qtest, T= chooses
	@scripts/qemu test $${T:+-- -p "/x86_64/edu-sg/$$T"}

.PHONY: qemu-patch
qemu-patch: ## the device as a patch series for QEMU
	@scripts/qemu patch
