/*
 * encode.c - the loop around an encoder.
 *
 * Two shapes of output: one stream for all operands (stdout, -o), or one stream per operand (-d).
 * An input that fails costs one line on stderr, a FAIL record and status 1; the others go on. An
 * output that fails ends the program.
 */
#include "bin/encode.h"

#include <stdlib.h>
#include <string.h>

#include "bin/encode_names.h"
#include "bin/operands.h"
#include "bin/output.h"
#include "encoders/media/sandbox.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/model/discover.h"

struct run {
    const struct g4_encoder *encoder;
    const struct g4_encode_options *options;
    struct g4_operands operands;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_stream_head head;
    bool encoder_open;
    bool writing; /* everything is open: from here on only the output can end the run */
    bool failed;  /* some input failed */
};

/* ---------------------------------------------------------------------------------------- sink */

static int broken(struct g4_sink *sink, int status)
{
    /* A row that is not finite is the input's fault; all else that a writer reports is the
     * output's. */
    if (status < 0 && status != G4_EINPUT)
        sink->broken = true;
    return status;
}

int g4_sink_source(struct g4_sink *sink, long part, struct g4_err *err)
{
    sink->source = sink->next_source++;
    sink->opened = true;
    return broken(sink,
                  g4_stream_meta_source(sink->writer, sink->source, sink->operand, part, err));
}

int g4_sink_segment(struct g4_sink *sink, struct g4_segment *segment, const float *rows,
                    struct g4_err *err)
{
    segment->source = sink->source;
    int status = broken(sink, g4_stream_segm(sink->writer, segment, err));
    if (status == 0)
        status = broken(sink, g4_stream_rows(sink->writer, rows, segment->rows, err));
    if (status == 0)
        status = broken(sink, g4_stream_sege(sink->writer, segment->t1, err));
    return status;
}

/* ---------------------------------------------------------------------------------------- streams
 */

static int begin_stream(struct run *run, struct g4_sink *sink, struct g4_output *output,
                        struct g4_err *err)
{
    *sink = (struct g4_sink){0};
    int status = broken(sink, g4_stream_writer_new(&sink->writer, output->fd, &run->head, err));
    if (status < 0)
        return status;
    return broken(sink, g4_stream_meta_program(sink->writer, run->encoder->program->name,
                                               G4_VERSION, run->model.name, err));
}

/* One operand. Returns an error only when the output is broken; an input's failure becomes a line
 * and a FAIL record. */
static int encode_operand(struct run *run, struct g4_sink *sink, const char *operand,
                          struct g4_err *err)
{
    struct g4_err reason = {0}, ignored;
    sink->operand = operand;
    sink->shown = strcmp(operand, "-") == 0 ? "stdin" : operand;
    sink->opened = false;
    int status = run->encoder->encode(run->encoder->state, sink, operand, &reason);
    g4_progress_clear();
    if (status == 0)
        return 0;
    if (sink->broken) {
        *err = reason;
        return status;
    }
    run->failed = true;
    g4_log_error(&reason);
    if (!sink->opened && g4_sink_source(sink, -1, &ignored) < 0) {
        *err = ignored;
        return err->code;
    }
    return broken(sink, g4_stream_fail(sink->writer, sink->source, reason.text, err));
}

static void show_progress(const struct run *run, size_t done)
{
    if (run->operands.count > 1)
        g4_progress(run->operands.items[done], done, run->operands.count);
}

/* All operands as one stream on `output`. */
static int encode_all(struct run *run, struct g4_output *output, struct g4_err *err)
{
    struct g4_sink sink;
    int status = begin_stream(run, &sink, output, err);
    for (size_t i = 0; i < run->operands.count && status == 0; i++) {
        show_progress(run, i);
        status = encode_operand(run, &sink, run->operands.items[i], err);
        if (run->failed && run->options->fail_early)
            break;
    }
    g4_progress_clear();
    if (status == 0)
        status = g4_stream_ends(sink.writer, err);
    g4_stream_writer_free(sink.writer);
    if (status < 0)
        g4_err_prefix(err, "%s", output->name);
    return status;
}

/* One operand as a stream of its own; a failed one leaves no file. */
static int encode_to_file(struct run *run, const char *operand, const char *name,
                          struct g4_err *err)
{
    struct g4_output output;
    struct g4_sink sink;
    bool failed_before = run->failed;
    struct g4_err reason = {0};
    int status = g4_output_open(&output, name, run->options->force, &reason);
    if (status < 0) { /* an existing file is this input's error, the others go on */
        g4_log_error(&reason);
        run->failed = true;
        return 0;
    }
    run->failed = false;
    status = begin_stream(run, &sink, &output, err);
    if (status == 0)
        status = encode_operand(run, &sink, operand, err);
    if (status == 0)
        status = g4_stream_ends(sink.writer, err);
    g4_stream_writer_free(sink.writer);
    if (status < 0)
        g4_err_prefix(err, "%s", output.name);
    if (status == 0 && !run->failed)
        status = g4_output_commit(&output, err);
    else
        g4_output_discard(&output);
    run->failed |= failed_before;
    return status;
}

