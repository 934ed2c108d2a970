/* media_input.c - a file, a pipe, or a pipe that became a file. */
#include "encoders/media/media_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encoders/media/extent.h"
#include "encoders/media/spool.h"
#include "lib/base/mem.h"

enum { COPY_BYTES = 256 << 10 };

struct g4_media_input {
    const char *name, *program;
    struct g4_media_limits limits;
    int fd;
    bool owned;    /* fd is ours to close */
    bool pipe;     /* what the operand is */
    bool seekable; /* what it is now */
    bool abandoned;
    uint64_t base;       /* offset of byte 0 in fd */
    int64_t size;        /* -1: not known yet */
    unsigned char *head; /* the first bytes, kept */
    size_t head_bytes;
    uint64_t taken; /* pipe: bytes read from fd so far */
    struct g4_extent extent;
    struct g4_spool spool;
};

/* One read that waits where it must; 0 at the end. */
static int read_some(struct g4_media_input *input, void *buffer, size_t n, size_t *got,
                     struct g4_err *err)
{
    for (;;) {
        ssize_t r = read(input->fd, buffer, n);
        if (r >= 0) {
            *got = (size_t)r;
            return 0;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {input->fd, POLLIN, 0};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return g4_err_set(err, G4_EIO, "'%s': cannot read: %s", input->name, strerror(errno));
        }
    }
}

/* The next bytes of a pipe. */
static int pipe_read(struct g4_media_input *input, void *buffer, size_t n, size_t *got,
                     struct g4_err *err)
{
    *got = 0;
    if (input->size >= 0)
        return 0;
    int status = read_some(input, buffer, n, got, err);
    if (status < 0)
        return status;
    g4_extent_feed(&input->extent, input->taken, buffer, *got);
    input->taken += *got;
    if (*got == 0)
        input->size = (int64_t)input->taken;
    return 0;
}

static int file_read(const struct g4_media_input *input, uint64_t offset, void *buffer, size_t n,
                     size_t *got, struct g4_err *err)
{
    *got = 0;
    if (offset > INT64_MAX - input->base)
        return 0;
    for (;;) {
        ssize_t r = pread(input->fd, buffer, n, (off_t)(input->base + offset));
        if (r >= 0) {
            *got = (size_t)r;
            return 0;
        }
        if (errno != EINTR)
            return g4_err_set(err, G4_EIO, "'%s': cannot read: %s", input->name, strerror(errno));
    }
}

static int open_operand(struct g4_media_input *input, const char *operand, struct g4_err *err)
{
    if (strcmp(operand, "-") == 0) {
        input->fd = STDIN_FILENO;
        return 0;
    }
    input->fd = open(operand, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input->fd >= 0) {
        input->owned = true;
        return 0;
    }
    if (errno == ENOENT && strstr(operand, "://"))
        return g4_err_set(err, G4_ENOTFOUND,
                          "'%s': not a file; send it through a pipe: curl -L URL | %s", operand,
                          input->program);
    return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                      operand, strerror(errno));
}

