/* operands.c - the list of inputs. */
#include "bin/operands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

enum { LIST_LIMIT = 256 << 20 };

static int split_list(struct g4_operands *operands, size_t bytes, const char *from,
                      struct g4_err *err)
{
    char *list = operands->list;
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += list[i] == '\0';
    /* The last name needs no NUL behind it: the reader put one there. */
    count += bytes > 0 && list[bytes - 1] != '\0';
    void *items;
    int status = g4_alloc(&items, count, sizeof *operands->items, "the list of files", err);
    if (status < 0)
        return status;
    operands->items = items;
    for (size_t i = 0, at = 0; i < count; i++, at += strlen(list + at) + 1) {
        if (list[at] == '\0')
            return g4_err_set(err, G4_EUSAGE, "'%s': name %zu is empty", from, i + 1);
        operands->items[operands->count++] = list + at;
    }
    return 0;
}

static int from_list(struct g4_operands *operands, const char *from, struct g4_err *err)
{
    size_t bytes;
    int status = g4_read_file(&operands->list, &bytes, from, LIST_LIMIT, err);
    return status < 0 ? status : split_list(operands, bytes, from, err);
}

static int from_arguments(struct g4_operands *operands, int argc, char **argv, int first,
                          struct g4_err *err)
{
    size_t given = (size_t)(argc - first);
    if (given == 0 && isatty(STDIN_FILENO))
        return g4_err_set(err, G4_EUSAGE,
                          "no input: name a file, or send one on stdin (usage: %s --help)",
                          g4_log_program());
    void *items;
    int status = g4_alloc(&items, given ? given : 1, sizeof *operands->items, "the operands", err);
    if (status < 0)
        return status;
    operands->items = items;
    operands->count = given ? given : 1;
    operands->items[0] = "-";
    for (size_t i = 0; i < given; i++)
        operands->items[i] = argv[(size_t)first + i];
    return 0;
}

int g4_operands_open(struct g4_operands *operands, int argc, char **argv, int first,
                     const char *files0_from, struct g4_err *err)
{
    *operands = (struct g4_operands){0};
    int status;
    if (files0_from && first < argc)
        status = g4_err_set(err, G4_EUSAGE, "'%s': no operands beside --files0-from", argv[first]);
    else if (files0_from)
        status = from_list(operands, files0_from, err);
    else
        status = from_arguments(operands, argc, argv, first, err);
    if (status < 0)
        g4_operands_release(operands);
    return status;
}

void g4_operands_release(struct g4_operands *operands)
{
    free(operands->items);
    free(operands->list);
    *operands = (struct g4_operands){0};
}
