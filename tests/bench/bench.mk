# make bench: what the benchmark needs built beside the gateway. tests/bench/bench.py runs it.
BENCH_PROGRAMS := $(patsubst %.cpp,$(BUILD)/%,$(wildcard tests/bench/*.cpp))
$(BENCH_PROGRAMS): $(BUILD)/%: $(BUILD)/%.o $(LIB)
	$(LINK) $(PKG_LIBS)
bench-built: all $(BENCH_PROGRAMS)
.PHONY: bench-built
