/*
 * tokenizer_json.c - one pass over tens of megabytes. Members may come in any order; what needs the
 * vocabulary (merges, added tokens) is gone back to when it came too early.
 */
#include "decoder/tokenizer_json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format/json_read.h"
#include "lib/format/json_scan.h"

enum {
    SETTING_LIMIT = 64 << 10,
    SHORTEST_ENTRY = 6, /* bytes of a piece ("a":1,) or a merge ("a b",) */
    MERGES_PER_PIECE = 2
};

/* Merges that were read, and are looked up together. */
struct batch {
    struct g4_text text; /* left and right of each, one after the other */
    struct g4_merge_text
        merges[G4_VOCAB_BATCH];                 /* their lengths; the pointers are set at the end */
    struct g4_json_scan behind[G4_VOCAB_BATCH]; /* where each ends, for messages */
    size_t n;
};

struct reader {
    struct g4_json_scan scan;
    struct g4_vocab *vocab;
    struct g4_text left, right;        /* decoded strings */
    struct g4_json_scan merges, added; /* begin NULL = not seen */
    bool model, vocabulary, merged;    /* seen; merged: read already */
};

static int decode(struct g4_text *out, const struct g4_json_span *span, struct g4_err *err)
{
    g4_text_clear(out);
    int status = g4_text_reserve(out, span->n, err);
    if (status == 0)
        out->n = g4_json_span_decode(span, out->text);
    return status;
}

/* Puts file and place before a message of the vocabulary. */
static int placed(const struct reader *r, int status, const char *member, struct g4_err *err)
{
    size_t line, column;
    if (status == G4_EINPUT) {
        g4_json_scan_where(&r->scan, &line, &column);
        g4_err_prefix(err, "'%s': line %zu column %zu: %s", r->scan.what, line, column, member);
    }
    return status;
}

static int unsupported(const struct reader *r, const char *member, struct g4_err *err)
{
    return g4_err_set(err, G4_EUNSUPPORTED,
                      "'%s': %s: not the byte-fallback BPE of this model family", r->scan.what,
                      member);
}

static int twice(const struct reader *r, const char *member, struct g4_err *err)
{
    return g4_json_scan_refuse(&r->scan, err, "%s stands there twice", member);
}

static int read_vocab(struct reader *r, struct g4_err *err)
{
    struct g4_json_span key;
    int64_t id;
    int status = g4_json_scan_enter(&r->scan, '{', err);
    while (status == 0 && (status = g4_json_scan_member(&r->scan, &key, err)) == 1) {
        if ((status = g4_json_scan_int(&r->scan, INT32_MIN, UINT32_MAX, &id, err)) < 0 ||
            (status = decode(&r->left, &key, err)) < 0)
            return status;
        status = placed(r, g4_vocab_add(r->vocab, r->left.text, r->left.n, id, true, err),
                        "model.vocab", err);
        if (status < 0)
            return status;
    }
    r->vocabulary = true;
    return status;
}

/* The two parts of the merge that comes next, into r->left and r->right. */
static int read_merge(struct reader *r, struct g4_err *err)
{
    struct g4_json_span span[2];
    int status;
    if (g4_json_scan_peek(&r->scan) == '"') {
        if ((status = g4_json_scan_string(&r->scan, &span[0], err)) < 0 ||
            (status = decode(&r->left, &span[0], err)) < 0)
            return status;
        /* A part is never empty, so the space that parts them is not the first byte. */
        const char *space = r->left.n > 1 ? memchr(r->left.text + 1, ' ', r->left.n - 1) : NULL;
        if (!space)
            return g4_json_scan_refuse(&r->scan, err,
                                       "model.merges: expected two pieces with a space between");
        g4_text_clear(&r->right);
        status = g4_text_append(&r->right, space + 1,
                                r->left.n - (size_t)(space + 1 - r->left.text), err);
        r->left.n = (size_t)(space - r->left.text);
        return status;
    }
    if ((status = g4_json_scan_enter(&r->scan, '[', err)) < 0)
        return status;
    for (int i = 0; i < 2; i++) {
        status = g4_json_scan_element(&r->scan, err);
        if (status == 0)
            return g4_json_scan_refuse(&r->scan, err, "model.merges: expected two pieces");
        if (status < 0 || (status = g4_json_scan_string(&r->scan, &span[i], err)) < 0)
            return status;
    }
    status = g4_json_scan_element(&r->scan, err);
    if (status != 0)
        return status < 0 ? status
                          : g4_json_scan_refuse(&r->scan, err, "model.merges: expected two pieces");
    if ((status = decode(&r->left, &span[0], err)) < 0)
        return status;
    return decode(&r->right, &span[1], err);
}

/* Keeps the merge in r->left and r->right for later. */
static int add_to_batch(const struct reader *r, struct batch *b, struct g4_err *err)
{
    b->merges[b->n] = (struct g4_merge_text){.left_n = r->left.n, .right_n = r->right.n};
    b->behind[b->n++] = r->scan;
    int status = g4_text_append(&b->text, r->left.text, r->left.n, err);
    return status < 0 ? status : g4_text_append(&b->text, r->right.text, r->right.n, err);
}

