# SPDX-License-Identifier: GPL-2.0-only
#
# What a person types. kbuild reads Kbuild, not this file.

# Which kernel: a series of Debian's, or a tree of one's own; the harness reads
# the others.
KERNEL ?=
export KERNEL KDIR BZIMAGE LLVM
FILTER ?= *
TOPOLOGY ?=
# A kernel that looks for faults in itself is slow, and silent for long.
TIMEOUT ?= $(if $(filter debug,$(KERNEL)),900,120)
SEED ?=
MUTANT ?= *
JOBS ?=
FUZZ_SECONDS ?= 60
FUZZ ?=
export FILTER TOPOLOGY TIMEOUT SEED MUTANT JOBS FUZZ_SECONDS

# Those that work with one kernel say so before anything is set up.
ifeq ($(KERNEL),all)
ifneq ($(filter run shell mutants corpus,$(MAKECMDGOALS)),)
$(error KERNEL=all is not for run, shell, mutants and corpus: give one kernel)
endif
endif

.PHONY: help
help:
	@sed -n 's/^## \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

## Usage: make TARGET [VARIABLE=value ...]
##
##   run        boot Debian's kernel in QEMU, inject errors, watch the driver recover
##   check      run the tests in QEMU; ends with `N passed, N failed, N skipped`
##   soak       endurance: thousands of errors, bindings, suspends; does anything
##              grow? (10 minutes)
##   models     each function that QEMU models, by every path: a table (20 minutes)
##   bench      what the guard costs, against plain C: a table, bench/results.json and .svg
##   bench-check  has it become more than those results say? (2 minutes)
##   bench-times  how long until the first test, beside virtme-ng; LONG=1: also make
##              check, and setup with an empty cache (3 minutes, 18)
##   shell      a shell in the guest, with the module loaded and the tests at hand
##
##   setup      make the toolchain and the kernel in the cache (5 minutes, once)
##   module     build the modules, into build/KERNEL/module
##   harness    build the program that runs QEMU
##   test-host  cargo test: what needs no kernel
##   fuzz       libFuzzer on the guard and on what the injector parses
##   miri       cargo test in miri, where this machine's Rust has it
##   lint       rustfmt, clippy, checkpatch, rustdoc, shellcheck, licences
##   doc        the library's documentation: build/KERNEL/doc
##   doc-test   the examples of the documentation and of the README compile
##   check-types  what the types of the library forbid does not compile
##   mutants    weaken one guard after the other: does a test notice? (minutes)
##   check-full everything there is, also on the debug kernel (more than an hour)
##   corpus     dump the config spaces of QEMU's devices anew, into rust/tests/corpus
##   clean      remove what was built here
##   distclean  remove the cache as well
##
## The targets above see to what they need by themselves.
##
##   KERNEL=SERIES      Debian's newest kernel of 7.3 (the default) or 7.2; for setup,
##                      module, check, soak, models, lint, doc, doc-test and check-types
##                      also `all`: one after the other; `debug`: 7.3, built here with
##                      KASAN, lockdep, kmemleak, KUnit and more
##                      (scripts/setup/debug.config; 15 minutes, once)
##   FILTER=GLOB        check, soak, models (a device), bench, check-types: only the tests
##                      whose names match
##   JOBS=N             check, soak, models: guests that run at the same time (2, or
##                      1 on one processor)
##   MUTANT=GLOB        mutants: only those of scripts/mutants whose names match
##   FUZZ_SECONDS=N     fuzz: so long for each target (60)
##   FUZZ=TARGET        fuzz: only this one of spaces, spec
##   TOPOLOGY=NAME      a file of qemu/topologies, or a .toml file (endpoint; of
##                      check: each test in those that it names)
##   SEED=NUMBER        check, soak: repeat what a test did that reports this seed
##   TIMEOUT=SECONDS    a guest that is silent for so long has hung (120, of
##                      KERNEL=debug 900)
##   KDIR=DIR           a built kernel tree with Rust to use instead of Debian's
##   BZIMAGE=FILE       its image (KDIR/arch/x86/boot/bzImage)
##   LLVM=1             for kbuild: that kernel was built with clang
##
## Environment: PCI_RECOVERY_CACHE, where set-up keeps what it makes
## (~/.cache/pci-recovery); PCI_RECOVERY_MIRROR, a Debian mirror to use.

.PHONY: setup
setup:
	@scripts/each-kernel.sh scripts/setup.sh

.PHONY: module
module: setup
	@scripts/each-kernel.sh scripts/build-module.sh module

.PHONY: harness
harness: setup
	@cargo build --release --locked --manifest-path qemu/Cargo.toml
	@scripts/build-guest-tools.sh

.PHONY: run
run: module harness
	@scripts/harness.sh run --timeout "$$TIMEOUT"

.PHONY: check
check: module harness
	@scripts/check.sh --timeout "$$TIMEOUT" --boot-timeout "$$TIMEOUT" --filter "$$FILTER"

# A guest of 256 functions takes long to boot, and says little meanwhile.
.PHONY: soak
soak: module harness
	@scripts/check.sh --soak --timeout "$$TIMEOUT" --boot-timeout 300 --filter "$$FILTER"

.PHONY: models
models: module harness
	@scripts/check.sh --models --timeout "$$TIMEOUT" --boot-timeout "$(if $(filter debug,$(KERNEL)),900,300)" --filter "$$FILTER"

.PHONY: bench
bench: module harness
	@scripts/bench.sh

.PHONY: bench-check
bench-check: module harness
	@scripts/bench.sh --check

.PHONY: bench-times
bench-times:
	@scripts/bench-times.sh $(if $(LONG),--long)

.PHONY: shell
shell: module harness
	@scripts/harness.sh shell

.PHONY: test-host
test-host:
	@status=0; for crate in rust qemu qemu/guest/fuzz_files qemu/guest/measure; do \
		cargo test --locked --manifest-path $$crate/Cargo.toml || status=1; \
	done; exit $$status

.PHONY: fuzz
fuzz:
	@scripts/fuzz.sh $(FUZZ)

.PHONY: miri
miri:
	@scripts/miri.sh

.PHONY: lint
lint: setup
	@scripts/lint.sh

.PHONY: doc
doc: module
	@scripts/each-kernel.sh scripts/doc.sh

.PHONY: doc-test
doc-test: module
	@scripts/doc-test.sh

.PHONY: check-types
check-types: module
	@scripts/check-types.sh "$$FILTER"

.PHONY: mutants
mutants: module harness
	@TOPOLOGY="$${TOPOLOGY:-endpoint}" scripts/mutants.sh "$$MUTANT"

.PHONY: corpus
corpus: module harness
	@scripts/corpus.sh --timeout "$$TIMEOUT" --boot-timeout 300

.PHONY: check-full
check-full:
	@scripts/check-full.sh

.PHONY: clean
clean:
	rm -rf build qemu/target rust/target rust/fuzz/target qemu/guest/*/target scripts/kselftest/tools/fuzz_files \
		scripts/kselftest/tools/measure

.PHONY: distclean
distclean: clean
	@scripts/setup.sh remove
