# The tests: programs, and the targets that run them.

UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT       := $(UNIT_SRC:%.c=$(BUILD)/%)
KERNEL     := $(BUILD)/tests/kernel/kernel_check
GOLDEN     := $(BUILD)/tests/golden/golden
MODEL_SRC  := $(wildcard tests/model/*.c)
MODEL      := $(MODEL_SRC:%.c=$(BUILD)/%)
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY     := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/tests/fuzz/replay_%)
BENCH_SRC  := $(wildcard bench/*.c)
BENCH      := $(BENCH_SRC:%.c=$(BUILD)/%)
STREAM_GREP := $(BUILD)/examples/stream-grep
TEST_PROGRAMS := $(UNIT) $(KERNEL) $(GOLDEN) $(MODEL) $(REPLAY) $(STREAM_GREP)

$(UNIT): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS_ALL) -lcmocka

$(KERNEL): $(call objects,$(wildcard tests/kernel/*.c)) $(LIB)
$(GOLDEN): $(call objects,$(wildcard tests/golden/*.c)) $(ARCHIVES)
$(KERNEL) $(GOLDEN):
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS_ALL)

$(MODEL) $(BENCH): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS_ALL)

# The fuzzers' targets over kept inputs: what a compiler without a fuzzer can do.
$(REPLAY): $(BUILD)/tests/fuzz/replay_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS_ALL)

# The third-party filter is built the way its readers would: the C library and zlib, nothing of ours.
$(STREAM_GREP): examples/stream-grep.c
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -lz

.PHONY: test-programs
test-programs: all $(TEST_PROGRAMS)

# Everything: packages, build, lint, tests, sanitised tests. Last line: N passed, N failed.
.PHONY: check
check:
	@tests/install-packages $(PACKAGES_BUILD) $(PACKAGES_TEST)
	@$(MAKE) --no-print-directory WERROR=1 -j$$(nproc) test-programs
	@$(MAKE) --no-print-directory WERROR=1 SAN=1 -j$$(nproc) test-programs
	@tests/run all

# The golden comparisons on any other folder of the same format.
.PHONY: check-golden
check-golden: $(GOLDEN)
	@test -n "$(DIR)" || { echo "usage: make check-golden DIR=path" >&2; exit 2; }
	@$(GOLDEN) $(DIR)

# What needs a real checkpoint: G4_MODEL=path make check-model
.PHONY: check-model
check-model: test-programs
	@tests/run model

.PHONY: lint
lint:
	@tests/lint

.PHONY: bench
bench: all $(BENCH)
	@bench/run $(BUILD)