static int merge_batch(struct reader *r, struct batch *b, struct g4_err *err)
{
    const char *at = b->text.text;
    size_t refused = 0;
    for (size_t i = 0; i < b->n; i++) {
        b->merges[i].left = at;
        b->merges[i].right = at + b->merges[i].left_n;
        at += b->merges[i].left_n + b->merges[i].right_n;
    }
    int status = g4_vocab_merge(r->vocab, b->merges, b->n, NULL, &refused, err);
    if (status < 0)
        r->scan = b->behind[refused];
    g4_text_clear(&b->text);
    b->n = 0;
    return placed(r, status, "model.merges", err);
}

static int read_merges(struct reader *r, struct g4_err *err)
{
    struct batch b;
    b.text = (struct g4_text){0};
    b.n = 0;
    int status = g4_json_scan_enter(&r->scan, '[', err);
    while (status == 0 && (status = g4_json_scan_element(&r->scan, err)) == 1) {
        if ((status = read_merge(r, err)) == 0)
            status = add_to_batch(r, &b, err);
        if (status == 0 && b.n == G4_VOCAB_BATCH)
            status = merge_batch(r, &b, err);
    }
    if (status == 0 && b.n > 0)
        status = merge_batch(r, &b, err);
    g4_text_release(&b.text);
    r->merged = status == 0;
    return status;
}

/* Is the value that comes next one of these words? Takes it. */
static int read_setting(struct reader *r, const char *member, const char *const *accepted,
                        struct g4_err *err)
{
    struct g4_json_span span;
    int status = g4_json_scan_skip(&r->scan, &span, err);
    for (; status == 0 && *accepted; accepted++)
        if (g4_json_span_is(&span, *accepted))
            return 0;
    return status < 0 ? status : unsupported(r, member, err);
}

static int read_model(struct reader *r, struct g4_err *err)
{
    static const struct {
        const char *key;
        const char *member;
        const char *accepted[5];
    } settings[] = {
        {"type", "model.type", {"\"BPE\"", "null"}},
        {"dropout", "model.dropout", {"null", "0", "0.0"}},
        {"continuing_subword_prefix", "model.continuing_subword_prefix", {"null", "\"\""}},
        {"end_of_word_suffix", "model.end_of_word_suffix", {"null", "\"\""}},
        {"byte_fallback", "model.byte_fallback", {"true"}},
        {"ignore_merges", "model.ignore_merges", {"false", "null"}},
    };
    enum { SETTINGS = sizeof settings / sizeof *settings };
    struct g4_json_span key;
    int status = g4_json_scan_enter(&r->scan, '{', err);
    if (r->model)
        return twice(r, "model", err);
    r->model = true;
    while (status == 0 && (status = g4_json_scan_member(&r->scan, &key, err)) == 1) {
        size_t i = 0;
        while (i < SETTINGS && !g4_json_span_is(&key, settings[i].key))
            i++;
        if (i < SETTINGS) {
            status = read_setting(r, settings[i].member, settings[i].accepted, err);
        } else if (g4_json_span_is(&key, "vocab")) {
            status = r->vocabulary ? twice(r, "model.vocab", err) : read_vocab(r, err);
        } else if (g4_json_span_is(&key, "merges")) {
            if (r->merges.begin)
                return twice(r, "model.merges", err);
            r->merges = r->scan;
            status = r->vocabulary ? read_merges(r, err) : g4_json_scan_skip(&r->scan, NULL, err);
        } else {
            status = g4_json_scan_skip(&r->scan, NULL, err);
        }
    }
    return status;
}

static int read_added_token(struct reader *r, struct g4_err *err)
{
    struct g4_json_span key, content = {0};
    int64_t id = -1;
    bool known = false;
    int status = g4_json_scan_enter(&r->scan, '{', err);
    while (status == 0 && (status = g4_json_scan_member(&r->scan, &key, err)) == 1) {
        if (g4_json_span_is(&key, "id")) {
            if (known)
                return twice(r, "added_tokens: id", err);
            known = true;
            status = g4_json_scan_int(&r->scan, INT32_MIN, UINT32_MAX, &id, err);
        } else if (g4_json_span_is(&key, "content")) {
            if (content.text)
                return twice(r, "added_tokens: content", err);
            status = g4_json_scan_string(&r->scan, &content, err);
        } else {
            status = g4_json_scan_skip(&r->scan, NULL, err);
        }
    }
    if (status < 0)
        return status;
    if (!known || !content.text)
        return g4_json_scan_refuse(&r->scan, err, "added_tokens: a token without id or content");
    if ((status = decode(&r->left, &content, err)) < 0)
        return status;
    return placed(r, g4_vocab_add(r->vocab, r->left.text, r->left.n, id, false, err),
                  "added_tokens", err);
}

