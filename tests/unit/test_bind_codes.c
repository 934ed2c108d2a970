/* Codes and scales in tensors of their own: each layout, what the numbers are, what is refused. */
#include "tests/unit/model_fixture.h"

#include <math.h>

#include "lib/model/bind.h"
#include "lib/nn/exec.h"
#include "lib/tensor/half.h"
#include "lib/tensor/quant.h"

enum { HEADER = 4096, DATA = 8192 };

struct fixture {
    char *folder;
    char header[HEADER];
    unsigned char data[DATA];
    size_t used, size; /* of header and data */
    struct g4_weights weights;
    struct g4_arena arena;
    struct g4_err err;
    struct g4_bind bind;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = fixture_folder();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g4_weights_close(&f->weights);
    g4_arena_release(&f->arena);
    fixture_remove(f->folder);
    free(f);
    return 0;
}

static void add(struct fixture *f, const char *name, const char *dtype, const char *shape,
                const void *bytes, size_t n)
{
    int m = snprintf(f->header + f->used, HEADER - f->used,
                     "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                     f->used ? "," : "{", name, dtype, shape, f->size, f->size + n);
    f->used += (size_t)m;
    assert_true(f->used + 2 < HEADER && f->size + n <= DATA);
    memcpy(f->data + f->size, bytes, n);
    f->size += n;
}

/* Writes what was added and opens it; the next file begins empty. */
static void open_file(struct fixture *f)
{
    size_t size;
    g4_weights_close(&f->weights);
    stpcpy(f->header + f->used, "}");
    unsigned char *bytes = fixture_safetensors(f->header, f->size, &size);
    memcpy(bytes + size - f->size, f->data, f->size);
    fixture_write(f->folder, "model.safetensors", bytes, size);
    free(bytes);
    if (g4_weights_open(&f->weights, f->folder, NULL, &f->err) < 0)
        fail_msg("%s", f->err.text);
    f->bind = (struct g4_bind){.weights = &f->weights, .arena = &f->arena, .err = &f->err};
    f->used = f->size = 0;
}

static void assert_bound(const struct fixture *f)
{
    if (f->bind.status != 0)
        fail_msg("%s", f->err.text);
}

/* A code for each place: all values of `bits` bits occur, no row is like another. */
static int code(size_t row, size_t col, int bits)
{
    return (int)((row * 7 + col * 5 + col / 16) % (1u << bits)) - (1 << (bits - 1));
}

/* Codes of 2 or 4 bits as bytes, the first in the lowest bits. */
static void pack_bytes(unsigned char *out, size_t rows, size_t cols, int bits)
{
    size_t per = 8 / (size_t)bits;
    memset(out, 0, rows * cols / per);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            out[(r * cols + c) / per] |=
                (unsigned char)((code(r, c, bits) + (1 << (bits - 1))) << (c % per * (size_t)bits));
}

/* Codes of 4 bits as numbers of 32: element 8 j + i is bits 4 i .. 4 i + 3 of number j. */
static void pack_words(uint32_t *out, size_t rows, size_t cols)
{
    memset(out, 0, rows * cols / 8 * sizeof *out);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            out[(r * cols + c) / 8] |= (uint32_t)(code(r, c, 4) + 8) << (4 * (c % 8));
}

/* Every element of the matrix as lib/nn reads it. `scales` [rows][groups]. */
static void assert_elements(const struct g4_matrix *m, int bits, const float *scales, size_t groups)
{
    struct g4_exec exec = {0};
    struct g4_err err = {0};
    float row[64];
    assert_int_equal(g4_exec_open(&exec, 1, &err), 0);
    assert_true(m->cols <= 64);
    for (size_t r = 0; r < m->rows; r++) {
        g4_matrix_row(&exec, m, r, 1.0f, row);
        for (size_t c = 0; c < m->cols; c++) {
            float expected = (float)code(r, c, bits) * scales[r * groups + c / (m->cols / groups)];
            if (row[c] != expected)
                fail_msg("row %zu column %zu: %g, expected %g", r, c, (double)row[c],
                         (double)expected);
        }
    }
    g4_exec_close(&exec);
}

static void int4_groups(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 3, COLS = 64, GROUPS = 2 };
    static const float scales[ROWS * GROUPS] = {0.5f, -2, 0.25f, 1, 3, 0.125f};
    uint32_t words[ROWS * COLS / 8];
    uint16_t stored[ROWS * GROUPS], halves[ROWS * GROUPS];
    const int64_t shape[2] = {ROWS, COLS};
    float codes[COLS];
    struct g4_matrix m;
    pack_words(words, ROWS, COLS);
    for (size_t i = 0; i < ROWS * GROUPS; i++) {
        stored[i] = g4_f32_to_bf16(scales[i]);
        halves[i] = g4_f32_to_f16(scales[i]);
    }
    add(f, "odd", "U8", "[1]", "", 1); /* what follows lies at odd addresses */
    add(f, "model.layers.0.q.weight_packed", "I32", "[3,8]", words, sizeof words);
    add(f, "model.layers.0.q.weight_scale", "BF16", "[3,2]", stored, sizeof stored);
    add(f, "model.layers.0.q.weight_shape", "I64", "[2]", shape, sizeof shape);
    add(f, "half.weight_packed", "I32", "[3,8]", words, sizeof words);
    add(f, "half.weight_scale", "F16", "[3,2]", halves, sizeof halves);
    open_file(f);
    /* Published name; the file has that of a text model alone. */
    g4_bind_matrix(&f->bind, &m, ROWS, COLS, true, "model.language_model.layers.%d.q.weight", 0);
    assert_bound(f);
    assert_true(m.dtype == G4_DTYPE_I4 && m.rows == ROWS && m.cols == COLS && m.stride == 32);
    assert_true(m.scales.dtype == G4_DTYPE_BF16 && m.scales.group == 32 && m.scales.stride == 4);
    /* The order in the words is that of two codes in a byte, low one first. */
    for (size_t r = 0; r < ROWS; r++) {
        g4_dequantise(G4_DTYPE_I4, codes, (const char *)m.data + r * m.stride, COLS);
        for (size_t c = 0; c < COLS; c++)
            assert_true(codes[c] == (float)code(r, c, 4));
    }
    assert_elements(&m, 4, scales, GROUPS);
    g4_bind_matrix(&f->bind, &m, ROWS, COLS, true, "half.weight");
    assert_bound(f);
    assert_elements(&m, 4, scales, GROUPS);
}

static void mobile_linears(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 4, COLS = 20 };
    static const float scales[ROWS] = {0.5f, 3, -0.25f, 1.0f / 3}, one = 0.7f;
    unsigned char two[ROWS * COLS / 4], four[ROWS * COLS / 2];
    int8_t eight[ROWS * COLS];
    struct g4_matrix m;
    pack_bytes(two, ROWS, COLS, 2);
    pack_bytes(four, ROWS, COLS, 4);
    for (size_t i = 0; i < ROWS * COLS; i++)
        eight[i] = (int8_t)code(i / COLS, i % COLS, 8);
    add(f, "odd", "U8", "[1]", "", 1);
    add(f, "a.weight", "U8", "[4,5]", two, sizeof two);
    add(f, "a.weight_scale", "F32", "[4,1]", scales, sizeof scales);
    add(f, "a.input_activation_scale", "F32", "[]", &one, sizeof one);
    add(f, "a.output_activation_scale", "F32", "[]", &one, sizeof one);
    add(f, "b.weight", "U8", "[4,10]", four, sizeof four);
    add(f, "b.weight_scale", "F32", "[4,1]", scales, sizeof scales);
    add(f, "c.weight", "I8", "[4,20]", eight, sizeof eight);
    add(f, "c.weight_scale", "F32", "[4,1]", scales, sizeof scales);
    open_file(f);
    static const struct {
        const char *name;
        enum g4_dtype dtype;
        int bits;
    } kinds[] = {{"a", G4_DTYPE_I2, 2}, {"b", G4_DTYPE_I4, 4}, {"c", G4_DTYPE_I8, 8}};
    for (size_t i = 0; i < 3; i++) {
        g4_bind_matrix(&f->bind, &m, ROWS, COLS, true, "%s.weight", kinds[i].name);
        assert_bound(f);
        assert_int_equal(m.dtype, kinds[i].dtype);
        assert_true(m.scales.group == COLS && m.scales.stride == 4);
        assert_elements(&m, kinds[i].bits, scales, 1);
    }
}

