/* decode_asking.c - see the header. */
#include "bin/decode_asking.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/log.h"

enum { DEFAULT_ANSWER = 4096 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ------------------------------------------------------------------------------------ asking */

int g4_asking_begin(struct g4_asking *a, struct g4_decode_engine *e, struct g4_err *err)
{
    *a = (struct g4_asking){.engine = e, .seat = g4_decode_free_seat(e)};
    assert(a->seat);
    a->seat->taken = true;
    return g4_compose_begin(&a->compose, &e->compose, err);
}

static void give_back(struct g4_asking *a)
{
    if (a->seat)
        a->seat->taken = false;
    a->seat = NULL;
}

/* Remembers ids for --ids and for the repetition penalty. */
static int remember(struct g4_asking *a, const struct g4_prompt_positions *positions,
                    struct g4_err *err)
{
    for (size_t i = 0; i < positions->ids.count; i++) {
        int status = g4_ids_push(&a->ids, positions->ids.ids[i], 1, err);
        if (status < 0)
            return status;
        g4_sampler_seen(a->seat->sampler, positions->ids.ids[i]);
    }
    a->soft += positions->soft;
    return 0;
}

int g4_asking_feed(struct g4_asking *a, bool last, struct g4_err *err)
{
    const struct g4_decode_engine *e = a->engine;
    struct g4_prompt_positions p;
    double start = now();
    int status = g4_prompt_positions(&a->compose.prompt, a->parts_fed, e->tokenizer,
                                     e->model.config.text.hidden_size, &p, err);
    if (status == G4_EUNSUPPORTED) /* a token that the layout needs is not in the vocabulary */
        g4_err_prefix(err, "model '%s'", e->model.name);
    if (status < 0)
        return status;
    status = remember(a, &p, err);
    const struct g4_positions positions = {p.ids.count, p.ids.ids, p.kinds, p.rows};
    if (status == 0 && a->seat->session && positions.n > 0)
        status = g4_session_feed(a->seat->session, &positions, last, err);
    a->parts_fed = a->compose.prompt.count;
    g4_prompt_positions_release(&p);
    a->prefill_s += now() - start;
    return status;
}

void g4_asking_release(struct g4_asking *a)
{
    give_back(a);
    g4_compose_release(&a->compose);
    g4_generation_release(&a->generation);
    free(a->ids.ids);
    *a = (struct g4_asking){0};
}

/* --------------------------------------------------------------------------------- answering */

static size_t answer_room(const struct g4_asking *a)
{
    const struct g4_session *session = a->seat->session;
    size_t rest = g4_session_context(session) - g4_session_position(session);
    int64_t given = a->engine->options->max_tokens;
    size_t most = given ? (size_t)given : DEFAULT_ANSWER;
    return rest < most ? rest : most;
}

void g4_asking_start(struct g4_asking *a)
{
    const struct g4_decode_engine *e = a->engine;
    a->started = true;
    a->start = now();
    if (e->options->dry_run) {
        give_back(a);
        return;
    }
    g4_compose_release(&a->compose); /* its rows are in the session */
    const struct g4_generate_options options = {.config = &e->config,
                                                .max_tokens = answer_room(a),
                                                .stop_texts = e->options->stop.items,
                                                .stop_count = e->options->stop.count};
    g4_generation_begin(&a->generation, a->seat->session, e->tokenizer, a->seat->sampler, &options);
    if (a->generation.done)
        give_back(a);
}

bool g4_asking_grows(const struct g4_asking *a)
{
    return a->started && a->seat != NULL;
}

void g4_askings_advance(struct g4_asking *const *askings, size_t n)
{
    struct g4_generation *generations[G4_SESSIONS_TOGETHER];
    assert(n >= 1 && n <= G4_SESSIONS_TOGETHER);
    for (size_t i = 0; i < n; i++)
        generations[i] = &askings[i]->generation;
    g4_generations_advance(generations, n);
    for (size_t i = 0; i < n; i++) {
        if (!generations[i]->done)
            continue;
        askings[i]->decode_s = now() - askings[i]->start;
        give_back(askings[i]);
    }
}

/* --------------------------------------------------------------------------------- printing */

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

static int show_dry_run(const struct g4_asking *a, struct g4_printer *printer, struct g4_err *err)
{
    const struct g4_decode_engine *e = a->engine;
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

int g4_asking_print(struct g4_asking *a, struct g4_printer *printer, struct g4_answer_row *row,
                    struct g4_err *err)
{
    const struct g4_generation *generation = &a->generation;
    if (a->engine->options->dry_run)
        return show_dry_run(a, printer, err);
    if (generation->err.code < 0) {
        *err = generation->err;
        return err->code;
    }
    row->generation = generation;
    row->prompt_ids = &a->ids;
    row->prefill_s = a->prefill_s;
    row->decode_s = a->decode_s;
    int status = g4_printer_row(printer, row, err);
    if (status == 0 && generation->stop == G4_STOP_LENGTH)
        g4_log_note("the answer was cut off after %zu tokens (-n, -c)", generation->ids.count);
    g4_log_info(1, "prompt %zu tokens in %.3f s, answer %zu tokens in %.3f s", a->ids.count,
                a->prefill_s, generation->ids.count, a->decode_s);
    row->generation = NULL;
    return status;
}
