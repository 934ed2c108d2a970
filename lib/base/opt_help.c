/*
 * opt_help.c - --help, from the table.
 */
#include "lib/base/opt.h"

#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 100 };

/* Words of `text` from column `column` on, broken before HELP_WIDTH and indented to HELP_COLUMN. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column + n > HELP_WIDTH && column > HELP_COLUMN) {
            fprintf(out, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        fprintf(out, "%.*s", (int)n, text);
        column += n;
        text += n;
        if (*text == ' ') {
            text++;
            fputc(' ', out);
            column++;
        }
    }
    fputc('\n', out);
}

static void print_entry(FILE *out, const char *left, const char *help)
{
    size_t n = strlen(left);
    fputs(left, out);
    if (n + 2 > HELP_COLUMN) {
        fputc('\n', out);
        n = 0;
    }
    fprintf(out, "%*s", (int)(HELP_COLUMN - n), "");
    print_wrapped(out, help != NULL ? help : "", HELP_COLUMN);
}

static void print_option(FILE *out, const struct g4_opt *opt)
{
    char left[160];
    char letter[8] = "    ";
    if (opt->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", opt->letter);
    if (opt->argument == NULL)
        snprintf(left, sizeof left, "  %s--%s", letter, opt->name);
    else if (opt->type == G4_OPT_OPTIONAL)
        snprintf(left, sizeof left, "  %s--%s[=%s]", letter, opt->name, opt->argument);
    else
        snprintf(left, sizeof left, "  %s--%s=%s", letter, opt->name, opt->argument);
    print_entry(out, left, opt->help);
}

/* Known words that this build refuses, so that nobody looks for them in vain. */
static void print_not_built(const struct g4_program *program, FILE *out)
{
    const char *before = "\nNot built in: ";
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++) {
        if (opt->type == G4_OPT_NOT_BUILT) {
            fprintf(out, "%s--%s", before, opt->name);
            before = ", ";
        }
        for (const char *const *c = opt->not_built; c != NULL && *c != NULL; c++) {
            fprintf(out, "%s--%s=%s", before, opt->name, *c);
            before = ", ";
        }
    }
    for (const struct g4_command *c = program->commands; c != NULL && c->name != NULL; c++) {
        if (c->not_built) {
            fprintf(out, "%s%s", before, c->name);
            before = ", ";
        }
    }
    if (before[0] == ',')
        fputs("\n", out);
}

void g4_opt_print_help(const struct g4_program *program, FILE *out)
{
    fprintf(out, "Usage: %s %s\n%s\n", program->name, program->synopsis, program->purpose);
    if (program->commands != NULL) {
        fputs("\nCommands:\n", out);
        for (const struct g4_command *c = program->commands; c->name != NULL; c++) {
            if (c->not_built)
                continue;
            char left[160];
            snprintf(left, sizeof left, "  %s %s", c->name, c->argument != NULL ? c->argument : "");
            print_entry(out, left, c->help);
        }
    }
    fputs("\nOptions:\n", out);
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++)
        if (opt->type != G4_OPT_NOT_BUILT)
            print_option(out, opt);
    print_entry(out, "      --help", "print this text");
    print_entry(out, "      --version", "print version, build features and the CPU path chosen");
    print_entry(out, "      --completion=SHELL", "print a completion script for bash, zsh or fish");
    print_not_built(program, out);
    if (program->examples != NULL)
        fprintf(out, "\nExamples:\n%s", program->examples);
    fprintf(out, "\nManual: man %s\n", program->name);
}