static void mobile_tables(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 2, COLS = 36 };
    static const float scales[ROWS * 4] = {1, 2, 3, 4, 5, 6, 7, 8};
    unsigned char two[ROWS * COLS / 4], four[ROWS * COLS / 2];
    struct g4_matrix m;
    pack_bytes(two, ROWS, COLS, 2);
    pack_bytes(four, ROWS, COLS, 4);
    add(f, "e.embedding_quantized", "U8", "[2,9]", two, sizeof two);
    add(f, "e.embedding_scale", "F32", "[2,1]", scales, 2 * sizeof *scales);
    add(f, "p.embedding_quantized", "U8", "[2,18]", four, sizeof four);
    add(f, "p.embedding_scale", "F32", "[2,4]", scales, sizeof scales);
    open_file(f);
    g4_bind_matrix(&f->bind, &m, ROWS, COLS, true, "e.weight");
    assert_bound(f);
    assert_true(m.dtype == G4_DTYPE_I2 && m.scales.group == COLS);
    assert_elements(&m, 2, scales, 1);
    g4_bind_matrix(&f->bind, &m, ROWS, COLS, true, "p.weight");
    assert_bound(f);
    assert_true(m.dtype == G4_DTYPE_I4 && m.scales.group == 9); /* an odd number: half bytes */
    assert_elements(&m, 4, scales, 4);
}

