/* test_opt.c - values, parsing, help and completion of an option table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/opt.h"

static bool flag;
static int count, choice;
static const char *model, *think;
static struct g4_opt_list stops;
static int64_t tokens, start;
static uint64_t limit;
static double rate;

static const char *const split_choices[] = {"fixed", "none", NULL};
static const char *const split_later[] = {"silence", NULL};
static const char *const think_choices[] = {"hide", "show", NULL};

static const struct g4_opt options[] = {
    {.letter = 'm',
     .name = "model",
     .argument = "PATH|NAME",
     .type = G4_OPT_STRING,
     .value = &model,
     .help = "the model's place [or name]"},
    {.letter = 'f', .name = "force", .type = G4_OPT_FLAG, .value = &flag, .help = "overwrite"},
    {.letter = 'v', .name = "verbose", .type = G4_OPT_COUNT, .value = &count, .help = "more"},
    {.name = "stop", .argument = "TEXT", .type = G4_OPT_LIST, .value = &stops, .help = "end here"},
    {.letter = 'n',
     .name = "tokens",
     .argument = "N",
     .type = G4_OPT_INT,
     .value = &tokens,
     .min = 1,
     .max = 4096,
     .help = "at most N"},
    {.name = "start", .argument = "T", .type = G4_OPT_TIME, .value = &start, .help = "from T"},
    {.name = "max-bytes",
     .argument = "SIZE",
     .type = G4_OPT_SIZE,
     .value = &limit,
     .help = "limit"},
    {.letter = 'r',
     .name = "rate",
     .argument = "FPS",
     .type = G4_OPT_FLOAT,
     .value = &rate,
     .min = 0.5,
     .max = 10,
     .help = "frames per second"},
    {.name = "split",
     .argument = "HOW",
     .type = G4_OPT_CHOICE,
     .value = &choice,
     .choices = split_choices,
     .not_built = split_later,
     .help = "cut"},
    {.name = "think",
     .argument = "HOW",
     .type = G4_OPT_OPTIONAL,
     .value = &think,
     .choices = think_choices,
     .help = "think first"},
    {.name = "schema", .argument = "FILE", .type = G4_OPT_NOT_BUILT},
    {.name = "lookup", .type = G4_OPT_NOT_BUILT},
    {.name = NULL},
};

static const struct g4_command commands[] = {
    {.name = "info", .argument = "[file ...]", .help = "print"},
    {.name = "quantize", .help = "shrink", .not_built = true},
    {.name = NULL},
};

static const char *features(void)
{
    return "with: everything";
}

static const struct g4_program program = {
    .name = "g4-test",
    .purpose = "Tests.",
    .synopsis = "[options] [file ...]",
    .examples = "  g4-test x\n",
    .options = options,
    .commands = commands,
    .features = features,
};

static struct g4_err err;
static int operands;
static char *words[16];

/* Parses up to 10 words; the list ends with NULL. */
static enum g4_opt_result parse(const char *first, ...)
{
    int argc = 0;
    va_list args;
    g4_opt_release(&program);
    flag = false;
    count = choice = 0;
    model = think = NULL;
    tokens = start = 0;
    limit = 0;
    rate = 0;
    err.text[0] = '\0';
    words[argc++] = (char *)(uintptr_t) "g4-test";
    va_start(args, first);
    for (const char *word = first; word != NULL; word = va_arg(args, const char *))
        words[argc++] = (char *)(uintptr_t)word;
    va_end(args);
    words[argc] = NULL;
    return g4_opt_parse(&program, argc, words, &operands, &err);
}

#define refused(says, ...)                                                                         \
    do {                                                                                           \
        assert_int_equal(parse(__VA_ARGS__, NULL), G4_OPT_USAGE);                                  \
        assert_string_equal(err.text, says);                                                       \
        assert_int_equal(err.code, G4_EUSAGE);                                                     \
    } while (0)

