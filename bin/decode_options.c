/* decode_options.c - see the header. */
#include "bin/decode_options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/file.h"
#include "lib/base/log.h"

/* A sampling option that was not given keeps what the model's generation_config says. */
enum { NOT_GIVEN = -1 };

enum { DEFAULT_BATCH = 8 };

static const char *const each_choices[] = {"segment", "source", NULL};
static const char *const format_choices[] = {"text", "tsv", "jsonl", "json", NULL};
static const char *const format_later[] = {"srt", "vtt", NULL};
static const char *const think_choices[] = {"hide", "show", "only", NULL};

#define LATER(option, takes)                                                                       \
    {                                                                                              \
        .name = option, .argument = takes, .type = G4_OPT_NOT_BUILT                                \
    }

/* Known by name, refused by this build. */
static const struct g4_opt later[] = {
    LATER("messages", "FILE"),     LATER("task", "NAME"),         LATER("tools", "FILE"),
    LATER("tool-choice", "WHICH"), LATER("exec-tools", "DIR"),    LATER("max-tool-rounds", "N"),
    LATER("schema", "FILE"),       LATER("schema-close", NULL),   LATER("json", NULL),
    LATER("grammar", "FILE"),      LATER("choice", "A,B,C"),      LATER("session", "FILE"),
    LATER("chat", NULL),           LATER("logprobs", "N"),        LATER("drafter", "PATH"),
    LATER("lookup", NULL),         LATER("lora", "PATH[:SCALE]"), LATER("kv", "bf16|q8"),
};

static size_t add(struct g4_opt *table, size_t at, const struct g4_opt *rows, size_t count)
{
    assert(at + count < G4_DECODE_TABLE);
    memcpy(table + at, rows, count * sizeof *rows);
    return at + count;
}

static size_t add_prompt_rows(struct g4_opt *table, size_t at, struct g4_decode_options *o)
{
    /* clang-format off */
    const struct g4_opt rows[] = {
        {.letter = 'p', .name = "prompt", .argument = "TEXT", .type = G4_OPT_STRING,
         .value = &o->prompt_argument, .help = "what to ask"},
        {.name = "prompt-file", .argument = "FILE", .type = G4_OPT_STRING, .value = &o->prompt_file,
         .help = "read the prompt from FILE (-: stdin, when streams are named or with --no-media)"},
        {.letter = 's', .name = "system", .argument = "TEXT", .type = G4_OPT_STRING,
         .value = &o->system, .help = "system turn"},
        {.name = "each", .argument = "segment|source", .type = G4_OPT_OPTIONAL,
         .value = &o->each_argument, .choices = each_choices,
         .help = "one answer per picture, audio segment or video"},
        {.name = "batch", .argument = "N", .type = G4_OPT_INT, .value = &o->batch, .min = 1,
         .max = G4_DECODE_BATCH, .help = "--each: answers made together (default 8)"},
        {.name = "place", .argument = "STR", .type = G4_OPT_STRING, .value = &o->place,
         .help = "each STR in the prompt takes the next source"},
        {.name = "raw", .type = G4_OPT_FLAG, .value = &o->raw, .help = "no chat layout"},
        {.name = "think", .argument = "hide|show|only", .type = G4_OPT_OPTIONAL,
         .value = &o->think_argument, .choices = think_choices,
         .help = "let the model think first; its thoughts are hidden by default"},
        {.name = "no-media", .type = G4_OPT_FLAG, .value = &o->no_media,
         .help = "never read stdin: the prompt alone"},
        {.name = "keep-going", .type = G4_OPT_FLAG, .value = &o->keep_going,
         .help = "answer from what came when a source failed (status 1 all the same)"},
        {.name = "force", .type = G4_OPT_FLAG, .value = &o->force,
         .help = "accept rows made for another model of the same width"},
        {.name = "max-prompt", .argument = "BYTES", .type = G4_OPT_SIZE, .value = &o->max_prompt,
         .help = "longest prompt text (default 1M; 0: any)"},
    };
    /* clang-format on */
    return add(table, at, rows, sizeof rows / sizeof *rows);
}

