/*
 * golden.c - the program: walks the case folders of a directory, picks the family by the prefix of
 * the name, and ends with a TAP plan.
 */
#include "tests/golden/golden.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/kernel/amx_emulator.h"

static unsigned tests, failures;

void golden_ok(struct golden *g, bool ok, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%sok %u - %s ", ok ? "" : "not ", ++tests, g->name);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    failures += !ok;
}

void golden_skip(struct golden *g, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("ok %u - %s # SKIP ", ++tests, g->name);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
}

const struct g4_tensor *golden_tensor(struct golden *g, const char *format, ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return g4_safetensors_find(&g->vectors, name);
}

const char *golden_path(struct golden *g, const char *file)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", g->dir, file);
    return path;
}

struct distance {
    double relative;  /* largest difference / largest expected value */
    double l2;        /* |got - expected| / |expected| */
    double cosine;    /* of the whole tensor */
    double worst_row; /* smallest cosine of a row */
    bool finite;
};

static double cosine_of(double xy, double xx, double yy)
{
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : xx == yy;
}

static struct distance measure(const struct g4_tensor *expected, const float *got, size_t ld,
                               size_t rows, size_t cols)
{
    struct distance d = {.worst_row = 1, .finite = true};
    double difference = 0, largest = 0, xy = 0, xx = 0, yy = 0, dd = 0;
    for (size_t r = 0; r < rows; r++) {
        double rxy = 0, rxx = 0, ryy = 0;
        for (size_t c = 0; c < cols; c++) {
            double x = got[r * ld + c], y = (double)g4_tensor_get(expected, r * cols + c);
            d.finite &= isfinite(x) != 0;
            difference = fmax(difference, fabs(x - y));
            largest = fmax(largest, fabs(y));
            dd += (x - y) * (x - y);
            rxy += x * y;
            rxx += x * x;
            ryy += y * y;
        }
        d.worst_row = fmin(d.worst_row, cosine_of(rxy, rxx, ryy));
        xy += rxy;
        xx += rxx;
        yy += ryy;
    }
    d.relative = difference / fmax(largest, 1e-30);
    d.l2 = sqrt(dd / fmax(yy, 1e-60));
    d.cosine = cosine_of(xy, xx, yy);
    return d;
}

static const struct {
    double l2, cosine;
    bool by_rows;
} limits[] = {
    [GOLDEN_STAGE] = {2e-1, 0.98, false},  [GOLDEN_LOGITS] = {1e-1, 0.998, false},
    [GOLDEN_EXPERTS] = {5e-1, 0.9, false}, [GOLDEN_VISION] = {3e-2, 0.998, true},
    [GOLDEN_AUDIO] = {2e-2, 0.999, true},
};

bool golden_close(struct golden *g, const char *what, const struct g4_tensor *expected,
                  const float *got, size_t ld, size_t rows, size_t cols, double limit,
                  enum golden_part part)
{
    if (g4_tensor_count(expected) != rows * cols) {
        char shape[96];
        golden_ok(g, false, "%s: %zu x %zu values, expected shape %s", what, rows, cols,
                  g4_tensor_shape_text(expected, shape, sizeof shape));
        return false;
    }
    struct distance d = measure(expected, got, ld, rows, cols);
    if (d.relative > g->worst)
        g->worst = d.relative;
    if (g->float_products) {
        bool ok = d.finite && d.relative < limit;
        golden_ok(g, ok, "%s: %.1e (limit %.0e), L2 %.1e", what, d.relative, limit, d.l2);
        return ok;
    }
    const double cosine = limits[part].by_rows ? d.worst_row : d.cosine;
    bool ok = d.finite && d.l2 <= limits[part].l2 && cosine >= limits[part].cosine;
    golden_ok(g, ok, "%s: L2 %.1e (limit %.0e), cosine %.6f (limit %g), largest %.1e", what, d.l2,
              limits[part].l2, cosine, limits[part].cosine, d.relative);
    return ok;
}

/* Longest prefix first: "decoder-rope" is also a "decoder-". */
static const struct {
    const char *prefix;
    void (*run)(struct golden *);
} families[] = {
    {"decoder-rope", golden_rope},
    {"decoder-sampling", golden_sampling},
    {"decoder-", golden_decoder},
    {"vision-", golden_vision},
    {"audio-", golden_audio},
    {"unified-", golden_unified},
    {"media-sizes", golden_sizes},
    {"media-resize", golden_resize},
    {"media-decode", golden_decode_image},
    {"media-mel", golden_mel},
    {"media-video", golden_video},
};

/* The twin of a case into path; false: there is none. */
static bool find_twin(char path[4096], const char *twins, const char *name)
{
    static const char *const files[] = {"model.gguf", "mmproj.gguf"};
    struct stat st;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, 4096, "%s/%s/%s", twins, name, files[i]);
        if (stat(path, &st) == 0)
            return true;
    }
    return false;
}

static void run_case(const char *dir, const char *name, int threads, const char *twins)
{
    char path[4096], twin[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    struct golden g = {.dir = path, .name = name, .model = path};
    if (twins && !find_twin(twin, twins, name))
        return;
    if (twins)
        g.model = twin;
    struct g4_err err = {0};
    size_t i = 0, count = sizeof families / sizeof families[0];
    while (i < count && strncmp(name, families[i].prefix, strlen(families[i].prefix)) != 0)
        i++;
    if (i == count) {
        golden_skip(&g, "no such family is built");
        return;
    }
    char vectors[4200];
    snprintf(vectors, sizeof vectors, "%s/vectors.safetensors", path);
    struct stat st;
    bool has_vectors = stat(vectors, &st) == 0;
    if (g4_exec_open(&g.exec, threads, &err) < 0 ||
        (has_vectors && g4_safetensors_open(&g.vectors, vectors, &err) < 0)) {
        golden_ok(&g, false, "%s", err.text);
    } else {
        unsigned before = failures;
        g.float_products = g.exec.kernels->float_products;
        families[i].run(&g);
        printf("# %-18s largest error %.1e%s\n", name, g.worst,
               failures > before ? "  FAILED" : "");
        g4_safetensors_close(&g.vectors);
    }
    g4_exec_close(&g.exec);
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* $G4_CPU=amx asks for the tile instructions even of a machine that has everything but them. The
 * table was made for this machine; nobody has used it yet. */
static bool emulate_amx(void)
{
    const char *cpu = getenv("G4_CPU");
    struct g4_kernels *best = (struct g4_kernels *)(uintptr_t)g4_kernels_best(NULL);
    if (!cpu || strcmp(cpu, "amx") != 0 || !best || best->cpu != G4_CPU_AVX512BF16)
        return false;
    if (amx_emulator_start())
        g4_kernels_init(best, G4_CPU_AMX, false);
    return best->cpu == G4_CPU_AMX;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: golden DIR [THREADS [TWINS]]\n");
        return 2;
    }
    const bool emulated = emulate_amx();
    struct dirent **entries;
    int n = scandir(argv[1], &entries, is_case, alphasort);
    if (n < 0) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            run_case(argv[1], entries[i]->d_name, argc > 2 ? atoi(argv[2]) : 0,
                     argc > 3 ? argv[3] : NULL);
        free(entries[i]);
    }
    free(entries);
    if (emulated) {
        struct golden all = {.name = "amx"};
        golden_ok(&all, amx_emulator_count() > 0, "%lu instructions emulated",
                  amx_emulator_count());
    }
    printf("1..%u\n", tests);
    return failures || !tests;
}
