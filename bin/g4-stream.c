/*
 * g4-stream - looks into soft-token streams, checks them, writes text as one, turns rows into
 * NumPy.
 */
#include <stdlib.h>
#include <string.h>

#include "bin/features.h"
#include "bin/operands.h"
#include "bin/stream_visit.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/base/utf8.h"

enum command { INFO, CHECK, TEXT, NPY };

static const struct g4_command commands[] = {
    [INFO] = {.name = "info", .argument = "[file ...]", .help = "print what streams hold"},
    [CHECK] = {.name = "check",
               .argument = "[file ...]",
               .help = "print nothing; status 0 if all is valid"},
    [TEXT] = {.name = "text", .argument = "WORD ...", .help = "write the words as a stream"},
    [NPY] = {.name = "npy",
             .argument = "[file ...]",
             .help = "write the rows as a NumPy file of float32"},
    {.name = NULL},
};

static bool json, force, quiet;
static int verbose;
static const char *output;
static int64_t segment = -1;

static const struct g4_opt options[] = {
    {.name = "json",
     .type = G4_OPT_FLAG,
     .value = &json,
     .help = "info: one JSON object per stream"},
    {.letter = 's',
     .name = "segment",
     .argument = "N",
     .type = G4_OPT_INT,
     .value = &segment,
     .min = 0,
     .max = 1e15,
     .help = "npy: only segment N, counted from 0 over the whole input"},
    {.letter = 'o',
     .name = "output",
     .argument = "FILE",
     .type = G4_OPT_STRING,
     .value = &output,
     .help = "write to FILE, whole or not at all, instead of stdout"},
    {.letter = 'f',
     .name = "overwrite",
     .type = G4_OPT_FLAG,
     .value = &force,
     .help = "replace an existing FILE"},
    {.letter = 'q',
     .name = "quiet",
     .type = G4_OPT_FLAG,
     .value = &quiet,
     .help = "no notes, only errors"},
    {.letter = 'v',
     .name = "verbose",
     .type = G4_OPT_COUNT,
     .value = &verbose,
     .help = "check: say what was found"},
    {.name = NULL},
};

static const struct g4_program program = {
    .name = "g4-stream",
    .purpose = "Look into soft-token streams, check them, or write text as one.",
    .synopsis = "[options] info|check|text|npy [operand ...]",
    .examples = "  g4-vision photo.jpg | g4-stream info\n"
                "  (g4-vision a.png; g4-stream text 'and now:'; g4-vision b.png) | g4-decode -p "
                "'Compare.'\n"
                "  g4-stream npy -o rows.npy speech.g4s\n",
    .options = options,
    .commands = commands,
    .features = g4_features,
};

struct tally {
    unsigned long long streams, segments, rows;
};

static int on_record(void *ctx, const char *name, const struct g4_record *r, struct g4_err *err)
{
    struct tally *tally = ctx;
    (void)err;
    tally->streams += r->type == G4_RECORD_ENDS;
    tally->segments += r->type == G4_RECORD_SEGE;
    tally->rows += r->row_count;
    if (r->type == G4_RECORD_EOF)
        g4_log_info(1, "%s: valid: streams %llu, segments %llu, rows %llu", name, tally->streams,
                    tally->segments, tally->rows);
    return 0;
}

static int check(const char *const *operands, size_t count, size_t *fails)
{
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        struct tally tally = {0};
        struct g4_err err;
        if (g4_stream_visit(operands[i], on_record, &tally, fails, &err) < 0) {
            g4_log_error(&err);
            result = 1;
        }
    }
    return result;
}

/* The words with a blank between them; refused before anything is written. The caller frees. */
static int join_words(char **text, size_t *bytes, const char *const *words, size_t count,
                      struct g4_err *err)
{
    size_t size = 1;
    void *memory;
    for (size_t i = 0; i < count; i++)
        size += strlen(words[i]) + 1;
    int status = g4_alloc(&memory, size, 1, "the text", err);
    if (status < 0)
        return status;
    char *end = *text = memory;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *end++ = ' ';
        end = stpcpy(end, words[i]);
    }
    *bytes = (size_t)(end - *text);
    if (*bytes > G4_STREAM_TEXT_CAP)
        return g4_err_set(err, G4_ELIMIT, "text of %zu bytes, a record holds at most %d", *bytes,
                          G4_STREAM_TEXT_CAP);
    if (!g4_utf8_valid(*text, *bytes))
        return g4_err_set(err, G4_EINPUT, "'%.100s': the text is not UTF-8", *text);
    return 0;
}