static void test_all_types(void **state)
{
    (void)state;
    assert_int_equal(parse("a.wav", "-m", "x", "-vv", "--verbose", "--force", "--stop=a", "b.wav",
                           "--stop", "b", NULL),
                     G4_OPT_RUN);
    assert_string_equal(model, "x");
    assert_int_equal(count, 3);
    assert_true(flag);
    assert_int_equal(stops.count, 2);
    assert_string_equal(stops.items[0], "a");
    assert_string_equal(stops.items[1], "b");
    assert_string_equal(words[operands], "a.wav");
    assert_string_equal(words[operands + 1], "b.wav");
    assert_null(words[operands + 2]);
    assert_int_equal(parse("-n", "4096", "--start=1:30.5", "--max-bytes", "4K", "-r2.5", "--split",
                           "none", "--think", "--", "-x", NULL),
                     G4_OPT_RUN);
    assert_int_equal(tokens, 4096);
    assert_int_equal(start, 90500000);
    assert_int_equal(limit, 4096);
    assert_true(rate == 2.5);
    assert_int_equal(choice, 1);
    assert_string_equal(think, "");
    assert_string_equal(words[operands], "-x");
    assert_int_equal(parse("--think=show", "hide", NULL), G4_OPT_RUN);
    assert_string_equal(think, "show");
    assert_string_equal(words[operands], "hide");
    assert_int_equal(parse(NULL), G4_OPT_RUN);
    assert_int_equal(operands, 1);
    assert_int_equal(stops.count, 0);
    assert_int_equal(parse("--tok=7", NULL), G4_OPT_RUN);
    assert_int_equal(tokens, 7);
    assert_int_equal(parse("-n", "5", "-n", "6", NULL), G4_OPT_RUN);
    assert_int_equal(tokens, 6);
}

static void test_refusals(void **state)
{
    (void)state;
    refused("unknown option '--colour' (see --help)", "--colour=red");
    refused("unknown option '-x' (see --help)", "-vx");
    refused("option '--s' could mean --stop, --start, --split, --schema", "--s", "1");
    refused("option '--st' could mean --stop, --start", "--st=1");
    refused("option '--ver' could mean --verbose, --version", "--ver");
    refused("option '--model' needs a value", "--model");
    refused("option '-n' needs a value", "-n");
    refused("option '--force' takes no value", "--force=1");
    refused("option '--help' takes no value", "--help=x");
    refused("option '--schema' is not built in", "--schema", "x.json");
    refused("option '--schema' is not built in", "--schema=x.json");
    refused("option '--lookup' is not built in", "--lookup");
    refused("option '--split': 'silence' is not built in", "--split=silence");
    refused("option '--split': expected one of fixed, none, got 'word'", "--split", "word");
    refused("option '--think': expected one of hide, show, got 'no'", "--think=no");
    refused("option '--tokens': expected 1..4096, got '0'", "-n", "0");
    refused("option '--tokens': expected 1..4096, got '4097'", "-n4097");
    refused("option '--tokens': expected a whole number, got '1.5'", "-n", "1.5");
    refused("option '--tokens': expected a whole number, got '99999999999999999999'", "-n",
            "99999999999999999999");
    refused("option '--rate': expected 0.5..10, got '0.25'", "--rate", "0.25");
    refused("option '--rate': expected a number such as 0.7, got 'nan'", "-r", "nan");
    refused("option '--completion': expected one of bash, zsh, fish, got 'tcsh'", "--completion",
            "tcsh");
    refused("unknown option '--a\\x1b[31m' (see --help)", "--a\033[31m");
}

static void test_commands(void **state)
{
    int index = -1;
    (void)state;
    assert_int_equal(g4_opt_command(&program, "info", &index, &err), 0);
    assert_int_equal(index, 0);
    assert_int_equal(g4_opt_command(&program, "inf", &index, &err), G4_EUSAGE);
    assert_string_equal(err.text, "unknown command 'inf' (see --help)");
    assert_int_equal(g4_opt_command(&program, "quantize", &index, &err), G4_EUSAGE);
    assert_string_equal(err.text, "command 'quantize' is not built in");
    assert_int_equal(g4_opt_command(&program, NULL, &index, &err), G4_EUSAGE);
    assert_string_equal(err.text, "no command given (see --help)");
}

static void test_times(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"0", 0},
        {"90", 90000000},
        {"1:30", 90000000},
        {"00:01:30.5", 90500000},
        {"2:00:00", 7200000000},
        {"0.000001", 1},
        {"0.0000019", 1},
        {"1.25", 1250000},
        {"100:00:00", 360000000000},
        {"999999", 999999000000},
        {"1:5", 65000000},
        {"9223372036853", 9223372036853000000},
    };
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "-1",
                                      "+1",
                                      "1:60",
                                      "1:60:00",
                                      "1:2:3:4",
                                      ":30",
                                      "1:",
                                      ".5",
                                      "1.",
                                      "1.5s",
                                      "0x10",
                                      "1e3",
                                      "1,5",
                                      "1::2",
                                      "99999999999999999999",
                                      "9223372036854775807:59",
                                      "inf"};
    int64_t us;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(g4_parse_time(good[i].text, &us, &err), 0);
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        us = 42;
        assert_int_equal(g4_parse_time(bad[i], &us, &err), G4_EUSAGE);
        assert_int_equal(us, 42);
        assert_non_null(strstr(err.text, "expected a time such as 90, 1:30 or 00:01:30.5, got '"));
    }
}

