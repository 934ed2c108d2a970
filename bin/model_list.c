/* model_list.c - g4-model list: what discovery finds, each opened for a moment. */
#include <stdlib.h>
#include <string.h>

#include "bin/model_info.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"

enum { COLUMNS = 5, FORM_BYTES = 48, SIZE_BYTES = 32, SAFE_BYTES = 4096 };

/* One model of the list. */
struct row {
    const struct g4_discovered *model;
    const char *variant; /* NULL: it does not open */
    const char *format;
    enum g4_dtype dtype;
    uint64_t bytes;
    char *problem; /* owned; NULL: it opens */
};

static int look(struct row *row, const struct g4_discovered *d, struct g4_err *err)
{
    struct g4_model model = {0};
    struct g4_err problem = {0};
    *row = (struct row){.model = d};
    if (d->problem)
        g4_err_set(&problem, G4_EINPUT, "%s", d->problem);
    else if (g4_model_open(&model, d->path, d->companion, &problem) == 0) {
        row->variant = g4_config_variant(&model.config);
        row->format = g4_info_format(&model);
        row->dtype = g4_model_main_dtype(&model);
        row->bytes = g4_weights_mapped(&model.weights);
    }
    g4_model_close(&model);
    if (problem.code == 0)
        return 0;
    if (problem.code == G4_ENOMEM || !(row->problem = strdup(problem.text)))
        return g4_err_nomem(err, 0, "the list of models");
    g4_log_info(1, "%s", row->problem);
    return 0;
}

static json_t *row_object(const struct row *row)
{
    const bool open = !row->problem;
    return json_pack("{s:o, s:s?, s:s?, s:s?, s:o, s:s, s:o, s:o, s:o}", "name",
                     g4_info_string(row->model->name), "variant", row->variant, "dtype",
                     open ? g4_dtype_info(row->dtype)->name : NULL, "format", row->format, "bytes",
                     open ? json_integer((json_int_t)row->bytes) : json_null(), "place",
                     row->model->place, "path", g4_info_string(row->model->path), "towers",
                     row->model->companion ? g4_info_string(row->model->companion) : json_null(),
                     "error", open ? json_null() : json_string(row->problem));
}

static int print_objects(const struct row *rows, size_t count, FILE *out, struct g4_err *err)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        g4_info_append(&array, row_object(&rows[i]));
    return g4_info_print_json(array, out, err);
}

/* Texts of the columns but the last; name and size are written to the buffers. */
static void columns_of(const struct row *row, const char *text[COLUMNS], char name[SAFE_BYTES],
                       char form[FORM_BYTES], char size[SIZE_BYTES])
{
    g4_utf8_safe(name, SAFE_BYTES, row->model->name, strlen(row->model->name));
    text[0] = name;
    text[1] = row->variant ? row->variant : "-";
    text[2] = "not readable";
    text[3] = "-";
    text[4] = row->model->place;
    if (row->problem)
        return;
    snprintf(form, FORM_BYTES, "%s %s", g4_dtype_info(row->dtype)->name, row->format);
    text[2] = form;
    text[3] = g4_info_size(row->bytes, size, SIZE_BYTES);
}

/* As wide as the widest text in each column. */
static void print_columns(const struct row *rows, size_t count, FILE *out)
{
    char name[SAFE_BYTES], form[FORM_BYTES], size[SIZE_BYTES], path[SAFE_BYTES];
    const char *text[COLUMNS];
    size_t width[COLUMNS] = {0};
    for (int print = 0; print < 2; print++)
        for (size_t i = 0; i < count; i++) {
            columns_of(&rows[i], text, name, form, size);
            for (size_t c = 0; c < COLUMNS; c++) {
                const size_t n = strlen(text[c]);
                if (print)
                    fprintf(out, c == 3 ? "%*s  " : "%-*s  ", (int)width[c], text[c]);
                else if (n > width[c])
                    width[c] = n;
            }
            g4_utf8_safe(path, sizeof path, rows[i].model->path, strlen(rows[i].model->path));
            if (print)
                fprintf(out, "%s\n", path);
        }
}

int g4_model_print_list(const struct g4_discovered *list, size_t count, bool json, FILE *out,
                        struct g4_err *err)
{
    struct row *rows = NULL;
    size_t looked = 0;
    int status = g4_alloc((void **)&rows, count, sizeof *rows, "the list of models", err);
    for (; status == 0 && looked < count; looked++)
        status = look(&rows[looked], &list[looked], err);
    if (status == 0 && json)
        status = print_objects(rows, count, out, err);
    else if (status == 0)
        print_columns(rows, count, out);
    for (size_t i = 0; i < looked; i++)
        free(rows[i].problem);
    free(rows);
    return status;
}
