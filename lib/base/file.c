/* file.c - whole reads and writes, read-only mappings. */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_regular(const char *path, struct stat *st, struct g4_err *err)
{
    /* O_NONBLOCK: opening a FIFO by mistake must fail, not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                          path, strerror(errno));
    if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode)) {
        const char *why = S_ISDIR(st->st_mode) ? "is a directory" : "not a regular file";
        close(fd);
        return g4_err_set(err, G4_EIO, "cannot map '%s': %s", path, why);
    }
    return fd;
}

int g4_map_open(struct g4_map *map, const char *path, struct g4_err *err)
{
    struct stat st = {0};
    *map = (struct g4_map){0};
    int fd = open_regular(path, &st, err);
    if (fd < 0)
        return fd;
    int status = 0;
    if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED)
            status = g4_err_set(err, G4_EIO, "cannot map '%s': %s", path, strerror(errno));
        else
            *map = (struct g4_map){data, (size_t)st.st_size};
    }
    close(fd);
    return status;
}

void g4_map_close(struct g4_map *map)
{
    if (map->data)
        munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct g4_map){0};
}

static void advise(const void *data, size_t bytes, int advice)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t from = ((uintptr_t)data + page - 1) / page * page;
    const uintptr_t to = ((uintptr_t)data + bytes) / page * page;
    if (from < to) /* whole pages of it: the others hold something else as well */
        (void)posix_madvise((void *)from, to - from, advice);
}

void g4_map_random(const void *data, size_t bytes)
{
    advise(data, bytes, POSIX_MADV_RANDOM);
}

void g4_map_sequential(const void *data, size_t bytes)
{
    advise(data, bytes, POSIX_MADV_SEQUENTIAL);
}

/* The line is prepared beforehand: a signal handler may not format. */
static char lost_pages_text[160];
static size_t lost_pages_bytes;

static void on_lost_pages(int signal_number)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    (void)signal_number;
    /* Several threads meet the hole at once; one of them speaks and ends the process. */
    while (atomic_flag_test_and_set(&told))
        pause();
    ssize_t ignored = write(STDERR_FILENO, lost_pages_text, lost_pages_bytes);
    (void)ignored;
    _exit(1);
}

void g4_map_guard(const char *program)
{
    int n = snprintf(lost_pages_text, sizeof lost_pages_text,
                     "%s: a model file was truncated or its disk failed while it was in use\n",
                     program);
    lost_pages_bytes = n > 0 && (size_t)n < sizeof lost_pages_text ? (size_t)n : 0;
    struct sigaction action = {.sa_handler = on_lost_pages};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

int g4_read_full(int fd, void *buffer, size_t n, size_t *got, struct g4_err *err)
{
    *got = 0;
    while (*got < n) {
        ssize_t r = read(fd, (char *)buffer + *got, n - *got);
        if (r > 0)
            *got += (size_t)r;
        else if (r == 0)
            return 0;
        else if (errno != EINTR)
            return g4_err_set(err, G4_EIO, "cannot read: %s", strerror(errno));
    }
    return 0;
}

int g4_write_full(int fd, const void *buffer, size_t n, struct g4_err *err)
{
    const char *p = buffer;
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w >= 0) {
            p += w;
            n -= (size_t)w;
        } else if (errno != EINTR) {
            return g4_err_set(err, G4_EIO, "cannot write: %s", strerror(errno));
        }
    }
    return 0;
}

/* Grows to twice the size while bytes keep coming; one byte beyond the limit is looked for. */
static int read_all(int fd, char **data, size_t *size, const char *path, size_t limit,
                    struct g4_err *err)
{
    size_t capacity = 64 << 10;
    int status = 0;
    *size = 0;
    for (;;) {
        char *grown = realloc(*data, capacity + 1);
        if (!grown)
            return g4_err_nomem(err, capacity + 1, path);
        *data = grown;
        size_t got;
        status = g4_read_full(fd, *data + *size, capacity - *size, &got, err);
        if (status < 0)
            return g4_err_prefix(err, "'%s'", path);
        *size += got;
        if (*size > limit)
            return g4_err_set(err, G4_ELIMIT, "'%s': larger than %zu bytes", path, limit);
        if (*size < capacity)
            break;
        capacity *= 2;
    }
    (*data)[*size] = '\0';
    return 0;
}

int g4_read_file(char **data, size_t *size, const char *path, size_t limit, struct g4_err *err)
{
    *data = NULL;
    *size = 0;
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                          path, strerror(errno));
    struct stat st;
    int status;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        status = g4_err_set(err, G4_EIO, "'%s': is a directory", path);
    else
        status = read_all(fd, data, size, path, limit, err);
    if (!from_stdin)
        close(fd);
    if (status < 0) {
        free(*data);
        *data = NULL;
        *size = 0;
    }
    return status;
}