static void sfp8(void **state)
{
    struct fixture *f = *state;
    struct g4_exec exec = {0};
    unsigned char bytes[24];
    const float scale = 4;
    float row[3], values[24];
    struct g4_matrix m, e[2];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 11 + 60);
    g4_dequantise(G4_DTYPE_SFP8, values, bytes, sizeof bytes);
    add(f, "m.weight", "U8", "[4,3]", bytes, 12);
    add(f, "m.weight.scale", "F32", "[]", &scale, sizeof scale);
    add(f, "conv.weight", "U8", "[2,2,3]", bytes, 12);
    add(f, "conv.weight.scale", "F32", "[1]", &scale, sizeof scale);
    add(f, "experts", "U8", "[2,4,3]", bytes, 24);
    add(f, "experts.scale", "F32", "[]", &scale, sizeof scale);
    open_file(f);
    assert_int_equal(g4_exec_open(&exec, 1, &f->err), 0);
    g4_bind_matrix(&f->bind, &m, 4, 3, true, "m.weight");
    assert_bound(f);
    assert_true(m.dtype == G4_DTYPE_SFP8 && m.scales.group == 3 && m.scales.stride == 0);
    g4_matrix_row(&exec, &m, 3, 1.0f, row);
    for (size_t c = 0; c < 3; c++)
        assert_true(row[c] == values[9 + c] * scale);
    g4_bind_matrix(&f->bind, &m, 2, 6, true, "conv.weight");
    assert_bound(f);
    g4_bind_matrices(&f->bind, NULL, 2, 4, 3, true, "experts");
    g4_bind_matrices(&f->bind, e, 2, 4, 3, true, "experts");
    assert_bound(f);
    assert_true(e[1].rows == 4 && e[1].cols == 3 && e[1].dtype == G4_DTYPE_SFP8);
    for (size_t r = 0; r < 4; r++) {
        g4_matrix_row(&exec, &e[1], r, 1.0f, row);
        for (size_t c = 0; c < 3; c++)
            assert_true(row[c] == values[12 + 3 * r + c] * scale);
    }
    g4_exec_close(&exec);
}

