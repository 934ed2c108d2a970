/* decode_input.c - see the header. */
#include "bin/decode_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "bin/media_hint.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"

enum {
    WAIT_MS = 2000,
    MAGIC_BYTES = 8,
    PEEK = 16,
    NULL_MAJOR = 1,
    NULL_MINOR = 3,
    PIPE_BYTES = 1 << 20
};

static const char magic[MAGIC_BYTES + 1] = "\x89G4S\r\n\x1a\n";

static int nothing_came(struct g4_err *err)
{
    return g4_err_set(err, G4_EINPUT,
                      "no stream on stdin (did the program before the pipe fail? for a "
                      "prompt alone: --no-media)");
}

/* Refuses a file that is not a stream, with the command that would work. */
static int check_start(const char *name, bool from_stdin, const unsigned char *bytes, size_t n,
                       struct g4_err *err)
{
    if (n >= MAGIC_BYTES && memcmp(bytes, magic, MAGIC_BYTES) == 0)
        return 0;
    if (n < MAGIC_BYTES && memcmp(bytes, magic, n) == 0)
        return 0; /* the reader says what is missing */
    const char *program = g4_media_hint(bytes, n);
    if (from_stdin)
        return g4_err_set(err, G4_EINPUT,
                          "stdin is not a stream of soft tokens%s%s%s (for a prompt alone: "
                          "--no-media)",
                          program ? "; send it through " : "", program ? program : "",
                          program ? " first" : "");
    if (program)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': not a stream of soft tokens; use: %s '%s' | g4-decode ...", name,
                          program, name);
    return g4_err_set(err, G4_EINPUT, "'%s': not a stream of soft tokens", name);
}

/* Looks at the first bytes of a regular file without moving its offset. */
static int peek_file(int fd, const char *name, bool from_stdin, struct g4_err *err)
{
    unsigned char bytes[PEEK];
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = at < 0 ? -1 : pread(fd, bytes, sizeof bytes, at);
    if (n < 0)
        return 0; /* reading it will say why */
    if (n == 0)
        return from_stdin ? nothing_came(err) : 0;
    return check_start(name, from_stdin, bytes, (size_t)n, err);
}

/* stdin: none, or a stream. */
static int open_stdin(struct g4_decode_input *input, struct g4_err *err)
{
    struct stat st;
    int flags = fcntl(STDIN_FILENO, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || fstat(STDIN_FILENO, &st) < 0 ||
        isatty(STDIN_FILENO) ||
        (S_ISCHR(st.st_mode) && st.st_rdev == makedev(NULL_MAJOR, NULL_MINOR))) {
        input->none = true;
        return 0;
    }
    int status = S_ISREG(st.st_mode) ? peek_file(STDIN_FILENO, "stdin", true, err) : 0;
    if (status < 0)
        return status;
    /* A larger pipe lets the encoder run on while an answer is being written. */
    if (S_ISFIFO(st.st_mode))
        fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
    input->fd = STDIN_FILENO;
    return g4_stream_reader_new(&input->reader, STDIN_FILENO, "stdin", err);
}

static int open_operand(struct g4_decode_input *input, struct g4_err *err)
{
    const char *name = input->operands[input->at];
    struct stat st;
    if (strcmp(name, "-") == 0) {
        input->announced = false;
        input->fd = STDIN_FILENO;
        return g4_stream_reader_new(&input->reader, STDIN_FILENO, "stdin", err);
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bool url = errno == ENOENT && strstr(name, "://");
        return g4_err_set(err, G4_EIO, "'%s': cannot open: %s%s%s%s", name, strerror(errno),
                          url ? " (streams come from files and pipes: curl -L '" : "",
                          url ? name : "", url ? "' | g4-decode ...)" : "");
    }
    input->fd = fd;
    int status = 0;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        status = g4_err_set(err, G4_EIO, "'%s': is a directory", name);
    else if (S_ISREG(st.st_mode))
        status = peek_file(fd, name, false, err);
    return status < 0 ? status : g4_stream_reader_new(&input->reader, fd, name, err);
}

int g4_decode_input_open(struct g4_decode_input *input, const struct g4_decode_expect *expect,
                         const char *const *operands, size_t count, bool no_media,
                         struct g4_err *err)
{
    *input = (struct g4_decode_input){
        .expect = expect, .operands = operands, .count = count, .fd = -1, .announced = true};
    if (no_media) {
        input->none = true;
        return 0;
    }
    if (count > 0)
        return open_operand(input, err);
    input->announced = false;
    return open_stdin(input, err);
}

