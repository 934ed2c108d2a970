/* g4-model - what is known about a model without running it. */
#include <stdlib.h>
#include <string.h>

#include "bin/features.h"
#include "bin/model_info.h"
#include "bin/output.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/model/discover.h"

struct options {
    const char *model, *output;
    bool json, force, quiet;
    int verbose;
};

enum command { INFO, LIST };

static const struct g4_command commands[] = {
    {.name = "info", .argument = "[model]", .help = "variant, shapes, types, space id, memory"},
    {.name = "list", .help = "the models that are found without -m"},
    {.name = "verify",
     .argument = "[model]",
     .help = "check a model against the published one",
     .not_built = true},
    {.name = "quantize",
     .argument = "in out",
     .help = "write a model in fewer bits",
     .not_built = true},
    {.name = NULL},
};

static int run_info(const struct options *o, FILE *out, struct g4_err *err)
{
    struct g4_model model = {0};
    char *path = NULL, *companion = NULL;
    int status = g4_discover(&path, &companion, o->model, err);
    if (status == 0) {
        g4_log_info(1, "model '%s'", path);
        status = g4_model_open(&model, path, companion, err);
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

/* Operands behind the command: a model for info, nothing for list. */
static int take_operands(struct options *o, enum command command, int n, char **operands,
                         struct g4_err *err)
{
    if (command == LIST && (n > 0 || o->model))
        return g4_err_set(err, G4_EUSAGE,
                          "list: takes no model, it shows what is found without one");
    if (n > 1 || (n == 1 && o->model))
        return g4_err_set(err, G4_EUSAGE, "info: one model at a time, '%s' is one too many",
                          operands[n - 1]);
    if (n == 1)
        o->model = operands[0];
    return 0;
}

static int run(struct options *o, enum command command, struct g4_output *out, struct g4_err *err)
{
    int status = g4_output_open(out, o->output, o->force, err);
    if (status < 0)
        return status;
    FILE *file = g4_output_file(out);
    if (!file)
        status = g4_err_set(err, G4_ENOMEM, "cannot allocate memory for the output");
    else
        status = command == INFO ? run_info(o, file, err) : run_list(o, file, err);
    if (status == 0)
        status = g4_output_commit(out, err);
    return status;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct g4_err err = {0};
    struct g4_output out = {.fd = -1};
    int operand, command;
    const struct g4_opt options[] = {
        {.letter = 'm',
         .name = "model",
         .argument = "PATH|NAME",
         .type = G4_OPT_STRING,
         .value = &o.model,
         .help = "the model to look at"},
        {.name = "json",
         .type = G4_OPT_FLAG,
         .value = &o.json,
         .help = "one JSON value instead of text"},
        {.letter = 'o',
         .name = "output",
         .argument = "FILE",
         .type = G4_OPT_STRING,
         .value = &o.output,
         .help = "write to FILE, which appears whole or not at all"},
        {.letter = 'f',
         .name = "overwrite",
         .type = G4_OPT_FLAG,
         .value = &o.force,
         .help = "let -o replace an existing file"},
        {.letter = 'q',
         .name = "quiet",
         .type = G4_OPT_FLAG,
         .value = &o.quiet,
         .help = "no notes"},
        {.letter = 'v',
         .name = "verbose",
         .type = G4_OPT_COUNT,
         .value = &o.verbose,
         .help = "say on stderr which model was found"},
        {.name = "mmproj", .argument = "FILE", .type = G4_OPT_NOT_BUILT},
        {.name = "type", .argument = "TYPE", .type = G4_OPT_NOT_BUILT},
        {.name = NULL},
    };
    const struct g4_program program = {
        .name = "g4-model",
        .purpose = "show what a model is and what it needs",
        .synopsis = "[options] command [model]",
        .examples = "  g4-model list\n"
                    "  g4-model info\n"
                    "  g4-model info --json google/gemma-4-E2B-it | jq .memory\n",
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
