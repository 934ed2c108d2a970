/* decode_engine.c - see the header. */
#include "bin/decode_engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/model/discover.h"

enum { DEFAULT_ANSWER = 4096 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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
    const struct g4_text_config *text = &e->model.config.text;
    char *path = g4_model_file(&e->model, "tokenizer.json");
    if (!path)
        return g4_err_nomem(err, 0, "a file name");
    int status = g4_tokenizer_open(&e->tokenizer, path, text->vocab_size, err);
    free(path);
    if (status == 0)
        status = g4_generation_config_load(&e->config, &e->model, e->tokenizer, err);
    if (status < 0)
        return status;
    choose_sampling(e);
    return g4_sampler_open(&e->sampler, &e->config.sampling, text->vocab_size,
                           e->config.suppress.ids, e->config.suppress.count, err);
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
                e->exec.kernels->gemm_name, g4_pool_threads(e->exec.pool));
    if (o->context > 0 && (size_t)o->context > text->max_position_embeddings)
        return g4_err_set(err, G4_EUSAGE, "-c %lld: '%s' has at most %zu positions",
                          (long long)o->context, e->model.name, text->max_position_embeddings);
    if (o->dry_run)
        return 0;
    const struct g4_session_options session = {.context = (size_t)o->context,
                                               .cache = G4_DTYPE_BF16};
    return g4_session_open(&e->session, e->engine, &session, err);
}

void g4_decode_engine_close(struct g4_decode_engine *e)
{
    if (!e->options)
        return;
    g4_session_close(e->session);
    g4_sampler_close(e->sampler);
    g4_generation_config_release(&e->config);
    g4_tokenizer_close(e->tokenizer);
    g4_engine_close(e->engine);
    g4_exec_close(&e->exec);
    g4_model_close(&e->model);
    *e = (struct g4_decode_engine){0};
}

/* ---------------------------------------------------------------------------------------- asking
 */

int g4_asking_begin(struct g4_asking *a, struct g4_decode_engine *e, struct g4_err *err)
{
    *a = (struct g4_asking){0};
    if (e->session)
        g4_session_reset(e->session);
    g4_sampler_reset(e->sampler);
    return g4_compose_begin(&a->compose, &e->compose, err);
}

/* Remembers ids for --ids and for the repetition penalty. */
static int remember(struct g4_asking *a, struct g4_decode_engine *e,
                    const struct g4_prompt_positions *positions, struct g4_err *err)
{
    for (size_t i = 0; i < positions->ids.count; i++) {
        int status = g4_ids_push(&a->ids, positions->ids.ids[i], 1, err);
        if (status < 0)
            return status;
        g4_sampler_seen(e->sampler, positions->ids.ids[i]);
    }
    a->soft += positions->soft;
    return 0;
}

int g4_asking_feed(struct g4_asking *a, struct g4_decode_engine *e, bool last, struct g4_err *err)
{
    struct g4_prompt_positions p;
    double start = now();
    int status = g4_prompt_positions(&a->compose.prompt, a->parts_fed, e->tokenizer,
                                     e->model.config.text.hidden_size, &p, err);
    if (status == G4_EUNSUPPORTED) /* a token that the layout needs is not in the vocabulary */
        g4_err_prefix(err, "model '%s'", e->model.name);
    if (status < 0)
        return status;
    status = remember(a, e, &p, err);
    const struct g4_positions positions = {p.ids.count, p.ids.ids, p.kinds, p.rows};
    if (status == 0 && e->session && positions.n > 0)
        status = g4_session_feed(e->session, &positions, last, err);
    a->parts_fed = a->compose.prompt.count;
    g4_prompt_positions_release(&p);
    a->prefill_s += now() - start;
    return status;
}

void g4_asking_release(struct g4_asking *a)
{
    g4_compose_release(&a->compose);
    free(a->ids.ids);
    *a = (struct g4_asking){0};
}

/* ----------------------------------------------------------------------------------------
 * answering */