/* Stacks under other names, and matrices that are kept one by one. */
static void stacks(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[48];
    uint32_t words[8];
    const float scales[2] = {1, 2};
    char name[64];
    struct g4_matrix e[3];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    pack_words(words, 2, 32);
    add(f, "a.moe.down", "BF16", "[2,3,4]", bytes, 48);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "a.experts.%d.up.weight", i);
        add(f, name, "BF16", "[3,4]", bytes + 24 * i, 24);
        snprintf(name, sizeof name, "a.experts.%d.gate.weight_packed", i);
        add(f, name, "I32", "[2,4]", words, sizeof words);
        snprintf(name, sizeof name, "a.experts.%d.gate.weight_scale", i);
        add(f, name, "F32", "[2,1]", scales, sizeof scales);
    }
    add(f, "b.experts.0.up.weight", "BF16", "[3,4]", bytes, 24);
    add(f, "b.experts.1.up.weight", "BF16", "[4,3]", bytes, 24);
    open_file(f);
    assert_true(g4_bind_has_matrices(&f->bind, "%s.experts.down", "a"));
    assert_true(g4_bind_has_matrices(&f->bind, "a.moe.down"));
    assert_true(g4_bind_has_matrices(&f->bind, "a.experts.up"));
    assert_true(g4_bind_has_matrices(&f->bind, "a.experts.gate"));
    assert_false(g4_bind_has_matrices(&f->bind, "a.experts.none"));
    assert_false(g4_bind_has_matrices(&f->bind, "down"));
    g4_bind_matrices(&f->bind, e, 2, 3, 4, true, "a.experts.down");
    assert_bound(f);
    assert_ptr_equal(e[1].data, (const char *)e[0].data + 24);
    g4_bind_matrices(&f->bind, NULL, 2, 3, 4, true, "a.experts.up");
    g4_bind_matrices(&f->bind, e, 2, 3, 4, true, "a.experts.up");
    assert_bound(f);
    assert_true(e[0].dtype == G4_DTYPE_BF16 && e[1].rows == 3 && e[1].cols == 4);
    assert_memory_equal(e[1].data, bytes + 24, 24);
    g4_bind_matrices(&f->bind, e, 2, 2, 32, true, "a.experts.gate");
    assert_bound(f);
    assert_elements(&e[1], 4, scales, 1);
    g4_bind_matrices(&f->bind, e, 3, 3, 4, true, "a.experts.up");
    assert_message(&f->err, "tensor 'a.experts.2.up.weight': missing");
    f->bind.status = 0;
    g4_bind_matrices(&f->bind, e, 2, 3, 4, true, "b.experts.up");
    assert_message(&f->err, "tensor 'b.experts.1.up.weight': shape [4, 3], expected [3, 4]");
    f->bind.status = 0;
    g4_bind_matrices(&f->bind, e, 2, 3, 4, true, "c.experts.up");
    assert_message(&f->err, "tensor 'c.experts.up': missing");
}

/* Linears of the towers: eight bits as in pictures, two as in sound, against sums made here. */
static void towers(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 8, COLS = 32, N = 20 };
    float scales[ROWS], x[N * COLS], y[N * ROWS], tmp[N * COLS];
    unsigned char two[ROWS * COLS / 4];
    int8_t eight[ROWS * COLS];
    struct g4_exec exec = {0};
    struct g4_linear layer;
    pack_bytes(two, ROWS, COLS, 2);
    for (size_t i = 0; i < ROWS * COLS; i++)
        eight[i] = (int8_t)code(i / COLS, i % COLS, 8);
    for (size_t i = 0; i < ROWS; i++)
        scales[i] = 0.01f * (float)(i + 1);
    for (size_t i = 0; i < N * COLS; i++)
        x[i] = sinf((float)i * 0.37f);
    add(f, "vision_tower.q.linear.weight", "I8", "[8,32]", eight, sizeof eight);
    add(f, "vision_tower.q.linear.weight_scale", "F32", "[8,1]", scales, sizeof scales);
    add(f, "audio_tower.q.linear.weight", "U8", "[8,8]", two, sizeof two);
    add(f, "audio_tower.q.linear.weight_scale", "F32", "[8,1]", scales, sizeof scales);
    open_file(f);
    assert_int_equal(g4_exec_open(&exec, 1, &f->err), 0);
    for (int audio = 0; audio < 2; audio++) {
        g4_bind_clipped(&f->bind, &layer, ROWS, COLS, "model.%s.q",
                        audio ? "audio_tower" : "vision_tower");
        assert_bound(f);
        for (size_t n = 1; n <= N; n += N - 1) { /* by rows, by panels */
            g4_linear(&exec, &layer, y, ROWS, x, COLS, n, tmp);
            for (size_t i = 0; i < n * ROWS; i++) {
                double sum = 0;
                for (size_t c = 0; c < COLS; c++)
                    sum += (double)x[i / ROWS * COLS + c] * code(i % ROWS, c, audio ? 2 : 8) *
                           (double)scales[i % ROWS];
                if (fabs((double)y[i] - sum) > (exec.kernels->float_products ? 1e-4 : 0.2))
                    fail_msg("%s, row %zu: %g, expected %g", audio ? "audio" : "vision", i,
                             (double)y[i], sum);
            }
        }
    }
    g4_exec_close(&exec);
}

