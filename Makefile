# One non-recursive Makefile. `make help` lists the goals.

BUILD ?= build
CXX ?= g++
STD := -std=c++20
WARN := -Wall -Wextra -Werror
OPT ?= -O2 -g
PKGS := libevent libevent_openssl libevent_pthreads openssl gmime-3.0 libcurl libcares pugixml libxml-2.0 libidn2 libsystemd
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) | sed 's/-I\//-isystem \//g')
PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -llmdb -lseccomp
ALL_CXXFLAGS = $(STD) $(WARN) $(OPT) -I. -I$(BUILD)/gen $(PKG_CFLAGS) -pthread $(CXXFLAGS)

MAINS := daemon/main.cpp daemon/control/queue_cli.cpp
SRCS := $(filter-out $(MAINS),$(wildcard mapping/*.cpp mapping/*/*.cpp store/*.cpp daemon/*.cpp daemon/*/*.cpp))
OBJS := $(SRCS:%.cpp=$(BUILD)/%.o)
LIB := $(BUILD)/libmmgate.a

all: $(BUILD)/mmgated $(BUILD)/mmq

GEN := $(BUILD)/gen/records_generated.h
$(GEN): store/records.fbs
	@mkdir -p $(@D)
	flatc --cpp -o $(@D) $<

$(BUILD)/%.o: %.cpp | $(if $(wildcard store/records.fbs),$(GEN))
	@mkdir -p $(@D)
	$(CXX) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(OBJS)
	rm -f $@ && ar rcs $@ $^

$(BUILD)/mmgated: $(BUILD)/daemon/main.o $(LIB)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(BUILD)/mmq: $(BUILD)/daemon/control/queue_cli.o $(LIB)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# Unit tests: one program a folder of tests/, linked against the library.
TEST_DIRS := $(sort $(patsubst %/,%,$(dir $(wildcard tests/mapping/*.cpp tests/mapping/*/*.cpp tests/store/*.cpp tests/daemon/*.cpp tests/daemon/*/*.cpp))))
TEST_BINS := $(TEST_DIRS:%=$(BUILD)/%/run)
SUPPORT := $(wildcard tests/support/*.cpp)
define test_bin
$(BUILD)/$(1)/run: $(patsubst %.cpp,$(BUILD)/%.o,$(wildcard $(1)/*.cpp) $(SUPPORT)) $(LIB)
	$(CXX) $(ALL_CXXFLAGS) $(LDFLAGS) -o $$@ $$^ $(PKG_LIBS) -lcriterion
endef
$(foreach d,$(TEST_DIRS),$(eval $(call test_bin,$(d))))
unit: $(TEST_BINS)
	@set -e; for t in $(TEST_BINS); do echo "== $$t"; $$t; done

clean:
	rm -rf $(BUILD)
.PHONY: all unit clean
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
