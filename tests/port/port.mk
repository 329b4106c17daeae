# SPDX-License-Identifier: GPL-2.0-only
#
# A port of the driver to another device is a directory with an engine and a Makefile of
# two lines:
#
#	ENGINE := engine_mine.o
#	include .../tests/port/port.mk
#
# docs/porting.md tells what the engine has to do.  Targets:
#
#	modules, modules_install, modules_uninstall, clean: edudma.ko, with this engine in
#		place of the driver's own; the same as in driver/Makefile, and its variables
#	contract: contract/edudma_contract.ko, the tests of an engine
#
# OUT is the directory that both are built in.  KUNIT has the Module.symvers of KUnit, where
# the kernel has none of its own.

HERE	:= $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
DRIVER	?= $(abspath $(HERE)/../../driver)
TESTS	?= $(abspath $(HERE)/../modules/contract)
OUT	?= build
KUNIT	?=

# What it is built from: links, of which the port's own replace the driver's.
# $(call link,directory,files)
define link
	@mkdir -p '$1'
	@ln -sf -t '$1' $(wildcard $(DRIVER)/*.[ch]) $(DRIVER)/Makefile $2 \
		$(if $(ENGINE),$(wildcard $(CURDIR)/*.[ch]))
endef
make_in	= +@$(MAKE) --no-print-directory UAPI='$(abspath $(DRIVER)/../uapi)' \
		$(if $(ENGINE),edudma-engine='$(ENGINE)')

.DEFAULT_GOAL := modules
.PHONY: modules modules_install modules_uninstall clean contract
modules modules_install modules_uninstall clean:
	$(call link,$(OUT),$(DRIVER)/Kbuild)
	$(make_in) -C '$(OUT)' $@

contract:
	$(call link,$(OUT)/contract,$(wildcard $(TESTS)/*))
	$(make_in) -C '$(OUT)/contract' KBUILD_EXTRA_SYMBOLS='$(KUNIT)' modules
