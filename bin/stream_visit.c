/* stream_visit.c - opens operands and walks through their records. */
#include "bin/stream_visit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"

static int walk(struct g4_stream_reader *reader, const char *name, g4_visit_fn *visit, void *ctx,
                size_t *fails, struct g4_err *err)
{
    struct g4_record record;
    int status;
    do {
        status = g4_stream_next(reader, &record, err);
        if (status == 0 && record.type == G4_RECORD_FAIL) {
            g4_log_errorf("%s: source %" PRIu32 " failed: %s", name, record.source, record.text);
            ++*fails;
        }
        if (status == 0)
            status = visit(ctx, name, &record, err);
    } while (status == 0 && record.type != G4_RECORD_EOF);
    return status;
}

int g4_stream_visit(const char *operand, g4_visit_fn *visit, void *ctx, size_t *fails,
                    struct g4_err *err)
{
    bool from_stdin = strcmp(operand, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(operand, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return g4_err_set(err, G4_EIO, "'%s': cannot open: %s", operand, strerror(errno));
    struct g4_stream_reader *reader = NULL;
    const size_t size = strlen(operand) + sizeof "stdin" + 2;
    char *name = malloc(size);
    int status;
    if (name == NULL) {
        status = g4_err_nomem(err, size, "a name");
    } else {
        snprintf(name, size, from_stdin ? "stdin" : "'%s'", operand);
        status = g4_stream_reader_new(&reader, fd, name, err);
    }
    if (status == 0)
        status = walk(reader, name, visit, ctx, fails, err);
    g4_stream_reader_free(reader);
    free(name);
    if (!from_stdin)
        close(fd);
    return status;
}
