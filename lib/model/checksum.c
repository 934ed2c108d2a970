/* checksum.c - lists of sums, and sums. */
#include "lib/model/checksum.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sha2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/progress.h"

enum { HEX = G4_SHA256_HEX - 1, LIST_BYTES = 16 << 20, PIECE = 4 << 20, MIB_SHIFT = 20 };

/* ------------------------------------------------------------ lists */

/* Whether 64 hexadecimal digits, and no more of them, begin at text; hex is them in lower case. */
static bool take_hex(char hex[G4_SHA256_HEX], const char *text)
{
    if (strspn(text, "0123456789abcdefABCDEF") != HEX)
        return false;
    for (size_t i = 0; i < HEX; i++)
        hex[i] = (char)tolower((unsigned char)text[i]);
    hex[HEX] = '\0';
    return true;
}

/* One line of a list, without its end. alone: a line without a name counts. */
static bool read_line(char hex[G4_SHA256_HEX], const char *line, size_t n, const char *name,
                      bool alone)
{
    static const char tag[] = "SHA256 (";
    const size_t m = strlen(name);
    if (strncmp(line, tag, sizeof tag - 1) == 0) {
        const char *at = line + sizeof tag - 1;
        return n > sizeof tag - 1 + m && strncmp(at, name, m) == 0 &&
               strncmp(at + m, ") = ", 4) == 0 && take_hex(hex, at + m + 4);
    }
    if (n < HEX || !take_hex(hex, line))
        return false;
    if (n == HEX)
        return alone;
    const char *at = line + HEX, *end = line + n;
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at < end && *at == '*')
        at++;
    if (end - at > 2 && at[0] == '.' && at[1] == '/')
        at += 2;
    return (size_t)(end - at) == m && strncmp(at, name, m) == 0;
}

static bool search_list(char hex[G4_SHA256_HEX], const char *text, const char *name, bool alone)
{
    while (*text) {
        size_t n = strcspn(text, "\n"), line = n;
        while (line > 0 && strchr("\r \t", text[line - 1]))
            line--;
        if (read_line(hex, text, line, name, alone))
            return true;
        text += n + (text[n] == '\n');
    }
    return false;
}

static int is_list(const struct dirent *entry)
{
    static const char *const names[] = {"SHA256SUMS", "SHA256SUM", "SHA256SUMS.txt",
                                        "SHA256SUM.txt"};
    const size_t n = strlen(entry->d_name), m = strlen(".sha256");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcasecmp(entry->d_name, names[i]) == 0)
            return 1;
    return n > m && strcmp(entry->d_name + n - m, ".sha256") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Looks into one list of the folder, which ends in a slash or is empty. */
static int try_list(struct g4_checksum *sum, const char *folder, const char *list, const char *name,
                    struct g4_err *err)
{
    char *path, *text;
    size_t n;
    const size_t m = strlen(name);
    if (asprintf(&path, "%s%s", folder, list) < 0)
        return g4_err_nomem(err, strlen(list), "path");
    const bool own = strncmp(list, name, m) == 0 && strcmp(list + m, ".sha256") == 0;
    int status = g4_read_file(&text, &n, path, LIST_BYTES, NULL);
    if (status == 0) {
        if (!search_list(sum->hex, text, name, own))
            sum->hex[0] = '\0';
        else if (asprintf(&sum->source, "'%s'", path) < 0) {
            sum->source = NULL;
            status = G4_ENOMEM;
        }
        free(text);
    }
    free(path);
    return status == G4_ENOMEM ? g4_err_nomem(err, 0, "a list of checksums") : 0;
}

static int ask_lists(struct g4_checksum *sum, const char *path, struct g4_err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *folder = strndup(path, (size_t)(name - path));
    struct dirent **entries = NULL;
    int status = 0;
    if (!folder)
        return g4_err_nomem(err, strlen(path), "path");
    int n = scandir(folder[0] ? folder : ".", &entries, is_list, by_bytes);
    if (n < 0 && errno == ENOMEM)
        status = g4_err_nomem(err, 0, "the names in a folder");
    for (int i = 0; i < n && status == 0 && !sum->source; i++)
        status = try_list(sum, folder, entries[i]->d_name, name, err);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    if (n >= 0)
        free(entries);
    free(folder);
    return status;
}

