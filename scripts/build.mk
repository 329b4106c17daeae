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
@ln -sf '$1'/* '$2'
@flock '$2' $(MAKE) --no-print-directory -C '$(KDIR)' \
	M='$2' KCFLAGS="-I$(TOP)/uapi $(KCFLAGS)" $(NO_BTF) modules
endef

.PHONY: module
module: ## the driver, against the newest kernel headers
	$(call build_module,$(DRIVER),$(MODULE_DIR))

# What `make bench` compares with; built for the same kernel.
.PHONY: floor
floor:
	$(call build_module,$(TOP)/tests/bench/floor,$(BUILD)/tests/bench/floor)

# --- user space -------------------------------------------------------------

.PHONY: userspace
userspace: ## libedudma, the tool edudma and the examples
	@$(MAKE) --no-print-directory -C userspace BUILD='$(BUILD)/userspace'

.PHONY: tests
tests: userspace ## the suites that run in the guest
	@dir=$$(scripts/kselftest) && \
	$(MAKE) --no-print-directory -C tests BUILD='$(BUILD)' KSELFTEST_DIR="$$dir"

# --- the uapi header, as programs include it ----------------------------------
#
# Each language that includes it, with all warnings, for 64 and for 32 bits.
# The layout that tests/uapi/layout.h asserts must be the same in all.  Nothing
# is linked: so the 32-bit compiler needs no library, only the kernel's
# headers, which the 64-bit one has.

UAPI_HEADER	:= $(TOP)/uapi/linux/edudma.h
UAPI_TEST	:= $(TOP)/tests/uapi/layout.h
UAPI_WARNINGS	:= -Wall -Wextra -Wpedantic -Werror -Wpadded -fsyntax-only
UAPI_ASM	:= /usr/include/$(shell $(CC) -print-multiarch)
UAPI_DIALECTS	:= c-c99 c-c11 c-gnu17 c++-c++11 c++-c++20

.PHONY: uapi
uapi: $(UAPI_DIALECTS:%=$(BUILD)/uapi/%.ok) ## check the uapi header alone

$(BUILD)/uapi/%.ok: $(UAPI_HEADER) $(UAPI_TEST)
	@mkdir -p '$(@D)'
	@echo '  UAPI    $*'
	@for bits in 64 32; do \
		$(CC) -x $(firstword $(subst -, ,$*)) -std=$(lastword $(subst -, ,$*)) \
			-m$$bits $(UAPI_WARNINGS) -I'$(TOP)/uapi' \
			-isystem '$(UAPI_ASM)' '$(UAPI_TEST)' || exit 1; \
	done
	@touch '$@'
