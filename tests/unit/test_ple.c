/*
 * test_ple.c - per-layer embeddings whose layers share a block of the table, against float64; the
 * columns of other layers stay as they are.
 */
#include "decoder/ple.h"
#include "lib/tensor/quant.h"
#include "tests/unit/block_fixture.h"
#include "tests/unit/nn_fixture.h"

enum { LAYERS = 8, WIDTH = 32, ALL = LAYERS * WIDTH, HIDDEN = 48, IDS = 5, ROWS = 3 };

static const int32_t ids[ROWS] = {4, 0, 4};

struct table {
    struct g4_text_config config;
    struct g4_engine engine;
    unsigned char *stored;
    float *values, *projection, *norm, *x;
};

static void open_table(struct table *t, const struct g4_exec *exec, enum g4_dtype dtype)
{
    size_t stride;
    assert_true(g4_dtype_row_bytes(dtype, ALL, &stride));
    *t = (struct table){.values = floats(IDS * ALL),
                        .projection = filled(ALL * HIDDEN, 1),
                        .norm = filled(WIDTH, 2),
                        .x = filled(ROWS * HIDDEN, 3),
                        .stored = malloc(IDS * stride)};
    assert_non_null(t->stored);
    fill_blocks(dtype, t->stored, IDS * ALL, 4);
    g4_dequantise(dtype, t->values, t->stored, IDS * ALL);
    t->config = (struct g4_text_config){.hidden_size = HIDDEN,
                                        .num_hidden_layers = LAYERS,
                                        .hidden_size_per_layer_input = WIDTH,
                                        .rms_norm_eps = 1e-6f};
    t->engine = (struct g4_engine){.exec = exec, .config = &t->config};
    t->engine.weights.embed_tokens_per_layer = (struct g4_matrix){
        .data = t->stored, .dtype = dtype, .rows = IDS, .cols = ALL, .stride = stride};
    t->engine.weights.per_layer_model_projection =
        (struct g4_matrix){.data = t->projection,
                           .dtype = G4_DTYPE_F32,
                           .rows = ALL,
                           .cols = HIDDEN,
                           .stride = HIDDEN * sizeof(float)};
    t->engine.weights.per_layer_projection_norm = t->norm;
}

static void close_table(struct table *t)
{
    free(t->stored);
    free(t->values);
    free(t->projection);
    free(t->norm);
    free(t->x);
}

/* out[WIDTH] of one row and layer. */
static void expected(const struct table *t, size_t row, size_t layer, double *out)
{
    double squares = 0;
    for (size_t j = 0; j < WIDTH; j++) {
        out[j] = 0;
        for (size_t k = 0; k < HIDDEN; k++)
            out[j] += (double)t->projection[(layer * WIDTH + j) * HIDDEN + k] *
                      t->x[row * HIDDEN + k] / sqrt(HIDDEN);
        squares += out[j] * out[j];
    }
    for (size_t j = 0; j < WIDTH; j++) {
        const double e = t->values[(size_t)ids[row] * ALL + layer * WIDTH + j] * sqrt(WIDTH);
        out[j] = (out[j] / sqrt(squares / WIDTH + 1e-6) * t->norm[j] + e) * sqrt(0.5);
    }
}

static void layers_share_a_block(void **state)
{
    static const enum g4_dtype dtypes[] = {G4_DTYPE_Q6_K, G4_DTYPE_Q4_K, G4_DTYPE_Q8_0,
                                           G4_DTYPE_BF16};
    static const size_t ranges[][2] = {{0, 8}, {0, 3}, {3, 8}, {5, 6}};
    struct g4_exec exec;
    struct g4_err err;
    (void)state;
    assert_int_equal(g4_exec_open(&exec, 3, &err), 0);
    float *row = floats(3 * ALL);
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        struct table t;
        open_table(&t, &exec, dtypes[d]);
        for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
            float *out = floats(ROWS * ALL);
            const size_t from = ranges[r][0], to = ranges[r][1];
            g4_ple_run(&t.engine, out, ids, t.x, ROWS, from, to, row);
            for (size_t i = 0; i < ROWS * LAYERS; i++) {
                double want[WIDTH];
                const bool inside = i % LAYERS >= from && i % LAYERS < to;
                expected(&t, i / LAYERS, i % LAYERS, want);
                for (size_t j = 0; j < WIDTH; j++)
                    assert_true(fabs(out[i * WIDTH + j] - (inside ? want[j] : 0)) <=
                                1e-5 * (1 + fabs(want[j])));
            }
            free(out);
        }
        close_table(&t);
    }
    free(row);
    g4_exec_close(&exec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_share_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
