/* model_verify.c - the steps of verify, and its report. */
#include "bin/model_verify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/model_info.h"
#include "decoder/generation_config.h"
#include "decoder/text_weights.h"
#include "decoder/tokenizer.h"
#include "encoders/audio/audio_weights.h"
#include "encoders/audio/unified_audio.h"
#include "encoders/vision/unified_vision.h"
#include "encoders/vision/vision_weights.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"
#include "lib/model/checksum.h"
#include "lib/model/verify.h"

enum { NAMED = 8, NAME_BYTES = 160, LIST_BYTES = NAMED * NAME_BYTES };

/* Beside the weights, what a folder of safetensors has. */
static const char *const texts[] = {
    "config.json",           "generation_config.json",   "tokenizer.json",
    "tokenizer_config.json", "chat_template.jinja",      "chat_template.json",
    "processor_config.json", "preprocessor_config.json", "model.safetensors.index.json",
};

struct verify {
    const struct g4_verify_options *options;
    struct g4_err *err;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_model_summary summary;
    unsigned char *asked, *unexpected; /* marks for each tensor */
    size_t unexpected_count, files, checksums;
};

/* ------------------------------------------------------------ shapes */

static bool stored(const struct verify *v, enum g4_model_part part)
{
    return v->summary.part[part].tensors > 0;
}

static int bind_text(struct verify *v)
{
    struct g4_text_weights weights;
    int status = g4_text_weights_open(&weights, &v->model.config.text, &v->model.weights, v->err);
    if (status == 0)
        g4_text_weights_close(&weights);
    return status;
}

static int bind_vision(struct verify *v)
{
    struct g4_vision_weights tower;
    struct g4_unified_weights unified;
    int status;
    if (v->model.config.vision.unified) {
        status = g4_unified_weights_bind(&unified, &v->model, v->err);
        if (status == 0)
            g4_unified_weights_release(&unified);
        return status;
    }
    status = g4_vision_weights_bind(&tower, &v->model, v->err);
    if (status == 0)
        g4_vision_weights_release(&tower);
    return status;
}

static int bind_audio(struct verify *v)
{
    struct g4_audio_weights tower;
    struct g4_unified_audio unified;
    int status;
    if (v->model.config.audio.unified) {
        status = g4_unified_audio_open(&unified, &v->model, &v->exec, v->err);
        if (status == 0)
            g4_unified_audio_close(&unified);
        return status;
    }
    status = g4_audio_weights_open(&tower, &v->model, v->err);
    if (status == 0)
        g4_audio_weights_close(&tower);
    return status;
}

/* Every part that has tensors has all that the programs ask for, in the right shapes and types. A
 * part without any was left out on purpose; that is only said. */
static int check_shapes(struct verify *v)
{
    const struct g4_config *config = &v->model.config;
    const struct {
        const char *what;
        bool present;
        enum g4_model_part part;
        int (*bind)(struct verify *);
    } parts[] = {
        {"text model", config->text.present, G4_PART_TEXT, bind_text},
        {"vision tower", config->vision.present, G4_PART_VISION, bind_vision},
        {"audio tower", config->audio.present, G4_PART_AUDIO, bind_audio},
    };
    size_t bound = 0;
    int status = 0;
    v->model.weights.asked = v->asked;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == 0; i++) {
        if (!parts[i].present)
            continue;
        if (!stored(v, parts[i].part)) {
            g4_log_note("'%s': the configuration has a %s, the files have none", v->model.path,
                        parts[i].what);
            continue;
        }
        status = parts[i].bind(v);
        bound++;
    }
    v->model.weights.asked = NULL;
    if (status == 0 && bound == 0)
        return g4_err_set(v->err, G4_EINPUT, "'%s': no tensor of a Gemma 4 model", v->model.path);
    if (status < 0)
        g4_err_prefix(v->err, "'%s'", v->model.path);
    v->unexpected_count = g4_verify_unexpected(v->unexpected, &v->model, v->asked);
    return status;
}

static int check_vocabulary(struct verify *v)
{
    struct g4_tokenizer *tokenizer = NULL;
    struct g4_generation_config config = {0};
    if (!stored(v, G4_PART_TEXT))
        return 0;
    int status = g4_tokenizer_open_model(&tokenizer, &v->model, NULL, v->err);
    if (status == 0) {
        status = g4_generation_config_load(&config, &v->model, tokenizer, v->err);
        g4_generation_config_release(&config);
    }
    g4_tokenizer_close(tokenizer);
    return status;
}

/* ------------------------------------------------------------ checksums */

struct sums {
    struct g4_checksum *items;
    size_t count;
    char *paths[sizeof texts / sizeof texts[0]]; /* those that the list owns */
};

static int expect(struct verify *v, struct sums *sums, const char *path)
{
    int status = g4_checksum_expect(&sums->items[sums->count], path, v->err);
    if (status == 0 && sums->items[sums->count].hex[0])
        v->checksums++;
    sums->count++;
    return status;
}

