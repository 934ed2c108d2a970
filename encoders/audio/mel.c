/*
 * mel.c - window, FFT, triangles, logarithm; frames are shared out over the threads.
 *
 * Why float64: in bins far below a loud tone the rounding of a float32 FFT reaches the floor of
 * 0.001 and moves the logarithm by up to 5e-3. In float64 it does not matter whose FFT it is.
 */
#include "encoders/audio/mel.h"

#include <assert.h>
#include <libavutil/mem.h>
#include <libavutil/tx.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/media/av_library.h"
#include "lib/base/mem.h"

enum {
    FRAME = 320,  /* 20 ms */
    HOP = 160,    /* 10 ms */
    POINTS = 512, /* of the FFT: the frame and zeros behind it */
    LINES = POINTS / 2 + 1,
    FRAMES_PER_ITEM = 32,
};

static const double PI = 3.14159265358979323846;
static const double FLOOR = 0.001;

/* The FFT of one thread; a context of av_tx is not to be shared between threads. */
struct fft {
    AVTXContext *context;
    av_tx_fn run;
    double *in;  /* [POINTS], zero from FRAME on */
    double *out; /* [LINES] complex: re, im */
};

struct g4_mel {
    double window[FRAME];
    double filter[G4_AUDIO_MELS][LINES];
    int first[G4_AUDIO_MELS]; /* a filter has weights at lines first .. last - 1 only */
    int last[G4_AUDIO_MELS];
    int workers;
    struct fft fft[];
};

size_t g4_mel_frames(size_t n)
{
    return n < G4_AUDIO_MIN_SAMPLES ? 0 : (n - G4_AUDIO_MIN_SAMPLES) / HOP + 1;
}

size_t g4_audio_tokens(size_t n)
{
    return (g4_mel_frames(n) + 3) / 4;
}

static void make_window(struct g4_mel *mel)
{
    for (int j = 0; j < FRAME; j++)
        mel->window[j] = 0.5 - 0.5 * cos(2 * PI * j / FRAME);
}

/* Edge i of the triangles in Hz: bin b rises from edge b to edge b + 1 and falls to edge b + 2. */
static double edge(int i)
{
    double top = 2595.0 * log10(1.0 + G4_AUDIO_RATE / 2 / 700.0);
    return 700.0 * (pow(10.0, top * i / (G4_AUDIO_MELS + 1) / 2595.0) - 1.0);
}

static void make_filters(struct g4_mel *mel)
{
    for (int b = 0; b < G4_AUDIO_MELS; b++) {
        double low = edge(b), peak = edge(b + 1), high = edge(b + 2);
        for (int k = 0; k < LINES; k++) {
            double hz = (double)k * G4_AUDIO_RATE / POINTS;
            double weight = fmin((hz - low) / (peak - low), (high - hz) / (high - peak));
            mel->filter[b][k] = fmax(0.0, weight);
            if (weight <= 0.0)
                continue;
            if (mel->last[b] == 0)
                mel->first[b] = k;
            mel->last[b] = k + 1;
        }
    }
}

static int fft_open(struct fft *fft, struct g4_err *err)
{
    const double scale = 1.0;
    int status = g4_av_library_load(G4_AV_TOOLS, err);
    if (status < 0)
        return status;
    fft->in = av_calloc(POINTS, sizeof *fft->in);
    fft->out = av_calloc((size_t)2 * LINES, sizeof *fft->out);
    if (!fft->in || !fft->out)
        return g4_err_nomem(err, (POINTS + 2 * LINES) * sizeof(double), "the sound features");
    if (av_tx_init(&fft->context, &fft->run, AV_TX_DOUBLE_RDFT, 0, POINTS, &scale, 0) < 0)
        return g4_err_set(err, G4_EUNSUPPORTED, "this libavutil has no FFT of %d points in float64",
                          POINTS);
    return 0;
}

int g4_mel_open(struct g4_mel **out, int workers, struct g4_err *err)
{
    *out = NULL;
    void *memory;
    int status = g4_alloc(&memory, 1, sizeof(struct g4_mel) + (size_t)workers * sizeof(struct fft),
                          "the sound features", err);
    if (status < 0)
        return status;
    struct g4_mel *mel = memory;
    mel->workers = workers;
    make_window(mel);
    make_filters(mel);
    for (int i = 0; i < workers && status == 0; i++)
        status = fft_open(&mel->fft[i], err);
    if (status < 0) {
        g4_mel_close(mel);
        return status;
    }
    *out = mel;
    return 0;
}

void g4_mel_close(struct g4_mel *mel)
{
    if (!mel)
        return;
    for (int i = 0; i < mel->workers; i++) {
        av_tx_uninit(&mel->fft[i].context);
        av_free(mel->fft[i].in);
        av_free(mel->fft[i].out);
    }
    free(mel);
}

struct job {
    struct g4_mel *mel;
    float *features;
    const float *samples;
    size_t frames;
};

/* y[0..FRAME-1] = frame t, windowed. */
static void window_frame(const struct job *job, double *y, size_t t)
{
    const double *window = job->mel->window;
    const size_t before = t == 0 ? HOP : 0; /* samples that lie before the sound */
    memset(y, 0, before * sizeof *y);
    const float *x = job->samples + t * HOP + before - HOP;
    for (size_t j = before; j < FRAME; j++)
        y[j] = x[j - before] * window[j];
}

static void feature_row(const struct g4_mel *mel, float *row, const double *spectrum)
{
    double magnitude[LINES];
    for (size_t k = 0; k < LINES; k++) {
        double re = spectrum[2 * k], im = spectrum[2 * k + 1];
        magnitude[k] = sqrt(re * re + im * im);
    }
    for (size_t b = 0; b < G4_AUDIO_MELS; b++) {
        double sum = 0.0;
        for (int k = mel->first[b]; k < mel->last[b]; k++)
            sum += magnitude[k] * mel->filter[b][k];
        row[b] = (float)log(sum + FLOOR);
    }
}

static void mel_frames(void *ctx, size_t item, int worker)
{
    const struct job *job = ctx;
    struct fft *fft = &job->mel->fft[worker];
    size_t first = item * FRAMES_PER_ITEM, last = first + FRAMES_PER_ITEM;
    if (last > job->frames)
        last = job->frames;
    for (size_t t = first; t < last; t++) {
        window_frame(job, fft->in, t);
        fft->run(fft->context, fft->out, fft->in, 2 * sizeof(double));
        feature_row(job->mel, job->features + t * G4_AUDIO_MELS, fft->out);
    }
}

void g4_mel_run(struct g4_mel *mel, struct g4_pool *pool, float *features, const float *samples,
                size_t n)
{
    assert(g4_pool_threads(pool) <= mel->workers);
    struct job job = {mel, features, samples, g4_mel_frames(n)};
    g4_pool_run(pool, mel_frames, &job, (job.frames + FRAMES_PER_ITEM - 1) / FRAMES_PER_ITEM);
}
