# SPDX-License-Identifier: GPL-2.0-only
#
# What is compiled.  Part of the top Makefile.

# --- the module -------------------------------------------------------------
#
# kbuild writes beside the sources, so it is given a directory of links to
# them: driver/ stays clean, and builds for several kernels stand side by side.

KDIR		?= $(firstword $(wildcard /lib/modules/$(KVER)/build \
			/usr/src/linux-headers-$(KVER)))
MODULE_DIR	:= $(BUILD)/driver/$(KVER)
DRIVER		:= $(TOP)/driver
MODULES		:= $(TOP)/tests/modules
# Type information needs the kernel's own, which headers come without; kbuild
# would say so each time.
NO_BTF		:= $(if $(wildcard $(KDIR)/vmlinux),,CONFIG_DEBUG_INFO_BTF_MODULES=)

# $(call build_module,sources,directory)
define build_module
@[ -n '$(KVER)' ] && [ -e '$(KDIR)/Makefile' ] || { \
	echo "make: no kernel headers$(if $(KVER), for $(KVER)): run 'make deps'" >&2; \
	exit 1; }
@mkdir -p '$2'
@find '$2' -xtype l -delete
@find '$1' -maxdepth 1 \( -name '*.[ch]' -o -name Kbuild -o -name Makefile \) \
	! -name '*.mod.c' -exec ln -sf -t '$2' {} +
@flock '$2' $(MAKE) --no-print-directory -C '$(KDIR)' \
	M='$2' KCFLAGS="-I$(TOP)/uapi $(KCFLAGS)" $(NO_BTF) modules
endef

.PHONY: module
module: ## the driver, against the newest kernel headers
	$(call build_module,$(DRIVER),$(MODULE_DIR))

# What `make bench` compares with; built for the same kernel.
.PHONY: floor
floor:
	$(call build_module,$(MODULES)/floor,$(BUILD)/tests/bench/floor)

# Tests of its pure parts, and the kernel's own framework for them, which the
# distribution's kernel lacks and its source has.
KUNIT_DIR	:= $(BUILD)/kunit/$(KVER)

.PHONY: kunit
kunit: ## the tests that run in the kernel
	@mkdir -p '$(KUNIT_DIR)'
	@dir=$$(scripts/kernel source) && ln -sf "$$dir"/lib/kunit/*.[ch] '$(KUNIT_DIR)'
	@ln -sf '$(TOP)'/driver/*.[ch] '$(KUNIT_DIR)'
	$(call build_module,$(MODULES)/kunit,$(KUNIT_DIR))

# The tests of what engine.h asks of an engine, with the driver's own; and the driver with
# the engine of a port, with the same tests: port-lsi53c895a.
PORT_MAKE	= $(MAKE) --no-print-directory -s KDIR='$(KDIR)' $(NO_BTF) \
			KUNIT='$(KUNIT_DIR)/Module.symvers'

.PHONY: contract
contract: kunit
	@$(PORT_MAKE) -f '$(TOP)/tests/port/port.mk' ENGINE= OUT='$(MODULE_DIR)' contract

port-%: kunit
	@$(PORT_MAKE) -C '$(TOP)/tests/port/$*' OUT='$(BUILD)/port/$*/$(KVER)' modules contract

.PHONY: reboot-module
reboot-module: ## what tells the driver, in tests, that the machine reboots
	$(call build_module,$(MODULES)/reboot,$(BUILD)/reboot/$(KVER))

# A kernel that is built from source, for lanes that name it, and the module for it:
# kernel-6.1+debug.
kernel-%:
	@tree=$$(scripts/kernel '$*') && release=$$(ls "$$tree/lib/modules") && \
		$(MAKE) --no-print-directory module KVER="$$release" KDIR="$$tree/build" \
			$$(scripts/kernel '$*' --make-words)

# What else lanes need: SETS, LANES and T are those of scripts/test.
.PHONY: builds
builds: ## QEMU, kernels and what else the lanes need, LANES=
	@targets=$$(scripts/test --targets) && [ -z "$$targets" ] || \
		$(MAKE) --no-print-directory $$targets

# --- user space -------------------------------------------------------------

# For another machine, ARCH= and CROSS_COMPILE= are those of the kernel's make.  Then all
# goes to a directory of its own, and is linked with what is in SYSROOT.
PLACE		:= $(BUILD)$(if $(CROSS_COMPILE),/$(ARCH))
ifneq ($(CROSS_COMPILE),)
SYSROOT		?= $(shell PYTHONPATH=scripts python3 -B -m lab.sysroot '$(ARCH)')
TRIPLET		:= $(patsubst %-,%,$(notdir $(CROSS_COMPILE)))
# -L: Debian's cross compilers look for their own C library first.
CROSS		= CC='$(CROSS_COMPILE)gcc --sysroot=$(SYSROOT) -L$(SYSROOT)/usr/lib/$(TRIPLET)' \
		  AR='$(CROSS_COMPILE)ar' \
		  PKG_CONFIG='env PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
			PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig pkg-config'
endif

.PHONY: userspace
userspace: ## libedudma, the tool edudma and the examples
	@$(MAKE) --no-print-directory -C userspace BUILD='$(PLACE)/userspace' $(CROSS)

.PHONY: tests
tests: userspace ## the suites that run in the guest
	@dir=$$(scripts/kernel source) && \
	$(MAKE) --no-print-directory -C tests BUILD='$(PLACE)' \
		KSELFTEST_DIR="$$dir/tools/testing/selftests" $(CROSS)

# The same for another machine, as lanes name it: tests-arm64.
tests-%:
	@$(MAKE) --no-print-directory tests \
		$$(PYTHONPATH=scripts python3 -B -m lab.arch '$*')

# The same for 32 bits: static, so that they run on any kernel that can run them.
.PHONY: tests32
tests32: ## the suites as 32-bit programs
	@dir=$$(scripts/kernel source) && \
	libraries=$$(PYTHONPATH=scripts python3 -B -m lab.packages) && \
	$(MAKE) --no-print-directory -C tests suites '$(BUILD)/tests32/tools/each' \
		BUILD='$(BUILD)' OUT='$(BUILD)/tests32' \
		KSELFTEST_DIR="$$dir/tools/testing/selftests" \
		CC="$${CC:-gcc} -m32 -static -D_FILE_OFFSET_BITS=64 \
			-isystem /usr/include/$$(gcc -print-multiarch) \
			-isystem $$libraries/include -L$$libraries/lib"

# --- QEMU with the device edu-sg ----------------------------------------------
#
# scripts/qemu --help tells what in the environment it heeds.

.PHONY: qemu
qemu: ## QEMU with the device edu-sg, from the distribution's source package
	@scripts/qemu build

# The same for another machine, as lanes name it: qemu-arm64.
qemu-%:
	@scripts/qemu --arch '$*' build

.PHONY: qemu-newest
qemu-newest: ## the same from the newest source package that can be had
	@EDUDMA_QEMU=newest scripts/qemu --place qemu-newest build

.PHONY: qemu-test
qemu-test: ## run the device's tests by qtest, T= chooses
	@scripts/qemu test $${T:+-- -p "/x86_64/edu-sg/$$T"}

.PHONY: qemu-patch
qemu-patch: ## the device as a patch series for QEMU
	@scripts/qemu patch
