/* av_message.c - the log callback, and error codes to text. */
#include "encoders/media/av_message.h"

#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <string.h>

/* Per thread: decoders of two sources may run at the same time. */
static _Thread_local char complaint[200];

static void keep(void *object, int level, const char *format, va_list args)
{
    (void)object; /* its name would come with an address */
    if (level > AV_LOG_ERROR)
        return;
    char line[sizeof complaint];
    int n = vsnprintf(line, sizeof line, format, args);
    size_t length = n < 0 ? 0 : strcspn(line, "\n");
    while (length > 0 && (line[length - 1] == '.' || line[length - 1] == ' '))
        length--;
    if (length == 0)
        return;
    memcpy(complaint, line, length);
    complaint[length] = '\0';
}

void g4_av_message_begin(void)
{
    av_log_set_callback(keep);
    complaint[0] = '\0';
}

const char *g4_av_complaint(void)
{
    return complaint;
}

static const char *reason(int averror, char *text, size_t size)
{
    switch (averror) {
    case AVERROR(ENOMEM): return "not enough memory for what it states";
    case AVERROR_INVALIDDATA: return "damaged or not what it seems";
    case AVERROR(EIO): /* an input that cannot be read is told before it comes to this */
    case AVERROR_EOF: return "unexpected end";
    case AVERROR_PATCHWELCOME: return "a variant that is not supported";
    case AVERROR_DECODER_NOT_FOUND: return "no decoder for it";
    }
    av_strerror(averror, text, size);
    return text;
}

int g4_av_error(struct g4_err *err, const char *name, const char *what, int averror)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    const char *why = reason(averror, text, sizeof text);
    int code = averror == AVERROR(ENOMEM) ? G4_ENOMEM
               : averror == AVERROR_PATCHWELCOME || averror == AVERROR_DECODER_NOT_FOUND
                   ? G4_EUNSUPPORTED
                   : G4_EINPUT;
    if (complaint[0])
        return g4_err_set(err, code, "'%s': cannot %s: %s (%s)", name, what, why, complaint);
    return g4_err_set(err, code, "'%s': cannot %s: %s", name, what, why);
}
