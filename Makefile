# SPDX-License-Identifier: Apache-2.0
# Braid's build. `make help` lists the targets. Everything that is made lands in build/:
#   build/gen/            C made from *.proto
#   build/plain/          objects and libraries; its programs are linked to build/<program>
#   build/san/            the same under ASan and UBSan: unit tests, simulation
#   build/deps.mk         compiler and linker flags of the libraries, made by deploy/deps/build
# Sources are found by wildcard: a new file needs no line here.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

VERSION := 0.1.0
CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif
CLANG ?= clang
AR ?= ar
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g

# ---- flags --------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wvla -Wformat=2 -Wcast-qual -Wwrite-strings -Wundef \
    -Wimplicit-fallthrough
ifneq ($(CI)$(WERROR),)
WARNINGS += -Werror
endif
# Assertions stay on in production: -UNDEBUG.
BASE_FLAGS := -std=c11 -D_GNU_SOURCE -I. -Ibuild/gen -UNDEBUG -MMD -MP \
    -DBRAID_VERSION='"$(VERSION)"'
FLAGS_plain := -fstack-protector-strong -D_FORTIFY_SOURCE=2
FLAGS_san := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
FLAGS_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
    -fno-omit-frame-pointer -O1 -Wno-unknown-warning-option
# The simulation runs for minutes and hours: what it costs to optimise comes back.
SIM_FLAGS_plain := -O3 -flto=auto
SIM_FLAGS_san := -O2
FLAGS_future := $(FLAGS_plain) -UBRAID_VERSION -DBRAID_VERSION='"$(VERSION)+future"' \
    -DBRAID_LATER -DMERGE_RULES_VERSION=2 -include build/future/gen/proto/braid.pb-c.h
LINK_plain :=
LINK_san := -fsanitize=address,undefined
LINK_fuzz := -fsanitize=fuzzer,address,undefined
CC_plain = $(CC)
CC_san = $(CC)
CC_fuzz = $(CLANG)
CC_future = $(CC)
VARIANTS := plain san fuzz future

# ---- sources ------------------------------------------------------------------------------------