/* One file of wrong things; each bind says what is wrong with the stored tensor. */
static const struct {
    const char *name;
    size_t count, rows, cols;
    int code;
    const char *message;
} refused[] = {
    {"w1.weight", 0, 2, 8, G4_EINPUT, "tensor 'w1.weight_scale': missing"},
    {"w2.weight", 0, 2, 8, G4_EUNSUPPORTED, "tensor 'w2.weight_packed': dtype U8, expected I32"},
    {"w3.weight", 0, 2, 8, G4_EINPUT, "tensor 'w3.weight_shape': says [8, 2], expected [2, 8]"},
    {"w3.weight", 0, 2, 16, G4_EINPUT,
     "tensor 'w3.weight_packed': shape [2, 1], expected [2, an eighth of 16]"},
    {"w4.weight", 0, 2, 8, G4_EINPUT,
     "tensor 'w4.weight_scale': shape [2, 3], expected [2, a divisor of 8]"},
    {"w5.weight", 0, 2, 8, G4_EUNSUPPORTED,
     "tensor 'w5.weight_scale': dtype U8, expected BF16, F16 or F32"},
    {"w6.weight", 0, 2, 8, G4_EINPUT, "tensor 'w6.weight_scale': element 1 is not finite"},
    {"w7.weight", 0, 2, 8, G4_EINPUT, "tensor 'w7.weight_scale': shape [2, 0], expected [2, a"},
    {"w8.weight", 0, 2, 8, G4_EUNSUPPORTED, "tensor 'w8.weight_shape': dtype U8, expected I64"},
    {"m1.weight", 0, 2, 8, G4_EINPUT, "tensor 'm1.weight_scale': missing"},
    {"m2.weight", 0, 2, 8, G4_EINPUT,
     "tensor 'm2.weight': shape [2, 3], expected [2, a quarter or half of 8] for codes of 2 or"},
    {"m2.weight", 0, 2, 6, G4_EINPUT, "tensor 'm2.weight_scale': element 0 is not finite"},
    {"m3.weight", 0, 2, 8, G4_EINPUT, "tensor 'm3.weight': shape [2, 4], expected [2, 8]"},
    {"m4.weight", 2, 1, 8, G4_EUNSUPPORTED,
     "tensor 'm4.weight': dtype U8 without 'm4.weight.scale'"},
    {"t1.weight", 0, 2, 8, G4_EINPUT, "tensor 't1.embedding_scale': missing"},
    {"t2.weight", 0, 2, 8, G4_EUNSUPPORTED,
     "tensor 't2.embedding_quantized': dtype F32, expected U8 or I8"},
    {"s1", 0, 2, 4, G4_EINPUT, "tensor 's1': shape [2, 2], expected [2, 4]"},
    {"s1", 2, 2, 2, G4_EINPUT, "tensor 's1': shape [2, 2], expected [2, 2, 2]"},
    {"s2", 0, 2, 2, G4_EINPUT, "tensor 's2.scale': shape [2], expected [] or [1]"},
    {"s3", 0, 2, 2, G4_EUNSUPPORTED, "tensor 's3.scale': dtype U8, expected BF16, F16 or F32"},
    {"s4", 0, 2, 2, G4_EINPUT, "tensor 's4.scale': element 0 is not finite"},
    {"s7", 0, 2, 2, G4_EINPUT, "tensor 's7.scale': element 0 is not finite"},
    {"s5", 0, 2, 2, G4_EUNSUPPORTED, "tensor 's5': dtype U8 without 's5.scale'"},
    {"s6", 0, 2, 2, G4_EUNSUPPORTED, "tensor 's6': dtype I8 without 's6.scale'"},
    {"none.weight", 0, 2, 2, G4_EINPUT, "tensor 'none.weight': missing"},
};

