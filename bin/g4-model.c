/* g4-model - what is known about a model without running it. */
#include <stdlib.h>
#include <string.h>

#include "bin/features.h"
#include "bin/model_info.h"
#include "bin/model_quantize.h"
#include "bin/model_verify.h"
#include "bin/output.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/model/discover.h"

struct options {
    const char *model, *mmproj, *output;
    bool json, force, quiet, no_mmproj, quick;
    int verbose, type; /* type: one of g4_quantize_types, -1 = not given */
    int64_t threads;
    char **files; /* of quantize: in, out */
};

enum command { INFO, LIST, VERIFY, QUANTIZE };

static const struct g4_command commands[] = {
    {.name = "info", .argument = "[model]", .help = "variant, shapes, types, space id, memory"},
    {.name = "list", .help = "the models that are found without -m"},
    {.name = "verify", .argument = "[model]", .help = "whether a model is whole and unharmed"},
    {.name = "quantize", .argument = "in out", .help = "write a model in fewer bits"},
    {.name = NULL},
};

static int run_info(const struct options *o, FILE *out, struct g4_err *err)
{
    struct g4_model model = {0};
    char *path = NULL, *companion = NULL;
    int status = g4_discover(&path, &companion, o->model, err);
    if (status == 0) {
        g4_log_info(1, "model '%s'", path);
        status = g4_model_open(&model, path, o->mmproj ? o->mmproj : companion, err);
    }
    if (status == 0)
        status = g4_model_print_info(&model, o->json, out, err);
    g4_model_close(&model);
    free(path);
    free(companion);
    return status;
}

static int run_list(const struct options *o, FILE *out, struct g4_err *err)
{
    struct g4_discovered *list = NULL;
    size_t count = 0;
    int status = g4_discover_all(&list, &count, err);
    if (status == 0)
        status = g4_model_print_list(list, count, o->json, out, err);
    if (status == 0 && count == 0)
        g4_log_note(
            "no models found: download one with `hf download google/gemma-4-E2B-it`, or try the "
            "bundled demo model with -m examples/demo-model");
    g4_discovered_free(list, count);
    return status;
}

static int run_verify(const struct options *o, FILE *out, struct g4_err *err)
{
    const struct g4_verify_options options = {.model = o->model,
                                              .mmproj = o->mmproj,
                                              .json = o->json,
                                              .quick = o->quick,
                                              .threads = o->threads};
    return g4_model_verify(&options, out, err);
}

static int run_quantize(const struct options *o, struct g4_err *err)
{
    const struct g4_quantize_options options = {.in = o->files[0],
                                                .out = o->files[1],
                                                .mmproj = o->mmproj,
                                                .type = o->type,
                                                .force = o->force,
                                                .no_mmproj = o->no_mmproj,
                                                .threads = o->threads};
    return g4_model_quantize(&options, err);
}

/* Operands behind the command: a model for info and verify, nothing for list, two for quantize. */
static int take_operands(struct options *o, enum command command, int n, char **operands,
                         struct g4_err *err)
{
    if (command == LIST && (n > 0 || o->model || o->mmproj))
        return g4_err_set(err, G4_EUSAGE,
                          "list: takes no model, it shows what is found without one");
    if (command != QUANTIZE && (o->type >= 0 || o->no_mmproj))
        return g4_err_set(err, G4_EUSAGE, "--type and --no-mmproj are for quantize");
    if (command != QUANTIZE && command != VERIFY && o->threads)
        return g4_err_set(err, G4_EUSAGE, "--threads is for quantize and verify");
    if (command != VERIFY && o->quick)
        return g4_err_set(err, G4_EUSAGE, "--quick is for verify");
    if (command == QUANTIZE) {
        if (n != 2)
            return g4_err_set(err, G4_EUSAGE, "quantize: expected two operands, in and out");
        if (o->model || o->output || o->json)
            return g4_err_set(err, G4_EUSAGE, "quantize: takes no -m, -o or --json");
        o->files = operands;
        return 0;
    }
    if (n > 1 || (n == 1 && o->model))
        return g4_err_set(err, G4_EUSAGE, "%s: one model at a time, '%s' is one too many",
                          commands[command].name, operands[n - 1]);
    if (n == 1)
        o->model = operands[0];
    return 0;
}

