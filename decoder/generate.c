/* generate.c - one id after another. */
#include "decoder/generate.h"

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
static bool stop_text(struct g4_generation *g, const struct g4_generate_options *o)
{
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

/* Reads one id into the answer. *done when it ended the answer. */
static int take(struct g4_generation *g, const struct g4_generate_options *o, int32_t id,
                bool *done, struct g4_err *err)
{
    int status = g4_ids_push(&g->ids, id, 1, err);
    if (status < 0)
        return status;
    if (g4_generation_stops(o->config, id)) {
        g->stop = G4_STOP_END;
        *done = true;
        return 0;
    }
    status = g4_answer_push(&g->answer, id, err);
    if (status < 0)
        return status;
    if (stop_text(g, o)) {
        g->stop = G4_STOP_TEXT;
        *done = true;
    } else if (g->ids.count >= o->max_tokens) {
        g->stop = G4_STOP_LENGTH;
        *done = true;
    }
    return o->show ? o->show(o->ctx, g, err) : 0;
}

int g4_generate(struct g4_generation *g, struct g4_session *session,
                const struct g4_tokenizer *tokenizer, struct g4_sampler *sampler,
                const struct g4_generate_options *o, struct g4_err *err)
{
    *g = (struct g4_generation){.stop = G4_STOP_LENGTH};
    g4_answer_open(&g->answer, tokenizer, o->in_thought);
    bool done = o->max_tokens == 0;
    int status = 0;
    while (status == 0 && !done) {
        int32_t id = g4_sampler_choose(sampler, g4_session_logits(session));
        g4_sampler_seen(sampler, id);
        status = take(g, o, id, &done, err);
        if (status == 0 && !done) {
            const struct g4_positions next = {.n = 1, .ids = &id};
            status = g4_session_feed(session, &next, true, err);
        }
    }
    if (status < 0)
        return status;
    if (g->stop != G4_STOP_TEXT) {
        status = g4_answer_finish(&g->answer, err);
        if (status == 0 && !stop_text(g, o))
            g->ready = g->answer.content.n;
    }
    return status == 0 && o->show ? o->show(o->ctx, g, err) : status;
}

void g4_generation_release(struct g4_generation *g)
{
    g4_answer_release(&g->answer);
    free(g->ids.ids);
    *g = (struct g4_generation){0};
}
