/*
 * stream_npy.c - `g4-stream npy`: the rows of segments as one NumPy array of float32, [rows,
 * width].
 *
 * The number of rows stands before them, and nothing may be written before the whole input was
 * found valid: so the rows wait in a temporary file.
 */
#include "bin/stream_visit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/temp.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DESCR "<f4"
#else
#define DESCR ">f4"
#endif

enum { COPY = 1 << 20 };

struct npy {
    int spool;
    int64_t wanted;   /* -1: all segments */
    int64_t segments; /* begun so far, over all streams */
    uint64_t rows;    /* in the spool */
    struct g4_stream_space space;
};

static int on_record(void *ctx, const char *name, const struct g4_record *r, struct g4_err *err)
{
    struct npy *npy = ctx;
    int status = 0;
    switch (r->type) {
    case G4_RECORD_HEAD:
        /* One array has one width, also over several files. */
        status = g4_stream_agree(&npy->space, &r->head, err);
        if (status < 0)
            g4_err_prefix(err, "%s", name);
        break;
    case G4_RECORD_SEGM: npy->segments++; break;
    case G4_RECORD_ROWS:
        if (npy->wanted >= 0 && npy->wanted != npy->segments - 1)
            break;
        npy->rows += r->row_count;
        status = g4_write_full(npy->spool, r->rows,
                               r->row_count * npy->space.width * sizeof *r->rows, err);
        if (status < 0)
            g4_err_prefix(err, "temporary file");
        break;
    default: break;
    }
    return status;
}

/* Version 1.0: magic, u16 length of the dictionary, the dictionary padded so that rows begin at a
 * multiple of 64. */
static int write_header(struct g4_output *out, const struct npy *npy, struct g4_err *err)
{
    enum { PREFIX = 10, HEADER = 128 };
    char header[HEADER + 1];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = HEADER - PREFIX;
    header[9] = 0;
    int n = snprintf(header + PREFIX, HEADER - PREFIX,
                     "{'descr': '" DESCR "', 'fortran_order': False, 'shape': (%" PRIu64
                     ", %" PRIu32 "), }",
                     npy->rows, npy->space.width);
    header[PREFIX + n] = ' ';
    header[HEADER - 1] = '\n';
    return g4_output_write(out, header, HEADER, err);
}

static int copy_spool(struct g4_output *out, int spool, struct g4_err *err)
{
    char *piece = malloc(COPY);
    if (piece == NULL)
        return g4_err_nomem(err, COPY, "copying rows");
    int status = lseek(spool, 0, SEEK_SET) < 0
                     ? g4_err_set(err, G4_EIO, "cannot rewind the temporary file")
                     : 0;
    size_t got = COPY;
    while (status == 0 && got == COPY) {
        status = g4_read_full(spool, piece, COPY, &got, err);
        if (status == 0)
            status = g4_output_write(out, piece, got, err);
    }
    free(piece);
    return status;
}

/* Reads all operands; the first error ends it. */
static int collect(struct npy *npy, const char *const *operands, size_t count, struct g4_err *err)
{
    size_t fails = 0;
    int status = g4_temp_open(&npy->spool, err);
    for (size_t i = 0; status == 0 && i < count; i++)
        status = g4_stream_visit(operands[i], on_record, npy, &fails, err);
    if (status == 0 && fails > 0)
        status = g4_err_set(err, G4_EINPUT, "nothing written, because %zu source%s failed", fails,
                            fails == 1 ? "" : "s");
    if (status == 0 && npy->wanted >= npy->segments)
        status =
            g4_err_set(err, G4_EINPUT, "no segment %" PRId64 ": the input has %" PRId64 " of them",
                       npy->wanted, npy->segments);
    return status;
}

int g4_stream_npy(struct g4_output *out, int64_t segment, const char *const *operands, size_t count)
{
    struct npy npy = {.spool = -1, .wanted = segment};
    struct g4_err err;
    int result = 0;
    if (collect(&npy, operands, count, &err) < 0) {
        g4_log_error(&err);
        result = 1;
    } else if (write_header(out, &npy, &err) < 0 || copy_spool(out, npy.spool, &err) < 0) {
        result = g4_output_report(out, &err);
    }
    if (npy.spool >= 0)
        close(npy.spool);
    return result;
}
