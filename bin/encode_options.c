/* encode_options.c - the option rows every encoder has. */
#include <assert.h>
#include <string.h>

#include "bin/encode.h"

static const char *const dtypes[] = {"bf16", "f32", NULL};

void g4_encode_table(struct g4_opt table[G4_ENCODE_TABLE], const struct g4_opt *own, size_t count,
                     struct g4_encode_options *o)
{
    /* clang-format off */
    const struct g4_opt shared[] = {
        {.letter = 'm', .name = "model", .argument = "PATH|NAME", .type = G4_OPT_STRING,
         .value = &o->model, .help = "the model (default: $G4_MODEL, then what is installed)"},
        {.name = "mmproj", .argument = "FILE", .type = G4_OPT_STRING, .value = &o->mmproj,
         .help = "towers of a GGUF model (default: the mmproj file beside it)"},
        {.letter = 'o', .name = "output", .argument = "FILE", .type = G4_OPT_STRING,
         .value = &o->output, .help = "write to FILE instead of stdout"},
        {.letter = 'd', .name = "directory", .argument = "DIR", .type = G4_OPT_STRING,
         .value = &o->directory, .help = "write one stream per input: DIR/<file name>.g4s"},
        {.letter = 'f', .name = "overwrite", .type = G4_OPT_FLAG, .value = &o->force,
         .help = "replace existing files"},
        {.name = "files0-from", .argument = "FILE", .type = G4_OPT_STRING, .value = &o->files0_from,
         .help = "read the list of inputs from FILE, NUL between names (-: stdin)"},
        {.name = "fail-early", .type = G4_OPT_FLAG, .value = &o->fail_early,
         .help = "stop after the first input that fails"},
        {.name = "dtype", .argument = "bf16|f32", .type = G4_OPT_CHOICE, .value = &o->dtype,
         .choices = dtypes, .help = "number format of the rows (default bf16)"},
        {.name = "threads", .argument = "N", .type = G4_OPT_INT, .value = &o->threads, .min = 1,
         .max = 1024, .help = "worker threads (default: $G4_THREADS, then the processors allowed)"},
        {.name = "no-sandbox", .type = G4_OPT_FLAG, .value = &o->no_sandbox,
         .help = "decode media without giving up the network and other programs"},
        {.letter = 'q', .name = "quiet", .type = G4_OPT_FLAG, .value = &o->quiet,
         .help = "no notes and no progress"},
        {.letter = 'v', .name = "verbose", .type = G4_OPT_COUNT, .value = &o->verbose,
         .help = "say more: model, kernels, timings (-vv: each segment)"},
        {.name = NULL},
    };
    /* clang-format on */
    size_t rows = sizeof shared / sizeof *shared;
    assert(count + rows <= G4_ENCODE_TABLE);
    memcpy(table, own, count * sizeof *own);
    memcpy(table + count, shared, sizeof shared);
}