/* Runs of one placeholder shorten to "<|image|> x 266". */
static int fold_placeholders(const char *text, struct g4_text *out, struct g4_err *err)
{
    static const enum g4_special soft[] = {G4_TOKEN_IMAGE_SOFT, G4_TOKEN_AUDIO_SOFT,
                                           G4_TOKEN_VIDEO_SOFT};
    int status = 0;
    while (*text && status == 0) {
        size_t run = 0;
        for (size_t i = 0; i < sizeof soft / sizeof *soft && run == 0; i++) {
            const char *word = g4_special_text(soft[i]);
            size_t n = strlen(word);
            while (strncmp(text, word, n) == 0) {
                text += n;
                run++;
            }
            char count[32];
            snprintf(count, sizeof count, " x %zu ", run);
            if (run > 0)
                status = g4_text_puts(out, word, err);
            if (run > 1 && status == 0)
                status = g4_text_puts(out, count, err);
        }
        if (run == 0 && status == 0)
            status = g4_text_append(out, text++, 1, err);
    }
    return status;
}

static int show_dry_run(const struct g4_asking *a, const struct g4_decode_engine *e,
                        struct g4_printer *printer, struct g4_err *err)
{
    struct g4_text out = {0};
    char figures[512];
    char *text = g4_prompt_text(&a->compose.prompt);
    if (!text)
        return g4_err_nomem(err, 0, "the prompt");
    int status = fold_placeholders(text, &out, err);
    free(text);
    size_t n = a->ids.count;
    snprintf(
        figures, sizeof figures,
        "\nprompt_tokens %zu\nsoft_tokens %zu\ncontext %zu\ncache_bytes %llu\nweight_bytes %llu\n",
        n, a->soft,
        e->options->context ? (size_t)e->options->context
                            : e->model.config.text.max_position_embeddings,
        (unsigned long long)g4_session_cache_bytes(e->engine, G4_DTYPE_BF16, n),
        (unsigned long long)g4_weights_mapped(&e->model.weights));
    if (status == 0)
        status = g4_text_puts(&out, figures, err);
    if (status == 0)
        status = g4_output_write(printer->output, out.text, out.n, err);
    printer->failed |= status < 0;
    g4_text_release(&out);
    return status;
}

static int show(void *printer, const struct g4_generation *generation, struct g4_err *err)
{
    if (generation->ids.count == 1)
        g4_progress_clear();
    return g4_printer_show(printer, generation, err);
}

static size_t answer_room(const struct g4_decode_engine *e)
{
    size_t rest = g4_session_context(e->session) - g4_session_position(e->session);
    size_t most = e->options->max_tokens ? (size_t)e->options->max_tokens : DEFAULT_ANSWER;
    return rest < most ? rest : most;
}

int g4_asking_answer(struct g4_asking *a, struct g4_decode_engine *e, struct g4_printer *printer,
                     struct g4_answer_row *row, struct g4_err *err)
{
    if (e->options->dry_run)
        return show_dry_run(a, e, printer, err);
    struct g4_generation generation;
    const struct g4_generate_options options = {.config = &e->config,
                                                .max_tokens = answer_room(e),
                                                .stop_texts = e->options->stop.items,
                                                .stop_count = e->options->stop.count,
                                                .show = show,
                                                .ctx = printer};
    double start = now();
    int status = g4_generate(&generation, e->session, e->tokenizer, e->sampler, &options, err);
    g4_progress_clear();
    row->generation = &generation;
    row->prompt_ids = &a->ids;
    row->prefill_s = a->prefill_s;
    row->decode_s = now() - start;
    if (status == 0)
        status = g4_printer_row(printer, row, err);
    if (status == 0 && generation.stop == G4_STOP_LENGTH)
        g4_log_note("the answer was cut off after %zu tokens (-n, -c)", generation.ids.count);
    g4_log_info(1, "prompt %zu tokens in %.3f s, answer %zu tokens in %.3f s", a->ids.count,
                a->prefill_s, generation.ids.count, row->decode_s);
    row->generation = NULL;
    g4_generation_release(&generation);
    return status;
}
