# SPDX-License-Identifier: GPL-2.0-only
#
# The targets for people. kbuild reads Kbuild, not this file.

# ARCH, KERNEL and KDIR choose the kernel; the scripts read the other variables.
ARCH ?= amd64
KERNEL ?=
export ARCH KERNEL KDIR BZIMAGE LLVM
FILTER ?= *
TOPOLOGY ?=
# The debug kernel is slow, and silent for long.
TIMEOUT ?= $(if $(filter debug,$(KERNEL)),900,120)
SEED ?=
MUTANT ?= *
JOBS ?=
FUZZ_SECONDS ?= 60
FUZZ ?=
DUMP ?=
MODEL ?=
LOSSES ?=
REPORT ?=
export REPORT DUMP FILTER MODEL TOPOLOGY TIMEOUT SEED MUTANT JOBS FUZZ_SECONDS

# Targets for one kernel refuse KERNEL=all before anything is set up.
ifeq ($(KERNEL),all)
ifneq ($(filter run shell mutants corpus,$(MAKECMDGOALS)),)
$(error KERNEL=all is not for run, shell, mutants and corpus: give one kernel)
endif
endif

# Results that are compared or kept are those of amd64; check-full has a part for each.
ifneq ($(filter-out amd64,$(ARCH)),)
ifneq ($(filter bench bench-% mutants corpus check-full,$(MAKECMDGOALS)),)
$(error ARCH=$(ARCH) is not for bench, bench-check, bench-report, bench-times, mutants, corpus and check-full)
endif
endif

.PHONY: help
help:
	@sed -n 's/^## \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

## Usage: make TARGET [VARIABLE=value ...]
##
## Every day:
##   run        boot Debian's kernel in QEMU, inject errors, watch the driver recover
##   check      run the tests in QEMU; ends with `N passed, N failed, N skipped`
##   shell      a shell in the guest, with the module loaded and the tests at hand
##   test-host  cargo test: everything that needs no kernel
##   lint       rustfmt, clippy, checkpatch, rustdoc, shellcheck, licences, links
##   survey     print which functions of this machine the driver accepts; loads and
##              writes nothing. DUMP=FILE: those of a dump (`lspci -xxxx`); LOSSES=1:
##              also whether each loss is refused. MODEL=01:00.0: writes that function as
##              scripts/kselftest/models/own.model instead, for make models FILTER='own*'.
##              The program: scripts/kselftest/tools/survey
##   mutants    weaken one guard after the other; a test must notice each (minutes each)
##   clean      remove the builds
##
## More tests:
##   check-full everything, on each kernel and architecture (hours)
##   soak       endurance: thousands of errors, bindings and suspends; memory must not
##              grow (5 to 10 minutes)
##   models     each function that QEMU models, and register files, on every path: a
##              table (50 minutes)
##   fuzz       libFuzzer on the guard's rules and on the injector's parsers
##   check-types  show that wrong uses of the library do not compile
##   doc-test   compile the examples of the reference and of docs/library.md
##   bench      measure the guard against plain C: bench/results.json, docs/benchmarks.md
##   bench-check  detect regressions against those results (2 minutes)
##   bench-report  write docs/benchmarks.md and the plot from those results
##   bench-times  how long until the first test, beside virtme-ng; LONG=1: also make
##              check, and setup with an empty cache (3 minutes, 18)
##
## Parts of the above:
##   setup      make the toolchain and the kernel in the cache (5 minutes, once)
##   module     build the modules, into build/KERNEL/module
##   harness    build the program that runs QEMU, and the tools of the guest
##   build      all of these
##   doc        build the library's reference: build/KERNEL/doc
##   corpus     dump the config spaces of QEMU's devices again, into rust/tests/corpus
##   distclean  remove the cache as well
##
## Each target builds and sets up what it needs.
##
##   ARCH=NAME          the guest's architecture, as Debian calls it: amd64 (the default) or
##                      arm64, with KERNEL=7.3 or 7.2, a toolchain root of its own (2.5 GB;
##                      setup: 3 to 15 minutes, once) and no KVM; or s390x, with 7.3, whose
##                      kernels and standard library are built here (8 to 30 minutes, once); for
##                      setup, module, run, check, soak, models and shell
##   KERNEL=SERIES      Debian's newest kernel of 7.3 (the default) or 7.2; for setup,
##                      module, check, soak, models, lint, doc, doc-test and check-types
##                      also `all`: one after the other; `debug`: 7.3, built here with
##                      KASAN, lockdep, kmemleak, KUnit and more
##                      (scripts/setup/debug.config; 15 minutes, once); `small`: 7.3
##                      with the needed options only
##                      (scripts/setup/small.config; 5 minutes, once)
##   FILTER=GLOB        check, soak, models (a device), bench, check-types: only the tests
##                      whose names match
##   JOBS=N             check, soak, models: guests that run at the same time (2, or
##                      1 on one processor)
##   MUTANT=GLOB        mutants: only those of scripts/mutants whose names match
##   FUZZ_SECONDS=N     fuzz: seconds for each target (60)
##   FUZZ=TARGET        fuzz: only this target, spaces or spec
##   TOPOLOGY=NAME      a file of qemu/topologies, or a .toml file (endpoint; of
##                      run: vfio, of s390x zpci_nvme_unchecked; of check: the topologies
##                      that each test names)
##   REPORT=FILE        check, soak, models, bench-check: write what happened to FILE, as JSON
##                      (docs/testing.md); lint, check-types, doc-test, fuzz, mutants: as KTAP
##   SEED=NUMBER        check, soak: repeat the random choices of a reported seed
##   TIMEOUT=SECONDS    a guest without output for this long has hung (120; 900 with
##                      KERNEL=debug)
##   KDIR=DIR           a built kernel tree with Rust to use instead of Debian's, with
##                      the options of scripts/setup/small.config
##   BZIMAGE=FILE       its image (of amd64 KDIR/arch/x86/boot/bzImage)
##   LLVM=1             for kbuild: that kernel was built with clang
##
## Environment: PCI_RECOVERY_CACHE, the directory of the cache
## (~/.cache/pci-recovery); PCI_RECOVERY_MIRROR, a Debian mirror to use.