static int encode_each(struct run *run, char **names, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < run->operands.count && status == 0; i++) {
        show_progress(run, i);
        status = encode_to_file(run, run->operands.items[i], names[i], err);
        if (run->failed && run->options->fail_early)
            break;
    }
    g4_progress_clear();
    return status;
}

/* ---------------------------------------------------------------------------------------- set-up
 */

static int open_all(struct run *run, struct g4_err *err)
{
    const struct g4_encode_options *o = run->options;
    char *path, *companion;
    int status = g4_discover(&path, &companion, o->model, err);
    if (status < 0)
        return status;
    if (run->encoder->begin)
        run->encoder->begin(run->encoder->state);
    status = g4_model_open(&run->model, path, o->mmproj ? o->mmproj : companion, err);
    g4_log_info(1, "model '%s'", path);
    free(path);
    free(companion);
    if (status == 0)
        status = g4_exec_open(&run->exec, (int)o->threads, err);
    if (status < 0)
        return status;
    g4_log_info(1, "kernels %s, %d threads", g4_cpu_name(run->exec.kernels->cpu),
                g4_pool_threads(run->exec.pool));
    run->head.dtype = o->dtype ? G4_STREAM_F32 : G4_STREAM_BF16;
    status = g4_model_space_id(&run->model, run->head.space_id, err);
    if (status == 0)
        status = run->encoder->open(run->encoder->state, &run->model, &run->exec, &run->head, err);
    run->encoder_open = status == 0;
    bool active = false;
    if (status == 0 && !o->no_sandbox)
        status = g4_sandbox_enter(&active, err);
    g4_log_info(1, "sandbox %s", active ? "on" : "off");
    return status;
}

static void close_all(struct run *run)
{
    if (run->encoder_open)
        run->encoder->close(run->encoder->state);
    g4_exec_close(&run->exec);
    g4_model_close(&run->model);
    g4_operands_release(&run->operands);
}

static int run_to_output(struct run *run, struct g4_err *err)
{
    struct g4_output output;
    int status = g4_output_open(&output, run->options->output, run->options->force, err);
    if (status == 0)
        status = g4_output_refuse_terminal(&output, "a stream", err);
    if (status == 0)
        status = open_all(run, err);
    run->writing = status == 0;
    if (status == 0)
        status = encode_all(run, &output, err);
    /* Only an error of the output may go without a word, when its reader has gone. */
    bool of_output = run->writing && status < 0;
    int code = status < 0 ? g4_output_report(of_output ? &output : NULL, err) : run->failed;
    if (status < 0) {
        g4_output_discard(&output);
        return code;
    }
    /* A stream with FAIL records is kept: it says itself what is missing. */
    return g4_output_commit(&output, err) < 0 ? g4_output_report(&output, err) : code;
}

static int run_to_directory(struct run *run, struct g4_err *err)
{
    char **names = NULL;
    int status = 0;
    if (run->options->output)
        status = g4_err_set(err, G4_EUSAGE, "-o and -d exclude each other");
    if (status == 0)
        status =
            g4_encode_names(&names, run->options->directory,
                            (const char *const *)run->operands.items, run->operands.count, err);
    if (status == 0)
        status = open_all(run, err);
    if (status == 0)
        status = encode_each(run, names, err);
    g4_encode_names_free(names, run->operands.count);
    return status < 0 ? g4_output_report(NULL, err) : run->failed;
}

static int run_program(struct run *run, int argc, char **argv, int first)
{
    struct g4_err err = {0};
    int status = run->encoder->check(run->encoder->state, &err);
    if (status == 0)
        status =
            g4_operands_open(&run->operands, argc, argv, first, run->options->files0_from, &err);
    if (status < 0)
        return g4_output_report(NULL, &err);
    return run->options->directory ? run_to_directory(run, &err) : run_to_output(run, &err);
}

int g4_encode_main(const struct g4_encoder *encoder, const struct g4_encode_options *options,
                   int argc, char **argv)
{
    struct run run = {.encoder = encoder, .options = options};
    struct g4_err err = {0};
    int first, code;
    g4_output_startup();
    g4_log_open(encoder->program->name, false, 0);
    switch (g4_opt_parse(encoder->program, argc, argv, &first, &err)) {
    case G4_OPT_RUN:
        g4_log_open(encoder->program->name, options->quiet, options->verbose);
        g4_map_guard(encoder->program->name);
        code = run_program(&run, argc, argv, first);
        break;
    case G4_OPT_EXIT_OK: code = g4_output_close_stdout(); break;
    default: code = g4_output_report(NULL, &err); break;
    }
    close_all(&run);
    g4_opt_release(encoder->program);
    return code;
}
