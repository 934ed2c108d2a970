# The tests: programs, and the targets that run them.

UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT       := $(UNIT_SRC:%.c=$(BUILD)/%)
KERNEL     := $(BUILD)/tests/kernel/kernel_check
GOLDEN     := $(BUILD)/tests/golden/golden
MODEL_SRC  := $(wildcard tests/model/*.c)
MODEL      := $(MODEL_SRC:%.c=$(BUILD)/%)
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY     := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(BUILD)/tests/fuzz/replay_%)
BENCH      := $(BUILD)/bench/kernels $(BUILD)/bench/limits
STREAM_GREP := $(BUILD)/examples/stream-grep
TEST_PROGRAMS := $(UNIT) $(KERNEL) $(GOLDEN) $(MODEL) $(REPLAY) $(STREAM_GREP)

$(UNIT): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS_ALL) -lcmocka

# What the kernels need is ours alone: no library has to be there for another machine to check them.
$(KERNEL): $(call objects,$(wildcard tests/kernel/*.c lib/base/*.c lib/tensor/*.c lib/kernel/*.c))
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lm -ldl

$(GOLDEN): $(call objects,$(wildcard tests/golden/*.c) tests/kernel/amx_emulator.c) $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBS_ALL)

$(MODEL): $(BUILD)/%: $(BUILD)/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS_ALL)

$(BENCH): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/bench/machine.o $(BUILD)/bench/peaks.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(BASE_LIBS)

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
	@tests/install-packages $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_CROSS)
	@$(MAKE) --no-print-directory WERROR=1 -j$$(nproc) test-programs
	@$(MAKE) --no-print-directory WERROR=1 SAN=1 -j$$(nproc) test-programs
	@tests/run all

# 64-bit Arm, cross-built and emulated: the kernel check at each level, unit tests, a picture described.
# check-arm-kernel is the first of them, which needs no library of Arm but the compiler's.
ARM_UNIT := test_cpu test_half test_quant test_rowwise
.PHONY: check-arm check-arm-kernel
check-arm check-arm-kernel:
	@tests/install-packages $(PACKAGES_ARM)
	@tests/arm/run $(if $(filter check-arm,$@),all "$(PACKAGES_ARM_UNPACKED)" "$(ARM_UNIT)",kernel)

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
