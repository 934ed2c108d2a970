/*
 * amx_emulator.c - the instructions of AMX-TILE, AMX-BF16 and AMX-INT8, carried out on SIGILL.
 *
 * All have a VEX prefix of three bytes in map 0F38, 128 bits, W = 0. By the last byte of the opcode
 * and the mandatory prefix (0: none, 1: 66, 2: F3, 3: F2):
 *
 *     49   ldtilecfg (0, memory), tilerelease (0, register), sttilecfg (1), tilezero (3)
 *     4B   tileloadd (3), tileloaddt1 (1), tilestored (2): rows lie base + index << scale apart
 *     5C   tdpbf16ps (2)
 *     5E   tdpbuud (0), tdpbusd (1), tdpbsud (2), tdpbssd (3)
 *
 * See the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
#include "tests/kernel/amx_emulator.h"

#if defined(__x86_64__)

#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

enum { TILES = 8, ROWS = 16, BYTES = 64 };
enum prefix { NONE, P66, F3, F2 };

struct shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

/* The state of a thread; palette 0: tiles are not configured. */
static __thread struct shapes shapes;
static __thread unsigned char tile[TILES][ROWS][BYTES];
static volatile sig_atomic_t count;

/* An instruction, decoded. */
struct instruction {
    unsigned opcode;
    enum prefix prefix;
    bool memory; /* the operand of modrm is in memory, at address */
    unsigned char *address;
    size_t stride;       /* of a memory operand with an index */
    unsigned reg, rm, v; /* numbers of registers */
    size_t length;
};

static const int registers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                  REG_R12, REG_R13, REG_R14, REG_R15};

static uint64_t value(const ucontext_t *context, unsigned number)
{
    return (uint64_t)context->uc_mcontext.gregs[registers[number]];
}

static int32_t signed_at(const unsigned char *p, size_t bytes)
{
    int32_t wide;
    if (bytes == 1)
        return (int8_t)p[0];
    memcpy(&wide, p, sizeof wide);
    return wide;
}

/* The memory operand that begins behind the modrm byte at p[4]. */
static void decode_memory(struct instruction *in, const unsigned char *p, const ucontext_t *context)
{
    const unsigned mod = p[4] >> 6, rm = p[4] & 7;
    const unsigned x = ~p[1] >> 6 & 1, b = ~p[1] >> 5 & 1;
    size_t at = 5, bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    uint64_t address = 0;
    bool relative = false;
    if (rm == 4) {
        const unsigned sib = p[at++], index = (sib >> 3 & 7) | x << 3, base = (sib & 7) | b << 3;
        if (index != 4)
            in->stride = (size_t)(value(context, index) << (sib >> 6));
        if ((sib & 7) == 5 && mod == 0)
            bytes = 4;
        else
            address = value(context, base);
    } else if (rm == 5 && mod == 0) {
        relative = true;
        bytes = 4;
    } else {
        address = value(context, rm | b << 3);
    }
    if (bytes > 0)
        address += (uint64_t)(int64_t)signed_at(p + at, bytes);
    in->length = at + bytes;
    if (relative)
        address += (uint64_t)(uintptr_t)(p + in->length);
    in->address = (unsigned char *)(uintptr_t)address;
}

/* False: not of the form all these instructions have. */
static bool decode(struct instruction *in, const ucontext_t *context)
{
    const unsigned char *p = (const unsigned char *)context->uc_mcontext.gregs[REG_RIP];
    if (p[0] != 0xc4 || (p[1] & 0x1f) != 2 || (p[2] & 0x84) != 0)
        return false;
    *in = (struct instruction){
        .opcode = p[3],
        .prefix = (enum prefix)(p[2] & 3),
        .memory = p[4] >> 6 != 3,
        .reg = p[4] >> 3 & 7,
        .rm = p[4] & 7,
        .v = ~p[2] >> 3 & 15,
        .length = 5,
    };
    if (in->memory)
        decode_memory(in, p, context);
    return (p[1] & 0x80) != 0 && (in->memory || (p[1] & 0x20) != 0); /* tiles 8 and on: none */
}

static bool configured(unsigned t)
{
    return shapes.palette == 1 && t < TILES && shapes.rows[t] > 0;
}

/* ------------------------------------------------------------------------------ 49, 4B */

static bool load_shapes(const unsigned char *p)
{
    struct shapes s;
    memcpy(&s, p, sizeof s);
    memset(tile, 0, sizeof tile);
    shapes = (struct shapes){0};
    if (s.palette == 0)
        return true;
    if (s.palette != 1 || s.start_row != 0)
        return false;
    for (size_t i = 0; i < sizeof s.reserved; i++)
        if (s.reserved[i] != 0)
            return false;
    for (size_t t = 0; t < 16; t++)
        if (s.rows[t] > ROWS || s.row_bytes[t] > BYTES ||
            (s.rows[t] == 0) != (s.row_bytes[t] == 0) || (t >= TILES && s.rows[t] > 0))
            return false;
    shapes = s;
    return true;
}