static size_t add_output_rows(struct g4_opt *table, size_t at, struct g4_decode_options *o)
{
    /* clang-format off */
    const struct g4_opt rows[] = {
        {.name = "format", .argument = "text|tsv|jsonl|json|srt|vtt", .type = G4_OPT_CHOICE,
         .value = &o->format, .choices = format_choices, .not_built = format_later,
         .help = "how answers are written (default text)"},
        {.name = "ids", .type = G4_OPT_FLAG, .value = &o->ids,
         .help = "json, jsonl: token ids of prompt and answer"},
        {.name = "dry-run", .type = G4_OPT_FLAG, .value = &o->dry_run,
         .help = "show the prompt, token counts and memory; generate nothing"},
        {.letter = 'o', .name = "output", .argument = "FILE", .type = G4_OPT_STRING,
         .value = &o->output, .help = "write to FILE instead of stdout"},
        {.letter = 'f', .name = "overwrite", .type = G4_OPT_FLAG, .value = &o->overwrite,
         .help = "replace an existing FILE"},
        {.letter = 'q', .name = "quiet", .type = G4_OPT_FLAG, .value = &o->quiet,
         .help = "no notes and no progress"},
        {.letter = 'v', .name = "verbose", .type = G4_OPT_COUNT, .value = &o->verbose,
         .help = "say more: model, kernels, timings"},
    };
    /* clang-format on */
    return add(table, at, rows, sizeof rows / sizeof *rows);
}

static size_t add_model_rows(struct g4_opt *table, size_t at, struct g4_decode_options *o)
{
    /* clang-format off */
    const struct g4_opt rows[] = {
        {.letter = 'm', .name = "model", .argument = "PATH|NAME", .type = G4_OPT_STRING,
         .value = &o->model, .help = "the model (default: $G4_MODEL, then what is installed)"},
        {.name = "mmproj", .argument = "FILE", .type = G4_OPT_STRING, .value = &o->mmproj,
         .help = "taken, but not opened: the towers have done their work"},
        {.name = "threads", .argument = "N", .type = G4_OPT_INT, .value = &o->threads, .min = 1,
         .max = 1024, .help = "worker threads (default: $G4_THREADS, then the processors allowed)"},
        {.letter = 'c', .name = "context", .argument = "N", .type = G4_OPT_INT,
         .value = &o->context, .min = 1, .max = 1 << 24,
         .help = "most positions, prompt and answer (default: the model's)"},
        {.letter = 'n', .name = "max-tokens", .argument = "N", .type = G4_OPT_INT,
         .value = &o->max_tokens, .min = 1, .max = 1 << 24,
         .help = "longest answer in tokens (default: the rest of the context, at most 4096)"},
        {.name = "greedy", .type = G4_OPT_FLAG, .value = &o->greedy,
         .help = "always the likeliest token"},
        {.name = "temperature", .argument = "T", .type = G4_OPT_FLOAT, .value = &o->temperature,
         .max = 100, .help = "0: greedy (default: the model's, usually 1)"},
        {.name = "top-k", .argument = "K", .type = G4_OPT_INT, .value = &o->top_k, .max = 1 << 24,
         .help = "only the K likeliest tokens; 0: all (default: the model's, usually 64)"},
        {.name = "top-p", .argument = "P", .type = G4_OPT_FLOAT, .value = &o->top_p, .max = 1,
         .help = "only the likeliest tokens with mass P (default: the model's, usually 0.95)"},
        {.name = "min-p", .argument = "P", .type = G4_OPT_FLOAT, .value = &o->min_p, .max = 1,
         .help = "only tokens at least P times as likely as the likeliest (default 0: off)"},
        {.name = "repeat-penalty", .argument = "R", .type = G4_OPT_FLOAT,
         .value = &o->repeat_penalty, .min = 0.01, .max = 100,
         .help = "divide the logits of tokens seen (default 1: off)"},
        {.name = "seed", .argument = "N|random", .type = G4_OPT_STRING, .value = &o->seed_argument,
         .help = "of the random numbers (default 0)"},
        {.name = "stop", .argument = "TEXT", .type = G4_OPT_LIST, .value = &o->stop,
         .help = "end the answer before TEXT; may be given several times"},
    };
    /* clang-format on */
    return add(table, at, rows, sizeof rows / sizeof *rows);
}

void g4_decode_table(struct g4_opt table[G4_DECODE_TABLE], struct g4_decode_options *o)
{
    *o = (struct g4_decode_options){.temperature = NOT_GIVEN,
                                    .top_p = NOT_GIVEN,
                                    .min_p = NOT_GIVEN,
                                    .top_k = NOT_GIVEN,
                                    .repeat_penalty = 1,
                                    .max_prompt = 1 << 20};
    size_t at = add_prompt_rows(table, 0, o);
    at = add_model_rows(table, at, o);
    at = add_output_rows(table, at, o);
    at = add(table, at, later, sizeof later / sizeof *later);
    table[at] = (struct g4_opt){.name = NULL};
}

/* Index of word among choices; -1: none. */
static int index_of(const char *const *choices, const char *word)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], word) == 0)
            return i;
    return -1;
}

