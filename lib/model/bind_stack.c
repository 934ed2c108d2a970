/*
 * bind_stack.c - stacks of matrices: in one tensor, or as other programs keep them.
 *
 *     X.experts.gate_proj             [count, rows, cols], as published
 *     X.moe.gate_proj                 the same under another name
 *     X.experts.E.gate_proj.weight    one by one: a matrix each, in any layout that a matrix has
 */
#include "lib/model/bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/bind_codes.h"

enum { NAME_BYTES = 512 };

/* Replaces the ".experts." of a name; false where there is none. */
static bool respell(char out[NAME_BYTES], const char *name)
{
    static const char part[] = ".experts.";
    const char *at = strstr(name, part);
    int n =
        at ? snprintf(out, NAME_BYTES, "%.*s.moe.%s", (int)(at - name), name, at + sizeof part - 1)
           : -1;
    return n > 0 && n < NAME_BYTES;
}

/* Number e of a stack kept one by one; `ending` is ".weight" or one of those in its place. */
static bool name_element(char out[NAME_BYTES], const char *name, size_t e, const char *ending)
{
    const char *dot = strrchr(name, '.');
    int n = dot ? snprintf(out, NAME_BYTES, "%.*s.%zu%s%s", (int)(dot - name), name, e, dot, ending)
                : -1;
    return n > 0 && n < NAME_BYTES;
}

static bool is_one_by_one(const struct g4_weights *weights, const char *name)
{
    char element[NAME_BYTES];
    return (name_element(element, name, 0, ".weight") && g4_weights_find(weights, element)) ||
           (name_element(element, name, 0, ".weight_packed") && g4_weights_find(weights, element));
}

static void bind_elements(struct g4_bind *bind, struct g4_matrix *out, size_t count, size_t rows,
                          size_t cols, const char *name)
{
    for (size_t e = 0; e < count; e++) {
        struct g4_matrix checked;
        char element[NAME_BYTES];
        if (name_element(element, name, e, ".weight"))
            g4_bind_matrix(bind, out ? &out[e] : &checked, rows, cols, true, "%s", element);
    }
}

static void bind_matrices(struct g4_bind *bind, struct g4_matrix *out,
                          const struct g4_bind_shape *shape, bool required, const char *name)
{
    struct g4_matrix all;
    char other[NAME_BYTES];
    if (!g4_weights_find(bind->weights, name)) {
        if (is_one_by_one(bind->weights, name)) {
            bind_elements(bind, out, shape->count, shape->rows, shape->cols, name);
            return;
        }
        if (respell(other, name) && g4_weights_find(bind->weights, other))
            name = other;
    }
    g4_bind_rows(bind, &all, name, shape, required);
    for (size_t i = 0; out && i < shape->count; i++)
        out[i] = all.data ? g4_matrix_rows(&all, i * shape->rows, shape->rows) : all;
}

void g4_bind_matrices(struct g4_bind *bind, struct g4_matrix *out, size_t count, size_t rows,
                      size_t cols, bool required, const char *format, ...)
{
    const struct g4_bind_shape shape = {count, rows, cols};
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    for (size_t i = 0; out && i < count; i++)
        out[i] = (struct g4_matrix){0};
    va_start(args, format);
    if (g4_bind_name(bind, name, sizeof name, format, args))
        bind_matrices(bind, out, &shape, required, name);
    va_end(args);
}

bool g4_bind_has_matrices(const struct g4_bind *bind, const char *format, ...)
{
    char name[NAME_BYTES], other[NAME_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(name, sizeof name, format, args);
    va_end(args);
    if (n < 0 || n >= NAME_BYTES)
        return false;
    return g4_weights_find(bind->weights, name) || is_one_by_one(bind->weights, name) ||
           (respell(other, name) && g4_weights_find(bind->weights, other));
}
