# g4: Gemma 4 as Unix filters.
#
#   make demo     install what is missing, build, run the three pipelines on the demo model
#   make check    install what is missing, build, lint, run every test; last line: N passed, N failed
#   make          bin/g4-audio ...        make install  PREFIX, DESTDIR and the GNU directory variables
#   make deps     the package list        make lint     rules of the house
#   make bench    speed (never in check)  make clean
#
# SAN=1 builds with AddressSanitizer and UBSan into build-san/. V=1 shows commands.

include config.mk

PROGRAMS := g4-audio g4-vision g4-video g4-decode g4-stream g4-model

LIB_SRC     := $(wildcard lib/*/*.c)
ENCODER_SRC := $(wildcard encoders/*.c encoders/*/*.c)
DECODER_SRC := $(wildcard decoder/*.c)
SHARED_SRC  := $(filter-out $(PROGRAMS:%=bin/%.c),$(wildcard bin/*.c))

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

LIB     := $(BUILD)/libg4.a
ENCODER := $(BUILD)/libg4encoders.a
DECODER := $(BUILD)/libg4decoder.a
SHARED  := $(BUILD)/libg4bin.a

.PHONY: all
all: $(if $(filter build,$(BUILD)),$(PROGRAMS:%=bin/%),$(PROGRAMS:%=$(BUILD)/bin/%))

# What each program links besides libg4: only what it needs starts with it. libav comes later, if at
# all (encoders/media/av_library.h).
LIBS_g4-audio  := $(SHARED) $(ENCODER) $(LIB) $(BASE_LIBS)
LIBS_g4-vision := $(SHARED) $(ENCODER) $(LIB) $(IMAGE_LIBS) $(BASE_LIBS)
LIBS_g4-video  := $(SHARED) $(ENCODER) $(LIB) $(IMAGE_LIBS) $(BASE_LIBS)
LIBS_g4-decode := $(SHARED) $(DECODER) $(LIB) $(BASE_LIBS)
LIBS_g4-stream := $(SHARED) $(LIB) $(BASE_LIBS)
LIBS_g4-model  := $(SHARED) $(ENCODER) $(DECODER) $(LIB) $(BASE_LIBS)
LIBS_ALL       := $(SHARED) $(ENCODER) $(DECODER) $(LIB) $(IMAGE_LIBS) $(BASE_LIBS)

ARCHIVES := $(SHARED) $(ENCODER) $(DECODER) $(LIB)

BUILT := $(PROGRAMS:%=$(BUILD)/bin/%)

$(BUILT): $(BUILD)/bin/%: $(BUILD)/bin/%.o $(ARCHIVES)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(LIBS_$*)

# The plain build leaves its programs in bin/; a sanitised one keeps them to itself.
ifeq ($(BUILD),build)
$(PROGRAMS:%=bin/%): bin/%: $(BUILD)/bin/%
	$(Q)install -m 755 $< $@
endif

$(LIB): $(call objects,$(LIB_SRC))
$(ENCODER): $(call objects,$(ENCODER_SRC))
$(DECODER): $(call objects,$(DECODER_SRC))
$(SHARED): $(call objects,$(SHARED_SRC))
$(ARCHIVES):
	@mkdir -p $(@D)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Instruction sets follow the file's suffix; everything else is built for the baseline.
isa = $(if $(filter %_avx2.o,$(1)),$(FLAGS_AVX2))$(if $(filter %_avx512.o,$(1)),$(FLAGS_AVX512))$(strip \
    $(if $(filter %_avx512vnni.o,$(1)),$(FLAGS_AVX512VNNI))$(if $(filter %_avx512bf16.o,$(1)),$(FLAGS_AVX512BF16)) \
    $(if $(filter %_amx.o,$(1)),$(FLAGS_AMX)) \
    $(if $(filter %_dotprod.o,$(1)),$(FLAGS_DOTPROD))$(if $(filter %_i8mm.o,$(1)),$(FLAGS_I8MM)))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(call isa,$@) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

include tests/tests.mk

.PHONY: deps demo
deps:
	@printf '%s\n' $(sort $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_CROSS))

demo:
	@tests/install-packages $(PACKAGES_BUILD)
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@examples/demo.sh

MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
MAN7 := $(wildcard man/*.7)

.PHONY: install uninstall
install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 \
	    $(DESTDIR)$(mandir)/man7 $(DESTDIR)$(docdir)
	install -m 755 $(PROGRAMS:%=bin/%) $(DESTDIR)$(bindir)
	install -m 644 $(MAN1) $(DESTDIR)$(mandir)/man1
	install -m 644 $(MAN5) $(DESTDIR)$(mandir)/man5
	install -m 644 $(MAN7) $(DESTDIR)$(mandir)/man7
	install -m 644 README.md DESIGN.md LICENSE $(DESTDIR)$(docdir)

uninstall:
	rm -f $(PROGRAMS:%=$(DESTDIR)$(bindir)/%)
	cd $(DESTDIR)$(mandir) && rm -f $(MAN1:man/%=man1/%) $(MAN5:man/%=man5/%) $(MAN7:man/%=man7/%)
	rm -rf $(DESTDIR)$(docdir)

.PHONY: clean
clean:
	rm -rf build build-san build-fuzz build-arm64 $(PROGRAMS:%=bin/%)
