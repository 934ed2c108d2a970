# Compilers, flags, libraries. Override on the command line or in the environment.

VERSION := 0.1.0

CC      ?= cc
AR      ?= ar
ifeq ($(origin CC),default)
CC := cc
endif
Q := $(if $(V),,@)

BUILD := build
WARN  := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
OPT   := -O2 -g
ifdef SAN
BUILD := build-san
OPT   := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
ifdef WERROR
WARN += -Werror
endif

CPPFLAGS += -I. -D_GNU_SOURCE -DG4_VERSION='"$(VERSION)"'
CFLAGS   += -std=c11 -ffp-contract=off -fno-math-errno $(WARN) $(OPT) -pthread
LDFLAGS  += -pthread

# Instruction sets, by the suffix of a file; elsewhere those files are empty.
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
FLAGS_AVX2       := -mavx2 -mfma -mf16c
FLAGS_AVX512     := $(FLAGS_AVX2) -mavx512f -mavx512bw -mavx512vl -mavx512dq
FLAGS_AVX512VNNI := $(FLAGS_AVX512) -mavx512vnni
FLAGS_AVX512BF16 := $(FLAGS_AVX512) -mavx512bf16
FLAGS_AMX        := $(FLAGS_AVX512BF16) -mavx512vnni -mamx-tile -mamx-bf16 -mamx-int8
endif
ifneq ($(filter aarch64%,$(shell $(CC) -dumpmachine 2>/dev/null)),)
FLAGS_DOTPROD    := -march=armv8.2-a+dotprod
FLAGS_I8MM       := $(FLAGS_DOTPROD)+i8mm+bf16
endif

BASE_LIBS  := -ljansson -lmd -lz -lm -ldl
IMAGE_LIBS := -lpng -ljpeg

# Debian names. BUILD suffices for `make demo`; TEST is what `make check` needs besides.
PACKAGES_BUILD := gcc libc6-dev make libavformat-dev libavcodec-dev libavutil-dev libswresample-dev \
    libswscale-dev libpng-dev libjpeg62-turbo-dev libjansson-dev libmd-dev zlib1g-dev libopenblas0-pthread
PACKAGES_TEST := libcmocka-dev bats mandoc clang clang-format libclang-rt-14-dev ffmpeg sox \
    libsox-fmt-mp3 webp imagemagick zzuf strace python3 jq file xxd

# For `make check-arm`: a compiler and an emulator; and packages of 64-bit Arm that are not installed
# but unpacked into the build folder.
PACKAGES_ARM := gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross make qemu-user
PACKAGES_CROSS := $(if $(FLAGS_AVX2),$(PACKAGES_ARM)) # `make check` on x86-64 does that as well
PACKAGES_ARM_UNPACKED := libjansson4 libjansson-dev libmd0 libmd-dev zlib1g zlib1g-dev libpng16-16 \
    libpng-dev libjpeg62-turbo libjpeg62-turbo-dev libavformat-dev libavcodec-dev libavutil-dev \
    libswresample-dev libswscale-dev libcmocka0 libcmocka-dev

# GNU directory variables
PREFIX      ?= /usr/local
prefix      ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir      ?= $(exec_prefix)/bin
datarootdir ?= $(prefix)/share
mandir      ?= $(datarootdir)/man
docdir      ?= $(datarootdir)/doc/g4
