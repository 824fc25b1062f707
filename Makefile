# One non-recursive Makefile; `make help` lists the goals. Sources are found by their place (see docs/architecture.md), so a new file needs no
# line here. Folders of tests/ and docs/ may bring rules of their own in a *.mk file; it may append to CHECK_NEEDS what its check is to find built.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

SANITIZE ?=
comma := ,
BUILD ?= build$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
OPT ?= $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all,-O2 -g)
# With sanitizers GCC 12 takes values inside std::regex for uninitialized that are not.
WARN ?= -Wall -Wextra -Werror$(if $(SANITIZE), -Wno-maybe-uninitialized)
JOBS ?= $(shell nproc 2>/dev/null || echo 1)

# Goals that need no compiler do without configure.
ifneq ($(filter-out help clean distclean check-bare check-package deb,$(or $(MAKECMDGOALS),all)),)
include config.mk
endif

config.mk config.h &: configure config.mk.in config.h.in
	@if test -x config.status; then ./config.status --recheck >/dev/null && ./config.status; else ./configure --quiet; fi
	@touch config.mk config.h
snmp/MMGATE-MIB.txt: snmp/MMGATE-MIB.txt.in config.mk
	@./config.status --silent $@ && touch $@
configure: configure.ac debian/changelog .ci/packages/build.txt
	@.ci/install build
	$(call say,autoconf) autoconf && touch $@

ALL_CXXFLAGS = $(STD) $(WARN) $(OPT) $(HARDEN) $(if $(findstring -fsanitize,$(OPT)),,$(FORTIFY)) -I. -I$(BUILD)/gen $(PKG_CFLAGS) -pthread \
	$(CPPFLAGS) $(CXXFLAGS)
# The address sanitizer's crypt_r, taken for the library's own, would leave the library out, which it calls.
LINK = $(call say,link) $(CXX) $(ALL_CXXFLAGS) $(HARDEN_LD) $(LDFLAGS) $(if $(SANITIZE),-Wl$(comma)--push-state$(comma)--no-as-needed -lcrypt -Wl$(comma)--pop-state) -o $@ $^
# One short line a step; V=1 shows the commands.
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $@ &&)

# ---------------------------------------------------------------------------------------------------------------------------------- programs

MAINS := daemon/main.cpp daemon/control/queue_cli.cpp
SRCS := $(filter-out $(MAINS),$(wildcard mapping/*.cpp mapping/*/*.cpp store/*.cpp daemon/*.cpp daemon/*/*.cpp))
LIB := $(BUILD)/libmmgate.a
PROGRAMS := $(if $(wildcard daemon/main.cpp),$(BUILD)/mmgated) $(if $(wildcard daemon/control/queue_cli.cpp),$(BUILD)/mmq) \
	$(if $(SNMP_LIBS),$(BUILD)/mmgate-snmp)

all: $(PROGRAMS) $(if $(SNMP_LIBS),snmp/MMGATE-MIB.txt)

GEN := $(BUILD)/gen/records_generated.h
$(GEN): store/records.fbs
	@mkdir -p $(@D)
	$(call say,flatc) $(FLATC) --cpp -o $(@D) $<

$(BUILD)/%.o: %.cpp config.h | $(if $(wildcard store/records.fbs),$(GEN))
	@mkdir -p $(@D)
	$(call say,compile) $(CXX) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(SRCS:%.cpp=$(BUILD)/%.o)
	$(call say,archive) rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/mmgated: $(BUILD)/daemon/main.o $(LIB)
	$(LINK) $(PKG_LIBS)
$(BUILD)/mmq: $(BUILD)/daemon/control/queue_cli.o $(LIB)
	$(LINK) $(PKG_LIBS)

