/* Towers into a GGUF file and out of it: what a published file holds is there again. */
#include "tests/unit/convert_fixture.h"

#include <fcntl.h>
#include <math.h>

#include "lib/model/convert.h"
#include "lib/model/convert_metadata.h"
#include "lib/model/convert_stream.h"

struct made {
    struct g4_model model;
    struct g4_convert plan;
    struct memory data;
};

static int to_file(void *ctx, const void *data, size_t n, struct g4_err *err)
{
    return g4_gguf_write_data(ctx, data, n, err);
}

static void check(int status, const struct g4_err *err)
{
    if (status < 0)
        fail_msg("%s", err->text);
}

static void write_towers(const char *path, const struct g4_model *model, const struct g4_exec *exec)
{
    struct g4_gguf_writer *writer;
    struct g4_convert plan;
    struct g4_err err = {0};
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    check(g4_gguf_writer_new(&writer, fd, path, &err), &err);
    check(g4_convert_media(&plan, model, &err), &err);
    g4_convert_put_media(writer, &plan);
    for (size_t i = 0; i < plan.count; i++) {
        const struct g4_convert_tensor *t = &plan.tensors[i];
        size_t bytes;
        check(g4_gguf_announce(writer, t->name, t->dtype, t->dims, t->shape, &bytes, &err), &err);
    }
    check(g4_gguf_write_header(writer, &err), &err);
    check(g4_convert_stream(&plan, exec, to_file, writer, "", &err), &err);
    check(g4_gguf_write_end(writer, &err), &err);
    g4_gguf_writer_free(writer);
    g4_convert_release(&plan);
    close(fd);
}

static void make(struct made *m, const char *path, const struct g4_exec *exec)
{
    struct g4_err err = {0};
    *m = (struct made){0};
    check(g4_model_open(&m->model, path, "", &err), &err);
    check(g4_convert_sfp8(&m->plan, &m->model, &err), &err);
    check(g4_convert_stream(&m->plan, exec, to_memory, &m->data, "", &err), &err);
}

static void release(struct made *m)
{
    free(m->data.bytes);
    g4_convert_release(&m->plan);
    g4_model_close(&m->model);
}

/* A tensor of what was made; dtype G4_DTYPES: there is none. */
static struct g4_tensor find(const struct made *m, const char *name)
{
    size_t at = 0;
    for (size_t i = 0; i < m->plan.count; i++) {
        const struct g4_convert_tensor *p = &m->plan.tensors[i];
        struct g4_tensor t = {.name = p->name, .dtype = p->dtype, .dims = p->dims};
        assert_true(g4_dtype_row_bytes(p->dtype, p->rows * p->cols, &t.bytes));
        memcpy(t.shape, p->shape, sizeof t.shape);
        t.data = m->data.bytes + at;
        at += t.bytes;
        if (strcmp(p->name, name) == 0)
            return t;
    }
    return (struct g4_tensor){.dtype = G4_DTYPES};
}

static void same_tensor(const struct g4_tensor *a, const struct g4_tensor *b)
{
    const bool rounded = a->dtype == G4_DTYPE_SFP8;
    const double room = strstr(a->name, "per_dim_scale") ? 1e-6 : 0;
    if (rounded != (b->dtype == G4_DTYPE_SFP8) || g4_tensor_count(a) != g4_tensor_count(b))
        fail_msg("%s: another type or size", a->name);
    for (int i = 0; a->dims > 1 && i < a->dims; i++)
        assert_true(a->dims == b->dims && a->shape[i] == b->shape[i]);
    if (rounded) {
        assert_memory_equal(a->data, b->data, a->bytes);
        return;
    }
    for (size_t k = 0; k < g4_tensor_count(a); k++)
        if (!(fabs((double)g4_tensor_get(a, k) - (double)g4_tensor_get(b, k)) <= room))
            fail_msg("%s: element %zu: %g, was %g", a->name, k, (double)g4_tensor_get(b, k),
                     (double)g4_tensor_get(a, k));
}

static void there_and_back(const char *from)
{
    struct made direct, back;
    struct g4_exec exec;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    size_t compared = 0;
    check(g4_exec_open(&exec, 2, &err), &err);
    make(&direct, from, &exec);
    const char *path = fixture_path(folder, "mmproj.gguf");
    write_towers(path, &direct.model, &exec);
    make(&back, path, &exec);
    for (size_t i = 0; i < direct.plan.count; i++) {
        const struct g4_tensor a = find(&direct, direct.plan.tensors[i].name);
        const struct g4_tensor b = find(&back, a.name);
        if (b.dtype == G4_DTYPES)
            continue; /* of the text model */
        same_tensor(&a, &b);
        compared++;
    }
    assert_int_equal(compared, back.plan.count);
    assert_true(compared > 5);
    release(&direct);
    release(&back);
    g4_exec_close(&exec);
    fixture_remove(folder);
}

static void towers(void **state)
{
    (void)state;
    there_and_back(GOLDEN "vision-large");
    there_and_back(GOLDEN "audio-e2b");
}

static void without_towers(void **state)
{
    (void)state;
    there_and_back(GOLDEN "unified-12b");
}

/* Whether four factors are a number, and which. */
static bool is_number(double *number, const float factors[4])
{
    const struct g4_tensor tensor = {.name = "rope_freqs.weight",
                                     .dtype = G4_DTYPE_F32,
                                     .dims = 1,
                                     .shape = {4},
                                     .data = factors,
                                     .bytes = 4 * sizeof *factors};
    const struct g4_tensor *sorted[] = {&tensor};
    const char *published[] = {tensor.name};
    const struct g4_model model = {
        .config.text.rope_full.partial_rotary_factor = 1,
        .weights = {.sorted = sorted, .published = published, .count = 1}};
    return g4_convert_rotary_factor(number, &model);
}

static void rotation(void **state)
{
    double number = -1;
    (void)state;
    assert_true(is_number(&number, (const float[]){1, 1e30f, 1e30f, 1e30f}));
    assert_true(number == 0.25);
    assert_true(is_number(&number, (const float[]){1, 1, 1, 1}));
    assert_true(number == 1);
    assert_true(is_number(&number, (const float[]){1e30f, INFINITY, 1e29f, 1e30f}));
    assert_true(number == 0);
    assert_false(is_number(&number, (const float[]){1, 2, 1e30f, 1e30f}));
    assert_false(is_number(&number, (const float[]){1, 1e30f, 1, 1e30f}));
    assert_false(is_number(&number, (const float[]){1, NAN, 1e30f, 1e30f}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(towers),
        cmocka_unit_test(without_towers),
        cmocka_unit_test(rotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