static int run(struct options *o, enum command command, struct g4_output *out, struct g4_err *err)
{
    if (command == QUANTIZE)
        return run_quantize(o, err);
    int status = g4_output_open(out, o->output, o->force, err);
    if (status < 0)
        return status;
    FILE *file = g4_output_file(out);
    if (!file)
        status = g4_err_set(err, G4_ENOMEM, "cannot allocate memory for the output");
    else
        status = command == INFO     ? run_info(o, file, err)
                 : command == VERIFY ? run_verify(o, file, err)
                                     : run_list(o, file, err);
    if (status == 0)
        status = g4_output_commit(out, err);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {.type = -1};
    struct g4_err err = {0};
    struct g4_output out = {.fd = -1};
    int operand, command;
    /* clang-format off */
    const struct g4_opt options[] = {
        {.letter = 'm', .name = "model", .argument = "PATH|NAME", .type = G4_OPT_STRING,
         .value = &o.model, .help = "the model to look at"},
        {.name = "mmproj", .argument = "FILE", .type = G4_OPT_STRING, .value = &o.mmproj,
         .help = "towers of a GGUF model (default: the mmproj file beside it)"},
        {.name = "json", .type = G4_OPT_FLAG, .value = &o.json,
         .help = "one JSON value instead of text"},
        {.letter = 'o', .name = "output", .argument = "FILE", .type = G4_OPT_STRING,
         .value = &o.output, .help = "write to FILE, which appears whole or not at all"},
        {.letter = 'f', .name = "overwrite", .type = G4_OPT_FLAG, .value = &o.force,
         .help = "replace existing files"},
        {.name = "type", .argument = "TYPE", .type = G4_OPT_CHOICE, .value = &o.type,
         .choices = g4_quantize_types, .help = "of quantize: what is written"},
        {.name = "no-mmproj", .type = G4_OPT_FLAG, .value = &o.no_mmproj,
         .help = "of quantize: no file for the towers"},
        {.name = "quick",
         .type = G4_OPT_FLAG,
         .value = &o.quick,
         .help = "of verify: headers and shapes, without reading the weights"},
        {.name = "threads", .argument = "N", .type = G4_OPT_INT, .value = &o.threads, .min = 1,
         .max = 1024, .help = "of quantize and verify: how many (default: all processors)"},
        {.letter = 'q', .name = "quiet", .type = G4_OPT_FLAG, .value = &o.quiet,
         .help = "no notes"},
        {.letter = 'v', .name = "verbose", .type = G4_OPT_COUNT, .value = &o.verbose,
         .help = "say on stderr which model was found, and what was written"},
        {.name = NULL},
    };
    /* clang-format on */
    const struct g4_program program = {
        .name = "g4-model",
        .purpose = "show what a model is and what it needs, check it, or write it in fewer bits",
        .synopsis = "[options] command [model | in out]",
        .examples = "  g4-model list\n"
                    "  g4-model info\n"
                    "  g4-model info --json google/gemma-4-E2B-it | jq .memory\n"
                    "  g4-model verify gemma4:e2b\n"
                    "  g4-model quantize --type=q4_0 google/gemma-4-E2B-it e2b-q4_0.gguf\n",
        .options = options,
        .commands = commands,
        .features = g4_features,
    };
    g4_output_startup();
    g4_log_open("g4-model", false, 0);
    enum g4_opt_result parsed = g4_opt_parse(&program, argc, argv, &operand, &err);
    if (parsed == G4_OPT_EXIT_OK)
        return g4_output_close_stdout();
    if (parsed == G4_OPT_USAGE)
        return g4_output_report(&out, &err);
    g4_log_open("g4-model", o.quiet, o.verbose);
    g4_map_guard("g4-model");
    if (g4_opt_command(&program, operand < argc ? argv[operand] : NULL, &command, &err) < 0 ||
        take_operands(&o, (enum command)command, argc - operand - 1, argv + operand + 1, &err) < 0)
        return g4_output_report(&out, &err);
    int status = run(&o, (enum command)command, &out, &err);
    int exit_status = status < 0 ? g4_output_report(&out, &err) : 0;
    g4_output_discard(&out);
    return exit_status;
}
