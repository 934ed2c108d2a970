/* test_guard.c - a call that never ends is given up; a process in the sandbox cannot reach out. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "encoders/media/guard.h"
#include "encoders/media/sandbox.h"

struct work {
    struct g4_guard *guard;
    int rounds;          /* of busy work, each with progress */
    atomic_bool release; /* ends a spin */
    atomic_bool returned;
};

static double cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int busy(void *context, struct g4_err *err)
{
    struct work *work = context;
    for (int i = 0; i < work->rounds; i++) {
        double until = cpu_now() + 0.1;
        while (cpu_now() < until)
            continue;
        g4_guard_progress(work->guard);
    }
    return g4_err_set(err, G4_EINPUT, "done %d", work->rounds);
}

static int spin(void *context, struct g4_err *err)
{
    struct work *work = context;
    (void)err;
    while (!atomic_load(&work->release))
        continue;
    atomic_store(&work->returned, true);
    return 0;
}

static int doze(void *context, struct g4_err *err)
{
    const struct timespec second = {1, 0};
    (void)context;
    (void)err;
    nanosleep(&second, NULL);
    return 0;
}

static void results_come_back(void **state)
{
    (void)state;
    struct work work = {.rounds = 5};
    struct g4_err err = {0};
    assert_int_equal(g4_guard_open(&work.guard, 0.3, &err), 0);
    /* 0.5 s in all, but never 0.3 s without progress; and waiting is no work. */
    assert_int_equal(g4_guard_call(work.guard, busy, &work, "x", &err), G4_EINPUT);
    assert_string_equal(err.text, "done 5");
    assert_int_equal(g4_guard_call(work.guard, doze, &work, "x", &err), 0);
    assert_false(g4_guard_lost(work.guard));
    g4_guard_close(work.guard);
    g4_guard_close(NULL);
}

static void an_endless_call_is_given_up(void **state)
{
    (void)state;
    static struct work work;
    struct g4_err err = {0};
    assert_int_equal(g4_guard_open(&work.guard, 0.2, &err), 0);
    assert_int_equal(g4_guard_call(work.guard, spin, &work, "a.mp3", &err), G4_ELIMIT);
    assert_string_equal(err.text,
                        "'a.mp3': the decoder made no progress in 0.2 s of CPU (--max-decode-cpu)");
    assert_true(g4_guard_lost(work.guard));
    assert_int_equal(g4_guard_call(work.guard, busy, &work, "a.mp3", &err), G4_ELIMIT);
    g4_guard_close(work.guard);
    atomic_store(&work.release, true);
    const struct timespec moment = {0, 10000000};
    for (int i = 0; i < 1000 && !atomic_load(&work.returned); i++)
        nanosleep(&moment, NULL);
    assert_true(atomic_load(&work.returned));
}

static void *nothing(void *argument)
{
    return argument;
}

/* In the child: 0 when everything is as it should be. */
static int inside(void)
{
    bool active;
    struct g4_err err;
    if (g4_sandbox_enter(&active, &err) < 0)
        return 1;
    if (!active)
        return 77;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return 2;
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    if (execv("/bin/true", argv) == 0 || errno != EPERM)
        return 3;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child > 0 || errno != EPERM)
        return 4;
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 5;
    int ends[2];
    return pipe(ends) == 0 ? 0 : 6;
}

static void the_sandbox_holds(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(inside());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_back),
        cmocka_unit_test(an_endless_call_is_given_up),
        cmocka_unit_test(the_sandbox_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
