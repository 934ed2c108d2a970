/* model_sfp8_made.c - a table of names, and who makes what is called so. */
#include "bin/model_sfp8_made.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/generation_config.h"
#include "decoder/tokenizer_gguf.h"
#include "decoder/tokenizer_write.h"
#include "decoder/vocab.h"
#include "lib/format/json_read.h"
#include "lib/model/config_write.h"
#include "lib/model/convert.h"

typedef int make(struct g4_text *out, const struct g4_model *model, struct g4_err *err);

/* Rotation factors that are a number in published files are one here, too. */
static int make_config(struct g4_text *out, const struct g4_model *model, struct g4_err *err)
{
    struct g4_config config = model->config;
    json_t *root = NULL;
    double factor;
    if (g4_convert_rotary_factor(&factor, model))
        config.text.rope_full.partial_rotary_factor = factor;
    int status = g4_config_write(&root, &config, model->path, err);
    char *text = status == 0 ? json_dumps(root, JSON_INDENT(2)) : NULL;
    if (status == 0 && !text)
        status = g4_err_nomem(err, 0, "the configuration");
    if (status == 0)
        status = g4_text_puts(out, text, err);
    if (status == 0)
        status = g4_text_puts(out, "\n", err);
    free(text);
    json_decref(root);
    return status;
}

static int make_tokenizer(struct g4_text *out, const struct g4_model *model, struct g4_err *err)
{
    struct g4_vocab vocab;
    g4_vocab_init(&vocab, model->config.text.vocab_size);
    int status = g4_tokenizer_gguf_read(&vocab, model->weights.text, NULL, err);
    if (status == 0)
        status = g4_tokenizer_write(out, &vocab, err);
    g4_vocab_release(&vocab);
    return status;
}

static int make_generation(struct g4_text *out, const struct g4_model *model, struct g4_err *err)
{
    struct g4_generation_config config = {0};
    struct g4_tokenizer *tokenizer = NULL;
    int status = g4_tokenizer_open_model(&tokenizer, model, NULL, err);
    if (status == 0)
        status = g4_generation_config_load(&config, model, tokenizer, err);
    if (status == 0)
        status = g4_generation_config_write(out, &config, err);
    g4_generation_config_release(&config);
    g4_tokenizer_close(tokenizer);
    return status;
}

static int make_template(struct g4_text *out, const struct g4_model *model, struct g4_err *err)
{
    struct g4_gguf_text text = {0};
    int status = g4_gguf_string(model->weights.text, "tokenizer.chat_template", false, &text, err);
    return status < 0 || text.n == 0 ? status : g4_text_append(out, text.text, text.n, err);
}

int g4_model_make_file(char **bytes, size_t *n, const struct g4_model *model, const char *name,
                       struct g4_err *err)
{
    static const struct {
        const char *name;
        make *make;
    } files[] = {
        {"config.json", make_config},
        {"tokenizer.json", make_tokenizer},
        {"generation_config.json", make_generation},
        {"chat_template.jinja", make_template},
    };
    struct g4_text out = {0};
    int status = 0;
    *bytes = NULL;
    *n = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(name, files[i].name) == 0)
            status = files[i].make(&out, model, err);
    if (status < 0) {
        g4_text_release(&out);
        return status;
    }
    *bytes = out.text;
    *n = out.n;
    return 0;
}
