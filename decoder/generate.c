/* generate.c - one id after another, for as many answers as there are. */
#include "decoder/generate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Position of the first stop text in content, looking from `from` on; SIZE_MAX when there is none.
 */
static size_t find_stop(const struct g4_generate_options *o, const char *content, size_t n,
                        size_t from)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < o->stop_count; i++) {
        size_t length = strlen(o->stop_texts[i]);
        const char *hit =
            n - from >= length ? memmem(content + from, n - from, o->stop_texts[i], length) : NULL;
        if (hit && (size_t)(hit - content) < best)
            best = (size_t)(hit - content);
    }
    return best;
}

/* Bytes at the end of content that may be the beginning of a stop text. */
static size_t possible_stop(const struct g4_generate_options *o, const char *content, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < o->stop_count; i++) {
        size_t length = strlen(o->stop_texts[i]);
        for (size_t tail = length - 1 < n ? length - 1 : n; tail > longest; tail--)
            if (memcmp(content + n - tail, o->stop_texts[i], tail) == 0)
                longest = tail;
    }
    return longest;
}

/* Looks for stop texts in what the answer has grown by. True when one is complete: it is cut off.
 */
static bool stop_text(struct g4_generation *g)
{
    const struct g4_generate_options *o = &g->options;
    struct g4_text *content = &g->answer.content;
    if (content->n == 0)
        return false;
    /* Everything before `ready` was already found free of beginnings. */
    size_t hit = find_stop(o, content->text, content->n, g->ready);
    if (hit != SIZE_MAX) {
        content->n = hit;
        content->text[hit] = '\0';
        g->ready = hit;
        return true;
    }
    size_t ready = content->n - possible_stop(o, content->text, content->n);
    if (ready > g->ready)
        g->ready = ready;
    return false;
}

/* Nothing comes any more. */
static void finish(struct g4_generation *g, enum g4_stop_reason stop)
{
    g->stop = stop;
    g->done = true;
    if (stop == G4_STOP_TEXT || g4_answer_finish(&g->answer, &g->err) < 0)
        return;
    if (!stop_text(g))
        g->ready = g->answer.content.n;
}

/* Chooses an id and reads it into the answer. */
static void choose(struct g4_generation *g)
{
    int32_t id = g4_sampler_choose(g->sampler, g4_session_logits(g->session));
    g4_sampler_seen(g->sampler, id);
    if (g4_ids_push(&g->ids, id, 1, &g->err) < 0) {
        g->done = true;
    } else if (g4_generation_stops(g->options.config, id)) {
        finish(g, G4_STOP_END);
    } else if (g4_answer_push(&g->answer, id, &g->err) < 0) {
        g->done = true;
    } else if (stop_text(g)) {
        finish(g, G4_STOP_TEXT);
    } else if (g->ids.count >= g->options.max_tokens) {
        finish(g, G4_STOP_LENGTH);
    }
}

/* Runs the newest ids of n generations. */
static int step(struct g4_generation *const *generations, size_t n, struct g4_err *err)
{
    struct g4_session *sessions[G4_SESSIONS_TOGETHER];
    int32_t ids[G4_SESSIONS_TOGETHER];
    for (size_t i = 0; i < n; i++) {
        const struct g4_generation *g = generations[i];
        sessions[i] = g->session;
        ids[i] = g->ids.ids[g->ids.count - 1];
    }
    return g4_sessions_step(sessions, n, ids, err);
}

void g4_generation_begin(struct g4_generation *g, struct g4_session *session,
                         const struct g4_tokenizer *tokenizer, struct g4_sampler *sampler,
                         const struct g4_generate_options *options)
{
    *g = (struct g4_generation){.session = session, .sampler = sampler, .options = *options};
    g4_answer_open(&g->answer, tokenizer, options->in_thought);
    if (options->max_tokens == 0)
        finish(g, G4_STOP_LENGTH);
}

void g4_generations_advance(struct g4_generation *const *generations, size_t n)
{
    struct g4_generation *on[G4_SESSIONS_TOGETHER];
    size_t count = 0;
    assert(n >= 1 && n <= G4_SESSIONS_TOGETHER);
    for (size_t i = 0; i < n; i++) {
        assert(!generations[i]->done);
        choose(generations[i]);
        if (!generations[i]->done)
            on[count++] = generations[i];
    }
    struct g4_err err = {0};
    if (count == 0 || step(on, count, &err) == 0)
        return;
    /* One by one, so that the failure of one is not the others'. */
    for (size_t i = 0; i < count; i++)
        if (step(&on[i], 1, &on[i]->err) < 0)
            on[i]->done = true;
}

void g4_generation_release(struct g4_generation *g)
{
    g4_answer_release(&g->answer);
    free(g->ids.ids);
    *g = (struct g4_generation){0};
}