static int resolve_seed(struct g4_decode_options *o, struct g4_err *err)
{
    int64_t value;
    if (!o->seed_argument)
        return 0;
    if (strcmp(o->seed_argument, "random") == 0) {
        if (getrandom(&o->seed, sizeof o->seed, 0) != (ssize_t)sizeof o->seed)
            return g4_err_set(err, G4_EIO, "the system gives no random numbers");
        o->seed >>= 1; /* so that the number printed can be given again */
        g4_log_info(1, "seed %llu", (unsigned long long)o->seed);
        return 0;
    }
    if (g4_parse_int(o->seed_argument, &value, err) < 0 || value < 0)
        return g4_err_set(err, G4_EUSAGE, "--seed '%s': expected a number from 0 on, or random",
                          o->seed_argument);
    o->seed = (uint64_t)value;
    return 0;
}

static int read_prompt(struct g4_decode_options *o, size_t operands, struct g4_err *err)
{
    size_t limit = o->max_prompt ? (size_t)o->max_prompt : SIZE_MAX / 2;
    int status = 0;
    if (o->prompt_argument && o->prompt_file)
        return g4_err_set(err, G4_EUSAGE, "-p and --prompt-file exclude each other");
    if (o->prompt_argument) {
        o->prompt_bytes = strlen(o->prompt_argument);
        o->prompt = strdup(o->prompt_argument);
        if (!o->prompt)
            return g4_err_nomem(err, o->prompt_bytes, "the prompt");
    } else if (o->prompt_file) {
        if (strcmp(o->prompt_file, "-") == 0 && operands == 0 && !o->no_media)
            return g4_err_set(err, G4_EUSAGE,
                              "--prompt-file - reads stdin: name the streams, or add --no-media");
        status = g4_read_file(&o->prompt, &o->prompt_bytes, o->prompt_file, limit, err);
    }
    if (status == G4_ELIMIT || (status == 0 && o->prompt_bytes > limit))
        return g4_err_set(err, G4_ELIMIT, "the prompt is longer than %zu bytes (--max-prompt)",
                          limit);
    if (status == 0 && o->prompt && memchr(o->prompt, '\0', o->prompt_bytes))
        return g4_err_set(err, G4_EUSAGE, "'%s': a prompt may not contain NUL", o->prompt_file);
    return status;
}

static int check_together(const struct g4_decode_options *o, size_t operands, struct g4_err *err)
{
    if (o->raw && o->system)
        return g4_err_set(err, G4_EUSAGE, "--raw has no system turn: without -s");
    if (o->raw && o->think_argument)
        return g4_err_set(err, G4_EUSAGE, "--raw has no thinking: without --think");
    if (o->no_media && operands > 0)
        return g4_err_set(err, G4_EUSAGE, "--no-media beside streams");
    if (o->no_media && o->each_argument)
        return g4_err_set(err, G4_EUSAGE, "--no-media beside --each");
    if (o->place && o->place[0] == '\0')
        return g4_err_set(err, G4_EUSAGE, "--place needs a text");
    if (o->place && !o->prompt_argument && !o->prompt_file)
        return g4_err_set(err, G4_EUSAGE, "--place needs a prompt");
    if (o->batch && !o->each_argument)
        return g4_err_set(err, G4_EUSAGE, "--batch goes with --each");
    if (o->ids && o->format != G4_FORMAT_JSONL && o->format != G4_FORMAT_JSON)
        return g4_err_set(err, G4_EUSAGE, "--ids goes with --format json or jsonl");
    for (size_t i = 0; i < o->stop.count; i++)
        if (o->stop.items[i][0] == '\0')
            return g4_err_set(err, G4_EUSAGE, "--stop needs a text");
    return 0;
}

int g4_decode_check(struct g4_decode_options *o, size_t operands, struct g4_err *err)
{
    int status = check_together(o, operands, err);
    if (status < 0)
        return status;
    if (o->each_argument)
        o->each = (enum g4_decode_each)(G4_EACH_SEGMENT + index_of(each_choices, o->each_argument));
    if (o->batch == 0)
        o->batch = DEFAULT_BATCH;
    if (o->think_argument) {
        int i = index_of(think_choices, o->think_argument);
        o->think = i < 0 ? G4_THINK_HIDE : (enum g4_decode_think)(G4_THINK_HIDE + i);
    }
    status = resolve_seed(o, err);
    return status < 0 ? status : read_prompt(o, operands, err);
}

void g4_decode_options_release(struct g4_decode_options *o)
{
    free(o->prompt);
    o->prompt = NULL;
}
