/*
 * model_quantize.c - from options to files.
 *
 *     open -> is it whole, is it unrounded -> plan -> metadata, tensors announced -> header -> data
 *         -> the same for the towers -> both files appear
 */
#include "bin/model_quantize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "bin/output.h"
#include "decoder/decoder.h"
#include "decoder/tokenizer_metadata.h"
#include "lib/base/log.h"
#include "lib/format/gguf_write.h"
#include "lib/model/convert_metadata.h"
#include "lib/model/convert_stream.h"
#include "lib/model/discover.h"

const char *const g4_quantize_types[] = {"q4_0", "q8_0", "q4_k_m", "q6_k", "bf16", "sfp8", NULL};

/* One file while it is made. */
struct file {
    struct g4_output out;
    struct g4_gguf_writer *writer;
    char *path;
};

static int write_data(void *ctx, const void *data, size_t n, struct g4_err *err)
{
    return g4_gguf_write_data(ctx, data, n, err);
}

int g4_quantize_reserve(const struct g4_output *out, uint64_t size, const char *what,
                        struct g4_err *err)
{
    if (!out->temporary || size > INT64_MAX || fallocate(out->fd, 0, 0, (off_t)size) == 0)
        return 0;
    if (errno != ENOSPC && errno != EFBIG && errno != EDQUOT)
        return 0; /* not every file system can */
    return g4_err_set(err, G4_EIO, "'%s': no room for its %llu bytes: %s", what,
                      (unsigned long long)size, strerror(errno));
}

static int announce(struct g4_gguf_writer *writer, const struct g4_convert *plan,
                    struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < plan->count && status == 0; i++) {
        const struct g4_convert_tensor *t = &plan->tensors[i];
        size_t bytes;
        status = g4_gguf_announce(writer, t->name, t->dtype, t->dims, t->shape, &bytes, err);
    }
    return status;
}

/* Everything behind the metadata. */
static int write_file(struct file *file, const struct g4_convert *plan, const struct g4_exec *exec,
                      struct g4_err *err)
{
    char *what = NULL;
    int status = announce(file->writer, plan, err);
    if (status == 0)
        status =
            g4_quantize_reserve(&file->out, g4_gguf_writer_size(file->writer), file->path, err);
    if (status == 0)
        status = g4_gguf_write_header(file->writer, err);
    if (status == 0 && asprintf(&what, "'%s' MiB", file->path) < 0) {
        what = NULL;
        status = g4_err_nomem(err, 0, "a file name");
    }
    if (status == 0)
        status = g4_convert_stream(plan, exec, write_data, file->writer, what, err);
    if (status == 0)
        status = g4_gguf_write_end(file->writer, err);
    if (status == 0)
        g4_log_info(1, "'%s': %zu tensors, %llu bytes", file->path, plan->count,
                    (unsigned long long)g4_gguf_writer_size(file->writer));
    free(what);
    return status;
}

static int open_file(struct file *file, const struct g4_quantize_options *o, struct g4_err *err)
{
    int status = g4_output_open(&file->out, file->path, o->force, err);
    if (status == 0)
        status = g4_output_refuse_terminal(&file->out, "a model", err);
    if (status == 0)
        status = g4_gguf_writer_new(&file->writer, file->out.fd, file->path, err);
    return status;
}

static void close_file(struct file *file)
{
    g4_gguf_writer_free(file->writer);
    g4_output_discard(&file->out);
    free(file->path);
}

static int write_text(struct file *file, const struct g4_quantize_options *o,
                      const struct g4_model *model, const struct g4_exec *exec, struct g4_err *err)
{
    struct g4_convert plan;
    const enum g4_convert_type type = (enum g4_convert_type)o->type;
    int status = g4_convert_text(&plan, model, type, err);
    if (status < 0)
        return status;
    g4_convert_put_text(file->writer, model, type);
    status = g4_tokenizer_metadata_put(file->writer, model, err);
    if (status == 0)
        status = write_file(file, &plan, exec, err);
    g4_convert_release(&plan);
    return status;
}

static int write_media(struct file *file, const struct g4_convert *plan, const struct g4_exec *exec,
                       struct g4_err *err)
{
    g4_convert_put_media(file->writer, plan);
    return write_file(file, plan, exec, err);
}

/* Length of a name without the ending, if it has it (in any case of letters). */
static size_t without(const char *name, size_t n, const char *ending)
{
    const size_t m = strlen(ending);
    return n > m && strncasecmp(name + n - m, ending, m) == 0 ? n - m : n;
}

