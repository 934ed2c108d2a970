/*
 * check_memory.c - what an answer of 20 tokens costs in memory: weights stay in the mapping, and of
 * the table of per-layer embeddings only the rows of the tokens are read. G4_MODEL names a model of
 * full size; its text file is dropped from the page cache first. Needs bin/g4-decode of $G4_TOP
 * (or of the folder it is run in). TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "decoder/kvcache.h"
#include "lib/model/model.h"

#define MIB 1048576.0

enum { LIMIT_MIB = 300, TABLE_PER_CENT = 5, FULL_SIZE_MIB = 500, POSITIONS = 256 };

static int number, failures;

static void ok(bool good, const char *format, double value, double limit)
{
    printf("%sok %d - ", good ? "" : "not ", ++number);
    printf(format, value, limit);
    putchar('\n');
    failures += !good;
}

/* A tensor's place in its file. */
struct place {
    char path[4096]; /* empty: the model has no such tensor */
    size_t offset, bytes;
};

/* The mapping that holds an address, by the list of the kernel. */
static void find_place(struct place *place, const struct g4_tensor *tensor)
{
    char line[8192];
    FILE *maps = fopen("/proc/self/maps", "r");
    *place = (struct place){.bytes = tensor ? tensor->bytes : 0};
    while (tensor && maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to, offset;
        int path = 0;
        if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %n", &from, &to, &offset, &path) < 3)
            continue;
        const unsigned long at = (unsigned long)tensor->data;
        if (at < from || at >= to)
            continue;
        snprintf(place->path, sizeof place->path, "%.*s", (int)strcspn(line + path, "\n"),
                 line + path);
        place->offset = offset + (at - from);
    }
    if (maps)
        fclose(maps);
}

/* Share of the place that is in the page cache, 0..1; below 0: cannot be told. */
static double resident(const struct place *place)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t from = place->offset / page * page, bytes = place->offset + place->bytes - from;
    const size_t pages = (bytes + page - 1) / page;
    unsigned char *in = calloc(pages, 1);
    double share = -1;
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, (off_t)from);
    if (in && map != MAP_FAILED && mincore(map, bytes, in) == 0) {
        size_t count = 0;
        for (size_t i = 0; i < pages; i++)
            count += in[i] & 1;
        share = (double)count / (double)pages;
    }
    if (map != MAP_FAILED)
        munmap(map, bytes);
    if (fd >= 0)
        close(fd);
    free(in);
    return share;
}

static void drop_cache(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); /* what is not on the disk yet cannot be dropped */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

/* A line of smaps_rollup in bytes. */
static double rollup(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtod(at + strlen(name), NULL) * 1024 : 0;
}

/* The larger of dirty private and anonymous memory, which nearly are the same. */
static double private_memory(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const double dirty = rollup(text, "Private_Dirty:"), anonymous = rollup(text, "Anonymous:");
    return dirty > anonymous ? dirty : anonymous;
}

/* Runs an answer of 20 tokens; false: it failed. *most: the most private memory seen. */
static bool run_answer(const char *model, double *most)
{
    char program[4096];
    const char *top = getenv("G4_TOP");
    snprintf(program, sizeof program, "%s/bin/g4-decode", top ? top : ".");
    const pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        execl(program, program, "--no-media", "--greedy", "-q", "-n", "20", "-m", model, "-p",
              "What does the sea look like when the moon is full?", (char *)NULL);
        fprintf(stderr, "%s: %s\n", program, strerror(errno));
        _exit(127);
    }
    int status = -1;
    *most = 0;
    while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
        const struct timespec pause = {0, 20 * 1000 * 1000};
        const double now = private_memory(pid);
        *most = now > *most ? now : *most;
        nanosleep(&pause, NULL);
    }
    return status == 0;
}

static void check(const char *path, const struct place *table, const struct place *head,
                  double cache)
{
    double most;
    drop_cache(head->path);
    if (table->bytes > 0)
        drop_cache(table->path);
    const double before = table->bytes > 0 ? resident(table) : 0;
    const bool answered = run_answer(path, &most);
    ok(answered, "an answer of %.0f tokens", 20, 0);
    if (!answered)
        return;
    ok(most > 0 && most / MIB <= cache / MIB + LIMIT_MIB,
       "private memory %.1f MiB (limit, with the cache: %.1f)", most / MIB,
       cache / MIB + LIMIT_MIB);
    if (table->bytes == 0)
        return;
    const double after = resident(table);
    printf("# per-layer table: %.0f MiB, %.2f %% of it in memory before, %.2f %% after\n",
           (double)table->bytes / MIB, before * 100, after * 100);
    if (before > 0.01)
        printf("ok %d - # SKIP the page cache would not let go of the file\n", ++number);
    else
        ok(after >= 0 && after * 100 < TABLE_PER_CENT,
           "%.2f %% of the per-layer table was read (limit %.0f)", after * 100, TABLE_PER_CENT);
}

int main(void)
{
    const char *path = getenv("G4_MODEL");
    struct g4_model model;
    struct g4_err err;
    if (!path || g4_model_open(&model, path, "", &err) < 0) {
        fprintf(stderr, "check_memory: %s\n", path ? err.text : "G4_MODEL is not set");
        return 1;
    }
    struct place table, head;
    find_place(&table, g4_weights_find(&model.weights,
                                       "model.language_model.embed_tokens_per_layer.weight"));
    find_place(&head, g4_weights_find(&model.weights, "model.language_model.embed_tokens.weight"));
    const double mapped = (double)g4_weights_mapped(&model.weights) / MIB;
    const double cache = (double)g4_kvcache_bytes(&model.config.text, G4_DTYPE_BF16, POSITIONS);
    g4_model_close(&model);
    if (mapped < FULL_SIZE_MIB)
        printf("ok 1 - # SKIP the model has %.0f MiB: nothing to see\n", mapped);
    else
        check(path, &table, &head, cache);
    printf("1..%d\n", number > 0 ? number : 1);
    return failures > 0;
}
