/* decode_engine.c - see the header. */
#include "bin/decode_engine.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/model/discover.h"

/* ---------------------------------------------------------------------------------------- opening
 */

int g4_decode_engine_find(struct g4_decode_engine *e, const struct g4_decode_options *options,
                          struct g4_err *err)
{
    char *path, *companion;
    *e = (struct g4_decode_engine){.options = options};
    int status = g4_discover(&path, &companion, options->model, err);
    if (status < 0)
        return status;
    status = g4_model_open(&e->model, path, "", err);
    g4_log_info(1, "model '%s'", path);
    free(path);
    free(companion);
    if (status == 0 && !e->model.config.text.present)
        status = g4_err_set(err, G4_EUNSUPPORTED, "'%s' holds no text model", e->model.path);
    return status;
}

static void choose_sampling(struct g4_decode_engine *e)
{
    const struct g4_decode_options *o = e->options;
    struct g4_sampling *s = &e->config.sampling;
    if (o->temperature >= 0) {
        s->temperature = (float)o->temperature;
        s->greedy = false;
    }
    if (o->top_k >= 0)
        s->top_k = (int32_t)o->top_k;
    if (o->top_p >= 0)
        s->top_p = (float)o->top_p;
    if (o->min_p >= 0)
        s->min_p = (float)o->min_p;
    s->repeat_penalty = (float)o->repeat_penalty;
    s->greedy |= o->greedy || s->temperature == 0;
    s->seed = o->seed;
}

static int open_text(struct g4_decode_engine *e, struct g4_err *err)
{
    int status = g4_tokenizer_open_model(&e->tokenizer, &e->model, e->exec.pool, err);
    if (status == 0)
        status = g4_generation_config_load(&e->config, &e->model, e->tokenizer, err);
    if (status == 0)
        choose_sampling(e);
    return status;
}

static void close_seat(struct g4_decode_seat *seat)
{
    g4_session_close(seat->session);
    g4_sampler_close(seat->sampler);
    *seat = (struct g4_decode_seat){0};
}

static int open_seat(struct g4_decode_engine *e, struct g4_decode_seat *seat, struct g4_err *err)
{
    const struct g4_session_options session = {.context = (size_t)e->options->context,
                                               .cache = G4_DTYPE_BF16};
    int status =
        g4_sampler_open(&seat->sampler, &e->config.sampling, e->model.config.text.vocab_size,
                        e->config.suppress.ids, e->config.suppress.count, err);
    if (status == 0 && !e->options->dry_run)
        status = g4_session_open(&seat->session, e->engine, &session, err);
    if (status < 0)
        close_seat(seat);
    return status;
}

int g4_decode_engine_open(struct g4_decode_engine *e, struct g4_err *err)
{
    const struct g4_decode_options *o = e->options;
    const struct g4_text_config *text = &e->model.config.text;
    e->compose = (struct g4_compose_options){.variant = text->hidden_size_per_layer_input > 0
                                                            ? G4_CHAT_SMALL
                                                            : G4_CHAT_LARGE,
                                             .raw = o->raw,
                                             .thinking = o->think != G4_THINK_OFF,
                                             .system = o->system,
                                             .prompt = o->prompt,
                                             .prompt_bytes = o->prompt_bytes,
                                             .place = o->place};
    int status = g4_exec_open(&e->exec, (int)o->threads, err);
    if (status == 0)
        status = open_text(e, err);
    if (status == 0)
        status = g4_engine_open(&e->engine, &e->model, &e->exec, err);
    if (status < 0)
        return status;
    g4_log_info(1, "kernels %s, gemm %s, %d threads", g4_cpu_name(e->exec.kernels->cpu),
                g4_kernels_gemm(e->exec.kernels)->name, g4_pool_threads(e->exec.pool));
    if (o->context > 0 && (size_t)o->context > text->max_position_embeddings)
        return g4_err_set(err, G4_EUSAGE, "-c %lld: '%s' has at most %zu positions",
                          (long long)o->context, e->model.name, text->max_position_embeddings);
    static_assert((int)G4_DECODE_BATCH == G4_SESSIONS_TOGETHER, "as many as a pass takes");
    e->seat_count = o->each ? (size_t)o->batch : 1;
    return open_seat(e, &e->seats[0], err);
}

void g4_decode_engine_close(struct g4_decode_engine *e)
{
    if (!e->options)
        return;
    for (size_t i = 0; i < G4_DECODE_BATCH; i++)
        close_seat(&e->seats[i]);
    g4_generation_config_release(&e->config);
    g4_tokenizer_close(e->tokenizer);
    g4_engine_close(e->engine);
    g4_exec_close(&e->exec);
    g4_model_close(&e->model);
    *e = (struct g4_decode_engine){0};
}

/* The first seat that is not taken; seat_count: none. */
static size_t find_seat(const struct g4_decode_engine *e)
{
    size_t i = 0;
    while (i < e->seat_count && e->seats[i].taken)
        i++;
    return i;
}

bool g4_decode_has_seat(const struct g4_decode_engine *e)
{
    return find_seat(e) < e->seat_count;
}

struct g4_decode_seat *g4_decode_free_seat(struct g4_decode_engine *e)
{
    size_t i = find_seat(e);
    if (i == e->seat_count)
        return NULL;
    struct g4_decode_seat *seat = &e->seats[i];
    struct g4_err reason;
    if (!seat->sampler && open_seat(e, seat, &reason) < 0) {
        e->seat_count = i; /* those that are open will do */
        return NULL;
    }
    if (seat->session)
        g4_session_reset(seat->session);
    g4_sampler_reset(seat->sampler);
    return seat;
}
