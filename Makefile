# Restante: build, run, test.  `make help` lists the targets.
#
# Everything made lands under $(B); sources are found by wildcard, so a new
# file needs no line here.  The pieces, each linked from the ones above it:
#
#   librestante.a      base mail view seal policy store desk, keyd's client
#   libparts.a         the rest of every program without its main() and Kore,
#                      for the unit tests and the fuzz targets
#   restante           portal and intake (Kore)
#   restante-keyd      restante-courier      restantectl

B ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
PKG_CONFIG ?= pkg-config
CLANG_FORMAT ?= clang-format
KORE_SOURCE ?= /usr/share/kore
JOBS ?= $(shell nproc)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# ---- flags -----------------------------------------------------------------

# $(call once,NAME,command): run the command at first use, then keep its answer.
once = $(eval $(1) := $$(shell $(2)))$($(1))

PACKAGES := libpq libsodium gmime-3.0 libxml-2.0 libxslt libexslt openssl \
	jansson libzstd zlib libidn2 libesmtp-1.0
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(PKG_CONFIG) --cflags $(PACKAGES) | \
	sed 's/-I/-isystem /g')
LIBS = $(call once,LIBS,$(PKG_CONFIG) --libs $(PACKAGES)) -ldl

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wformat=2 -Wswitch-enum -Wvla
# Modules of pure arithmetic and decisions also say where a value may shrink.
WARN_PURE := -Wconversion -Wno-sign-conversion
PURE := app/base/% app/policy/% app/seal/%

ifdef SANITIZE
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) \
	-fno-sanitize-recover=undefined -DRESTANTE_SANITIZE
LDOPT := -fsanitize=$(SANITIZE)
WIPE :=
else
OPT := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 \
	-fstack-protector-strong -fstack-clash-protection -fcf-protection
LDOPT := -Wl,-z,relro,-z,now
# Our free() and realloc() wipe; the sanitizers bring their own allocator.
WIPE := $(patsubst %.c,$(B)/obj/%.o,$(wildcard app/base/wipe.c))
endif

CPPFLAGS_ALL = -Iapp -D_GNU_SOURCE $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=c11 -fPIE -pthread $(OPT) $(WARN) $(CFLAGS)
LDFLAGS_ALL = -pie -pthread $(LDOPT) -Wl,--as-needed $(LDFLAGS)