/* "folder/mmproj-STEM-bf16.gguf" for "folder/STEM-q4_0.gguf". */
static int name_media(struct file *media, const struct g4_quantize_options *o,
                      const struct g4_convert *plan, struct g4_err *err)
{
    const char *slash = strrchr(o->out, '/'), *name = slash ? slash + 1 : o->out;
    const char *bits = "bf16";
    char type[16];
    for (size_t i = 0; i < plan->count; i++)
        if (plan->tensors[i].dtype == G4_DTYPE_F16)
            bits = "f16";
    snprintf(type, sizeof type, "-%s", g4_quantize_types[o->type]);
    size_t n = without(name, strlen(name), ".gguf");
    n = without(name, n, type);
    if (asprintf(&media->path, "%.*smmproj-%.*s-%s.gguf", (int)(name - o->out), o->out, (int)n,
                 name, bits) >= 0)
        return 0;
    media->path = NULL;
    return g4_err_nomem(err, 0, "a file name");
}

/* Whether the towers lie already where they would be written: beside a GGUF model that is
 * quantised in its own folder. */
static bool is_there(const struct g4_model *model, const char *path)
{
    const struct g4_gguf *media = model->weights.media;
    struct stat a, b;
    return media && media != model->weights.text && stat(media->path, &a) == 0 &&
           stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Both files are opened before either is written: what stands in the way is told at once. */
static int write_files(const struct g4_quantize_options *o, const struct g4_model *model,
                       const struct g4_exec *exec, struct g4_err *err)
{
    struct file text = {.out = {.fd = -1}}, media = {.out = {.fd = -1}};
    struct g4_convert towers = {0};
    bool has_media = false;
    int status = 0;
    text.path = strdup(o->out);
    if (!text.path)
        return g4_err_nomem(err, strlen(o->out), "a file name");
    if (!o->no_mmproj)
        status = g4_convert_media(&towers, model, err);
    if (status == 0 && towers.count > 0 && strcmp(o->out, "-") == 0)
        status = g4_err_set(err, G4_EUSAGE,
                            "quantize: the towers need a file of their own: --no-mmproj leaves "
                            "them out");
    if (status == 0)
        status = open_file(&text, o, err);
    if (status == 0 && towers.count > 0)
        status = name_media(&media, o, &towers, err);
    if (status == 0 && towers.count > 0 && !is_there(model, media.path)) {
        has_media = true;
        status = open_file(&media, o, err);
    }
    if (status == 0)
        status = write_text(&text, o, model, exec, err);
    if (status == 0 && has_media)
        status = write_media(&media, &towers, exec, err);
    if (status == 0 && has_media)
        status = g4_output_commit(&media.out, err);
    if (status == 0)
        status = g4_output_commit(&text.out, err);
    g4_convert_release(&towers);
    close_file(&text);
    close_file(&media);
    return status;
}

/* All that the text model needs is there and has its shape: the decoder finds its weights. */
static int check_whole(const struct g4_model *model, const struct g4_exec *exec, struct g4_err *err)
{
    struct g4_engine *engine = NULL;
    if (!model->config.text.present)
        return g4_err_set(err, G4_EUNSUPPORTED, "'%s' holds no text model", model->path);
    int status = g4_engine_open(&engine, model, exec, err);
    g4_engine_close(engine);
    return status;
}

static int convert(const struct g4_quantize_options *o, const struct g4_model *model,
                   struct g4_err *err)
{
    struct g4_exec exec = {0};
    const bool folder = o->type == G4_CONVERT_SFP8;
    int status = g4_exec_open(&exec, (int)o->threads, err);
    if (status == 0)
        status = g4_convert_refuse_rounded(model, err);
    if (status == 0)
        status = check_whole(model, &exec, err);
    if (status == 0 && !folder)
        status = g4_convert_check(model, err);
    if (status == 0)
        status = folder ? g4_model_quantize_folder(o, model, &exec, err)
                        : write_files(o, model, &exec, err);
    g4_exec_close(&exec);
    return status;
}

int g4_model_quantize(const struct g4_quantize_options *o, struct g4_err *err)
{
    struct g4_model model = {0};
    char *path = NULL, *companion = NULL;
    if (o->no_mmproj && o->mmproj)
        return g4_err_set(err, G4_EUSAGE, "quantize: --mmproj and --no-mmproj contradict");
    if (o->type < 0)
        return g4_err_set(err, G4_EUSAGE,
                          "quantize: which type? --type=q4_0, q8_0, q4_k_m, q6_k, bf16 or sfp8");
    int status = g4_discover(&path, &companion, o->in, err);
    if (status == 0) {
        const char *towers = o->no_mmproj ? "" : o->mmproj ? o->mmproj : companion;
        g4_log_info(1, "model '%s'", path);
        status = g4_model_open(&model, path, towers, err);
    }
    if (status == 0)
        status = convert(o, &model, err);
    g4_model_close(&model);
    free(path);
    free(companion);
    return status;
}
