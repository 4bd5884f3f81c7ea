# SPDX-License-Identifier: GPL-2.0-only
#
# What a person types. kbuild reads Kbuild, not this file.

# A kernel of one's own instead of Debian's; the harness reads the others.
export KDIR BZIMAGE LLVM
FILTER ?= *
TOPOLOGY ?=
TIMEOUT ?= 120
MUTANT ?= *
JOBS ?=
export FILTER TOPOLOGY TIMEOUT MUTANT JOBS

HARNESS := qemu/target/release/pci-recovery-qemu

# $(call harness,COMMAND): the harness with all that set-up and the builds made.
define harness
	@. build/env && exec $(HARNESS) $(1) \
		--kernel "$$KERNEL_IMAGE" --busybox "$$TOOLCHAIN_ROOT/usr/bin/busybox" \
		--module-dir build/module --module-dir "$$KERNEL_MODULES" \
		--kselftest scripts/kselftest --runner scripts/in-root.sh \
		--topology "$$TOPOLOGY" --log-dir build/logs
endef

.PHONY: help
help:
	@sed -n 's/^## \{0,1\}//p' Makefile

## Usage: make TARGET [VARIABLE=value ...]
##
##   run        boot Debian's kernel in QEMU, inject errors, watch the driver recover
##   check      run the tests in QEMU; ends with `N passed, N failed, N skipped`
##   soak       endurance: thousands of errors, bindings, suspends; does anything
##              grow? (10 minutes)
##   shell      a shell in the guest, with the module loaded and the tests at hand
##
##   setup      make the toolchain and the kernel in the cache (5 minutes, once)
##   module     build the modules, into build/module
##   harness    build the program that runs QEMU
##   test-host  cargo test: what needs no kernel
##   lint       rustfmt, clippy and shellcheck
##   mutants    weaken one guard after the other: does a test notice? (minutes)
##   clean      remove what was built here
##   distclean  remove the cache as well
##
## The targets above see to what they need by themselves.
##
##   FILTER=GLOB        check, soak: only the tests whose names match
##   JOBS=N             check, soak: guests that run at the same time (2, or 1 on one
##                      processor)
##   MUTANT=GLOB        mutants: only those of scripts/mutants whose names match
##   TOPOLOGY=NAME      a file of qemu/topologies, or a .toml file (endpoint; of
##                      check: each test in those that it names)
##   TIMEOUT=SECONDS    a guest that is silent for so long has hung (120)
##   KDIR=DIR           a built kernel tree with Rust to use instead of Debian's
##   BZIMAGE=FILE       its image (KDIR/arch/x86/boot/bzImage)
##   LLVM=1             for kbuild: that kernel was built with clang
##
## Environment: PCI_RECOVERY_CACHE, where set-up keeps what it makes
## (~/.cache/pci-recovery); PCI_RECOVERY_MIRROR, a Debian mirror to use.

.PHONY: setup
setup:
	@scripts/setup.sh

.PHONY: module
module: setup
	@scripts/build-module.sh module

.PHONY: harness
harness: setup
	@cargo build --release --locked --manifest-path qemu/Cargo.toml

.PHONY: run check
run check: module harness
	$(call harness,$@ --timeout "$$TIMEOUT" $(if $(filter check,$@),--filter "$$FILTER"))

# A guest of 256 functions takes long to boot, and says little meanwhile.
.PHONY: soak
soak: module harness
	$(call harness,check --soak --timeout "$$TIMEOUT" --boot-timeout 300 --filter "$$FILTER")

.PHONY: shell
shell: module harness
	$(call harness,$@)

.PHONY: test-host
test-host:
	@status=0; for crate in rust qemu; do \
		cargo test --locked --manifest-path $$crate/Cargo.toml || status=1; \
	done; exit $$status

.PHONY: lint
lint: setup
	@scripts/lint.sh

.PHONY: mutants
mutants: module harness
	@TOPOLOGY="$${TOPOLOGY:-endpoint}" scripts/mutants.sh "$$MUTANT"

.PHONY: clean
clean:
	rm -rf build qemu/target rust/target

.PHONY: distclean
distclean: clean
	@scripts/setup.sh remove
