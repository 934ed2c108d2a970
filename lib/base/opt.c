/*
 * opt.c - parsing: the table becomes getopt_long's arrays, each hit goes back to its table entry.
 */
#include "lib/base/opt.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long returns for a long option: VAL_LONG + index in the table; the parser's own three
 * come behind the table's. */
enum { VAL_LONG = 256 };

struct getopt_table {
    size_t count;         /* options of the program */
    struct option *longs; /* [count + 3 + 1] */
    char *shorts;         /* ":ab:c" */
};

static bool takes_value(const struct g4_opt *opt)
{
    return opt->type == G4_OPT_NOT_BUILT ? opt->argument != NULL
                                         : opt->type != G4_OPT_FLAG && opt->type != G4_OPT_COUNT;
}

static int has_arg(const struct g4_opt *opt)
{
    if (opt->type == G4_OPT_OPTIONAL)
        return optional_argument;
    return takes_value(opt) ? required_argument : no_argument;
}

static void table_release(struct getopt_table *table)
{
    free(table->longs);
    free(table->shorts);
}

static int table_build(struct getopt_table *table, const struct g4_opt *options, struct g4_err *err)
{
    *table = (struct getopt_table){0};
    while (options[table->count].name != NULL)
        table->count++;
    table->longs = calloc(table->count + 4, sizeof *table->longs);
    table->shorts = calloc(table->count + 1, 3);
    if (table->longs == NULL || table->shorts == NULL) {
        table_release(table);
        return g4_err_nomem(err, table->count * sizeof *table->longs, "options");
    }
    char *s = table->shorts;
    *s++ = ':';
    for (size_t i = 0; i < table->count; i++) {
        const struct g4_opt *opt = &options[i];
        table->longs[i] = (struct option){opt->name, has_arg(opt), NULL, VAL_LONG + (int)i};
        if (opt->letter != 0) {
            assert(opt->type != G4_OPT_OPTIONAL); /* -x VALUE would mean two things */
            *s++ = opt->letter;
            if (takes_value(opt))
                *s++ = ':';
        }
    }
    int val = VAL_LONG + (int)table->count;
    table->longs[table->count] = (struct option){"help", no_argument, NULL, val};
    table->longs[table->count + 1] = (struct option){"version", no_argument, NULL, val + 1};
    table->longs[table->count + 2] =
        (struct option){"completion", required_argument, NULL, val + 2};
    return 0;
}

static int find_choice(const char *const *list, const char *text)
{
    for (int i = 0; list != NULL && list[i] != NULL; i++)
        if (strcmp(list[i], text) == 0)
            return i;
    return -1;
}

static int parse_choice(const struct g4_opt *opt, const char *text, int *index, struct g4_err *err)
{
    *index = find_choice(opt->choices, text);
    if (*index >= 0)
        return 0;
    if (find_choice(opt->not_built, text) >= 0)
        return g4_err_set(err, G4_EUSAGE, "'%s' is not built in", text);
    char list[256] = "";
    size_t used = 0;
    for (int i = 0; opt->choices[i] != NULL && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                 opt->choices[i]);
    return g4_err_set(err, G4_EUSAGE, "expected one of %s, got '%s'", list, text);
}

static int check_range(const struct g4_opt *opt, double value, const char *text, struct g4_err *err)
{
    if (opt->min == opt->max || (value >= opt->min && value <= opt->max))
        return 0;
    return g4_err_set(err, G4_EUSAGE, "expected %.15g..%.15g, got '%s'", opt->min, opt->max, text);
}

static int list_add(struct g4_opt_list *list, const char *text, struct g4_err *err)
{
    const char **items = realloc(list->items, (list->count + 1) * sizeof *items);
    if (items == NULL)
        return g4_err_nomem(err, (list->count + 1) * sizeof *items, "options");
    items[list->count++] = text;
    list->items = items;
    return 0;
}

/* Stores one value where the table says; text is NULL where none was given. */
static int store(const struct g4_opt *opt, const char *text, struct g4_err *err)
{
    int index, rc;
    int64_t whole;
    double number;
    switch (opt->type) {
    case G4_OPT_FLAG: *(bool *)opt->value = true; return 0;
    case G4_OPT_COUNT: ++*(int *)opt->value; return 0;
    case G4_OPT_STRING: *(const char **)opt->value = text; return 0;
    case G4_OPT_LIST: return list_add(opt->value, text, err);
    case G4_OPT_INT:
        rc = g4_parse_int(text, &whole, err);
        if (rc == 0)
            rc = check_range(opt, (double)whole, text, err);
        if (rc == 0)
            *(int64_t *)opt->value = whole;
        return rc;
    case G4_OPT_SIZE: return g4_parse_size(text, opt->value, err);
    case G4_OPT_FLOAT:
        rc = g4_parse_float(text, &number, err);
        if (rc == 0)
            rc = check_range(opt, number, text, err);
        if (rc == 0)
            *(double *)opt->value = number;
        return rc;
    case G4_OPT_TIME: return g4_parse_time(text, opt->value, err);
    case G4_OPT_CHOICE:
        rc = parse_choice(opt, text, &index, err);
        if (rc == 0)
            *(int *)opt->value = index;
        return rc;
    case G4_OPT_OPTIONAL:
        if (text != NULL && opt->choices != NULL && (rc = parse_choice(opt, text, &index, err)) < 0)
            return rc;
        *(const char **)opt->value = text != NULL ? text : "";
        return 0;
    case G4_OPT_NOT_BUILT: break;
    }
    return g4_err_set(err, G4_EUSAGE, "not built in");
}

