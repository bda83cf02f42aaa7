# SPDX-License-Identifier: MIT
#
# Makefile: the front door. CMake builds; this file says what runs in which order.
# `make help` lists the targets.

PYTHON ?= python3
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
FUZZ ?= 30

VERSION = $(shell sed -n 's/.*THETIS_VERSION_STRING "\(.*\)"/\1/p' include/thetis/version.h)
SETUP = @sh tools/setup.sh

# A newer compiler's new warning must not stop a user's build; it must stop ours.
WERROR := OFF
test check evidence sanitize coverage: WERROR := ON

# $(call tree,PRESET): configures and builds one tree. CMake's own output shows only if it fails.
tree = mkdir -p build; if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi; \
	if ! cmake --preset $(1) -DTHETIS_WERROR=$(WERROR) >build/$(1).log 2>&1; then \
	cat build/$(1).log; exit 1; fi; \
	cmake --build --preset $(1) --parallel $(JOBS)

# $(call programs,FOLDER): runs a tree's test programs: unit, stress, conform.
programs = $(PYTHON) tests/harness/run.py --list build/$(1)/tests/suite.txt

# What is turned off of io_uring, in turn, and the rows that see it.
URING_OFF = accept recv send many task all
URING_ROWS = accept recv send close

# $(call suite,FOLDER): runs them, the conformance suite on the other backends, the examples, and
# real programs through the examples.
suite = $(call programs,$(1)) --check "$(PYTHON) tests/examples.py build/$(1)/examples" \
	$(foreach rows,$(basename $(notdir $(wildcard tests/conform/conform_*.c))),\
	--check "build/$(1)/tests/conform/$(rows) --backend poll" \
	--check "build/$(1)/tests/conform/$(rows) --backend uring") \
	$(foreach off,$(URING_OFF),$(foreach rows,$(URING_ROWS),--check "env \
	THETIS_URING_OFF=$(off) build/$(1)/tests/conform/conform_$(rows) --backend uring")) \
	$(foreach cases,$(wildcard tests/real/*_cases.py),\
	--check "$(PYTHON) $(cases) build/$(1)/examples")

# $(call fake,FOLDER,SYSTEMS): the conformance suite on systems of the fake kernel.
fake = $(foreach system,$(2),--check "$(PYTHON) tests/sim/rows.py build/$(1) $(system)")

# The fake kernel: the conformance suite on its systems, random scripts, bugs put back.
SYSTEMS = linux:epoll linux:poll linux:uring lwip:poll gremlin:epoll gremlin:kqueue gremlin:poll \
	gremlin:uring \
	$(foreach bsd,freebsd1 freebsd2 freebsd4 netbsd openbsd macos,$(bsd):kqueue $(bsd):poll)
FAKE = $(call fake,host,$(SYSTEMS)) \
	--check "$(PYTHON) tests/sim/sim.py build/host/bin/thetis-sim" \
	--check "$(PYTHON) tests/sim/probe.py build/host/bin/thetis-sim" \
	--check "$(PYTHON) tests/sim/bugs.py build/host"

# Checks of the sources, the tools and the harness themselves; each prints TAP.
CHECKS = $(foreach tool,tidy pairs,--check "$(PYTHON) tools/$(tool).py --tap") \
	--check "$(PYTHON) tools/guarantees.py --check" \
	--check "$(PYTHON) bench/exact.py --manifest build/host/bench/manifest.jsonl" \
	$(foreach script,$(wildcard tests/consume/*.py tests/harness/selftest/*.py \
	tests/model/spin/*.py \
	tests/tools/test_*.py),--check "$(PYTHON) $(script)")

# The other trees are gcc's; where clang exists, the sanitizers are its.
CLANG = if command -v clang >/dev/null; then export CC=clang CXX=clang++; fi

# The concurrency tester over all scenarios, with the instrumentation of both compilers.
MODEL = --list build/check/tests/suite.txt --list build/check-clang/tests/suite.txt \
	--check "$(PYTHON) tests/model/model.py build/check/bin/thetis-check" \
	--check "$(PYTHON) tests/model/model.py build/check/bin/thetis-check --orders" \
	--check "$(PYTHON) tests/model/model.py build/check-clang/bin/thetis-check --short" \
	--check "$(PYTHON) tests/model/faults.py build/check"

.PHONY: all help demo test check evidence sanitize fuzz coverage cross emu support bench docs tidy \
	install clean

all: ## everything in build/host: library, programs, examples, benchmarks, tests
	$(SETUP) build
	@$(call tree,release)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

demo: ## real programs' traffic through the relay; one table
	$(SETUP) demo
	@$(call tree,release)
	@$(PYTHON) tools/demo.py

test: ## every suite and the code's own rules; the last line has the totals
	$(SETUP) test
	@$(call tree,release)
	@$(call tree,check)
	@$(CLANG); $(call tree,check-clang)
	@$(call suite,host) $(FAKE) $(CHECKS) $(MODEL) --record build/support/make-test.json

check: ## the concurrency tester alone: scenarios, weakened orders, planted faults
	$(SETUP) test
	@$(call tree,check)
	@$(CLANG); $(call tree,check-clang)
	@$(PYTHON) tests/harness/run.py $(MODEL)

evidence: ## what the tests show, in build/evidence; EVIDENCE=--campaign shows more
	$(SETUP) test
	@$(call tree,release)
	@$(call tree,check)
	@$(PYTHON) tools/evidence.py build/check --out build/evidence $(EVIDENCE)

sanitize: ## every test program and example under ASan + UBSan, then under TSan
	$(SETUP) sanitize
	@$(CLANG); $(call tree,asan)
	@$(call suite,asan) --target asan \
	--check "$(PYTHON) tests/sim/sim.py build/asan/bin/thetis-sim --runs 20"
	@$(CLANG); $(call tree,tsan)
	@$(call suite,tsan) --target tsan

coverage: ## line coverage of each folder; ring, core, loop and net need 95 %
	$(SETUP) coverage
	@$(call tree,coverage)
	@find build/coverage -name '*.gcda' -delete
	@$(call programs,coverage) $(call fake,coverage,freebsd2:kqueue linux:uring gremlin:uring)
	@$(PYTHON) tools/coverage.py build/coverage --gate ring core loop net --min 95

cross: ## BSD and macOS programs, Cortex-M and RV32 objects, free of library atomics, in build/cross
	$(SETUP) cross
	@$(PYTHON) tests/harness/run.py --check "$(PYTHON) tools/cross.py" --target cross --timeout 1200

emu: ## what an emulator can show: all tests on other processors, the tester on AArch64
	$(SETUP) emu
	@$(PYTHON) tests/harness/run.py --check "$(PYTHON) tests/model/emulated.py" \
	--check "$(PYTHON) tests/cross/linux.py" --target emu

support: ## after test, cross and emu: does SUPPORT.md claim what they have shown
	@$(PYTHON) tools/support.py --check

fuzz: ## hostile peers, addresses, the fake kernel: FUZZ=30 seconds each; faults must be found
	$(SETUP) fuzz
	@$(PYTHON) tests/harness/run.py --check "$(PYTHON) tests/fuzz/run.py --seconds $(FUZZ)"

bench: ## the benchmarks, with peers, on this machine
	$(SETUP) bench
	@$(call tree,release)
	@build/host/bin/thetis-bench all

docs: ## the reference in build/docs, without a warning
	$(SETUP) docs
	@mkdir -p build/docs
	@sed 's/@VERSION@/$(VERSION)/' docs/Doxyfile.in >build/docs/Doxyfile
	@doxygen -q build/docs/Doxyfile
	@echo "docs: build/docs/html/index.html"

tidy: ## the code's own rules
	@$(PYTHON) tools/tidy.py

install: all ## into PREFIX (/usr/local)
	@cmake --install build/host --prefix $(PREFIX)

clean: ## removes build/
	rm -rf build
