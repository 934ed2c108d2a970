/*
 * sampler.c - logits to one id.
 *
 *     z      suppressed ids -inf; penalised ids z < 0 ? z * r : z / r
 *     top-k  the candidates with z >= the k-th largest (ties stay)
 *     top-p  in ascending order, dropped while the running mass is <= 1 - p; the best one stays
 *     min-p  dropped when less probable than min_p times the best one
 *     draw   one uniform number over the candidates' weights exp((z - z_max) / temperature)
 *
 * The temperature comes before top-k in the definition; as it keeps the order, dividing inside the
 * weight chooses the same candidates and cannot make ties or infinities of its own.
 * Only top-p needs an order, and only among candidates that matter: the vocabulary is never sorted
 * whole.
 */
#include "decoder/sampler.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct candidate {
    float z;
    int32_t id;
    double weight; /* exp((z - z_max) / temperature): the best one has 1 */
};

struct g4_sampler {
    struct g4_sampling sampling;
    size_t vocab_size;
    const int32_t *suppress;
    size_t suppress_count;
    uint64_t state[4]; /* xoshiro256** */
    bool *seen;        /* [vocab_size] */
    int32_t *distinct; /* the ids seen, each once */
    size_t distinct_count;
    float *z;                     /* [vocab_size] */
    float *heap;                  /* [vocab_size] the largest values so far, smallest on top */
    struct candidate *candidates; /* [vocab_size] */
};

/* ------------------------------------------------------------------------------ random numbers */

static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t rotate_left(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static uint64_t next_random(uint64_t s[4])
{
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Uniform in [0, 1), 53 bits. */
static double next_uniform(uint64_t s[4])
{
    return (double)(next_random(s) >> 11) * 0x1p-53;
}

/* ------------------------------------------------------------------------------ life */

static int check_sampling(const struct g4_sampling *s, struct g4_err *err)
{
    if (!(s->temperature >= 0 && s->temperature <= FLT_MAX))
        return g4_err_set(err, G4_EUSAGE, "temperature %g: expected a number from 0",
                          (double)s->temperature);
    if (s->top_k < 0)
        return g4_err_set(err, G4_EUSAGE, "top-k %d: expected a number from 0", (int)s->top_k);
    if (!(s->top_p >= 0 && s->top_p <= 1))
        return g4_err_set(err, G4_EUSAGE, "top-p %g: expected a number in 0..1", (double)s->top_p);
    if (!(s->min_p >= 0 && s->min_p <= 1))
        return g4_err_set(err, G4_EUSAGE, "min-p %g: expected a number in 0..1", (double)s->min_p);
    if (!(s->repeat_penalty > 0 && s->repeat_penalty <= FLT_MAX))
        return g4_err_set(err, G4_EUSAGE, "repeat penalty %g: expected a number above 0",
                          (double)s->repeat_penalty);
    return 0;
}

int g4_sampler_open(struct g4_sampler **out, const struct g4_sampling *sampling, size_t vocab_size,
                    const int32_t *suppress, size_t suppress_count, struct g4_err *err)
{
    assert(vocab_size > 0 && vocab_size <= INT32_MAX);
    *out = NULL;
    int status = check_sampling(sampling, err);
    if (status < 0)
        return status;
    void *memory;
    status = g4_alloc(&memory, 1, sizeof(struct g4_sampler), "the sampler", err);
    if (status < 0)
        return status;
    struct g4_sampler *s = memory;
    s->sampling = *sampling;
    s->vocab_size = vocab_size;
    s->suppress = suppress;
    s->suppress_count = suppress_count;
    s->seen = calloc(vocab_size, sizeof *s->seen);
    s->distinct = calloc(vocab_size, sizeof *s->distinct);
    s->z = calloc(vocab_size, sizeof *s->z);
    s->heap = calloc(vocab_size, sizeof *s->heap);
    s->candidates = calloc(vocab_size, sizeof *s->candidates);
    if (!s->seen || !s->distinct || !s->z || !s->heap || !s->candidates) {
        g4_sampler_close(s);
        return g4_err_nomem(err, vocab_size * sizeof *s->candidates, "the sampler");
    }
    g4_sampler_reset(s);
    *out = s;
    return 0;
}

void g4_sampler_close(struct g4_sampler *sampler)
{
    if (!sampler)
        return;
    free(sampler->seen);
    free(sampler->distinct);
    free(sampler->z);
    free(sampler->heap);
    free(sampler->candidates);
    free(sampler);
}

void g4_sampler_reset(struct g4_sampler *sampler)
{
    uint64_t x = sampler->sampling.seed;
    for (int i = 0; i < 4; i++)
        sampler->state[i] = splitmix(&x);
    memset(sampler->seen, 0, sampler->vocab_size * sizeof *sampler->seen);
    sampler->distinct_count = 0;
}

void g4_sampler_seen(struct g4_sampler *sampler, int32_t id)
{
    assert(id >= 0 && (size_t)id < sampler->vocab_size);
    if (sampler->seen[id])
        return;
    sampler->seen[id] = true;
    sampler->distinct[sampler->distinct_count++] = id;
}

/* ------------------------------------------------------------------------------ the steps */

/* z = logits after suppression and penalty. A NaN of a broken model is the worst choice, not a
 * trap. */
static void adjust(struct g4_sampler *s, const float *logits)
{
    float *z = s->z;
    for (size_t i = 0; i < s->vocab_size; i++)
        z[i] = isnan(logits[i]) ? -FLT_MAX : logits[i];
    for (size_t i = 0; i < s->suppress_count; i++)
        if (s->suppress[i] >= 0 && (size_t)s->suppress[i] < s->vocab_size)
            z[s->suppress[i]] = -INFINITY;
    float r = s->sampling.repeat_penalty;
    if (r == 1.0f)
        return;
    for (size_t i = 0; i < s->distinct_count; i++) {
        float *p = &z[s->distinct[i]];
        *p = *p < 0 ? *p * r : *p / r;
    }
}

static int32_t best_id(const float *z, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (z[i] > z[best])
            best = i;
    return (int32_t)best;
}

static void sift_down(float *heap, size_t n, size_t i)
{
    float value = heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= n)
            break;
        if (child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= value)
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = value;
}

/* The k-th largest of z[n], 1 <= k <= n. */
static float kth_largest(const float *z, size_t n, size_t k, float *heap)
{
    memcpy(heap, z, k * sizeof *heap);
    for (size_t i = k / 2; i-- > 0;)
        sift_down(heap, k, i);
    for (size_t i = k; i < n; i++) {
        if (z[i] > heap[0]) {
            heap[0] = z[i];
            sift_down(heap, k, 0);
        }
    }
    return heap[0];
}

static int compare_best_first(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->z != y->z)
        return x->z > y->z ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/*
 * Drops the improbable tail of total mass <= 1 - p. Candidates below (1 - p) / n each weigh less
 * than that together, whatever their order: they go first, unsorted.
 */
static size_t keep_top_p(struct candidate *c, size_t n, float top_p)
{
    double total = 0, dropped = 0;
    for (size_t i = 0; i < n; i++)
        total += c[i].weight;
    double limit = (1.0 - (double)top_p) * total;
    double negligible = limit / (double)n * (1.0 - 1e-9);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (c[i].weight < negligible)
            dropped += c[i].weight;
        else
            c[kept++] = c[i];
    }
    qsort(c, kept, sizeof *c, compare_best_first);
    while (kept > 1 && (dropped += c[kept - 1].weight) <= limit)
        kept--;
    return kept;
}