static void close_reader(struct g4_decode_input *input)
{
    g4_stream_reader_free(input->reader);
    input->reader = NULL;
    if (input->fd > STDERR_FILENO)
        close(input->fd);
    input->fd = -1;
}

void g4_decode_input_close(struct g4_decode_input *input)
{
    close_reader(input);
}

/* A person at a terminal who forgot the pipe is told what is being waited for. */
static void announce_wait(struct g4_decode_input *input)
{
    if (input->announced)
        return;
    input->announced = true;
    struct pollfd p = {.fd = input->fd, .events = POLLIN};
    if (!isatty(STDERR_FILENO) || poll(&p, 1, WAIT_MS) != 0)
        return;
    g4_progress("waiting for a stream on stdin (--no-media: none)", 0, 0);
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        continue;
    g4_progress_clear();
}

/* ---------------------------------------------------------------------------------- the model's
 * rows */

static bool is_zero(const uint8_t id[16])
{
    static const uint8_t zero[16];
    return memcmp(id, zero, sizeof zero) == 0;
}

/* The model that made the stream, from the meta record that follows the header; "another model"
 * when there is none. The run ends with this, so the record may be used up. */
static void maker(struct g4_decode_input *input, char *out, size_t size)
{
    struct g4_record record;
    char *value = NULL;
    strncpy(out, "another model", size - 1);
    out[size - 1] = '\0';
    if (g4_stream_next(input->reader, &record, NULL) < 0 || record.type != G4_RECORD_META ||
        g4_stream_meta_string(&record, "model", &value, NULL) < 0 || !value)
        return;
    strncpy(out, value, size - 1);
    free(value);
}

static int check_head(struct g4_decode_input *input, const struct g4_stream_head *head,
                      struct g4_err *err)
{
    const struct g4_decode_expect *e = input->expect;
    const char *name = input->count ? input->operands[input->at] : "stdin";
    char made_by[128];
    if (head->width == 0)
        return 0;
    if (head->width != e->width) {
        maker(input, made_by, sizeof made_by);
        return g4_err_set(err, G4_EINPUT, "'%s': rows of '%s' have width %u, '%s' takes %zu", name,
                          made_by, (unsigned)head->width, e->model, e->width);
    }
    if (is_zero(head->space_id)) {
        if (!input->warned)
            g4_log_note("'%s': does not say which model its rows are for", name);
        input->warned = true;
        return 0;
    }
    if (e->force || memcmp(head->space_id, e->space_id, sizeof e->space_id) == 0)
        return 0;
    maker(input, made_by, sizeof made_by);
    return g4_err_set(err, G4_EINPUT,
                      "'%s': rows made for '%s' do not fit '%s' (another model of the same "
                      "width; --force tries anyway)",
                      name, made_by, e->model);
}

/* The reader's error, or a more helpful one when the very first bytes were none of a stream. */
static int explain(struct g4_decode_input *input, struct g4_err *err)
{
    size_t n;
    const unsigned char *first = g4_stream_first_bytes(input->reader, &n);
    if (input->streams == input->base && input->fd == STDIN_FILENO) {
        struct g4_err better = {0};
        int status = n == 0 ? nothing_came(&better) : check_start("stdin", true, first, n, &better);
        if (status < 0)
            *err = better;
    }
    return err->code;
}

int g4_decode_input_next(struct g4_decode_input *input, struct g4_record *record,
                         struct g4_err *err)
{
    announce_wait(input);
    for (;;) {
        int status = g4_stream_next(input->reader, record, err);
        if (status < 0)
            return explain(input, err);
        if (record->type != G4_RECORD_EOF || input->at + 1 >= input->count)
            break;
        close_reader(input);
        input->at++;
        input->base = input->streams;
        status = open_operand(input, err);
        if (status < 0)
            return status;
    }
    record->stream += input->base;
    if (record->type != G4_RECORD_HEAD)
        return 0;
    input->streams = record->stream + 1;
    return check_head(input, &record->head, err);
}

bool g4_decode_input_ready(const struct g4_decode_input *input)
{
    struct pollfd p = {.fd = input->fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}
