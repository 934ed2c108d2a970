/* kvcache.c - growing arrays for full layers, moving windows for sliding ones. */
#include "decoder/kvcache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/tensor/half.h"

static size_t element_bytes(enum g4_dtype dtype)
{
    assert(dtype == G4_DTYPE_BF16 || dtype == G4_DTYPE_F32);
    return dtype == G4_DTYPE_BF16 ? sizeof(uint16_t) : sizeof(float);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

int g4_kvcache_open(struct g4_kvcache *cache, const struct g4_text_config *config,
                    enum g4_dtype dtype, size_t context, size_t longest, struct g4_err *err)
{
    *cache = (struct g4_kvcache){0};
    void *memory;
    int status = g4_alloc(&memory, config->num_hidden_layers, sizeof *cache->layer,
                          "the key/value cache", err);
    if (status < 0)
        return status;
    cache->layer = memory;
    cache->dtype = dtype;
    cache->element = element_bytes(dtype);
    cache->context = context;
    cache->keep = config->sliding_window - 1;
    cache->count = config->num_hidden_layers;
    for (size_t i = 0; i < cache->count; i++) {
        const struct g4_layer_config *c = &config->layer[i];
        cache->layer[i].full = c->full;
        cache->layer[i].width = c->source == i ? c->kv_heads * c->head_dim : 0;
    }
    status = g4_kvcache_reserve(cache, 0, longest, err);
    if (status < 0)
        g4_kvcache_close(cache);
    cache->first_window = cache->window;
    return status;
}

void g4_kvcache_close(struct g4_kvcache *cache)
{
    for (size_t i = 0; i < cache->count; i++) {
        free(cache->layer[i].k);
        free(cache->layer[i].v);
    }
    free(cache->layer);
    *cache = (struct g4_kvcache){0};
}

void g4_kvcache_reset(struct g4_kvcache *cache)
{
    cache->n = 0;
    cache->pass = 0;
    cache->base = 0;
    cache->window = cache->first_window;
}

/* ------------------------------------------------------------------------------ growth */

static int grow_layer(struct g4_kvcache *cache, struct g4_kv_layer *layer, size_t capacity,
                      struct g4_err *err)
{
    if (layer->width == 0 || capacity <= layer->capacity)
        return 0;
    size_t bytes;
    if (!g4_mul_size(capacity, layer->width, &bytes) || !g4_mul_size(bytes, cache->element, &bytes))
        return g4_err_nomem(err, SIZE_MAX, "the key/value cache");
    unsigned char *k = realloc(layer->k, bytes);
    if (!k)
        return g4_err_nomem(err, bytes, "the key/value cache");
    layer->k = k;
    unsigned char *v = realloc(layer->v, bytes);
    if (!v)
        return g4_err_nomem(err, bytes, "the key/value cache");
    layer->v = v;
    layer->capacity = capacity;
    return 0;
}

int g4_kvcache_reserve(struct g4_kvcache *cache, size_t total, size_t longest, struct g4_err *err)
{
    assert(total <= cache->context);
    size_t window;
    if (!g4_add_size(cache->keep, longest, &window))
        window = SIZE_MAX;
    window = smaller(window, cache->context);
    for (size_t i = 0; i < cache->count; i++) {
        struct g4_kv_layer *layer = &cache->layer[i];
        size_t capacity = window;
        if (layer->full) {
            capacity = total;
            if (total > layer->capacity && total < 2 * layer->capacity)
                capacity = smaller(2 * layer->capacity, cache->context);
        }
        int status = grow_layer(cache, layer, capacity, err);
        if (status < 0)
            return status;
    }
    if (window > cache->window)
        cache->window = window;
    return 0;
}

/* ------------------------------------------------------------------------------ a pass */

/* Moves the last `keep` positions of every sliding layer to the front of its window. */
static void move_window(struct g4_kvcache *cache)
{
    size_t kept = smaller(cache->keep, cache->n - cache->base);
    size_t from = cache->n - cache->base - kept;
    for (size_t i = 0; i < cache->count; i++) {
        const struct g4_kv_layer *layer = &cache->layer[i];
        if (layer->full || layer->width == 0)
            continue;
        size_t row = layer->width * cache->element;
        memmove(layer->k, layer->k + from * row, kept * row);
        memmove(layer->v, layer->v + from * row, kept * row);
    }
    cache->base += from;
}

void g4_kvcache_begin(struct g4_kvcache *cache, size_t rows)
{
    assert(cache->pass == 0 && rows <= cache->context - cache->n);
    if (cache->n - cache->base + rows > cache->window)
        move_window(cache);
    assert(cache->n - cache->base + rows <= cache->window);
    cache->pass = rows;
}

void g4_kvcache_end(struct g4_kvcache *cache)
{
    cache->n += cache->pass;
    cache->pass = 0;
}

size_t g4_kvcache_base(const struct g4_kvcache *cache, bool full)
{
    return full ? 0 : cache->base;
}

struct store_job {
    const struct g4_kvcache *cache;
    const struct g4_kv_layer *layer;
    const struct g4_exec *exec;
    const float *k, *v;
    size_t first; /* row of the pass's first position */
};

static void store_row(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct store_job *job = ctx;
    size_t width = job->layer->width;
    size_t offset = (job->first + item) * width * job->cache->element;
    const float *k = job->k + item * width, *v = job->v + item * width;
    void *to_k = job->layer->k + offset, *to_v = job->layer->v + offset;
    if (job->cache->dtype == G4_DTYPE_BF16) {
        job->exec->kernels->to_bf16(to_k, k, width);
        job->exec->kernels->to_bf16(to_v, v, width);
    } else {
        memcpy(to_k, k, width * sizeof *k);
        memcpy(to_v, v, width * sizeof *v);
    }
}

void g4_kvcache_store(struct g4_kvcache *cache, const struct g4_exec *exec, size_t layer,
                      const float *k, const float *v)
{
    const struct g4_kv_layer *l = &cache->layer[layer];
    struct store_job job = {cache, l, exec, k, v, cache->n - g4_kvcache_base(cache, l->full)};
    assert(l->width > 0 && job.first + cache->pass <= l->capacity);
    g4_pool_run(exec->pool, store_row, &job, cache->pass);
}

struct g4_kv_view g4_kvcache_view(const struct g4_kvcache *cache, size_t layer)
{
    const struct g4_kv_layer *l = &cache->layer[layer];
    assert(l->width > 0);
    size_t keys = cache->n + cache->pass - g4_kvcache_base(cache, l->full);
    return (struct g4_kv_view){l->k, l->v, l->width, keys};
}

/* ------------------------------------------------------------------------------ questions */

bool g4_kvcache_row(const struct g4_kvcache *cache, size_t layer, bool v, size_t p, float *out)
{
    assert(layer < cache->count);
    const struct g4_kv_layer *l = &cache->layer[layer];
    size_t base = g4_kvcache_base(cache, l->full);
    if (l->width == 0 || p < base || p >= cache->n)
        return false;
    const unsigned char *row = (v ? l->v : l->k) + (p - base) * l->width * cache->element;
    for (size_t i = 0; i < l->width; i++)
        out[i] = g4_float_at(cache->dtype, row, i);
    return true;
}

uint64_t g4_kvcache_bytes(const struct g4_text_config *config, enum g4_dtype dtype, size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < config->num_hidden_layers; i++) {
        const struct g4_layer_config *c = &config->layer[i];
        if (c->source != i)
            continue;
        uint64_t positions = c->full ? n : smaller(n, config->sliding_window);
        bytes += 2 * positions * c->kv_heads * c->head_dim * element_bytes(dtype);
    }
    return bytes;
}
