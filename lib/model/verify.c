/* verify.c - one pass over the mapped files, tensors shared out among the threads in pieces. */
#include "lib/model/verify.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/progress.h"
#include "lib/model/summary.h"
#include "lib/nn/linear.h"

enum {
    CHUNK = 4096,      /* numbers a thread widens at a time: whole blocks of every type */
    ITEM = 16 * CHUNK, /* numbers of an item of work */
    SLICE = 64 * ITEM, /* numbers between two looks at the result */
    MIB_SHIFT = 20,
};

/* ------------------------------------------------------------ one tensor */

struct look {
    const struct g4_exec *exec;
    const struct g4_tensor *tensor;
    size_t count;      /* numbers of the tensor */
    size_t from, to;   /* the slice */
    bool infinite;     /* infinities are allowed */
    atomic_size_t bad; /* the first number that is not finite; SIZE_MAX: none so far */
};

static bool ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static bool is_limit(const char *name)
{
    return ends_with(name, ".input_min") || ends_with(name, ".input_max") ||
           ends_with(name, ".output_min") || ends_with(name, ".output_max");
}

/* Numbers from..from+n-1; of types that no matrix has only F64 can be other than finite. */
static void widen(const struct look *look, size_t from, size_t n, float *out)
{
    const struct g4_tensor *t = look->tensor;
    const struct g4_matrix row = {
        .data = t->data, .dtype = t->dtype, .rows = 1, .cols = look->count, .stride = t->bytes};
    if (t->dtype < G4_DTYPE_WEIGHTS)
        g4_matrix_part(look->exec, &row, 0, from, n, 1.0f, out);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = g4_tensor_get(t, from + i);
}

static void look_at_item(void *ctx, size_t item, int worker)
{
    struct look *look = ctx;
    float values[CHUNK];
    size_t from = look->from + item * ITEM;
    const size_t end = look->to - from < ITEM ? look->to : from + ITEM;
    (void)worker;
    for (; from < end; from += CHUNK) {
        const size_t n = end - from < CHUNK ? end - from : CHUNK;
        widen(look, from, n, values);
        size_t i = 0;
        while (i < n && (look->infinite ? !isnan(values[i]) : isfinite(values[i])))
            i++;
        if (i == n)
            continue;
        size_t first = atomic_load(&look->bad);
        while (from + i < first && !atomic_compare_exchange_weak(&look->bad, &first, from + i))
            ;
        return;
    }
}

/* ------------------------------------------------------------ one file */

struct pass {
    const struct g4_exec *exec;
    struct g4_err *err;
    uint64_t done, total; /* bytes */
};

static bool may_be_other(const struct g4_tensor *t)
{
    return t->dtype < G4_DTYPE_CODES || t->dtype == G4_DTYPE_F64;
}

static int look_at_tensor(struct pass *pass, const char *path, const struct g4_tensor *t)
{
    struct look look = {.exec = pass->exec,
                        .tensor = t,
                        .count = g4_tensor_count(t),
                        .infinite = is_limit(t->name)};
    atomic_init(&look.bad, SIZE_MAX);
    while (may_be_other(t) && look.to < look.count) {
        look.from = look.to;
        look.to = look.count - look.from < SLICE ? look.count : look.from + SLICE;
        g4_pool_run(pass->exec->pool, look_at_item, &look, (look.to - look.from - 1) / ITEM + 1);
        const size_t bad = atomic_load(&look.bad);
        if (bad != SIZE_MAX)
            return g4_err_set(pass->err, G4_EINPUT, "'%s': tensor '%s': element %zu is not finite",
                              path, t->name, bad);
        g4_progress("numbers, MiB",
                    (unsigned long)((pass->done + (uint64_t)((double)t->bytes * (double)look.to /
                                                             (double)look.count)) >>
                                    MIB_SHIFT),
                    (unsigned long)(pass->total >> MIB_SHIFT));
    }
    pass->done += t->bytes;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct g4_tensor *const *x = a, *const *y = b;
    const uintptr_t p = (uintptr_t)(*x)->data, q = (uintptr_t)(*y)->data;
    return p == q ? strcmp((*x)->name, (*y)->name) : p < q ? -1 : 1;
}

static int look_at_file(struct pass *pass, const char *path, const struct g4_map *map,
                        const struct g4_tensor *tensors, size_t count)
{
    const struct g4_tensor **order = NULL;
    int status = g4_alloc((void **)&order, count, sizeof *order, "the tensors' order", pass->err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < count; i++)
        order[i] = &tensors[i];
    qsort(order, count, sizeof *order, by_place);
    g4_map_sequential(map->data, map->size);
    for (size_t i = 0; i < count && status == 0; i++)
        status = look_at_tensor(pass, path, order[i]);
    free(order);
    return status;
}

int g4_verify_values(const struct g4_weights *w, const struct g4_exec *exec, struct g4_err *err)
{
    struct pass pass = {.exec = exec, .err = err, .total = g4_weights_mapped(w)};
    int status = 0;
    for (size_t i = 0; i < w->shard_count && status == 0; i++) {
        const struct g4_safetensors *f = &w->shards[i];
        status = look_at_file(&pass, f->path, &f->map, f->tensors, f->count);
    }
    for (size_t i = 0; i < w->gguf_count && status == 0; i++) {
        const struct g4_gguf *f = &w->ggufs[i];
        status = look_at_file(&pass, f->path, &f->map, f->tensors, f->count);
    }
    g4_progress_clear();
    return status;
}

/* ------------------------------------------------------------ what nobody asked for */

size_t g4_verify_unexpected(unsigned char *unexpected, const struct g4_model *model,
                            const unsigned char *asked)
{
    static const char *const known[] = {".input_activation_scale", ".output_activation_scale",
                                        ".k_cache_scale", ".v_cache_scale"};
    size_t count = 0;
    for (size_t i = 0; i < model->weights.count; i++) {
        const char *name = model->weights.published[i];
        unexpected[i] = !asked[i] && g4_model_part_of(model, name) != G4_PART_UNUSED;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            if (ends_with(name, known[k]))
                unexpected[i] = 0;
        count += unexpected[i];
    }
    return count;
}
