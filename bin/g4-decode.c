/* g4-decode - soft tokens and a prompt to text. */
#include <stdio.h>

#include "bin/decode_engine.h"
#include "bin/decode_input.h"
#include "bin/decode_options.h"
#include "bin/decode_print.h"
#include "bin/decode_run.h"
#include "bin/features.h"
#include "bin/output.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/kernel/cpu.h"
#include "lib/model/discover.h"

/* Opens the model as far as needed to judge the stream's header, then the stream, then the rest. */
static int open_all(struct g4_decode_engine *engine, struct g4_decode_input *input,
                    struct g4_decode_expect *expect, const struct g4_decode_options *options,
                    const char *const *operands, size_t count, struct g4_err *err)
{
    int status = g4_decode_engine_find(engine, options, err);
    if (status < 0)
        return status;
    *expect = (struct g4_decode_expect){.width = engine->model.config.text.hidden_size,
                                        .model = engine->model.name,
                                        .force = options->force};
    status = g4_model_space_id(&engine->model, expect->space_id, err);
    if (status == 0)
        status = g4_decode_input_open(input, expect, operands, count, options->no_media, err);
    if (status < 0)
        return status;
    if (input->none && options->each != G4_EACH_NO)
        return g4_err_set(err, G4_EUSAGE, "--each needs streams: name them, or send one on stdin");
    if (input->none && !options->prompt)
        return g4_err_set(err, G4_EUSAGE, "nothing to do: give a prompt with -p, or streams");
    struct g4_record head;
    if (!input->none)
        status = g4_decode_input_next(input, &head, err);
    return status < 0 ? status : g4_decode_engine_open(engine, err);
}

static int run_program(struct g4_decode_options *options, const char *const *operands, size_t count)
{
    struct g4_decode_engine engine = {0};
    struct g4_decode_input input = {.fd = -1};
    struct g4_decode_expect expect;
    struct g4_output output;
    struct g4_printer printer = {0};
    struct g4_err err = {0};
    struct g4_decode_run run = {options, &engine, &input, &printer, false};
    int status = g4_output_open(&output, options->output, options->overwrite, &err);
    if (status == 0) {
        g4_printer_open(&printer, &output, options);
        status = open_all(&engine, &input, &expect, options, operands, count, &err);
    }
    if (status == 0)
        status = options->each ? g4_decode_each(&run, &err) : g4_decode_one(&run, &err);
    /* An array stays an array, whatever ended the run behind its first answer. */
    struct g4_err closing = {0};
    if (engine.seats[0].session && (status == 0 || printer.answers > 0) &&
        g4_printer_close(&printer, &closing) < 0 && status == 0) {
        err = closing;
        status = closing.code;
    }
    int code = run.failed;
    if (status < 0)
        code = g4_output_report(printer.failed ? &output : NULL, &err);
    /* A text output that failed is removed; with --each the answers that came stand. */
    if (status < 0 || (run.failed && printer.answers == 0))
        g4_output_discard(&output);
    else if (g4_output_commit(&output, &err) < 0)
        code = g4_output_report(&output, &err);
    g4_decode_input_close(&input);
    g4_decode_engine_close(&engine);
    return code;
}

int main(int argc, char **argv)
{
    struct g4_decode_options options;
    struct g4_opt table[G4_DECODE_TABLE];
    g4_decode_table(table, &options);
    const struct g4_program program = {
        .name = "g4-decode",
        .purpose = "answer a prompt about soft tokens, or a prompt alone",
        .synopsis = "[options] [stream ...]",
        .options = table,
        .features = g4_features,
        .examples = "  g4-audio talk.mp3 | g4-decode -p 'Transcribe the audio.'\n"
                    "  g4-vision *.jpg | g4-decode --each --format tsv -p 'Caption this image.'\n"
                    "  g4-decode -p 'Three names for a cat, please.'\n"};
    struct g4_err err = {0};
    int first, code;
    g4_output_startup();
    g4_log_open(program.name, false, 0);
    switch (g4_opt_parse(&program, argc, argv, &first, &err)) {
    case G4_OPT_RUN:
        g4_log_open(program.name, options.quiet, options.verbose);
        g4_map_guard(program.name);
        if (g4_decode_check(&options, (size_t)(argc - first), &err) < 0)
            code = g4_output_report(NULL, &err);
        else
            code = run_program(&options, (const char *const *)argv + first, (size_t)(argc - first));
        break;
    case G4_OPT_EXIT_OK: code = g4_output_close_stdout(); break;
    default: code = g4_output_report(NULL, &err);
    }
    g4_decode_options_release(&options);
    g4_opt_release(&program);
    return code;
}