static size_t keep_min_p(struct candidate *c, size_t n, float min_p)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (c[i].weight >= (double)min_p)
            c[kept++] = c[i];
    return kept;
}

/* Fills s->candidates with all that may be drawn; returns their number, at least 1. */
static size_t gather(struct g4_sampler *s, const float *logits)
{
    const struct g4_sampling *o = &s->sampling;
    adjust(s, logits);
    float *z = s->z;
    size_t n = s->vocab_size;
    float least = -FLT_MAX;
    if (o->top_k > 0 && (size_t)o->top_k < n)
        least = fmaxf(least, kth_largest(z, n, (size_t)o->top_k, s->heap));
    float best = z[best_id(z, n)];
    struct candidate *c = s->candidates;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (z[i] >= least) {
            /* equality first: infinite logits of a broken model must not become NaN */
            double below = z[i] == best ? 0.0 : (double)z[i] - (double)best;
            double weight = exp(below / (double)o->temperature);
            c[count++] = (struct candidate){z[i], (int32_t)i, weight};
        }
    }
    if (count == 0) { /* nothing but suppressed ids */
        c[0] = (struct candidate){best, best_id(z, n), 1.0};
        return 1;
    }
    if (o->top_p < 1.0f)
        count = keep_top_p(c, count, o->top_p);
    if (o->min_p > 0)
        count = keep_min_p(c, count, o->min_p);
    return count;
}

static bool is_greedy(const struct g4_sampler *s)
{
    return s->sampling.greedy || s->sampling.temperature == 0;
}

static double sum_weights(const struct candidate *c, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += c[i].weight;
    return total;
}

void g4_sampler_probabilities(struct g4_sampler *s, const float *logits, float *probabilities)
{
    memset(probabilities, 0, s->vocab_size * sizeof *probabilities);
    if (is_greedy(s)) {
        adjust(s, logits);
        probabilities[best_id(s->z, s->vocab_size)] = 1.0f;
        return;
    }
    size_t n = gather(s, logits);
    double total = sum_weights(s->candidates, n);
    for (size_t i = 0; i < n; i++)
        probabilities[s->candidates[i].id] = (float)(s->candidates[i].weight / total);
}

int32_t g4_sampler_choose(struct g4_sampler *s, const float *logits)
{
    if (is_greedy(s)) {
        adjust(s, logits);
        return best_id(s->z, s->vocab_size);
    }
    size_t n = gather(s, logits);
    const struct candidate *c = s->candidates;
    double left = next_uniform(s->state) * sum_weights(c, n);
    size_t i = 0;
    while (i + 1 < n && (left -= c[i].weight) >= 0)
        i++;
    return c[i].id;
}