LAYERS := proto coord node
PROTOS := $(foreach layer,$(LAYERS),$(wildcard $(layer)/*.proto))
GEN_C := $(PROTOS:%.proto=build/gen/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
SOURCES_proto := $(wildcard proto/*.c)
SOURCES_coord := $(wildcard coord/*.c)
SOURCES_node := $(filter-out node/main.c,$(wildcard node/*.c))

# Programs: name, folder of its own files. One without a main.c is not built.
PROGRAM_DIRS := braidd=node braidctl=coord/ctl braid-outbox=node/outbox \
    braid-relay=deploy/local/relay braid-bench=bench
PROGRAMS := $(foreach p,$(PROGRAM_DIRS),\
    $(if $(wildcard $(word 2,$(subst =, ,$p))/main.c),$(firstword $(subst =, ,$p))))
SOURCES_braidd := $(wildcard node/main.c)
SOURCES_braidctl := $(wildcard coord/ctl/*.c)
SOURCES_braid-outbox := $(wildcard node/outbox/*.c)
SOURCES_braid-relay := $(wildcard deploy/local/relay/*.c)
SOURCES_braid-bench := $(wildcard bench/*.c)

# What these programs have beside main.c, so that unit tests can reach it.
PROGRAM_PARTS := braidctl braid-outbox braid-relay braid-bench

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
# Tests against real servers: built as unit tests are, run by the parts in tests/check/.
INTEGRATION_TESTS := $(patsubst tests/integration/%.c,%,$(wildcard tests/integration/test_*.c))
INTEGRATION_SHARED := $(filter-out tests/integration/test_%,$(wildcard tests/integration/*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SOURCES_sim := $(wildcard tests/sim/*.c)
# The simulation runs the pure files, compiled once more with bugs that --mutant can switch on.
SIM_PURE := $(filter-out %/main.c $(foreach l,$(LAYERS),$(wildcard $(l)/io_*.c)),\
    $(foreach l,$(LAYERS),$(SOURCES_$(l))))

# ---- what to build ------------------------------------------------------------------------------

.PHONY: all
all: $(PROGRAMS:%=build/%) libs-plain ## build the programs into build/ (also: plain `make`)

.PHONY: san
san: $(PROGRAMS:%=build/san/%) libs-san ## build the programs under ASan and UBSan into build/san/

# These goals need no library flags, or call make again once the libraries are there.
NO_DEPS_GOALS := help clean check check-all check-quick demo bootstrap up down deb format bench \
    bench-full drills drills-full
ifneq ($(filter-out $(NO_DEPS_GOALS),$(or $(MAKECMDGOALS),all)),)
include build/deps.mk
ifneq ($(DEPS_PREFIX),$(wildcard $(DEPS_PREFIX)))
build/deps.mk: FORCE # Somebody emptied the cache.
endif
endif
.PHONY: FORCE
FORCE:

build/deps.mk: deploy/deps/lock deploy/deps/build
	@mkdir -p build
	@deploy/deps/build > $@.new
	@mv $@.new $@

# ---- generated code -----------------------------------------------------------------------------

$(GEN_C): build/gen/%.pb-c.c: %.proto
	@mkdir -p build/gen
	@echo "  GEN   $*.pb-c.c"
	@protoc-c --c_out=build/gen $<
$(GEN_H): %.h: %.c
	@touch $@

# Which core a simulation ran: seeds count for the core that they were run on.
build/gen/core_hash.h: $(shell tests/sim/core-hash --files)
	@mkdir -p build/gen
	@echo "#define CORE_HASH \"$$(tests/sim/core-hash)\"" > $@

# ---- objects, libraries, programs: once for each variant ----------------------------------------

# $1: variant, $2: layer
define library_rules
OBJECTS_$1_$2 := $$(SOURCES_$2:%.c=build/$1/%.o) \
    $$(patsubst %.proto,build/$1/gen/%.pb-c.o,$$(filter $2/%,$$(PROTOS)))
build/$1/libbraid-$2.a: $$(OBJECTS_$1_$2)
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef

# $1: variant, $2: program
define program_rules
OBJECTS_$1_$2 := $$(SOURCES_$2:%.c=build/$1/%.o)
build/$1/$2: $$(OBJECTS_$1_$2) $$(LIBS_$1)
	@echo "  LINK  $$@"
	@$$(CC_$1) $$(CFLAGS) $$(LDFLAGS) $$(LINK_$1) -o $$@ $$^ $$(DEPS_LIBS)
endef

# $1: variant, $2: program
define program_parts_rules
build/$1/lib$2.a: $$(patsubst %.c,build/$1/%.o,$$(filter-out %/main.c,$$(SOURCES_$2)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef

# gcc has no libFuzzer: its programs replay what was saved, and variations of it.
REPLAY_san := build/san/tests/fuzz/replay.o

# $1: variant
define variant_rules
LIBS_$1 := $$(foreach layer,node coord proto,build/$1/libbraid-$$(layer).a)
build/$1/gen/%.pb-c.o: build/gen/%.pb-c.c
	@mkdir -p $$(@D)
	@$$(CC_$1) $$(CFLAGS) $$(BASE_FLAGS) $$(FLAGS_$1) -w $$(DEPS_CFLAGS) -c -o $$@ $$<
build/$1/tests/%.o: tests/%.c | $$(GEN_H)
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	@$$(CC_$1) $$(CFLAGS) $$(BASE_FLAGS) $$(FLAGS_$1) $$(WARNINGS) -Wno-unused-parameter \
	    $$(DEPS_CFLAGS) -c -o $$@ $$<
build/$1/mutants/%.o: %.c | $$(GEN_H) build/gen/core_hash.h
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	@$$(CC_$1) $$(CFLAGS) $$(BASE_FLAGS) $$(FLAGS_$1) $$(SIM_FLAGS_$1) $$(WARNINGS) -DBRAID_MUTANTS \
	    $$(DEPS_CFLAGS) -c -o $$@ $$<
build/$1/%.o: %.c | $$(GEN_H)
	@mkdir -p $$(@D)
	@echo "  CC    $$@"
	@$$(CC_$1) $$(CFLAGS) $$(BASE_FLAGS) $$(FLAGS_$1) $$(WARNINGS) $$(DEPS_CFLAGS) -c -o $$@ $$<
$$(foreach layer,$$(LAYERS),$$(eval $$(call library_rules,$1,$$(layer))))
$$(foreach p,$$(PROGRAM_PARTS),$$(eval $$(call program_parts_rules,$1,$$(p))))
$$(foreach program,$$(PROGRAMS),$$(eval $$(call program_rules,$1,$$(program))))
build/$1/sim: $$(patsubst %.c,build/$1/mutants/%.o,$$(SOURCES_sim) $$(SIM_PURE)) \
    $$(patsubst %.proto,build/$1/gen/%.pb-c.o,$$(PROTOS))
	@echo "  LINK  $$@"
	@$$(CC_$1) $$(CFLAGS) $$(SIM_FLAGS_$1) $$(LDFLAGS) $$(LINK_$1) -o $$@ $$^ $$(DEPS_LIBS)
build/$1/tests/test_%: build/$1/tests/unit/test_%.o \
    $$(UNIT_SHARED:%.c=build/$1/%.o) $$(PROGRAM_PARTS:%=build/$1/lib%.a) $$(LIBS_$1)
	@echo "  LINK  $$@"
	@$$(CC_$1) $$(CFLAGS) $$(LDFLAGS) $$(LINK_$1) -o $$@ $$^ -lcmocka $$(DEPS_LIBS)
build/$1/integration/test_%: build/$1/tests/integration/test_%.o \
    $$(INTEGRATION_SHARED:%.c=build/$1/%.o) $$(PROGRAM_PARTS:%=build/$1/lib%.a) $$(LIBS_$1)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC_$1) $$(CFLAGS) $$(LDFLAGS) $$(LINK_$1) -o $$@ $$^ -lcmocka $$(DEPS_LIBS)
build/$1/fuzz/fuzz_%: build/$1/tests/fuzz/fuzz_%.o $$(REPLAY_$1) \
    $$(PROGRAM_PARTS:%=build/$1/lib%.a) $$(LIBS_$1)
	@mkdir -p $$(@D)
	@echo "  LINK  $$@"
	@$$(CC_$1) $$(CFLAGS) $$(LDFLAGS) $$(LINK_$1) -o $$@ $$^ $$(DEPS_LIBS)
.PHONY: libs-$1
libs-$1: $$(LIBS_$1)
-include $$(wildcard build/$1/*/*.d build/$1/*/*/*.d build/$1/*/*/*/*.d)
endef
$(foreach v,$(VARIANTS),$(eval $(call variant_rules,$(v))))
.SECONDARY:

$(PROGRAMS:%=build/%): build/%: build/plain/%
	@ln -sf plain/$* $@

# ---- variants of braidd that tests run against the real one ------------------------------------

# With the simulation's switchable rules: BRAID_MUTANT=name (tests/variants/mutant.c).
build/mutant/braidd: build/plain/node/main.o build/plain/mutants/tests/variants/mutant.o \
    $(patsubst %.c,build/plain/%.o,$(filter-out $(SIM_PURE),$(foreach l,$(LAYERS),$(SOURCES_$l)))) \
    $(patsubst %.c,build/plain/mutants/%.o,$(SIM_PURE) tests/sim/mutant.c tests/sim/cover.c) \
    $(patsubst %.proto,build/plain/gen/%.pb-c.o,$(PROTOS))
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(SIM_FLAGS_plain) $(LDFLAGS) -o $@ $^ $(DEPS_LIBS)

# A later version: a field more in the messages, a header more, later merge rules (tests/variants/future.c).
LATER_MESSAGES := Cut Report LogLine EmittedLine Epoch NodeInfo Claim
LATER_NAMES := cut report log_line emitted_line epoch node_info claim
comma := ,
LINK_future := -Wl,--wrap=inner_headers \
    $(foreach n,$(LATER_NAMES),-Wl$(comma)--wrap=braid__$n__init -Wl$(comma)--wrap=braid__$n__unpack)
build/future/gen/proto/braid.pb-c.h: proto/braid.proto
	@mkdir -p build/future/proto/proto $(dir $(@D))
	@sed $(foreach m,$(LATER_MESSAGES),-e '/^message $m {/a bytes later = 15000;') $< >build/future/proto/$<
	@protoc-c -I build/future/proto --c_out=build/future/gen build/future/proto/$<
build/future/gen/proto/braid.pb-c.c: build/future/gen/proto/braid.pb-c.h
	@touch $@
build/future/gen/proto/braid.pb-c.o: build/future/gen/proto/braid.pb-c.c
	@$(CC) $(CFLAGS) $(BASE_FLAGS) $(FLAGS_future) -w $(DEPS_CFLAGS) -c -o $@ $<
$(OBJECTS_future_proto) $(OBJECTS_future_coord) $(OBJECTS_future_node) $(OBJECTS_future_braidd) \
    build/future/tests/variants/future.o: | build/future/gen/proto/braid.pb-c.h
build/future/braidd: build/future/tests/variants/future.o

# ---- tests --------------------------------------------------------------------------------------

.PHONY: check-unit
check-unit: $(UNIT_TESTS:%=build/san/tests/%) ## unit tests, under ASan and UBSan
	@tests/run-unit $^

.PHONY: test-programs
test-programs: $(UNIT_TESTS:%=build/san/tests/%) $(FUZZERS:%=build/san/fuzz/%) \
    $(INTEGRATION_TESTS:%=build/san/integration/%) \
    $(if $(wildcard tests/sim/main.c),build/plain/sim build/san/sim) ## build them, run none

SEEDS ?= 20
FIRST ?= 1
.PHONY: sim
SIM_VARIANT ?= plain
sim: build/$(SIM_VARIANT)/sim ## simulation: SEEDS=n [FIRST=k] [SEED=n] [MUTANT=name] [SIM_VARIANT=san] [SIM_FLAGS=--trace]
	@$< $(if $(SEED),--seed $(SEED),--seeds $(SEEDS) --first $(FIRST)) \
	    $(if $(MUTANT),--mutant $(MUTANT)) $(SIM_FLAGS)

.PHONY: stories
stories: build/$(SIM_VARIANT)/sim ## scripted scenarios with what they must tell: [STORY=name] shows the trace of one
	@rc=0; for s in $(if $(STORY),tests/stories/$(STORY).story,tests/stories/*.story); do \
	    $< --story $$s $(if $(STORY),--trace) $(if $(MUTANT),--mutant $(MUTANT)) || rc=1; done; exit $$rc

.PHONY: mutants
mutants: build/$(SIM_VARIANT)/sim ## each planted bug is found by the simulation
	@$< --mutants $(SIM_FLAGS)

.PHONY: check-fuzz
check-fuzz: $(FUZZERS:%=build/san/fuzz/%) ## replay all saved fuzz inputs and variations of them
	@tests/run-fuzz replay $^

SECONDS ?= 30
.PHONY: fuzz
fuzz: $(FUZZERS:%=build/fuzz/fuzz/%) ## libFuzzer over every decoder, SECONDS=n each
	@tests/run-fuzz search $(SECONDS) $^

.PHONY: check
check: ## install what is missing, then all tests that fit 20 minutes
	@tests/run-check check

.PHONY: check-quick
check-quick: ## unit tests and a short simulation: no servers, under a minute
	@tests/run-check quick

.PHONY: check-all
check-all: ## every test there is; goes on where it was stopped (FRESH=1: from the start)
	@tests/run-check all

C_FOLDERS = $(wildcard $(LAYERS) tests bench deploy/local)
.PHONY: lint
lint: export LINT_FLAGS = $(subst ',,$(filter-out -MMD -MP,$(BASE_FLAGS))) $(DEPS_CFLAGS)
lint: $(GEN_H) build/gen/core_hash.h ## formatting, static analysis, scripts, layers and purity
	@rc=0; tests/lint/shape.sh || rc=1; tests/lint/scripts.sh || rc=1; \
	tests/lint/analyse.sh $$(find $(C_FOLDERS) -name '*.[ch]' | sort) || rc=1; exit $$rc

.PHONY: format
format: ## lay out all C files as .clang-format says
	@clang-format -i $$(find $(C_FOLDERS) -name '*.[ch]')

# ---- the local cluster --------------------------------------------------------------------------

.PHONY: up
up: ## start the local two-DC cluster (deploy/local/cluster has more)
	@deploy/bootstrap build cluster
	@$(MAKE) --no-print-directory all
	@deploy/local/cluster up

.PHONY: down
down: ## stop the local cluster and remove all of it
	@deploy/local/cluster down

.PHONY: demo
demo: ## install what is missing, build, and watch the main job on the local cluster
	@deploy/bootstrap build cluster
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@deploy/local/demo

.PHONY: drills
drills: ## rehearse what docs/failures.md has: [ROWS="node_loss dc_*"] [TIMES=n] [MINUTES=n] [RATE=n] [WINDOW=n]; goes on where it was stopped; the report is docs/drills.md
	@deploy/bootstrap build cluster
	@$(MAKE) --no-print-directory all
	@tests/drills/run

.PHONY: drills-full
drills-full: ## a night of a machine at rest: 1,000 events/s, 200,000 ids; 20 losses of a node and of a DC, 5 of each row with a race, 1 of the others; goes on where it was stopped
	@deploy/bootstrap build cluster
	@$(MAKE) --no-print-directory all
	@tests/drills/run full

SCENARIO ?= all
.PHONY: bench
bench: ## benchmark, under 10 minutes: [SCENARIO=name] [BENCH_FLAGS=...]; the report lands in build/bench.json, .html and .md
	@deploy/bootstrap build cluster
	@$(MAKE) --no-print-directory all
	@build/braid-bench $(SCENARIO) --json build/bench.json --html build/bench.html \
	    --markdown build/bench.md --minutes 8 $(BENCH_FLAGS)

.PHONY: bench-full
bench-full: ## the same with the points that answer a question each: sizes, partitions, nodes, ...; goes on where it was stopped; build/bench-full.*
	@deploy/bootstrap build cluster
	@$(MAKE) --no-print-directory all
	@build/braid-bench $(SCENARIO) --full --json build/bench-full.json --html build/bench-full.html \
	    --markdown build/bench-full.md --resume build/bench-full.state $(BENCH_FLAGS)

.PHONY: bench-docs
bench-docs: ## put the tables of the last bench and bench-full into docs/performance.md
	@bench/put-tables docs/performance.md build/bench.md build/bench-full.md

# ---- the rest -----------------------------------------------------------------------------------

# The relay and the bench work on the local cluster, which is not installed.
INSTALLED := $(filter-out braid-relay braid-bench,$(PROGRAMS))
DOC_DIR = $(DESTDIR)$(PREFIX)/share/doc/braid
.PHONY: install
install: $(INSTALLED:%=build/%) ## install into $(DESTDIR)$(PREFIX)
	@install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DOC_DIR)/examples
	@for p in $(INSTALLED); do install -s -m 755 build/plain/$$p $(DESTDIR)$(PREFIX)/bin/ || exit 1; done
	@install -m 644 deploy/systemd/*.service $(DESTDIR)$(PREFIX)/lib/systemd/system/
	@sed -i 's,/usr/bin/,$(PREFIX)/bin/,' $(DESTDIR)$(PREFIX)/lib/systemd/system/braid*.service
	@install -m 644 deploy/systemd/braid.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/braid.conf
	@install -m 644 deploy/*.example.* $(DOC_DIR)/examples/
	@install -d $(DESTDIR)$(PREFIX)/share/braid/mediawiki
	@cp -r deploy/mediawiki/BraidOutbox $(DESTDIR)$(PREFIX)/share/braid/mediawiki/
	@install -m 644 LICENSE $(DOC_DIR)/copyright
	@for f in $(wildcard $(DEPS_PREFIX)/licenses/*); do \
	    install -m 644 $$f $(DOC_DIR)/copyright.$$(basename $$f) || exit 1; done
	@for page in $(wildcard docs/man/*.[1-8]); do \
	    install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$(basename $$page) || \
	    exit 1; done

.PHONY: deb
deb: ## the Debian package build/braid_<version>_<arch>.deb
	@deploy/bootstrap build deb
	@$(MAKE) --no-print-directory all
	@deploy/deb/build $(VERSION)

.PHONY: bootstrap
bootstrap: ## install all Debian packages that building and testing need
	@deploy/bootstrap build check cluster deb

.PHONY: clean
clean: ## remove build/ (the libraries under ~/.cache/braid stay)
	@rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