# ---- what is made of what --------------------------------------------------

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))
sources = $(wildcard $(patsubst %,app/%/*.c,$(1)))

KEYD_SHARED := $(patsubst %,app/keyd/%.c,proto client talk)
KORE_GLUE := app/main.c app/kore_metrics.c app/portal/kore_portal.c \
	app/intake/kore_intake.c

LIB_SRC := $(filter-out app/base/wipe.c, \
	$(call sources,base mail view seal policy store desk)) \
	$(wildcard $(KEYD_SHARED))
FRONT_SRC := $(filter-out $(KORE_GLUE),$(call sources,front portal intake))
KEYD_SRC := $(filter-out $(KEYD_SHARED),$(call sources,keyd))
COURIER_SRC := $(call sources,courier)
CTL_SRC := $(call sources,ctl)
PARTS_SRC := $(filter-out %/main.c, \
	$(FRONT_SRC) $(KEYD_SRC) $(COURIER_SRC) $(CTL_SRC))

LIB := $(B)/librestante.a
PARTS := $(B)/libparts.a
PROGRAMS := restante restante-keyd restante-courier restantectl

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_COMMON := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
UNIT_LIB := $(B)/libunit.a
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
FUZZ := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

##  all            build the four programs (default)
all: $(PROGRAMS)
$(PROGRAMS): %: $(B)/%
lib: $(LIB)
kore: $(B)/kore/built

RESTANTE_PARTS = $(call objects,$(wildcard $(KORE_GLUE)) $(FRONT_SRC)) \
	$(WIPE) $(LIB)
$(B)/restante: $(RESTANTE_PARTS) $(B)/kore/built
	$(link) $(B)/kore/obj/*.o $(LIBS) -rdynamic
$(B)/restante-keyd: $(call objects,$(KEYD_SRC)) $(WIPE) $(LIB)
	$(link) $(LIBS)
$(B)/restante-courier: $(call objects,$(COURIER_SRC)) $(WIPE) $(LIB)
	$(link) $(LIBS)
$(B)/restantectl: $(call objects,$(CTL_SRC)) $(WIPE) $(LIB)
	$(link) $(LIBS)

$(UNIT): $(B)/unit/%: $(B)/obj/tests/unit/%.o $(UNIT_LIB) $(PARTS) $(LIB) | $(B)/unit
	$(link) $(LIBS) -lcmocka
# Helpers of the tests: an archive, so that a test may stand in for what others use.
$(UNIT_LIB): $(call objects,$(UNIT_COMMON))
	$(archive)

$(LIB): $(call objects,$(LIB_SRC))
	$(archive)
$(PARTS): $(call objects,$(PARTS_SRC))
	$(archive)

link = $(say) LD $@; $(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o %.a,$^)
# `q` keeps two members of one base name; an archive is always made afresh.
archive = $(say) AR $@; rm -f $@; $(AR) qcsD $@ $^

$(B)/obj/%.o: %.c $(B)/flags
	$(say) CC $<; mkdir -p $(@D); $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) \
	    $(EXTRA) -MMD -MP -c -o $@ $<
$(call objects,$(filter $(PURE),$(LIB_SRC))): EXTRA = $(WARN_PURE)

say := $(if $(V),,@)printf '  %-4s %s\n'

# The schema that these statements are for.
MIGRATIONS := $(wildcard migrations/*.sql)
$(B)/obj/app/store/health.o: EXTRA = -DSCHEMA_VERSION=$(words $(MIGRATIONS))
$(B)/obj/app/store/health.o: $(MIGRATIONS) migrations

# A change of compiler or flags makes everything again.
FLAGS = $(CC) | $(CPPFLAGS_ALL) | $(CFLAGS_ALL) | $(LDFLAGS_ALL)
$(B)/flags: always | $(B)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@

$(B) $(B)/unit $(B)/fuzz:
	@mkdir -p $@

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# ---- Kore ------------------------------------------------------------------
# Debian's package ships the whole source.  A copy is patched and built as
# objects of one single binary, without Kore's HTTP, PGSQL and TASKS parts.  Files of
# ours that see its headers must see the very feature flags it was built with.

KORE_PATCHES := $(sort $(wildcard conf/kore/*.patch))
KORE_FLAGS = $(CC) $(SANITIZE) $(KORE_PATCHES)

$(B)/kore/flags: always
	@mkdir -p $(@D); echo '$(KORE_FLAGS)' | cmp -s - $@ || \
	    echo '$(KORE_FLAGS)' >$@

$(B)/kore/built: $(B)/kore/flags $(KORE_PATCHES) $(KORE_SOURCE)/RELEASE
	$(say) KORE $(@D)
	@cd $(@D) && rm -rf src include misc obj Makefile RELEASE
	@cp -R $(addprefix $(KORE_SOURCE)/,src include misc Makefile RELEASE) \
	    $(@D)
	@for p in $(KORE_PATCHES); do \
		patch -d $(@D) -p1 -s -N -F0 <$$p || { echo "$$p" >&2; exit 1; }; \
	done
	@+$(MAKE) -s -C $(@D) objects OBJDIR=obj CC='$(CC)' \
	    KORE_SINGLE_BINARY=1 NOHTTP=1 SANITIZE='$(SANITIZE)' >$(@D)/log 2>&1 || \
	    { cat $(@D)/log >&2; exit 1; }
	@touch $@

$(call objects,$(KORE_GLUE)): $(B)/kore/built
$(call objects,$(KORE_GLUE)): EXTRA = $$(cat $(B)/kore/obj/features) \
	-isystem $(B)/kore/include -isystem $(B)/kore/obj

# ---- run and test ----------------------------------------------------------

##  run            install, build and run everything in this terminal
run:
	@conf/dev/packages run
	@+$(MAKE) --no-print-directory -j$(JOBS) all modules
	@B=$(B) exec conf/dev/run

modules: tests/node_modules/.package-lock.json
tests/node_modules/.package-lock.json: tests/package-lock.json tests/.npmrc
	$(say) NPM tests
	@cd tests && npm ci --silent && touch node_modules/.package-lock.json

##  test           every test CI runs; ends with "N passed, N failed"
test:
	@JOBS=$(JOBS) exec tests/run

##  test-long      fault, soak and full-grid tests (hours; resumable)
test-long:
	@exec tests/run long

##  unit           build and run the unit tests (T=name for one)
unit: $(if $(T),$(B)/unit/$(T),$(UNIT))
	@tests/lib/unit $^
unit-build: $(UNIT)

##  skip-code      a portal for one test: it takes every code for right
skip-code: $(B)/skip-code/restante
$(B)/skip-code/restante: $(B)/obj/tests/lib/skip_code.o $(RESTANTE_PARTS) \
		$(B)/kore/built
	@mkdir -p $(@D)
	$(link) $(B)/kore/obj/*.o $(LIBS) -rdynamic \
	    -Wl,--wrap=keyd_code_check

##  answer-early   an intake for one test: it says 250 before it commits
answer-early: $(B)/answer-early/restante
$(B)/answer-early/restante: $(B)/obj/tests/lib/answer_early.o $(RESTANTE_PARTS) \
		$(B)/kore/built
	@mkdir -p $(@D)
	$(link) $(B)/kore/obj/*.o $(LIBS) -rdynamic \
	    $(foreach f,$(EARLY),-Wl,--wrap=$f)
EARLY := db_begin db_commit db_rollback db_ping db_close db_wake_courier sql_once

##  skip-verify    a courier for one test: it takes every certificate for right
skip-verify: $(B)/skip-verify/restante-courier
$(B)/skip-verify/restante-courier: $(B)/obj/tests/lib/skip_verify.o \
		$(call objects,$(COURIER_SRC)) $(WIPE) $(LIB)
	@mkdir -p $(@D)
	$(link) $(LIBS) -Wl,--wrap=X509_verify_cert

##  sanitize       build all of it with ASan and UBSan into $(B)/asan
sanitize:
	@+$(MAKE) B=$(B)/asan SANITIZE=address,undefined all unit-build

##  golden-update  write the golden files anew and show what changed
golden-update: $(UNIT)
	@GOLDEN_UPDATE=1 tests/lib/unit $(UNIT); git --no-pager diff -- tests/golden

##  routes-doc     write doc/routes.md from the portal's table of routes
routes-doc: $(B)/unit/test_portal_routes
	@GOLDEN_UPDATE=1 tests/lib/unit $^

##  fuzz           every fuzz target (T="name ..." for some) for FUZZ_SECONDS (60)
##                 each, going on from the corpus of the last time; then what
##                 was reached of each parser
fuzz:
	@+$(MAKE) B=$(B)/fuzzing CC=clang SANITIZE=address,undefined,fuzzer-no-link \
	    CFLAGS='-fprofile-instr-generate -fcoverage-mapping' \
	    LDFLAGS=-fprofile-instr-generate fuzz-build
	@tests/lib/fuzz $(B)/fuzzing/fuzz $(T)
fuzz-build: $(FUZZ)
$(FUZZ): $(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(PARTS) $(LIB) | $(B)/fuzz
	$(link) -fsanitize=fuzzer $(LIBS)

##  bench          the measurements under tests/bench
bench: all
	@conf/dev/packages bench
	@for b in tests/bench/*; do \
		[ -x "$$b" ] && [ -f "$$b" ] || continue; B=$(B) "$$b" || exit 1; \
	done

# ---- checks ----------------------------------------------------------------

C_FILES = $(shell find app tests -name '*.[ch]' -not -path '*/node_modules/*')

##  check          format-check, deps-check and lint
check: format-check deps-check lint

##  format         write every C file in the house style
format:
	@$(CLANG_FORMAT) -i $(C_FILES)
##  format-check   fail where `make format` would change something
format-check:
	@$(CLANG_FORMAT) --dry-run --Werror $(C_FILES)
##  deps-check     the dependency rule between modules and libraries
deps-check:
	@tests/lib/deps-check
##  lint           cppcheck and what must not stand in templates and scripts
lint:
	@tests/lib/lint

##  clean          remove $(B); var/ stays
clean:
	rm -rf $(B)

##  help           this list
help:
	@sed -n 's/^##  //p' $(firstword $(MAKEFILE_LIST))

always:
.PHONY: all lib kore skip-code skip-verify answer-early modules $(PROGRAMS) run test test-long unit unit-build sanitize \
	golden-update routes-doc fuzz fuzz-build bench check format format-check \
	deps-check lint clean help always
