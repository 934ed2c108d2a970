/*
 * replay.c - runs a fuzzer's target over given inputs, without the fuzzer: files, or folders of
 * them. Prints one line of TAP; the names of inputs go to stderr, so that the last one there is the
 * one that failed.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes =
        calloc(1, size ? size : 1); /* exactly, so that a sanitiser sees a byte too far */
    const int good = file && bytes && fread(bytes, 1, size, file) == size;
    fprintf(stderr, "%s\n", path);
    if (good)
        LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    if (file)
        fclose(file);
    return good ? 1 : -1;
}

/* The number of inputs; below 0 when something could not be read. */
static int replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return -1;
    if (!S_ISDIR(st.st_mode))
        return replay_file(path, (size_t)st.st_size);
    struct dirent **names;
    const int n = scandir(path, &names, NULL, alphasort);
    int count = n < 0 ? -1 : 0;
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && count >= 0) {
            const int more = replay(inner);
            count = more < 0 ? -1 : count + more;
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc && count >= 0; i++) {
        const int more = replay(argv[i]);
        count = more < 0 ? -1 : count + more;
    }
    printf("%sok 1 - %d inputs replayed\n1..1\n", count > 0 ? "" : "not ", count);
    return count > 0 ? 0 : 1;
}