static int write_stream(int fd, const char *text, size_t bytes, struct g4_err *err)
{
    const struct g4_stream_head head = {.dtype = G4_STREAM_BF16};
    struct g4_stream_writer *writer;
    int status = g4_stream_writer_new(&writer, fd, &head, err);
    if (status == 0)
        status = g4_stream_meta_program(writer, program.name, G4_VERSION, "none", err);
    if (status == 0)
        status = g4_stream_text(writer, 0, text, bytes, err);
    if (status == 0)
        status = g4_stream_ends(writer, err);
    g4_stream_writer_free(writer);
    return status;
}

static int write_text(struct g4_output *out, const char *const *words, size_t count)
{
    struct g4_err err;
    char *text = NULL;
    size_t bytes;
    int result = 0;
    if (join_words(&text, &bytes, words, count, &err) < 0) {
        g4_log_error(&err);
        result = 1;
    } else if (write_stream(out->fd, text, bytes, &err) < 0) {
        g4_err_prefix(&err, "%s", out->name);
        result = g4_output_report(out, &err);
    }
    free(text);
    return result;
}

/* Options and words that make no sense with the command. */
static int check_usage(enum command command, const char *const *words, size_t count,
                       struct g4_err *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(words[i]);
    if (json && command != INFO)
        return g4_err_set(err, G4_EUSAGE, "option '--json' belongs to info");
    if (segment >= 0 && command != NPY)
        return g4_err_set(err, G4_EUSAGE, "option '--segment' belongs to npy");
    if (output != NULL && command == CHECK)
        return g4_err_set(err, G4_EUSAGE, "option '--output': check writes nothing");
    if (command == TEXT && bytes == 0)
        return g4_err_set(err, G4_EUSAGE, "no text given");
    return 0;
}

static int run(enum command command, struct g4_output *out, int argc, char **argv, int first,
               size_t *fails)
{
    struct g4_err err;
    struct g4_operands operands = {0};
    int result;
    if (command == TEXT)
        return write_text(out, (const char *const *)argv + first, (size_t)(argc - first));
    if (g4_operands_open(&operands, argc, argv, first, NULL, &err) < 0) {
        g4_log_error(&err);
        return err.code == G4_EUSAGE ? 2 : 1;
    }
    if (command == INFO)
        result = g4_stream_info(out, json, operands.items, operands.count, fails);
    else if (command == NPY)
        result = g4_stream_npy(out, segment, operands.items, operands.count);
    else
        result = check(operands.items, operands.count, fails);
    g4_operands_release(&operands);
    return result;
}

static int open_output(struct g4_output *out, enum command command, struct g4_err *err)
{
    int status = g4_output_open(out, output, force, err);
    if (status == 0 && command == TEXT)
        status = g4_output_refuse_terminal(out, "a stream", err);
    if (status == 0 && command == NPY)
        status = g4_output_refuse_terminal(out, "a NumPy file", err);
    return status;
}

int main(int argc, char **argv)
{
    struct g4_output out = {.fd = -1};
    struct g4_err err;
    size_t fails = 0;
    int first = argc, command = 0, result;
    g4_output_startup();
    g4_log_open(program.name, false, 0);
    enum g4_opt_result parsed = g4_opt_parse(&program, argc, argv, &first, &err);
    g4_log_open(program.name, quiet, verbose);
    if (parsed == G4_OPT_EXIT_OK)
        return g4_output_close_stdout();
    const char *word = first < argc ? argv[first++] : NULL;
    if (parsed == G4_OPT_USAGE || g4_opt_command(&program, word, &command, &err) < 0 ||
        check_usage(command, (const char *const *)argv + first, (size_t)(argc - first), &err) < 0) {
        g4_log_error(&err);
        return 2;
    }
    if (open_output(&out, command, &err) < 0) {
        g4_log_error(&err);
        g4_output_discard(&out);
        return err.code == G4_EUSAGE ? 2 : 1;
    }
    result = run(command, &out, argc, argv, first, &fails);
    if (result != 0)
        g4_output_discard(&out);
    else if (g4_output_commit(&out, &err) < 0)
        result = g4_output_report(&out, &err);
    return fails > 0 && result == 0 ? 1 : result;
}