/* What was opened: a file, a pipe, or nothing that can be read. */
static int look_at(struct g4_media_input *input, struct g4_err *err)
{
    struct stat st;
    if (fstat(input->fd, &st) < 0)
        return g4_err_set(err, G4_EIO, "'%s': cannot read: %s", input->name, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return g4_err_set(err, G4_EINPUT, "'%s': is a directory", input->name);
    if (S_ISREG(st.st_mode)) {
        off_t at = input->owned ? 0 : lseek(input->fd, 0, SEEK_CUR);
        input->base = at > 0 ? (uint64_t)at : 0;
        input->size = st.st_size > at ? (int64_t)(st.st_size - at) : 0;
        input->seekable = true;
    } else {
        input->pipe = true;
    }
    const unsigned char *data;
    size_t got;
    int status = g4_media_input_peek(input, 1, 4096, &data, &got, err);
    if (status == 0 && got == 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': empty%s", input->name,
                            S_ISFIFO(st.st_mode) ? " (did the program before the pipe fail?)" : "");
    return status;
}

int g4_media_input_open(struct g4_media_input **out, const char *operand, const char *program,
                        const struct g4_media_limits *limits, struct g4_err *err)
{
    void *memory;
    *out = NULL;
    int status = g4_alloc(&memory, 1, sizeof **out, "an input", err);
    if (status < 0)
        return status;
    struct g4_media_input *input = memory;
    *input = (struct g4_media_input){
        .name = strcmp(operand, "-") == 0 ? "stdin" : operand,
        .program = program,
        .limits = *limits,
        .fd = -1,
        .size = -1,
        .spool = {.fd = -1},
    };
    status = open_operand(input, operand, err);
    if (status == 0)
        status = look_at(input, err);
    if (status < 0) {
        g4_media_input_close(input);
        return status;
    }
    *out = input;
    return 0;
}

void g4_media_input_close(struct g4_media_input *input)
{
    if (!input || input->abandoned)
        return;
    if (input->owned && input->fd >= 0)
        close(input->fd);
    g4_spool_close(&input->spool);
    free(input->head);
    free(input);
}

const char *g4_media_input_name(const struct g4_media_input *input)
{
    return input->name;
}

const char *g4_media_input_program(const struct g4_media_input *input)
{
    return input->program;
}

const struct g4_media_limits *g4_media_input_limits(const struct g4_media_input *input)
{
    return &input->limits;
}

bool g4_media_input_is_pipe(const struct g4_media_input *input)
{
    return input->pipe;
}

bool g4_media_input_seekable(const struct g4_media_input *input)
{
    return input->seekable;
}

int64_t g4_media_input_size(const struct g4_media_input *input)
{
    return input->size;
}

void g4_media_input_abandon(struct g4_media_input *input)
{
    input->abandoned = true;
}

/* Copies everything that a pipe still has. */
static int spool_rest(struct g4_media_input *input, unsigned char *buffer, struct g4_err *err)
{
    size_t got = 1;
    while (got > 0) {
        int status = pipe_read(input, buffer, COPY_BYTES, &got, err);
        if (status < 0)
            return status;
        status = g4_spool_write(&input->spool, buffer, got, err);
        if (status < 0) {
            g4_err_prefix(err, "'%s'", input->name);
            return status;
        }
    }
    return 0;
}

int g4_media_input_spool(struct g4_media_input *input, struct g4_err *err)
{
    if (input->seekable)
        return 0;
    if (input->taken > input->head_bytes)
        return g4_err_set(err, G4_EIO, "'%s': already read in part", input->name);
    void *buffer;
    int status = g4_alloc(&buffer, 1, COPY_BYTES, "a copy buffer", err);
    if (status < 0)
        return status;
    status = g4_spool_open(&input->spool, input->limits.max_spool, err);
    if (status == 0)
        status = g4_spool_write(&input->spool, input->head, input->head_bytes, err);
    if (status == 0)
        status = spool_rest(input, buffer, err);
    else
        g4_err_prefix(err, "'%s'", input->name);
    if (status == 0) {
        if (input->owned)
            close(input->fd);
        input->owned = false;
        input->fd = input->spool.fd;
        input->seekable = true;
    }
    free(buffer);
    return status;
}

int g4_media_input_peek(struct g4_media_input *input, size_t enough, size_t n,
                        const unsigned char **data, size_t *got, struct g4_err *err)
{
    if (n > input->head_bytes) {
        unsigned char *grown = realloc(input->head, n);
        if (!grown)
            return g4_err_nomem(err, n, "the beginning of a file");
        input->head = grown;
    }
    while (input->head_bytes < enough) {
        size_t more;
        int status = input->seekable
                         ? file_read(input, input->head_bytes, input->head + input->head_bytes,
                                     n - input->head_bytes, &more, err)
                         : pipe_read(input, input->head + input->head_bytes, n - input->head_bytes,
                                     &more, err);
        if (status < 0)
            return status;
        if (more == 0)
            break;
        input->head_bytes += more;
    }
    *data = input->head;
    *got = input->head_bytes < n ? input->head_bytes : n;
    return 0;
}

/* Passes over the bytes of a pipe up to offset. */
static int pass_over(struct g4_media_input *input, uint64_t offset, struct g4_err *err)
{
    unsigned char buffer[16 << 10];
    while (input->taken < offset && input->size < 0) {
        uint64_t left = offset - input->taken;
        size_t got;
        int status = pipe_read(input, buffer, left < sizeof buffer ? (size_t)left : sizeof buffer,
                               &got, err);
        if (status < 0)
            return status;
    }
    return 0;
}

int g4_media_input_read(struct g4_media_input *input, uint64_t offset, void *buffer, size_t n,
                        size_t *got, struct g4_err *err)
{
    *got = 0;
    if (input->seekable)
        return file_read(input, offset, buffer, n, got, err);
    if (offset < input->head_bytes) {
        size_t kept = input->head_bytes - (size_t)offset;
        *got = n < kept ? n : kept;
        memcpy(buffer, input->head + offset, *got);
        return 0;
    }
    if (offset < input->taken)
        return g4_err_set(err, G4_EIO, "'%s': a pipe cannot be read backwards", input->name);
    int status = pass_over(input, offset, err);
    return status < 0 ? status : pipe_read(input, buffer, n, got, err);
}

int g4_media_input_check_end(struct g4_media_input *input, struct g4_err *err)
{
    struct g4_extent *extent = &input->extent;
    uint64_t offset;
    while (input->seekable && g4_extent_wants(extent, &offset)) {
        unsigned char header[G4_EXTENT_HEADER];
        size_t got;
        int status = file_read(input, offset, header, sizeof header, &got, err);
        if (status < 0)
            return status;
        if (got == 0)
            break;
        g4_extent_feed(extent, offset, header, got);
    }
    if (input->size < 0 || !g4_extent_truncated(extent, (uint64_t)input->size))
        return 0;
    return g4_err_set(err, G4_EINPUT, "'%s': truncated: %lld of %llu bytes", input->name,
                      (long long)input->size, (unsigned long long)extent->end);
}
