/* encode_names.c - see the header. */
#include "bin/encode_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"

static char *name_for(const char *directory, const char *operand)
{
    const char *slash = strrchr(operand, '/');
    const char *base = strcmp(operand, "-") == 0 ? "stdin" : slash ? slash + 1 : operand;
    char *name = NULL;
    return asprintf(&name, "%s/%s.g4s", directory, base) < 0 ? NULL : name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int refuse_duplicates(char **names, size_t count, struct g4_err *err)
{
    void *copy;
    int status = g4_alloc(&copy, count, sizeof *names, "the output names", err);
    if (status < 0)
        return status;
    char **sorted = copy;
    memcpy(sorted, names, count * sizeof *names);
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count && status == 0; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = g4_err_set(err, G4_EUSAGE, "two inputs would be written to '%s'", sorted[i]);
    free(sorted);
    return status;
}

int g4_encode_names(char ***out, const char *directory, const char *const *operands, size_t count,
                    struct g4_err *err)
{
    void *memory;
    *out = NULL;
    if (mkdir(directory, 0777) < 0 && errno != EEXIST)
        return g4_err_set(err, G4_EIO, "cannot make directory '%s': %s", directory,
                          strerror(errno));
    int status = g4_alloc(&memory, count, sizeof **out, "the output names", err);
    if (status < 0)
        return status;
    char **names = memory;
    for (size_t i = 0; i < count && status == 0; i++) {
        size_t n = strlen(operands[i]);
        if (n == 0 || operands[i][n - 1] == '/')
            status =
                g4_err_set(err, G4_EUSAGE, "'%s' has no file name to write under", operands[i]);
        else if (!(names[i] = name_for(directory, operands[i])))
            status = g4_err_nomem(err, n, "an output name");
    }
    if (status == 0)
        status = refuse_duplicates(names, count, err);
    if (status < 0)
        g4_encode_names_free(names, count);
    else
        *out = names;
    return status;
}

void g4_encode_names_free(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}
