# SPDX-License-Identifier: GPL-2.0-only
#
# What is installed and released.  Part of the top Makefile.

# driver/Makefile, also where the top Makefile builds the module.
FOR_MODULE	= $(MAKE) --no-print-directory KDIR='$(KDIR)' UAPI='$(TOP)/uapi' \
			INSTALL_MOD_PATH='$(DESTDIR)'
IN_USERSPACE	= $(MAKE) --no-print-directory -C userspace BUILD='$(BUILD)/userspace'

.PHONY: install uninstall
install: module userspace ## install all below DESTDIR and PREFIX=/usr/local, the module for KVER
	@$(IN_USERSPACE) install
	@$(FOR_MODULE) -C '$(MODULE_DIR)' modules_install
	@echo "make: installed for Linux $(KVER)"

uninstall: ## remove what install put there
	@$(FOR_MODULE) -C driver modules_uninstall
	@$(IN_USERSPACE) uninstall

.PHONY: dist deb
dist: ## the source tarball of a release, in build/dist/
	@scripts/dist '$(BUILD)/dist'

deb: ## packages for Debian and Ubuntu, in build/deb/
	@scripts/deb '$(BUILD)/deb'

.PHONY: test-packages
test-packages: ## build the packages in Debian 12 and 13, install, use and purge them; as root
	@T="$${T:-packages.*}" scripts/test