/* ".../blobs/<hex>" or ".../blobs/sha256-<hex>", links followed. */
static int ask_blob(struct g4_checksum *sum, const char *path, struct g4_err *err)
{
    char *real = realpath(path, NULL);
    if (!real)
        return errno == ENOMEM ? g4_err_nomem(err, 0, "a path") : 0;
    char *name = strrchr(real, '/') + 1;
    const bool blob = name - real > 7 && strncmp(name - 7, "/blobs/", 7) == 0;
    if (strncmp(name, "sha256-", 7) == 0)
        name += 7;
    if (blob && strlen(name) == HEX && take_hex(sum->hex, name)) {
        sum->source = strdup("the name of its blob");
        if (!sum->source) {
            free(real);
            return g4_err_nomem(err, 0, "a checksum");
        }
    }
    free(real);
    return 0;
}

int g4_checksum_expect(struct g4_checksum *sum, const char *path, struct g4_err *err)
{
    *sum = (struct g4_checksum){.path = path};
    int status = ask_lists(sum, path, err);
    if (status == 0 && !sum->source)
        status = ask_blob(sum, path, err);
    return status;
}

void g4_checksum_release(struct g4_checksum *sum)
{
    free(sum->source);
    *sum = (struct g4_checksum){0};
}

/* ------------------------------------------------------------ sums */

struct job {
    const struct g4_checksum *sums;
    struct g4_err *errors; /* one for each */
    atomic_ulong done;     /* MiB */
    unsigned long total;
};

static void hash(SHA2_CTX *sha, struct job *job, const struct g4_map *map, int worker)
{
    for (size_t at = 0; at < map->size; at += PIECE) {
        const size_t n = map->size - at < PIECE ? map->size - at : PIECE;
        SHA256Update(sha, map->data + at, n);
        const unsigned long done = atomic_fetch_add(&job->done, n >> MIB_SHIFT) + (n >> MIB_SHIFT);
        if (worker == 0) /* the only one that may draw */
            g4_progress("checksums, MiB", done, job->total);
    }
}

static void check_file(void *ctx, size_t item, int worker)
{
    struct job *job = ctx;
    const struct g4_checksum *sum = &job->sums[item];
    struct g4_err *err = &job->errors[item];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char hex[G4_SHA256_HEX];
    struct g4_map map;
    SHA2_CTX sha;
    if (!sum->hex[0] || g4_map_open(&map, sum->path, err) < 0)
        return;
    g4_map_sequential(map.data, map.size);
    SHA256Init(&sha);
    hash(&sha, job, &map, worker);
    SHA256Final(digest, &sha);
    g4_map_close(&map);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (strcmp(hex, sum->hex) != 0)
        g4_err_set(err, G4_EINPUT, "'%s': SHA-256 is %s, expected %s by %s", sum->path, hex,
                   sum->hex, sum->source);
}

static unsigned long size_of(const struct g4_checksum *sum)
{
    struct g4_map map;
    unsigned long size = 0;
    if (sum->hex[0] && g4_map_open(&map, sum->path, NULL) == 0) {
        size = (unsigned long)(map.size >> MIB_SHIFT);
        g4_map_close(&map);
    }
    return size;
}

int g4_checksum_verify(const struct g4_checksum *sums, size_t count, struct g4_pool *pool,
                       struct g4_err *err)
{
    struct job job = {.sums = sums};
    int status = g4_alloc((void **)&job.errors, count, sizeof *job.errors, "checksums", err);
    if (status < 0)
        return status;
    atomic_init(&job.done, 0);
    for (size_t i = 0; i < count; i++)
        job.total += size_of(&sums[i]);
    g4_pool_run(pool, check_file, &job, count);
    g4_progress_clear();
    for (size_t i = 0; i < count && status == 0; i++)
        if (job.errors[i].code != 0) {
            status = job.errors[i].code;
            if (err)
                *err = job.errors[i];
        }
    free(job.errors);
    return status;
}
