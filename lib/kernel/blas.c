/*
 * blas.c - gemm by OpenBLAS: the fast product of machines for which there are no kernels here.
 *
 * Loaded the first time a table asks for it, so that programs that never do start without it. Its
 * own threads are switched off: the pool gives out the work, and the bits must not depend on how
 * many share it. Only sgemm is used, on panels of fixed size.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/kernel/isa.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111 }; /* of the CBLAS interface */
enum { NR = 128, KC = 512 };

/* With 32-bit integers, as Debian and most others build it. */
typedef void sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                      const float *a, int lda, const float *b, int ldb, float beta, float *c,
                      int ldc);
typedef void set_num_threads_fn(int threads);

static sgemm_fn *sgemm; /* NULL: not there. Written once, by load */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* An object pointer of dlsym as the function pointer it is (POSIX promises it, C does not). */
static void symbol(void *library, const char *name, void *fn)
{
    *(void **)fn = dlsym(library, name);
}

static void load(void)
{
    set_num_threads_fn *set_num_threads;
    /* read when the library is loaded: else it starts its threads then and there */
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    symbol(library, "openblas_set_num_threads", &set_num_threads);
    symbol(library, "cblas_sgemm", &sgemm);
    if (set_num_threads)
        set_num_threads(1);
    else
        sgemm = NULL;
}

static void multiply_blas(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                          const void *panel, size_t cols, size_t k, bool add)
{
    if (m == 0 || cols == 0)
        return;
    /* with k = 0 it leaves y alone when beta is 1 and clears it when beta is 0: as we want it */
    sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, (int)m, (int)cols, (int)k, 1.0f, x, (int)ldx, panel, NR,
          add ? 1.0f : 0.0f, y, (int)ldy);
}

void g4_kernels_init_blas(struct g4_kernels *kernels)
{
    pthread_once(&once, load);
    if (!sgemm)
        return;
    kernels->gemm_f32.name = "openblas";
    kernels->gemm_f32.nr = NR;
    kernels->gemm_f32.kc = KC;
    kernels->gemm_f32.multiply = multiply_blas;
}
