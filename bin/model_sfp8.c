/*
 * model_sfp8.c - a folder with weights in SFP8 and the small files beside them: copies of a
 * folder's, or made of what a GGUF file says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/model_quantize.h"
#include "bin/model_sfp8_made.h"
#include "bin/output.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/format/safetensors_write.h"
#include "lib/model/convert_stream.h"

enum { COPY_LIMIT = 1 << 29 };

static const char weights_name[] = "model.safetensors";

/* What a model needs besides; those that it has. */
static const char *const copies[] = {"config.json",           "generation_config.json",
                                     "tokenizer.json",        "tokenizer_config.json",
                                     "chat_template.jinja",   "chat_template.json",
                                     "processor_config.json", "preprocessor_config.json"};

enum { COPIES = sizeof copies / sizeof *copies };

struct folder {
    const struct g4_quantize_options *options;
    const struct g4_model *model;
    bool made; /* by us: to be removed after a failure */
    struct g4_output weights, copies[COPIES];
    bool placed[COPIES]; /* copies that are in place */
};

/* "out/name"; the caller frees. */
static int path_of(char **path, const struct folder *f, const char *name, struct g4_err *err)
{
    if (asprintf(path, "%s/%s", f->options->out, name) >= 0)
        return 0;
    *path = NULL;
    return g4_err_nomem(err, 0, "a file name");
}

static int refuse_existing(const struct folder *f, const char *name, const char *remark,
                           struct g4_err *err)
{
    char *path;
    int status = path_of(&path, f, name, err);
    if (status == 0 && access(path, F_OK) == 0)
        status = g4_err_set(err, G4_EIO, "'%s': exists already%s", path, remark);
    free(path);
    return status;
}

/* What would be in the way at the end is told before the work. */
static int check_place(const struct folder *f, struct g4_err *err)
{
    static const char replaces[] = " (-f replaces it)";
    /* An index that stays would hide the new file. */
    int status = refuse_existing(f, "model.safetensors.index.json", "", err);
    if (status == 0 && !f->options->force)
        status = refuse_existing(f, weights_name, replaces, err);
    for (int i = 0; i < COPIES && status == 0 && !f->options->force; i++)
        status = refuse_existing(f, copies[i], replaces, err);
    return status;
}

static int make_folder(struct folder *f, struct g4_err *err)
{
    struct stat st;
    const char *path = f->options->out;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return check_place(f, err);
    return g4_output_make_folder(path, &f->made, err);
}

/* The bytes of the file of that name, if the model has it; else *bytes is NULL. */
static int find_bytes(char **bytes, size_t *n, const struct folder *f, const char *name,
                      struct g4_err *err)
{
    *bytes = NULL;
    if (f->model->weights.store != G4_STORE_SAFETENSORS)
        return g4_model_make_file(bytes, n, f->model, name, err);
    char *from = g4_model_file(f->model, name);
    int status = from ? 0 : g4_err_nomem(err, 0, "a file name");
    if (status == 0 && access(from, F_OK) == 0)
        status = g4_read_file(bytes, n, from, COPY_LIMIT, err);
    free(from);
    return status;
}

/* Not yet in place. */
static int copy(struct folder *f, int i, struct g4_err *err)
{
    char *to = NULL, *bytes = NULL;
    size_t n = 0;
    int status = find_bytes(&bytes, &n, f, copies[i], err);
    if (status == 0 && bytes && (status = path_of(&to, f, copies[i], err)) == 0 &&
        (status = g4_output_open(&f->copies[i], to, f->options->force, err)) == 0)
        status = g4_output_write(&f->copies[i], bytes, n, err);
    free(bytes);
    free(to);
    return status;
}

static int write_data(void *ctx, const void *data, size_t n, struct g4_err *err)
{
    return g4_safetensors_write_data(ctx, data, n, err);
}

static int write_tensors(struct g4_safetensors_writer *writer, const struct g4_output *out,
                         const struct g4_convert *plan, const struct g4_exec *exec,
                         const char *path, struct g4_err *err)
{
    int status = 0;
    char *what = NULL;
    for (size_t i = 0; i < plan->count && status == 0; i++) {
        const struct g4_convert_tensor *t = &plan->tensors[i];
        status = g4_safetensors_announce(writer, t->name, t->dtype, t->dims, t->shape, err);
    }
    if (status == 0)
        status = g4_safetensors_write_header(writer, err);
    if (status == 0)
        status = g4_quantize_reserve(out, g4_safetensors_writer_size(writer), path, err);
    if (status == 0 && asprintf(&what, "'%s' MiB", path) < 0) {
        what = NULL;
        status = g4_err_nomem(err, 0, "a file name");
    }
    if (status == 0)
        status = g4_convert_stream(plan, exec, write_data, writer, what, err);
    if (status == 0) {
        g4_safetensors_write_end(writer);
        g4_log_info(1, "'%s': %zu tensors, %llu bytes", path, plan->count,
                    (unsigned long long)g4_safetensors_writer_size(writer));
    }
    free(what);
    return status;
}

/* Not yet in place either. */
static int write_weights(struct folder *f, const struct g4_exec *exec, struct g4_err *err)
{
    struct g4_safetensors_writer *writer = NULL;
    struct g4_convert plan = {0};
    char *path;
    int status = path_of(&path, f, weights_name, err);
    if (status == 0)
        status = g4_convert_sfp8(&plan, f->model, err);
    if (status == 0)
        status = g4_output_open(&f->weights, path, f->options->force, err);
    if (status == 0)
        status = g4_safetensors_writer_new(&writer, f->weights.fd, path, err);
    if (status == 0)
        status = write_tensors(writer, &f->weights, &plan, exec, path, err);
    g4_safetensors_writer_free(writer);
    g4_convert_release(&plan);
    free(path);
    return status;
}

/* The weights last: without them a folder is no model. */
static int put_in_place(struct folder *f, struct g4_err *err)
{
    int status = 0;
    for (int i = 0; i < COPIES && status == 0; i++) {
        if (f->copies[i].fd >= 0) {
            status = g4_output_commit(&f->copies[i], err);
            f->placed[i] = status == 0;
        }
    }
    return status < 0 ? status : g4_output_commit(&f->weights, err);
}

/* After a failure, of a folder that was made nothing stays. */
static void discard(struct folder *f, bool failed)
{
    struct g4_err ignored;
    g4_output_discard(&f->weights);
    for (int i = 0; i < COPIES; i++) {
        char *path = NULL;
        g4_output_discard(&f->copies[i]);
        if (failed && f->made && f->placed[i] && path_of(&path, f, copies[i], &ignored) == 0)
            unlink(path);
        free(path);
    }
    if (f->made)
        g4_output_end_folder(f->options->out, !failed);
}

int g4_model_quantize_folder(const struct g4_quantize_options *options,
                             const struct g4_model *model, const struct g4_exec *exec,
                             struct g4_err *err)
{
    struct folder f = {.options = options, .model = model, .weights = {.fd = -1}};
    for (int i = 0; i < COPIES; i++)
        f.copies[i].fd = -1;
    int status = make_folder(&f, err);
    if (status == 0)
        status = write_weights(&f, exec, err);
    for (int i = 0; i < COPIES && status == 0; i++)
        status = copy(&f, i, err);
    if (status == 0)
        status = put_in_place(&f, err);
    discard(&f, status < 0);
    return status;
}
