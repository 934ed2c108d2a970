/* test_log.c - lines on stderr, and the progress line of a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/progress.h"

static int saved = -1; /* the real stderr */

/* stderr becomes `fd` until restore(). */
static void redirect(int fd)
{
    saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

static void restore(void)
{
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
}

/* What there is to read: a terminal hands it over a moment after it was written. */
static const char *pending(int fd)
{
    static char text[8192];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t used = 0;
    while (used < sizeof text - 1 && poll(&p, 1, 100) > 0) {
        ssize_t n = read(fd, text + used, sizeof text - 1 - used);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    text[used] = '\0';
    return text;
}

static void say_everything(void)
{
    struct g4_err err;
    g4_err_set(&err, G4_EINPUT, "'%s': bad", "x\033[1m\n.wav");
    g4_log_error(&err);
    g4_log_errorf("number %d", 7);
    g4_log_note("note\n%s", "\xff");
    g4_log_info(1, "once");
    g4_log_info(2, "twice");
}

static void test_levels(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    redirect(ends[1]);
    g4_log_open("g4-test", false, 0);
    say_everything();
    assert_string_equal(pending(ends[0]), "g4-test: 'x\\x1b[1m\\n.wav': bad\ng4-test: number 7\n"
                                          "g4-test: note\\n\\xff\n");
    g4_log_open("g4-test", true, 1);
    assert_true(g4_log_verbose(1));
    assert_false(g4_log_verbose(2));
    say_everything();
    assert_string_equal(pending(ends[0]), "g4-test: 'x\\x1b[1m\\n.wav': bad\ng4-test: number 7\n"
                                          "g4-test: once\n");
    g4_log_open("g4-test", false, 2);
    g4_log_info(2, "%5000d", 1);
    const char *line = pending(ends[0]);
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    g4_progress("no terminal", 1, 2);
    g4_progress_clear();
    assert_string_equal(pending(ends[0]), "");
    restore();
    close(ends[0]);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_progress_on_a_terminal(void **state)
{
    (void)state;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0) { /* a bare container has none */
        print_message("no pseudo-terminals here\n");
        skip();
    }
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    struct termios raw;
    assert_int_equal(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    redirect(slave);
    g4_log_open("g4-test", false, 0);
    const int64_t before = now_ms();
    g4_progress("a\n.wav", 1, 60);
    g4_progress("a.wav", 2, 60); /* too soon to be drawn */
    const bool slow = now_ms() - before >= 100;
    const char *drawn = pending(master);
    if (slow) {
        restore();
        skip(); /* the machine took the time of a redraw between two calls */
    }
    assert_string_equal(drawn, "g4-test: a\\n.wav 1/60");
    g4_log_errorf("stop");
    assert_string_equal(pending(master), "\r                     \rg4-test: stop\n");
    g4_progress_clear();
    assert_string_equal(pending(master), ""); /* waits longer than an interval */
    g4_progress("a name that is much too long for one line of a terminal, said again and again", 3,
                0);
    assert_true(strlen(pending(master)) <= 79);
    g4_progress_clear();
    assert_true(strlen(pending(master)) <= 81);
    g4_log_open("g4-test", true, 0);
    g4_progress("quiet", 1, 2);
    assert_string_equal(pending(master), "");
    restore();
    close(master);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_progress_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
