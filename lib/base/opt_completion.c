/*
 * opt_completion.c - --completion=bash|zsh|fish, from the table.
 */
#include "lib/base/opt.h"

#include <string.h>

static bool built(const struct g4_opt *opt)
{
    return opt->type != G4_OPT_NOT_BUILT;
}

/* `text` with every character of `special` behind a backslash, for the quoting rules at hand. */
static void put_escaped(FILE *out, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            fputc('\\', out);
        fputc(*text, out);
    }
}

/* Inside '...' of a POSIX shell: a quote ends, escapes and begins again. */
static void put_quoted(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else
            fputc(*text, out);
    }
}

static void put_choices(FILE *out, const struct g4_opt *opt)
{
    for (int i = 0; opt->choices[i] != NULL; i++)
        fprintf(out, "%s%s", i ? " " : "", opt->choices[i]);
}

/* g4-audio -> _g4_audio */
static void put_function(FILE *out, const char *name)
{
    fputc('_', out);
    for (; *name != '\0'; name++)
        fputc(*name == '-' ? '_' : *name, out);
}

static void print_bash(const struct g4_program *program, FILE *out)
{
    put_function(out, program->name);
    fputs("() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    [[ $cur == = ]] && { prev=${COMP_WORDS[COMP_CWORD-1]}; cur=; }\n"
          "    case $prev in\n",
          out);
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++) {
        if (!built(opt) || opt->choices == NULL)
            continue;
        fprintf(out, "    --%s", opt->name);
        if (opt->letter != 0)
            fprintf(out, "|-%c", opt->letter);
        fputs(") COMPREPLY=($(compgen -W '", out);
        put_choices(out, opt);
        fputs("' -- \"$cur\")); return ;;\n", out);
    }
    fputs("    --completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$cur\")); return ;;\n"
          "    esac\n",
          out);
    if (program->commands != NULL) {
        fputs(
            "    if [[ $COMP_CWORD == 1 && $cur != -* ]]; then\n        COMPREPLY=($(compgen -W '",
            out);
        for (const struct g4_command *c = program->commands; c->name != NULL; c++)
            if (!c->not_built)
                fprintf(out, "%s ", c->name);
        fputs("' -- \"$cur\")); return\n    fi\n", out);
    }
    fputs("    if [[ $cur == -* ]]; then\n        COMPREPLY=($(compgen -W '", out);
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++)
        if (built(opt))
            fprintf(out, "--%s ", opt->name);
    fputs("--help --version --completion' -- \"$cur\"))\n"
          "    else\n"
          "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
          "    fi\n"
          "}\n"
          "complete -o filenames -F ",
          out);
    put_function(out, program->name);
    fprintf(out, " %s\n", program->name);
}

static void print_zsh_option(const struct g4_opt *opt, FILE *out)
{
    const char *sign = opt->argument == NULL ? "" : opt->type == G4_OPT_OPTIONAL ? "=-" : "=";
    fputs("    ", out);
    if (opt->letter != 0)
        fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}", opt->letter, opt->name, opt->letter,
                opt->argument == NULL ? "" : "+", opt->name, sign);
    else
        fprintf(out, "--%s%s", opt->name, sign);
    fputs("'[", out);
    for (const char *p = opt->help != NULL ? opt->help : ""; *p != '\0'; p++) {
        char one[2] = {*p, '\0'};
        if (*p == '\'')
            put_quoted(out, one);
        else
            put_escaped(out, one, "[]:\\");
    }
    fputc(']', out);
    if (opt->argument != NULL) {
        fputs(opt->type == G4_OPT_OPTIONAL ? "::value:" : ":value:", out);
        if (opt->choices != NULL) {
            fputc('(', out);
            put_choices(out, opt);
            fputc(')', out);
        } else {
            fputs("_files", out);
        }
    }
    fputs("' \\\n", out);
}

static void print_zsh(const struct g4_program *program, FILE *out)
{
    fprintf(out, "#compdef %s\n_arguments -s -S \\\n", program->name);
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++)
        if (built(opt))
            print_zsh_option(opt, out);
    fputs("    '--help[print help]' \\\n"
          "    '--version[print version]' \\\n"
          "    '--completion=[print a completion script]:shell:(bash zsh fish)' \\\n",
          out);
    if (program->commands != NULL) {
        fputs("    '1:command:(", out);
        for (const struct g4_command *c = program->commands; c->name != NULL; c++)
            if (!c->not_built)
                fprintf(out, "%s ", c->name);
        fputs(")' \\\n", out);
    }
    fputs("    '*:file:_files'\n", out);
}

static void print_fish(const struct g4_program *program, FILE *out)
{
    for (const struct g4_opt *opt = program->options; opt->name != NULL; opt++) {
        if (!built(opt))
            continue;
        fprintf(out, "complete -c %s -l %s", program->name, opt->name);
        if (opt->letter != 0)
            fprintf(out, " -s %c", opt->letter);
        if (opt->argument != NULL && opt->type != G4_OPT_OPTIONAL)
            fputs(" -r", out);
        if (opt->choices != NULL) {
            fputs(" -f -a '", out);
            put_choices(out, opt);
            fputc('\'', out);
        }
        fputs(" -d '", out);
        put_escaped(out, opt->help != NULL ? opt->help : "", "'\\");
        fputs("'\n", out);
    }
    for (const struct g4_command *c = program->commands; c != NULL && c->name != NULL; c++) {
        if (c->not_built)
            continue;
        fprintf(out, "complete -c %s -n __fish_is_first_arg -a %s -d '", program->name, c->name);
        put_escaped(out, c->help, "'\\");
        fputs("'\n", out);
    }
    fprintf(out, "complete -c %s -l help -d 'print help'\n", program->name);
    fprintf(out, "complete -c %s -l version -d 'print version'\n", program->name);
    fprintf(out, "complete -c %s -l completion -x -a 'bash zsh fish'\n", program->name);
}

int g4_opt_print_completion(const struct g4_program *program, const char *shell, FILE *out,
                            struct g4_err *err)
{
    if (strcmp(shell, "bash") == 0)
        print_bash(program, out);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(program, out);
    else if (strcmp(shell, "fish") == 0)
        print_fish(program, out);
    else
        return g4_err_set(err, G4_EUSAGE,
                          "option '--completion': expected one of bash, zsh, fish, "
                          "got '%s'",
                          shell);
    return 0;
}