# A kernel tree (KDIR) needs more options where it is booted.
run check soak bench bench-check shell mutants corpus: export KERNEL_USE := guest

.PHONY: setup
setup:
	@scripts/each-kernel.sh scripts/setup.sh

.PHONY: module
module: setup
	@scripts/each-kernel.sh scripts/build-module.sh module

.PHONY: harness
harness:
	@cargo build --release --locked --manifest-path qemu/Cargo.toml
	@scripts/build-guest-tools.sh

# The modules, the harness and the tools of the guest.
.PHONY: build
build:
	@scripts/build.sh

# The demonstration needs one tool.
.PHONY: run
run:
	@scripts/build.sh guest
	@scripts/harness.sh run --timeout "$$TIMEOUT"

.PHONY: check
check: build
	@scripts/each-kernel.sh scripts/build-vfio-selftests.sh
	@scripts/check.sh --timeout "$$TIMEOUT" --boot-timeout "$$TIMEOUT" --filter "$$FILTER"

# A guest of 256 functions takes long to boot, with little output.
.PHONY: soak
soak: build
	@scripts/check.sh --soak --timeout "$$TIMEOUT" --boot-timeout 300 --filter "$$FILTER"

.PHONY: models
models: build
	@scripts/check.sh --models --timeout "$$TIMEOUT" --boot-timeout "$(if $(filter debug,$(KERNEL)),900,300)" --filter "$$FILTER"

.PHONY: bench
bench: build
	@scripts/bench.sh

.PHONY: bench-check
bench-check: build
	@scripts/bench.sh --check

.PHONY: bench-report
bench-report: setup harness
	@scripts/bench.sh --show

.PHONY: bench-times
bench-times:
	@scripts/bench-times.sh $(if $(LONG),--long)

.PHONY: shell
shell: build
	@scripts/harness.sh shell

# The exit codes are those of the program; make itself ends with 2 for all but 0.
.PHONY: survey
survey:
	@ARCH=amd64 scripts/build-guest-tools.sh survey
	@scripts/kselftest/tools/survey $(if $(LOSSES),--losses) $(if $(DUMP),--dump "$$DUMP") \
		$(if $(MODEL),--model "$$MODEL" > scripts/kselftest/models/own.model)

.PHONY: test-host
test-host:
	@cargo test --locked --workspace --no-fail-fast --manifest-path qemu/Cargo.toml

.PHONY: fuzz
fuzz:
	@scripts/fuzz.sh $(FUZZ)

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
mutants: build
	@scripts/mutants.sh "$$MUTANT"

.PHONY: corpus
corpus: build
	@scripts/corpus.sh --timeout "$$TIMEOUT" --boot-timeout 300

.PHONY: check-full
check-full:
	@scripts/check-full.sh

.PHONY: clean
clean:
	rm -rf build qemu/target rust/fuzz/target scripts/kselftest/tools

.PHONY: distclean
distclean: clean
	@scripts/setup.sh remove