static void add_wrong(struct fixture *f)
{
    static const float nan2[2] = {NAN, 1}, infinite[2] = {1, -INFINITY};
    static const unsigned char zero[64];
    static const int64_t turned[2] = {8, 2};
    static const char *const words[] = {"w1", "w3", "w4", "w5", "w6", "w7", "w8"};
    char name[64];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        snprintf(name, sizeof name, "%s.weight_packed", words[i]);
        add(f, name, "I32", "[2,1]", zero, 8);
    }
    add(f, "w2.weight_packed", "U8", "[2,4]", zero, 8);
    add(f, "w3.weight_scale", "F32", "[2,1]", zero, 8);
    add(f, "w3.weight_shape", "I64", "[2]", turned, sizeof turned);
    add(f, "w4.weight_scale", "F32", "[2,3]", zero, 24);
    add(f, "w5.weight_scale", "U8", "[2,1]", zero, 2);
    add(f, "w6.weight_scale", "F32", "[2,1]", infinite, 8);
    add(f, "w7.weight_scale", "F32", "[2,0]", zero, 0);
    add(f, "w8.weight_scale", "F32", "[2,1]", zero, 8);
    add(f, "w8.weight_shape", "U8", "[16]", zero, 16);
    add(f, "m1.weight", "U8", "[2,2]", zero, 4);
    add(f, "m2.weight", "U8", "[2,3]", zero, 6);
    add(f, "m2.weight_scale", "F32", "[2,1]", nan2, 8);
    add(f, "m3.weight", "I8", "[2,4]", zero, 8);
    add(f, "m3.weight_scale", "F32", "[2,1]", zero, 8);
    add(f, "m4.weight", "U8", "[2,1,2]", zero, 4);
    add(f, "t1.embedding_quantized", "U8", "[2,2]", zero, 4);
    add(f, "t2.embedding_quantized", "F32", "[2,2]", zero, 16);
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "s%d", i);
        add(f, name, "U8", "[2,2]", zero, 4);
    }
    add(f, "s6", "I8", "[2,2]", zero, 4);
    add(f, "s7", "U8", "[2,2]", zero, 4);
    add(f, "s7.scale", "F16", "[]", "\0\x7c", 2);
    add(f, "s1.scale", "F32", "[]", zero, 4);
    add(f, "s2.scale", "F32", "[2]", zero, 8);
    add(f, "s3.scale", "U8", "[]", zero, 1);
    add(f, "s4.scale", "F32", "[1]", nan2, 4);
}

static void refusals(void **state)
{
    struct fixture *f = *state;
    struct g4_matrix m[2];
    add_wrong(f);
    open_file(f);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        f->bind.status = 0;
        if (refused[i].count > 0)
            g4_bind_matrices(&f->bind, m, refused[i].count, refused[i].rows, refused[i].cols, true,
                             "%s", refused[i].name);
        else
            g4_bind_matrix(&f->bind, m, refused[i].rows, refused[i].cols, true, "%s",
                           refused[i].name);
        if (f->bind.status != refused[i].code)
            fail_msg("%s: status %d, \"%s\"", refused[i].name, f->bind.status,
                     f->bind.status ? f->err.text : "");
        assert_message(&f->err, refused[i].message);
        assert_null(m[0].data);
        assert_null(m[0].scales.data);
    }
    /* What is half there is an error where it may be missing, too. */
    f->bind.status = 0;
    g4_bind_matrix(&f->bind, m, 2, 8, false, "w1.weight");
    assert_int_equal(f->bind.status, G4_EINPUT);
    f->bind.status = 0;
    g4_bind_matrix(&f->bind, m, 2, 8, false, "none.weight");
    assert_true(f->bind.status == 0 && m[0].data == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(int4_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(mobile_linears, setup, teardown),
        cmocka_unit_test_setup_teardown(mobile_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(sfp8, setup, teardown),
        cmocka_unit_test_setup_teardown(stacks, setup, teardown),
        cmocka_unit_test_setup_teardown(towers, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