static int gather(struct verify *v, struct sums *sums)
{
    const struct g4_weights *w = &v->model.weights;
    const size_t most = w->shard_count + w->gguf_count + sizeof texts / sizeof texts[0];
    int status = g4_alloc((void **)&sums->items, most, sizeof *sums->items, "checksums", v->err);
    for (size_t i = 0; i < w->shard_count && status == 0; i++)
        status = expect(v, sums, w->shards[i].path);
    for (size_t i = 0; i < w->gguf_count && status == 0; i++)
        status = expect(v, sums, w->ggufs[i].path);
    for (size_t i = 0; w->shard_count > 0 && i < sizeof texts / sizeof texts[0]; i++) {
        if (status < 0)
            break;
        sums->paths[i] = g4_model_file(&v->model, texts[i]);
        if (!sums->paths[i])
            status = g4_err_nomem(v->err, strlen(texts[i]), "path");
        else if (access(sums->paths[i], F_OK) == 0)
            status = expect(v, sums, sums->paths[i]);
    }
    return status;
}

static int check_sums(struct verify *v)
{
    struct sums sums = {0};
    int status = gather(v, &sums);
    if (status == 0 && v->checksums > 0)
        status = g4_checksum_verify(sums.items, sums.count, v->exec.pool, v->err);
    for (size_t i = 0; i < sums.count; i++)
        g4_checksum_release(&sums.items[i]);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(sums.paths[i]);
    free(sums.items);
    return status;
}

/* ------------------------------------------------------------ the report */

/* Names as the files have them: a few, or with -v all. */
static void note_unexpected(const struct verify *v)
{
    char list[LIST_BYTES] = "", name[NAME_BYTES];
    size_t named = 0, used = 0;
    for (size_t i = 0; i < v->model.weights.count; i++) {
        const char *text = v->model.weights.sorted[i]->name;
        if (!v->unexpected[i])
            continue;
        if (g4_log_verbose(1)) {
            g4_log_info(1, "tensor '%s': not used", text);
        } else if (named++ < NAMED) {
            g4_utf8_safe(name, sizeof name - 4, text, strlen(text));
            used +=
                (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", used ? ", " : "", name);
        }
    }
    if (named > 0)
        g4_log_note("'%s': %zu tensor%s of no use to a Gemma 4 model: %s%s", v->model.path,
                    v->unexpected_count, v->unexpected_count == 1 ? " is" : "s are", list,
                    named > NAMED ? ", ..." : "");
}

static int print_object(const struct verify *v, FILE *out)
{
    json_t *names = json_array();
    const struct g4_weights *w = &v->model.weights;
    for (size_t i = 0; i < w->count; i++)
        if (v->unexpected[i])
            g4_info_append(&names, g4_info_string(w->sorted[i]->name));
    return g4_info_print_json(
        json_pack("{s:b, s:o, s:o, s:I, s:I, s:I, s:b, s:I, s:I, s:o}", "ok", 1, "name",
                  g4_info_string(v->model.name), "path", g4_info_string(v->model.path), "files",
                  (json_int_t)v->files, "tensors", (json_int_t)w->count, "bytes",
                  (json_int_t)v->summary.total.bytes, "values", !v->options->quick, "checksums",
                  (json_int_t)v->checksums, "unused",
                  (json_int_t)v->summary.part[G4_PART_UNUSED].tensors, "unexpected", names),
        out, v->err);
}

static int print_line(const struct verify *v, FILE *out)
{
    char size[32];
    fprintf(out, "ok: %zu tensors, %s in %zu file%s: shapes", v->model.weights.count,
            g4_info_size(v->summary.total.bytes, size, sizeof size), v->files,
            v->files == 1 ? "" : "s");
    if (stored(v, G4_PART_TEXT))
        fputs(", vocabulary", out);
    if (v->options->quick)
        fputs("; numbers and checksums not looked at", out);
    else if (v->checksums > 0)
        fprintf(out, ", every number, %zu checksum%s", v->checksums, v->checksums == 1 ? "" : "s");
    else
        fputs(", every number; no list of checksums", out);
    fputc('\n', out);
    return 0;
}

/* ------------------------------------------------------------ all */

static int check(struct verify *v, FILE *out)
{
    const struct g4_weights *w = &v->model.weights;
    int status = g4_alloc((void **)&v->asked, w->count, 1, "marks", v->err);
    if (status == 0)
        status = g4_alloc((void **)&v->unexpected, w->count, 1, "marks", v->err);
    if (status < 0)
        return status;
    v->files = w->shard_count + w->gguf_count;
    g4_model_summarise(&v->summary, &v->model);
    status = check_shapes(v);
    if (status == 0)
        status = check_vocabulary(v);
    if (status == 0 && !v->options->quick)
        status = g4_verify_values(w, &v->exec, v->err);
    if (status == 0 && !v->options->quick)
        status = check_sums(v);
    if (status < 0)
        return status;
    note_unexpected(v);
    return v->options->json ? print_object(v, out) : print_line(v, out);
}

int g4_model_verify(const struct g4_verify_options *options, FILE *out, struct g4_err *err)
{
    struct verify v = {.options = options, .err = err};
    char *path = NULL, *companion = NULL;
    int status = g4_discover(&path, &companion, options->model, err);
    if (status == 0) {
        g4_log_info(1, "model '%s'", path);
        status = g4_model_open(&v.model, path, options->mmproj ? options->mmproj : companion, err);
    }
    if (status == 0)
        status = g4_exec_open(&v.exec, (int)options->threads, err);
    if (status == 0)
        status = check(&v, out);
    free(v.asked);
    free(v.unexpected);
    g4_exec_close(&v.exec);
    g4_model_close(&v.model);
    free(path);
    free(companion);
    return status;
}