# The SNMP agent: what needs no Net-SNMP stands in an archive of its own, for the tests.
SNMP_LIB := $(BUILD)/libmmgate-snmp.a
$(SNMP_LIB): $(patsubst %.cpp,$(BUILD)/%.o,$(filter-out snmp/main.cpp snmp/agent.cpp,$(wildcard snmp/*.cpp)))
	$(call say,archive) rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/mmgate-snmp: $(BUILD)/snmp/main.o $(BUILD)/snmp/agent.o $(SNMP_LIB) $(LIB)
	$(LINK) $(PKG_LIBS) $(SNMP_LIBS)

# ------------------------------------------------------------------------------------------------------------------------------------- tests

# One test program for each folder of tests/ that mirrors one of ours.
TEST_DIRS := $(sort $(patsubst %/,%,$(dir $(wildcard $(addprefix tests/,mapping/*.cpp mapping/*/*.cpp store/*.cpp daemon/*.cpp daemon/*/*.cpp snmp/*.cpp)))))
TEST_BINS := $(TEST_DIRS:%=$(BUILD)/%/run)
SUPPORT := $(wildcard tests/support/*.cpp)
define test_bin
$(BUILD)/$(1)/run: $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard $(1)/*.cpp) $(SUPPORT)) $(if $(filter tests/snmp,$(1)),$(SNMP_LIB)) $(LIB)
	$$(LINK) $$(PKG_LIBS) -lcriterion
endef
$(foreach dir,$(TEST_DIRS),$(eval $(call test_bin,$(dir))))

unit-built: $(TEST_BINS)
unit: $(TEST_BINS)
	@tests/run.py --build $(BUILD) $(addprefix --unit ,$(TEST_BINS))

# What tests/checks/* and the *.mk files of other folders want to find built before the checks run.
CHECK_NEEDS :=

# TESTS=TEXT runs only the runners whose name holds TEXT.
check:
	@.ci/install build demo test
	@+$(call parallel,check-built)
	@tests/run.py --build $(BUILD) $(if $(SANITIZE),--sanitized) $(addprefix --only ,$(TESTS)) $(addprefix --unit ,$(TEST_BINS)) \
		--checks tests/checks --system tests/system
parallel = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS)) $(1)

bench:
	@.ci/install build test
	@+$(call parallel,bench-built)
	@tests/bench/bench.py --build $(BUILD)

demo:
	@.ci/install build demo
	@+$(call parallel,all)
	@python3 tests/demo/demo.py --build $(BUILD)

run:
	@.ci/install build
	@+$(call parallel,all)
	@mkdir -p $(BUILD)/run
	@echo "mmgated runs with $(RUN_CONFIG); Ctrl-C stops it"
	@exec $(BUILD)/mmgated -c $(RUN_CONFIG)
RUN_CONFIG ?= docs/examples/mmgate.toml

# The proof that nothing is missing from the lists: a bare Debian, this checkout, and make.
check-bare:
	.ci/bare

# The packages built twice and compared, then installed, used, upgraded, removed and purged in a bare Debian.
check-package:
	.ci/deb-check

# -------------------------------------------------------------------------------------------------------------------------- fuzzing, analysis

FUZZ_SECONDS ?= 60
FUZZ_BUILD := build-fuzz
FUZZERS := $(patsubst tests/fuzz/%.cpp,%,$(wildcard tests/fuzz/*.cpp))
fuzz:
	@.ci/install build tools
	@+$(call parallel,BUILD=$(FUZZ_BUILD) CXX=$(if $(filter ccache,$(firstword $(CXX))),"ccache clang++-14",clang++-14) WARN="-Wall -Wextra" \
		OPT="-O1 -g -fsanitize=fuzzer-no-link$(comma)address$(comma)undefined -fno-sanitize-recover=undefined" fuzz-built)
	@tests/fuzz.py --build $(FUZZ_BUILD) --seconds $(FUZZ_SECONDS) $(FUZZERS)
fuzz-built: $(FUZZERS:%=$(BUILD)/tests/fuzz/%)
$(FUZZERS:%=$(BUILD)/tests/fuzz/%): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	$(LINK) $(PKG_LIBS) -fsanitize=fuzzer

OURS := $(sort $(wildcard mapping/*.h mapping/*/*.h store/*.h daemon/*.h daemon/*/*.h snmp/*.h docs/*.h tests/support/*.h) $(wildcard snmp/*.cpp) $(SRCS) $(wildcard $(MAINS)) \
	$(wildcard tests/*/*.cpp tests/*/*/*.cpp tests/*/*/*/*.cpp docs/*.cpp))
tidy:
	@.ci/install tools
	@tests/checks/includes
	@bad=0; for file in $(OURS); do \
		clang-format --dry-run -Werror $$file >/dev/null 2>&1 || { echo "$$file: not as clang-format would have it"; bad=1; }; \
	done; test $$bad = 0 && echo "clang-format: $(words $(OURS)) files as they should be"
# Makes them so.
format:
	@.ci/install tools
	@clang-format -i $(OURS)
# Slow, and about habits more than errors: on demand. FILES= names some.
lint: config.h | $(if $(wildcard store/records.fbs),$(GEN))
	@.ci/install build tools
	clang-tidy --quiet $(or $(FILES),$(SRCS)) -- $(STD) -I. -I$(BUILD)/gen $(PKG_CFLAGS)

coverage:
	@.ci/install build test tools
	@+$(call parallel,BUILD=build-coverage OPT="-O0 -g --coverage" FORTIFY= check-built)
	@MMGATE_SANDBOX=no tests/run.py --build build-coverage $(addprefix --unit ,$(TEST_BINS:$(BUILD)/%=build-coverage/%)) --system tests/system
	@gcovr --root . --filter 'mapping/' --filter 'store/' --filter 'daemon/' --filter 'snmp/' build-coverage --html-details build-coverage/index.html --print-summary

# --------------------------------------------------------------------------------------------------------------------------- install and rest

MAN8 := $(filter-out $(if $(SNMP_LIBS),,docs/mmgate-snmp.8),$(wildcard docs/*.8))
MAN7 := $(filter-out $(if $(SNMP_LIBS),,docs/mmgate-mib.7),$(wildcard docs/*.7))
MAN5 := $(wildcard docs/*.5)
MAN1 := $(wildcard docs/*.1)
# The agent's parts are installed where the agent is built.
WHO := mmgate $(if $(SNMP_LIBS),mmgate-snmp)
UNITS := mmgated.service mmgated.socket $(if $(SNMP_LIBS),mmgate-snmp.service)
unitdir ?= $(prefix)/lib/systemd/system
# What was built in the tree and stands in the example; what is in a unit as Debian has it.
INSTALLED_PATHS = -e 's,"build/run/state" .*,"$(localstatedir)/lib/mmgate",' -e 's,"build/run/control.sock" .*,"$(runstatedir)/mmgate/control.sock",'
UNIT_PATHS = -e 's,/usr/sbin/,$(sbindir)/,g' -e 's,/usr/bin/,$(bindir)/,g'
install: all
	install -D -m 755 $(BUILD)/mmgated $(DESTDIR)$(sbindir)/mmgated
	install -D -m 755 $(BUILD)/mmq $(DESTDIR)$(bindir)/mmq
	$(foreach page,$(MAN8),install -D -m 644 $(page) $(DESTDIR)$(mandir)/man8/$(notdir $(page));)
	$(foreach page,$(MAN7),install -D -m 644 $(page) $(DESTDIR)$(mandir)/man7/$(notdir $(page));)
	$(foreach page,$(MAN5),install -D -m 644 $(page) $(DESTDIR)$(mandir)/man5/$(notdir $(page));)
	$(foreach page,$(MAN1),install -D -m 644 $(page) $(DESTDIR)$(mandir)/man1/$(notdir $(page));)
	$(if $(SNMP_LIBS),install -D -m 755 $(BUILD)/mmgate-snmp $(DESTDIR)$(sbindir)/mmgate-snmp)
	$(if $(SNMP_LIBS),install -D -m 644 snmp/MMGATE-MIB.txt $(DESTDIR)$(datadir)/snmp/mibs/MMGATE-MIB.txt)
	$(if $(SNMP_LIBS),install -D -m 644 -t $(DESTDIR)$(docdir) snmp/snmpd-mmgate.conf snmp/snmpd-service.conf)
	install -d -m 755 $(DESTDIR)$(docdir)/examples $(DESTDIR)$(sysconfdir)/mmgate $(DESTDIR)$(localstatedir)/lib/mmgate
	install -m 644 README.md CHANGELOG.md docs/mmq.schema.json $(DESTDIR)$(docdir)
	install -D -m 644 completion/mmq.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/mmq
	install -D -m 644 completion/_mmq $(DESTDIR)$(prefix)/share/zsh/site-functions/_mmq
	install -m 644 $(filter-out %.py,$(wildcard docs/examples/*)) $(DESTDIR)$(docdir)/examples
	install -m 755 $(wildcard docs/examples/*.py) $(DESTDIR)$(docdir)/examples
	test -e $(DESTDIR)$(sysconfdir)/mmgate/mmgate.toml || \
		{ sed $(INSTALLED_PATHS) docs/examples/mmgate.toml >$(BUILD)/mmgate.toml && \
		install -m 640 $(BUILD)/mmgate.toml $(DESTDIR)$(sysconfdir)/mmgate/mmgate.toml; }
	$(foreach unit,$(UNITS),install -d $(DESTDIR)$(unitdir) && sed $(UNIT_PATHS) systemd/$(unit) >$(DESTDIR)$(unitdir)/$(unit) && \
		chmod 644 $(DESTDIR)$(unitdir)/$(unit);)
	$(foreach who,$(WHO),install -D -m 644 systemd/$(who).sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/$(who).conf;)
	$(foreach who,$(WHO),install -D -m 644 systemd/$(who).tmpfiles $(DESTDIR)$(prefix)/lib/tmpfiles.d/$(who).conf;)
	install -D -m 644 apparmor/usr.sbin.mmgated $(DESTDIR)$(sysconfdir)/apparmor.d/usr.sbin.mmgated

# Debian's packages, in build/deb/: from what git knows of this tree, so that nothing else gets in; twice the same bytes.
deb:
	@.ci/install build deb
	@.ci/deb $(BUILD)/deb

clean:
	rm -rf build build-*/
distclean: clean
	rm -rf snmp/MMGATE-MIB.txt configure config.status config.log config.mk config.h autom4te.cache

help:
	@echo 'make               builds build/mmgated, build/mmq and build/mmgate-snmp'
	@echo 'make demo          a photograph travels from a mail client to a phone, and one back to a mailbox'
	@echo 'make check         all tests; the last line counts them (TESTS=TEXT: only those whose runner has TEXT in its name)'
	@echo '                   SANITIZE=address,undefined: the same with sanitizers, in a build folder of its own'
	@echo 'make run           the gateway in the foreground on loopback, until Ctrl-C'
	@echo 'make bench         the benchmarks, one JSON line a figure'
	@echo 'make fuzz          each fuzz target for FUZZ_SECONDS (60)'
	@echo 'make tidy          format and include arrows;  make lint: clang-tidy;  make coverage: gcovr'
	@echo 'make check-bare    make demo and make check in a bare Debian 12 made for it (as root)'
	@echo 'make check-package the packages: same bytes twice, lintian, and their life in a bare Debian 12 made for it (as root; a quarter of an hour)'
	@echo 'make unit          only the unit tests'
	@echo 'make install       below DESTDIR and the prefix that ./configure was given'
	@echo 'make deb           the Debian packages, into build/deb/'
	@echo 'make clean         removes what was built;  make distclean: what configure wrote, too'

include $(wildcard tests/*/*.mk docs/*.mk)

check-built: all unit-built $(CHECK_NEEDS)

.PHONY: all unit-built unit check check-built bench demo run check-bare check-package fuzz fuzz-built tidy format lint coverage install deb clean distclean help
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