static int read_added(struct reader *r, struct g4_err *err)
{
    int status;
    if (g4_json_scan_peek(&r->scan) == 'n')
        return g4_json_scan_skip(&r->scan, NULL, err);
    status = g4_json_scan_enter(&r->scan, '[', err);
    while (status == 0 && (status = g4_json_scan_element(&r->scan, err)) == 1)
        status = read_added_token(r, err);
    return status;
}

/* Takes a small value as a tree; the caller json_decref()s it. */
static int read_tree(struct reader *r, json_t **tree, struct g4_err *err)
{
    struct g4_json_span span;
    char *text;
    int status = g4_json_scan_skip(&r->scan, &span, err);
    if (status < 0)
        return status;
    if (span.n > SETTING_LIMIT)
        return g4_json_scan_refuse(&r->scan, err, "a setting longer than %d bytes", SETTING_LIMIT);
    /* In an array, because a bare null is no document of its own. */
    if (asprintf(&text, "[%.*s]", (int)span.n, span.text) < 0)
        return g4_err_nomem(err, span.n, r->scan.what);
    status = g4_json_parse(tree, text, strlen(text), r->scan.what, err);
    free(text);
    return status;
}

/* Replaces spaces by U+2581 and does nothing else? A sequence of one such step counts as it. */
static bool normalizer_known(const json_t *value)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    const json_t *steps = json_object_get(value, "normalizers");
    if (type && strcmp(type, "Sequence") == 0)
        return json_array_size(steps) == 1 && normalizer_known(json_array_get(steps, 0));
    const char *from =
        json_string_value(json_object_get(json_object_get(value, "pattern"), "String"));
    const char *to = json_string_value(json_object_get(value, "content"));
    return type && from && to && strcmp(type, "Replace") == 0 && strcmp(from, " ") == 0 &&
           strcmp(to, "\xe2\x96\x81") == 0;
}

static bool pre_tokenizer_known(const json_t *value)
{
    const char *type = json_string_value(json_object_get(value, "type"));
    const char *at =
        json_string_value(json_object_get(json_object_get(value, "pattern"), "String"));
    return type && at && strcmp(type, "Split") == 0 && strcmp(at, " ") == 0;
}

static int read_step(struct reader *r, const char *member, bool known(const json_t *),
                     struct g4_err *err)
{
    json_t *tree = NULL;
    int status = read_tree(r, &tree, err);
    const json_t *value = json_array_get(tree, 0);
    if (status == 0 && !json_is_null(value) && !known(value))
        status = unsupported(r, member, err);
    json_decref(tree);
    return status;
}

static int read_document(struct reader *r, struct g4_err *err)
{
    struct g4_json_span key;
    int status = g4_json_scan_enter(&r->scan, '{', err);
    while (status == 0 && (status = g4_json_scan_member(&r->scan, &key, err)) == 1) {
        if (g4_json_span_is(&key, "model")) {
            status = read_model(r, err);
        } else if (g4_json_span_is(&key, "added_tokens")) {
            if (r->added.begin)
                return twice(r, "added_tokens", err);
            r->added = r->scan;
            status = g4_json_scan_skip(&r->scan, NULL, err);
        } else if (g4_json_span_is(&key, "normalizer")) {
            status = read_step(r, "normalizer", normalizer_known, err);
        } else if (g4_json_span_is(&key, "pre_tokenizer")) {
            status = read_step(r, "pre_tokenizer", pre_tokenizer_known, err);
        } else {
            status = g4_json_scan_skip(&r->scan, NULL, err);
        }
    }
    return status < 0 ? status : g4_json_scan_finish(&r->scan, err);
}

/* The document does not say how much it holds: as much as the model can use and the bytes can tell.
 */
static int reserve(struct g4_vocab *vocab, size_t n, struct g4_err *err)
{
    const size_t entries = n / SHORTEST_ENTRY, pieces = vocab->limit,
                 merges = MERGES_PER_PIECE * vocab->limit;
    return g4_vocab_reserve(vocab, entries < pieces ? entries : pieces, 0,
                            entries < merges ? entries : merges, err);
}

int g4_tokenizer_json_read(struct g4_vocab *vocab, const char *what, const char *bytes, size_t n,
                           struct g4_err *err)
{
    struct reader r = {.vocab = vocab};
    g4_json_scan_open(&r.scan, what, bytes, n);
    int status = reserve(vocab, n, err);
    if (status < 0 || (status = read_document(&r, err)) < 0)
        goto out;
    if (!r.vocabulary || !r.merges.begin) {
        status = g4_err_set(err, G4_EINPUT, "'%s': model.%s: missing", what,
                            r.vocabulary ? "merges" : "vocab");
        goto out;
    }
    if (!r.merged) {
        r.scan = r.merges;
        if ((status = read_merges(&r, err)) < 0)
            goto out;
    }
    if (r.added.begin) {
        r.scan = r.added;
        if ((status = read_added(&r, err)) < 0)
            goto out;
    }
    if (vocab->size == 0) {
        status = g4_err_set(err, G4_EINPUT, "'%s': model.vocab: empty", what);
        goto out;
    }
    g4_vocab_finish(vocab);
out:
    g4_text_release(&r.left);
    g4_text_release(&r.right);
    return status;
}