/* Names the options that `word` ("--sta") could begin, if several could. */
static bool explain_ambiguous(const struct getopt_table *table, const char *word,
                              struct g4_err *err)
{
    const char *name = word + 2;
    size_t n = strcspn(name, "=");
    char list[256] = "";
    size_t used = 0, found = 0;
    for (const struct option *o = table->longs; o->name != NULL; o++) {
        if (strncmp(o->name, name, n) != 0)
            continue;
        found++;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s--%s", used ? ", " : "",
                                     o->name);
    }
    if (found < 2)
        return false;
    g4_err_set(err, G4_EUSAGE, "option '%.*s' could mean %s", (int)n + 2, word, list);
    return true;
}

/* getopt_long answered '?' or ':'; says in words what it meant. */
static void explain(const struct getopt_table *table, int answer, char **argv, struct g4_err *err)
{
    const char *word = argv[optind - 1];
    const char *known = NULL;
    if (optopt >= VAL_LONG)
        known = table->longs[optopt - VAL_LONG].name;
    if (answer == ':' && known != NULL)
        g4_err_set(err, G4_EUSAGE, "option '--%s' needs a value", known);
    else if (answer == ':')
        g4_err_set(err, G4_EUSAGE, "option '-%c' needs a value", optopt);
    else if (known != NULL)
        g4_err_set(err, G4_EUSAGE, "option '--%s' takes no value", known);
    else if (optopt != 0)
        g4_err_set(err, G4_EUSAGE, "unknown option '-%c' (see --help)", optopt);
    else if (!explain_ambiguous(table, word, err))
        g4_err_set(err, G4_EUSAGE, "unknown option '%.*s' (see --help)", (int)strcspn(word, "="),
                   word);
}

static void print_version(const struct g4_program *program, FILE *out)
{
    fprintf(out, "%s %s\n", program->name, G4_VERSION);
    if (program->features != NULL)
        fprintf(out, "%s\n", program->features());
}

static const struct g4_opt *find_letter(const struct g4_opt *options, int letter)
{
    for (; options->name != NULL; options++)
        if (options->letter == letter)
            return options;
    return NULL;
}

enum g4_opt_result g4_opt_parse(const struct g4_program *program, int argc, char **argv,
                                int *operands, struct g4_err *err)
{
    struct getopt_table table;
    if (table_build(&table, program->options, err) < 0)
        return G4_OPT_USAGE;
    enum g4_opt_result result = G4_OPT_USAGE;
    const int own = VAL_LONG + (int)table.count;
    opterr = 0;
    optind = 0; /* starts over, also after an earlier parse */
    int c;
    while ((c = getopt_long(argc, argv, table.shorts, table.longs, NULL)) != -1) {
        if (c == '?' || c == ':') {
            explain(&table, c, argv, err);
            goto out;
        }
        if (c >= own) {
            if (c == own)
                g4_opt_print_help(program, stdout);
            else if (c == own + 1)
                print_version(program, stdout);
            else if (g4_opt_print_completion(program, optarg, stdout, err) < 0)
                goto out;
            result = G4_OPT_EXIT_OK;
            goto out;
        }
        const struct g4_opt *opt =
            c >= VAL_LONG ? &program->options[c - VAL_LONG] : find_letter(program->options, c);
        if (opt->type == G4_OPT_NOT_BUILT) {
            g4_err_set(err, G4_EUSAGE, "option '--%s' is not built in", opt->name);
            goto out;
        }
        if (store(opt, optarg, err) < 0) {
            g4_err_prefix(err, "option '--%s'", opt->name);
            goto out;
        }
    }
    *operands = optind;
    result = G4_OPT_RUN;
out:
    table_release(&table);
    return result;
}

void g4_opt_release(const struct g4_program *program)
{
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++) {
        if (opt->type == G4_OPT_LIST) {
            struct g4_opt_list *list = opt->value;
            free(list->items);
            *list = (struct g4_opt_list){0};
        }
    }
}

int g4_opt_command(const struct g4_program *program, const char *word, int *index,
                   struct g4_err *err)
{
    if (word == NULL)
        return g4_err_set(err, G4_EUSAGE, "no command given (see --help)");
    for (int i = 0; program->commands[i].name != NULL; i++) {
        if (strcmp(program->commands[i].name, word) != 0)
            continue;
        if (program->commands[i].not_built)
            return g4_err_set(err, G4_EUSAGE, "command '%s' is not built in", word);
        *index = i;
        return 0;
    }
    return g4_err_set(err, G4_EUSAGE, "unknown command '%s' (see --help)", word);
}
