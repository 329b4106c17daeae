# SPDX-License-Identifier: GPL-2.0-only
#
# edudma: the driver, what goes with it in user space, and the virtual machine
# that both are run in.  `make help` lists the targets.
#
# All that is built goes to build/; what is slow to make and does not depend on
# the checkout goes to the cache (scripts/lib.sh).

MAKEFLAGS	+= --no-builtin-rules
SHELL		:= /bin/sh
TOP		:= $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
BUILD		:= $(abspath $(or $(EDUDMA_BUILD),$(TOP)/build))
export EDUDMA_BUILD := $(BUILD)

.DEFAULT_GOAL	:= all

# What `make deps` installs decides what the rest of this file says.  So other
# goals of the same command are made after it, by a make that reads it anew.
AFTER_DEPS	:= $(if $(filter deps,$(MAKECMDGOALS)),$(filter-out deps,$(MAKECMDGOALS)))
ifneq ($(AFTER_DEPS),)

.PHONY: deps after-deps $(AFTER_DEPS)
deps:
	@scripts/deps
after-deps: deps
	@$(MAKE) --no-print-directory $(AFTER_DEPS)
$(AFTER_DEPS): after-deps
	@:

else

# The kernel that the module is built for and the guest runs.
KVER		:= $(or $(KVER),$(shell $(TOP)/scripts/kernel release 2>/dev/null))
export KVER

LANE		?= stock
FILE		?= $(TOP)/LICENSES/GPL-2.0

.PHONY: all
all: module userspace tests kunit contract reboot-module ## build everything: module, library, tool, examples, tests

include scripts/build.mk
include scripts/install.mk

.PHONY: deps
deps: ## install what is missing by apt, fetch the guest kernel
	@scripts/deps

.PHONY: deps-machines
deps-machines: ## the same for test-machines: compilers for other machines
	@scripts/deps machines

.PHONY: demo
demo: module userspace ## copy FILE (default: a text) through the device and back
	@scripts/demo "$$FILE"

# The number of the lab is a goal of the same command.
LAB		:= $(if $(filter lab,$(MAKECMDGOALS)),$(filter-out lab,$(MAKECMDGOALS)))
.PHONY: lab
lab: ## list the labs; `make lab N` begins one, CHECK=1 grades it, RESET=1 begins anew
	@scripts/labs $(LAB) $(if $(CHECK),--check) $(if $(RESET),--reset)
ifneq ($(LAB),)
.PHONY: $(LAB)
$(LAB): lab
	@:
endif

.PHONY: first-hour
first-hour: ## what somebody new does first, played in a clone: demo, timeline, three labs, and the minutes
	@tests/host/labs/first-hour.t

.PHONY: timeline
timeline: module userspace qemu ## make the pictures of docs/tracing.md from runs in guests
	@scripts/timeline

.PHONY: test
test: all ## boot the lanes, and test what runs on the host; LANES="stock iommu" and T='suite.*' choose
	@scripts/test

.PHONY: test-quick
test-quick: all qemu ## a few suites on both devices: a verdict in a minute
	@scripts/test --quick

.PHONY: retest
retest: all ## what failed in the last run
	@scripts/test --failed

.PHONY: test-mutants
test-mutants: all qemu ## see tests fail without what they are about; MUTANTS="turn fence-*" chooses
	@scripts/mutants

.PHONY: check
check: ## static checks alone, which are tests like others
	@T="$${T:-check.*}" scripts/test

.PHONY: soak
soak: all lane ## everything at once for MINUTES=5, LANE=stock; SEED= repeats one
	@scripts/soak

.PHONY: test-debug test-faults test-kernels test-machines test-labs
test-debug: ## the tests again, on kernels that watch the driver
test-faults: ## each call with each allocation, copy, pin, mapping failing
test-kernels: ## on other kernels, by 32-bit programs, on the newest QEMU
test-machines: ## on arm64: `make deps-machines` installs the compilers
test-labs: ## that each lab's bug shows itself and is found, and its solution is one
test-debug test-faults test-kernels test-machines test-labs: test-%: all
	@SETS='$*' scripts/test

.PHONY: test-fuzz
test-fuzz: LANE = debug-ring
test-fuzz: all lane ## calls at random, CALLS=1000000 in LANE=debug-ring; SEED= repeats
	@scripts/fuzz

.PHONY: coverage
coverage: all qemu ## lines of the driver that tests reach, and why they do not reach others
	@scripts/kernel "$$(scripts/coverage --kernel)"
	@scripts/coverage

.PHONY: test-everywhere
test-everywhere: all ## all tests in every lane but those of test-machines, also those that only repeat others
	@ALL=1 SETS='gate debug faults kernels labs' scripts/test

# One after the other, whatever became of the one before.
.PHONY: test-all
test-all: ## all of it: every lane in full, the fuzzer, the mutants
	@status=0; for part in test-everywhere test-fuzz test-mutants; do \
		$(MAKE) --no-print-directory $$part || status=1; \
	done; exit $$status

# What a lane needs beside what all do.
.PHONY: lane
lane:
	@LANES='$(LANE)' T= $(MAKE) --no-print-directory builds

# The tool, and `traced`, are in PATH; what the last command's status was is not make's concern.
IN_SHELL	:= PATH="$(BUILD)/userspace:$(TOP)/scripts/lab/inside:$$PATH" scripts/guest --lane '$(LANE)' \
			$(if $(KERNEL),--kernel '$(KERNEL)')
# That of a directory is built by the command that scripts/guest names.
IN_SHELL_NEEDS	:= $(if $(KERNEL),$(if $(findstring /,$(KERNEL)),,kernel-$(KERNEL)),module)

.PHONY: shell
shell: $(IN_SHELL_NEEDS) userspace lane ## a shell in the guest, LANE=stock, KERNEL=6.1+gdb or a directory
	@$(IN_SHELL) --terminal -- sh -c 'bash; :'

.PHONY: gdb
gdb: $(IN_SHELL_NEEDS) userspace lane ## the same, stopped until gdb attaches
	@$(IN_SHELL) --terminal --gdb -- sh -c 'bash; :'

.PHONY: attach
attach: ## another shell in a guest that is running, RUN=build/runs/...: not the newest one
	@scripts/guest --attach "$$RUN"

.PHONY: site
site: ## the documents as web pages, in build/site
	@scripts/site

.PHONY: bench
bench: all qemu floor ## measure, in virtual time
	@scripts/bench

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## */\1\t/p' $(MAKEFILE_LIST) | \
		while IFS='	' read -r target text; do \
			printf 'make %-13s %s\n' "$$target" "$$text"; \
		done
	@echo 'Module: W=1 and C=2 as in the kernel, KVER=release for another kernel.'

.PHONY: clean
clean: ## leave the tree as it was cloned
	rm -rf '$(BUILD)'

# Exported as they are, so that any byte may stand in them.
export CALLS FILE LANE LANES MINUTES MUTANTS RUN SEED T

endif
