/* SPDX-License-Identifier: GPL-2.0-only */
/* The version of the module, the libraries, the tool and the packages. */
#define EDUDMA_VERSION	"0.1.0"
