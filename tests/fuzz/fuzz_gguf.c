/*
 * fuzz_gguf.c - any bytes as a GGUF file: refused with a message, or a table of which everything
 * can be read; then as a model, to the point where all its tensors have their place.
 *
 * The first byte chooses: even, the bytes as they are; odd, with zeros behind them, so that a model
 * needs no data to be one.
 */
#include "tests/fuzz/check_config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decoder/text_weights.h"
#include "encoders/audio/audio_weights.h"
#include "encoders/vision/vision_weights.h"
#include "lib/format/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ZEROS = 256 << 10 };

static volatile double sum; /* so that reads are not left out */

static void check_message(const struct g4_err *err)
{
    assert(err->code < 0 && err->text[0] != '\0' && !strchr(err->text, '\n'));
}

static void read_strings(const struct g4_gguf_value *value)
{
    const unsigned char *at = NULL;
    struct g4_gguf_text text;
    size_t n = 0;
    for (; g4_gguf_next_string(value, &at, &text); n++)
        sum = sum + (text.n > 0 ? text.text[0] + text.text[text.n - 1] : 0);
    assert(n == value->count);
}

/* Every way to ask for a value gives it or a message. */
static void read_value(const struct g4_gguf *file, const struct g4_gguf_value *value)
{
    struct g4_err err = {0};
    struct g4_gguf_text text = {0};
    int64_t whole = 1, list[4];
    double number = 0;
    bool flag;
    const char *key = value->key;
    assert(g4_gguf_value(file, key) == value && value->data <= value->end);
    if (value->type == G4_GGUF_STRING)
        read_strings(value);
    if (g4_gguf_int(file, key, true, 1, 9, &whole, &err) < 0)
        check_message(&err);
    assert(whole >= 1 && whole <= 9);
    if (g4_gguf_number(file, key, true, 0, 1, &number, &err) < 0)
        check_message(&err);
    assert(number >= 0 && number <= 1);
    if (g4_gguf_bool(file, key, true, &flag, &err) < 0)
        check_message(&err);
    if (g4_gguf_ints(file, key, true, 4, 0, 1, list, &err) < 0)
        check_message(&err);
    if (g4_gguf_string(file, key, true, &text, &err) < 0)
        check_message(&err);
    else
        assert(text.n <= (size_t)(value->end - value->data));
}

static void read_table(const uint8_t *data, size_t size)
{
    struct g4_err err = {0};
    struct g4_gguf file;
    if (g4_gguf_parse(&file, data, size, "f", &err) < 0) {
        check_message(&err);
        assert(!file.values && !file.tensors && !file.names);
        return;
    }
    for (size_t i = 0; i < file.value_count; i++)
        read_value(&file, &file.values[i]);
    for (size_t i = 0; i < file.count; i++) {
        const struct g4_tensor *tensor = &file.tensors[i];
        const unsigned char *bytes = tensor->data;
        assert(g4_gguf_find(&file, tensor->name) == tensor);
        assert(tensor->bytes == 0 || g4_tensor_count(tensor) > 0);
        if (tensor->bytes > 0)
            sum = sum + bytes[0] + bytes[tensor->bytes - 1];
    }
    g4_gguf_close(&file);
}

static void bind_parts(const struct g4_model *model)
{
    const struct g4_config *config = &model->config;
    struct g4_err err = {0};
    struct g4_text_weights text;
    struct g4_vision_weights vision;
    struct g4_audio_weights audio;
    uint8_t id[G4_ID_BYTES];
    if (config->text.present) {
        check_text_config(&config->text);
        if (g4_text_weights_open(&text, &config->text, &model->weights, &err) < 0)
            check_message(&err);
        g4_text_weights_close(&text);
    }
    if (config->vision.present && !config->vision.unified) {
        if (g4_vision_weights_bind(&vision, model, &err) < 0)
            check_message(&err);
        g4_vision_weights_release(&vision);
    }
    if (config->audio.present && !config->audio.unified) {
        if (g4_audio_weights_open(&audio, model, &err) < 0)
            check_message(&err);
        g4_audio_weights_close(&audio);
    }
    if (g4_model_space_id(model, id, &err) < 0)
        check_message(&err);
}

static void open_model(const uint8_t *data, size_t size, bool zeros)
{
    static int fd = -1;
    static char path[64];
    struct g4_err err = {0};
    struct g4_model model;
    if (fd < 0) {
        fd = memfd_create("gguf", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    assert(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    assert(!zeros || ftruncate(fd, (off_t)size + ZEROS) == 0);
    if (g4_model_open(&model, path, "", &err) < 0) {
        check_message(&err);
        return;
    }
    bind_parts(&model);
    g4_model_close(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    /* Exactly sized, so that a sanitiser sees a byte too far. */
    uint8_t *copy = calloc(1, size - 1 ? size - 1 : 1);
    assert(copy);
    memcpy(copy, data + 1, size - 1);
    read_table(copy, size - 1);
    /* Other formats have targets of their own. */
    if (size > 5 && memcmp(copy, "GGUF", 4) == 0)
        open_model(copy, size - 1, data[0] & 1);
    free(copy);
    return 0;
}