static bool configure(const struct instruction *in)
{
    if (in->prefix == NONE && in->memory)
        return load_shapes(in->address);
    if (in->prefix == NONE) {
        shapes = (struct shapes){0};
        return true;
    }
    if (in->prefix == P66 && in->memory) {
        memcpy(in->address, &shapes, sizeof shapes);
        return true;
    }
    if (in->prefix != F2 || in->memory || !configured(in->reg))
        return false;
    memset(tile[in->reg], 0, sizeof tile[0]);
    return true;
}

static bool move(const struct instruction *in)
{
    const unsigned t = in->reg;
    if (!in->memory || !configured(t) || in->prefix == NONE)
        return false;
    if (in->prefix != F3)
        memset(tile[t], 0, sizeof tile[t]);
    for (size_t r = 0; r < shapes.rows[t]; r++) {
        unsigned char *row = in->address + r * in->stride;
        if (in->prefix == F3)
            memcpy(row, tile[t][r], shapes.row_bytes[t]);
        else
            memcpy(tile[t][r], row, shapes.row_bytes[t]);
    }
    return true;
}

/* ------------------------------------------------------------------------------ 5C, 5E */

/* c[m, n] += a[m, 4 k bytes] b[k, 4 n bytes]: what the shapes must be. */
static bool product_fits(unsigned c, unsigned a, unsigned b)
{
    return configured(c) && configured(a) && configured(b) && c != a && c != b && a != b &&
           shapes.rows[c] == shapes.rows[a] && shapes.row_bytes[c] == shapes.row_bytes[b] &&
           shapes.row_bytes[a] == 4 * shapes.rows[b] && shapes.row_bytes[c] % 4 == 0;
}

/* A bf16 number; below the smallest normal one: 0. */
static float factor(const unsigned char *p)
{
    uint16_t h;
    uint32_t bits;
    float f;
    memcpy(&h, p, sizeof h);
    bits = (h & 0x7f80) == 0 ? (uint32_t)(h & 0x8000) << 16 : (uint32_t)h << 16;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Two sums, of the even and of the odd factors, which meet at the end. */
static void multiply_bf16(unsigned char *sum, unsigned a, unsigned b, size_t m, size_t n)
{
    float even = 0.0f, odd = 0.0f, c;
    for (size_t k = 0; k < shapes.rows[b]; k++) {
        even = fmaf(factor(tile[a][m] + 4 * k), factor(tile[b][k] + 4 * n), even);
        odd = fmaf(factor(tile[a][m] + 4 * k + 2), factor(tile[b][k] + 4 * n + 2), odd);
    }
    memcpy(&c, sum, sizeof c);
    c += even + odd;
    memcpy(sum, &c, sizeof c);
}

static int32_t byte_as(unsigned char byte, bool is_signed)
{
    return is_signed ? (int32_t)(int8_t)byte : (int32_t)byte;
}

static void multiply_bytes(unsigned char *sum, unsigned a, unsigned b, size_t m, size_t n,
                           enum prefix prefix)
{
    const bool signed_a = prefix == F3 || prefix == F2, signed_b = prefix == P66 || prefix == F2;
    uint32_t c;
    memcpy(&c, sum, sizeof c);
    for (size_t k = 0; k < shapes.rows[b]; k++)
        for (size_t i = 0; i < 4; i++)
            c += (uint32_t)(byte_as(tile[a][m][4 * k + i], signed_a) *
                            byte_as(tile[b][k][4 * n + i], signed_b));
    memcpy(sum, &c, sizeof c);
}

static bool multiply(const struct instruction *in)
{
    const unsigned c = in->reg, a = in->rm, b = in->v;
    if (in->memory || !product_fits(c, a, b) || (in->opcode == 0x5c && in->prefix != F3))
        return false;
    for (size_t m = 0; m < shapes.rows[c]; m++) {
        for (size_t n = 0; n < shapes.row_bytes[c] / 4u; n++) {
            unsigned char *sum = tile[c][m] + 4 * n;
            if (in->opcode == 0x5c)
                multiply_bf16(sum, a, b, m, n);
            else
                multiply_bytes(sum, a, b, m, n, in->prefix);
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------ the handler */

static bool carry_out(const struct instruction *in)
{
    switch (in->opcode) {
    case 0x49: return configure(in);
    case 0x4b: return move(in);
    case 0x5c:
    case 0x5e: return multiply(in);
    default: return false;
    }
}

static void on_illegal(int number, siginfo_t *info, void *context)
{
    struct instruction in;
    ucontext_t *state = context;
    (void)info;
    if (!decode(&in, state) || !carry_out(&in)) {
        signal(number, SIG_DFL); /* it comes again, and ends the program */
        return;
    }
    state->uc_mcontext.gregs[REG_RIP] += (long long)in.length;
    count++;
}

bool amx_emulator_start(void)
{
    struct sigaction action = {.sa_sigaction = on_illegal, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGILL, &action, NULL) == 0;
}

unsigned long amx_emulator_count(void)
{
    return (unsigned long)count;
}

#else

bool amx_emulator_start(void)
{
    return false;
}

unsigned long amx_emulator_count(void)
{
    return 0;
}

#endif