static void test_sizes_and_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"4096", 4096},
        {"4K", 4096},
        {"4k", 4096},
        {"128M", 134217728},
        {"2G", 2147483648},
        {"1T", 1099511627776},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", 16777215ull << 40},
    };
    static const char *const bad[] = {"",          "K",    "4KB",
                                      "4 K",       "-1",   "+1",
                                      "1.5M",      "0x10", "18446744073709551616",
                                      "16777216T", "1P"};
    static const char *const bad_int[] = {"",   "-", "+", "--1", "1 ", "0x1", "9223372036854775808",
                                          "1e3"};
    static const char *const bad_float[] = {"",    ".",     "-",   "1e",   "1e+",  "inf",
                                            "nan", "0x1p3", "1,5", "1.5 ", "1e999"};
    uint64_t bytes;
    int64_t whole;
    double number;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(g4_parse_size(good[i].text, &bytes, &err), 0);
        assert_true(bytes == good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(g4_parse_size(bad[i], &bytes, &err), G4_EUSAGE);
    for (size_t i = 0; i < sizeof bad_int / sizeof *bad_int; i++)
        assert_int_equal(g4_parse_int(bad_int[i], &whole, &err), G4_EUSAGE);
    for (size_t i = 0; i < sizeof bad_float / sizeof *bad_float; i++)
        assert_int_equal(g4_parse_float(bad_float[i], &number, &err), G4_EUSAGE);
    assert_int_equal(g4_parse_int("-9223372036854775807", &whole, &err), 0);
    assert_true(whole == -INT64_MAX);
    assert_int_equal(g4_parse_float("-1.5e-3", &number, &err), 0);
    assert_true(number == -1.5e-3);
    assert_int_equal(g4_parse_float("+.5", &number, &err), 0);
    assert_true(number == 0.5);
}

/* What a printing function writes; the caller frees. */
static char *printed(const char *shell)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    if (shell == NULL)
        g4_opt_print_help(&program, out);
    else
        assert_int_equal(g4_opt_print_completion(&program, shell, out, &err), 0);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void test_help_lists_everything(void **state)
{
    char *help = printed(NULL);
    (void)state;
    for (const struct g4_opt *opt = options; opt->name != NULL; opt++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", opt->name);
        assert_non_null(strstr(help, name));
        if (opt->help != NULL)
            assert_non_null(strstr(help, opt->help));
    }
    assert_non_null(strstr(help, "Usage: g4-test [options] [file ...]\nTests.\n"));
    assert_non_null(strstr(help, "\n  -m, --model=PATH|NAME     the model's"));
    assert_non_null(strstr(help, "\n      --think[=HOW]         think first\n"));
    assert_non_null(strstr(help, "\n  info [file ...]           print\n"));
    assert_null(strstr(help, "\n  quantize"));
    assert_non_null(strstr(help, "--version"));
    assert_non_null(strstr(help, "--completion=SHELL"));
    assert_non_null(
        strstr(help, "\nNot built in: --split=silence, --schema, --lookup, quantize\n"));
    assert_non_null(strstr(help, "\nExamples:\n  g4-test x\n"));
    free(help);
}

static void test_completion(void **state)
{
    char *bash = printed("bash"), *zsh = printed("zsh"), *fish = printed("fish");
    (void)state;
    assert_non_null(strstr(bash, "--split) COMPREPLY=($(compgen -W 'fixed none' -- \"$cur\"))"));
    assert_non_null(strstr(bash, "complete -o filenames -F _g4_test g4-test\n"));
    assert_non_null(strstr(bash, "compgen -W 'info '"));
    assert_non_null(strstr(
        zsh, "'(-m --model)'{-m+,--model=}'[the model'\\''s place \\[or name\\]]:value:_files'"));
    assert_non_null(strstr(zsh, "--think=-'[think first]::value:(hide show)'"));
    assert_non_null(
        strstr(fish, "complete -c g4-test -l model -s m -r -d 'the model\\'s place [or name]'\n"));
    for (const char *const *name =
             (const char *const[]){"silence", "schema", "lookup", "quantize", NULL};
         *name != NULL; name++) {
        assert_null(strstr(bash, *name));
        assert_null(strstr(zsh, *name));
        assert_null(strstr(fish, *name));
    }
    free(bash);
    free(zsh);
    free(fish);
}

static int release(void **state)
{
    (void)state;
    g4_opt_release(&program);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_types),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_commands),          cmocka_unit_test(test_times),
        cmocka_unit_test(test_sizes_and_numbers), cmocka_unit_test(test_help_lists_everything),
        cmocka_unit_test(test_completion),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
