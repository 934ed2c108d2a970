/* chat.c - the turns of the layout, one call per piece. */
#include "decoder/chat.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"

static bool is_space(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x20) || cp == 0x85 || cp == 0xa0 ||
           cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

size_t g4_chat_space(const char *text, size_t n)
{
    uint32_t cp;
    size_t length = g4_utf8_next(text, n, &cp);
    return length && is_space(cp) ? length : 0;
}

void g4_chat_trim(const char **text, size_t *n)
{
    size_t length;
    while ((length = g4_chat_space(*text, *n)) > 0) {
        *text += length;
        *n -= length;
    }
    for (;;) {
        size_t back = 1;
        while (back < 4 && back < *n && ((*text)[*n - back] & 0xc0) == 0x80)
            back++;
        if (*n < back || g4_chat_space(*text + *n - back, back) != back)
            return;
        *n -= back;
    }
}

/* Template, payload, template: the commonest three. */
static int wrap(struct g4_prompt *prompt, const char *before, const char *text, size_t n,
                const char *after, struct g4_err *err)
{
    int status = g4_prompt_template(prompt, before, err);
    if (status == 0 && n > 0)
        status = g4_prompt_payload(prompt, text, n, err);
    return status < 0 ? status : g4_prompt_template(prompt, after, err);
}

int g4_chat_begin(struct g4_prompt *prompt, const char *system, size_t system_bytes, bool thinking,
                  struct g4_err *err)
{
    const char *text = system ? system : "";
    size_t n = system ? system_bytes : 0;
    if (!system && !thinking)
        return g4_prompt_template(prompt, "<bos>", err);
    g4_chat_trim(&text, &n);
    return wrap(prompt, thinking ? "<bos><|turn>system\n<|think|>\n" : "<bos><|turn>system\n", text,
                n, "<turn|>\n", err);
}

int g4_chat_user_open(struct g4_prompt *prompt, struct g4_err *err)
{
    return g4_prompt_template(prompt, "<|turn>user\n", err);
}

int g4_chat_text(struct g4_prompt *prompt, const char *text, size_t n, struct g4_err *err)
{
    g4_chat_trim(&text, &n);
    return n ? g4_prompt_payload(prompt, text, n, err) : 0;
}

/* Takes ownership of data in every case. */
static int marked_rows(struct g4_prompt *prompt, const char *before, enum g4_position_kind kind,
                       size_t rows, float *data, const char *after, struct g4_err *err)
{
    int status = g4_prompt_template(prompt, before, err);
    if (status < 0) {
        free(data);
        return status;
    }
    status = g4_prompt_soft(prompt, kind, rows, data, err);
    return status < 0 ? status : g4_prompt_template(prompt, after, err);
}

int g4_chat_image(struct g4_prompt *prompt, size_t rows, float *data, struct g4_err *err)
{
    return marked_rows(prompt, "<|image>", G4_POS_IMAGE, rows, data, "<image|>", err);
}

int g4_chat_audio(struct g4_prompt *prompt, size_t rows, float *data, struct g4_err *err)
{
    return marked_rows(prompt, "<|audio>", G4_POS_AUDIO, rows, data, "<audio|>", err);
}

int g4_chat_frame(struct g4_prompt *prompt, bool first, int64_t t_us, size_t rows, float *data,
                  struct g4_err *err)
{
    char before[48];
    const long long seconds = t_us > 0 ? (long long)(t_us / 1000000) : 0;
    snprintf(before, sizeof before, "%s%02lld:%02lld <|image>", first ? "" : " ", seconds / 60,
             seconds % 60);
    return marked_rows(prompt, before, G4_POS_VIDEO, rows, data, "<image|>", err);
}

int g4_chat_model_open(struct g4_prompt *prompt, enum g4_chat_variant variant, bool thinking,
                       struct g4_err *err)
{
    /* The large models are kept from thinking by a thought that is over already. */
    return g4_prompt_template(prompt,
                              variant == G4_CHAT_LARGE && !thinking
                                  ? "<|turn>model\n<|channel>thought\n<channel|>"
                                  : "<|turn>model\n",
                              err);
}

int g4_chat_user_close(struct g4_prompt *prompt, enum g4_chat_variant variant, bool thinking,
                       struct g4_err *err)
{
    int status = g4_prompt_template(prompt, "<turn|>\n", err);
    return status < 0 ? status : g4_chat_model_open(prompt, variant, thinking, err);
}
