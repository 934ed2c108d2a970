/* tokenizer_write.c - text appended member by member; the first error stays. */
#include "decoder/tokenizer_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char space_mark[] = "\xe2\x96\x81"; /* U+2581 */

/* What precedes the pieces, and what stands between them and the merges. */
static const char head[] =
    "{\n\"version\": \"1.0\",\n\"truncation\": null,\n\"padding\": null,\n\"added_tokens\": [";
static const char middle[] =
    "],\n\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, "
    "\"content\": \"\xe2\x96\x81\"},\n"
    "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, "
    "\"behavior\": \"MergedWithPrevious\", \"invert\": false},\n"
    "\"post_processor\": null,\n"
    "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", "
    "\"pattern\": {\"String\": \"\xe2\x96\x81\"}, \"content\": \" \"}, "
    "{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}]},\n"
    "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": \"<unk>\", "
    "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, \"fuse_unk\": true, "
    "\"byte_fallback\": true, \"ignore_merges\": false,\n\"vocab\": {";

struct writer {
    struct g4_text *out;
    struct g4_err *err;
    int status;
};

static void put_bytes(struct writer *w, const char *bytes, size_t n)
{
    if (w->status == 0)
        w->status = g4_text_append(w->out, bytes, n, w->err);
}

static void put(struct writer *w, const char *text)
{
    put_bytes(w, text, strlen(text));
}

static void put_int(struct writer *w, long long value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", value);
    put(w, text);
}

/* As a JSON string; `marked`: spaces are written as U+2581. */
static void put_string(struct writer *w, const char *text, size_t n, bool marked)
{
    put(w, "\"");
    for (size_t i = 0; i < n && w->status == 0; i++) {
        const char c = text[i];
        char escaped[8];
        if (c == ' ' && marked) {
            put(w, space_mark);
        } else if ((unsigned char)c < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)c);
            put(w, escaped);
        } else {
            if (c == '"' || c == '\\')
                put(w, "\\");
            put_bytes(w, &c, 1);
        }
    }
    put(w, "\"");
}

static const char *text_of(const struct g4_vocab *vocab, const struct g4_piece *piece)
{
    return vocab->texts.text + piece->at;
}

/* A piece spelled with real spaces, which the merges cannot use. */
static bool has_raw_space(const struct g4_vocab *vocab, size_t id)
{
    const struct g4_piece *piece = &vocab->pieces[id];
    return memchr(text_of(vocab, piece), ' ', piece->n) &&
           g4_vocab_find(vocab, text_of(vocab, piece), piece->n) != (int32_t)id;
}

/* One that is known by its id only. */
static bool is_extra(const struct g4_vocab *vocab, size_t id)
{
    const struct g4_piece *piece = &vocab->pieces[id];
    return !has_raw_space(vocab, id) &&
           g4_vocab_find(vocab, text_of(vocab, piece), piece->n) != (int32_t)id;
}

static void put_piece(struct writer *w, const struct g4_vocab *vocab, size_t id)
{
    const struct g4_piece *piece = &vocab->pieces[id];
    put_string(w, text_of(vocab, piece), piece->n, !has_raw_space(vocab, id));
}

static void put_added(struct writer *w, const struct g4_vocab *vocab)
{
    const char *between = "\n";
    for (size_t id = 0; id < vocab->size && w->status == 0; id++) {
        const struct g4_piece *piece = &vocab->pieces[id];
        if (!piece->present || (piece->special < 0 && !is_extra(vocab, id)))
            continue;
        put(w, between);
        put(w, "{\"id\": ");
        put_int(w, (long long)id);
        put(w, ", \"content\": ");
        put_piece(w, vocab, id);
        put(w, ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
               "\"normalized\": false, \"special\": ");
        put(w, piece->special >= 0 ? "true}" : "false}");
        between = ",\n";
    }
}

static void put_pieces(struct writer *w, const struct g4_vocab *vocab)
{
    const char *between = "\n";
    for (size_t id = 0; id < vocab->size && w->status == 0; id++) {
        if (!vocab->pieces[id].present || is_extra(vocab, id))
            continue;
        put(w, between);
        put_piece(w, vocab, id);
        put(w, ": ");
        put_int(w, (long long)id);
        between = ",\n";
    }
}

static void put_merges(struct writer *w, const struct g4_vocab *vocab)
{
    for (size_t i = 0; i < vocab->merge_count && w->status == 0; i++) {
        put(w, i == 0 ? "\n[" : ",\n[");
        put_piece(w, vocab, (size_t)vocab->merges[i].left);
        put(w, ", ");
        put_piece(w, vocab, (size_t)vocab->merges[i].right);
        put(w, "]");
    }
}

int g4_tokenizer_write(struct g4_text *out, const struct g4_vocab *vocab, struct g4_err *err)
{
    struct writer w = {.out = out, .err = err};
    put(&w, head);
    put_added(&w, vocab);
    put(&w, middle);
    put_pieces(&w, vocab);
    put(&w, "},\n\"merges\": [");
    put_merges(&w, vocab);
    put(&w, "]}\n}\n");
    return w.status;
}

static void put_ids(struct writer *w, const char *key, const struct g4_ids *list)
{
    put(w, ",\n  \"");
    put(w, key);
    put(w, "\": [");
    for (size_t i = 0; i < list->count; i++) {
        put(w, i == 0 ? "" : ", ");
        put_int(w, list->ids[i]);
    }
    put(w, "]");
}

/* The fewest digits that read back as the same float. */
static void put_float(struct writer *w, float value)
{
    char text[32];
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    put(w, text);
}

int g4_generation_config_write(struct g4_text *out, const struct g4_generation_config *config,
                               struct g4_err *err)
{
    struct writer w = {.out = out, .err = err};
    const struct g4_sampling *s = &config->sampling;
    put(&w, "{\n  \"do_sample\": ");
    put(&w, s->greedy ? "false" : "true");
    put(&w, ",\n  \"temperature\": ");
    put_float(&w, s->temperature);
    put(&w, ",\n  \"top_k\": ");
    put_int(&w, s->top_k);
    put(&w, ",\n  \"top_p\": ");
    put_float(&w, s->top_p);
    put_ids(&w, "eos_token_id", &config->stop);
    put_ids(&w, "suppress_tokens", &config->suppress);
    put(&w, "\n}\n");
    return w.status;
}
