/* test_audio_source.c - which samples come out of a sound, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encoders/audio/audio_source.h"
#include "tests/unit/media_fixture.h"

struct sound {
    float *data;
    size_t n;
    int status; /* of open, or of the last read */
    struct g4_err err;
    struct g4_audio_info info;
};

/* Everything an operand gives, read in portions. */
static struct sound load(const char *operand, const struct g4_audio_options *options,
                         size_t portion)
{
    struct sound s = {0};
    const struct g4_media_limits limits = G4_MEDIA_LIMITS;
    struct g4_media_input *input = NULL;
    struct g4_audio_source *source = NULL;
    s.status = g4_media_input_open(&input, operand, "g4-audio", &limits, &s.err);
    if (s.status == 0)
        s.status = g4_audio_source_open(&source, input, options, &s.err);
    if (s.status == 0)
        g4_audio_source_info(source, &s.info);
    size_t got = 1;
    while (s.status == 0 && got > 0) {
        s.data = realloc(s.data, (s.n + portion) * sizeof *s.data);
        s.status = g4_audio_source_read(source, s.data + s.n, portion, &got, &s.err);
        s.n += got;
    }
    g4_audio_source_close(source);
    g4_media_input_close(input);
    return s;
}

static struct sound load_bytes(const struct media_bytes *b, const struct g4_audio_options *options,
                               size_t portion)
{
    char path[32];
    int fd = media_file(path, b);
    struct sound s = load(path, options, portion);
    close(fd);
    return s;
}

static const struct g4_audio_options defaults = G4_AUDIO_OPTIONS;

/* Checks status and part of the message, frees everything. */
static void assert_sound_refused(struct media_bytes b, const struct g4_audio_options *options,
                                 int status, const char *words)
{
    struct sound s = load_bytes(&b, options ? options : &defaults, 1000);
    assert_int_equal(s.status, status);
    if (!strstr(s.err.text, words))
        fail_msg("'%s' is not in: %s", words, s.err.text);
    free(s.data);
    free(b.data);
}

enum { COUNT = 12000 };

static struct media_bytes ramp(unsigned channels, uint32_t rate)
{
    int16_t samples[2 * COUNT];
    for (int i = 0; i < COUNT; i++)
        for (unsigned c = 0; c < channels; c++)
            samples[(unsigned)i * channels + c] =
                (int16_t)(c ? -3 * i : (i * 7919) % 65536 - 32768);
    return media_wav(1, channels, rate, 16, samples, 2 * channels * COUNT, 2 * channels * COUNT);
}

static void at_16_khz_untouched(void **state)
{
    (void)state;
    struct media_bytes b = ramp(1, 16000);
    struct sound s = load_bytes(&b, &defaults, 777);
    assert_int_equal(s.status, 0);
    assert_int_equal(s.n, COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_true(s.data[i] == (float)((i * 7919) % 65536 - 32768) / 32768);
    assert_string_equal(s.info.codec, "pcm_s16le");
    assert_int_equal(s.info.rate, 16000);
    assert_int_equal(s.info.tracks, 1);
    free(s.data);
    free(b.data);
}

static void mean_and_single_channel(void **state)
{
    (void)state;
    struct media_bytes b = ramp(2, 16000);
    struct sound mean = load_bytes(&b, &defaults, COUNT);
    struct g4_audio_options o = defaults;
    o.channel = 1;
    struct sound one = load_bytes(&b, &o, COUNT);
    o.channel = 0;
    struct sound zero = load_bytes(&b, &o, COUNT);
    assert_int_equal(mean.n, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(one.data[i] == (float)(int16_t)(-3 * (int)i) / 32768);
        assert_true(mean.data[i] == (zero.data[i] + one.data[i]) / 2);
    }
    o.channel = 2;
    free(mean.data);
    free(one.data);
    free(zero.data);
    assert_sound_refused(b, &o, G4_EINPUT, "its channels are 0..1");
}

static void portions_and_pipes_agree(void **state)
{
    (void)state;
    struct media_bytes b = ramp(1, 44100);
    char path[32];
    struct sound whole = load_bytes(&b, &defaults, 100000), small = load_bytes(&b, &defaults, 7);
    int fd = media_pipe(path, &b);
    struct sound piped = load(path, &defaults, 1000);
    close(fd);
    assert_int_equal(whole.n, (COUNT * 160 + 440) / 441);
    assert_int_equal(small.n, whole.n);
    assert_int_equal(piped.n, whole.n);
    assert_memory_equal(small.data, whole.data, whole.n * sizeof(float));
    assert_memory_equal(piped.data, whole.data, whole.n * sizeof(float));
    free(whole.data);
    free(small.data);
    free(piped.data);
    free(b.data);
}

static void a_span_is_a_slice(void **state)
{
    (void)state;
    struct media_bytes b = ramp(1, 22050);
    struct g4_audio_options o = defaults;
    struct sound whole = load_bytes(&b, &o, 1000);
    o.start_us = 250000;
    o.duration_us = 100000;
    struct sound part = load_bytes(&b, &o, 1000);
    assert_int_equal(part.n, 1600);
    assert_memory_equal(part.data, whole.data + 4000, 1600 * sizeof(float));
    assert_int_equal(part.info.t0_us, 250000);
    free(part.data);
    free(whole.data);
    o.start_us = 60000000;
    assert_sound_refused(b, &o, G4_EINPUT, "--start 60 s is beyond its end");
}

/* For the sound of a video: time 0 is the video's. */
static void origin_moves_the_time_line(void **state)
{
    (void)state;
    struct media_bytes b = ramp(1, 16000);
    struct g4_audio_options o = defaults;
    o.origin_us = -100000;
    struct sound later = load_bytes(&b, &o, 1000);
    assert_int_equal(later.n, COUNT);
    assert_int_equal(later.info.t0_us, 100000);
    o.origin_us = 100000;
    struct sound earlier = load_bytes(&b, &o, 1000);
    assert_int_equal(earlier.n, COUNT - 1600);
    assert_int_equal(earlier.info.t0_us, 0);
    assert_memory_equal(earlier.data, later.data + 1600, earlier.n * sizeof(float));
    free(later.data);
    free(earlier.data);
    free(b.data);
}

static void values(void **state)
{
    (void)state;
    float samples[400];
    for (int i = 0; i < 400; i++)
        samples[i] = 0.25f;
    samples[100] = 1e30f;
    samples[101] = -1e30f;
    samples[102] = 3.5f;
    struct media_bytes b = media_wav(3, 1, 16000, 32, samples, sizeof samples, sizeof samples);
    struct sound s = load_bytes(&b, &defaults, 400);
    assert_int_equal(s.status, 0);
    assert_true(s.data[99] == 0.25f && s.data[102] == 3.5f);
    assert_true(s.data[100] == 65536.0f && s.data[101] == -65536.0f);
    free(s.data);
    free(b.data);
    const float bad[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        samples[100] = bad[i];
        b = media_wav(3, 1, 16000, 32, samples, sizeof samples, sizeof samples);
        assert_sound_refused(b, NULL, G4_EINPUT, "sample 100 is not a finite number");
    }
}

static void truncated_and_streamed(void **state)
{
    (void)state;
    int16_t samples[500] = {1};
    struct media_bytes b = media_wav(1, 1, 16000, 16, samples, sizeof samples, 5000);
    struct sound s = load_bytes(&b, &defaults, 1000);
    assert_int_equal(s.status, G4_EINPUT);
    assert_int_equal(s.n, 500);
    assert_non_null(strstr(s.err.text, "truncated: 1044 of 5044 bytes"));
    free(s.data);
    free(b.data);
    const uint32_t unknown[] = {0, 0xffffffff, 0x7ffff000};
    for (int i = 0; i < 3; i++) {
        b = media_wav(1, 1, 16000, 16, samples, sizeof samples, unknown[i]);
        s = load_bytes(&b, &defaults, 1000);
        assert_int_equal(s.status, 0);
        assert_int_equal(s.n, 500);
        free(s.data);
        free(b.data);
    }
}

static void limits(void **state)
{
    (void)state;
    int16_t samples[6500] = {1};
    struct g4_audio_options o = defaults;
    assert_sound_refused(media_wav(1, 1, 999, 16, samples, 100, 100), NULL, G4_ELIMIT,
                         "--max-rate");
    assert_sound_refused(media_wav(1, 65, 16000, 16, samples, 13000, 13000), NULL, G4_ELIMIT,
                         "--max-channels");
    assert_sound_refused(media_wav(1, 0, 16000, 16, samples, 100, 100), NULL, G4_EINPUT,
                         "0 channels");
    assert_sound_refused(media_wav(1, 1, 0, 16, samples, 100, 100), NULL, G4_EINPUT, "ample rate");
    o.max_seconds = 0.3;
    assert_sound_refused(media_wav(1, 1, 16000, 16, samples, 13000, 13000), &o, G4_ELIMIT,
                         "--max-seconds");
    o.max_seconds = 0;
    o.max_channels = 0;
    struct media_bytes b = media_wav(1, 65, 16000, 16, samples, 13000, 13000);
    struct sound s = load_bytes(&b, &o, 1000);
    assert_int_equal(s.status, 0);
    assert_int_equal(s.n, 100);
    free(s.data);
    free(b.data);
}

static void raw_samples(void **state)
{
    (void)state;
    const int16_t samples[] = {100, 300, -100, -300, 16384, 16384};
    struct media_bytes b = {0};
    struct g4_audio_options o = defaults;
    o.raw = G4_AUDIO_RAW_S16LE;
    o.raw_rate = 16000;
    o.raw_channels = 2;
    media_add(&b, samples, sizeof samples);
    media_add(&b, "x", 1); /* a sample begun, but not ended, is none */
    struct sound s = load_bytes(&b, &o, 10);
    assert_int_equal(s.status, 0);
    assert_int_equal(s.n, 3);
    assert_true(s.data[0] == 200.0f / 32768 && s.data[1] == -200.0f / 32768 && s.data[2] == 0.5f);
    free(s.data);
    o.raw = G4_AUDIO_RAW_F32LE;
    o.raw_channels = 1;
    s = load_bytes(&b, &o, 10);
    assert_int_equal(s.n, 3);
    free(s.data);
    assert_sound_refused(b, NULL, G4_EINPUT, "--raw");
}

static void what_is_no_sound(void **state)
{
    (void)state;
    struct media_bytes b = {0};
    struct sound s = load("http://example.invalid/a.mp3", &defaults, 10);
    assert_int_equal(s.status, G4_ENOTFOUND);
    assert_non_null(strstr(s.err.text, "curl -L URL | g4-audio"));
    s = load("/", &defaults, 10);
    assert_non_null(strstr(s.err.text, "is a directory"));
    media_add(&b, "", 0);
    assert_sound_refused(b, NULL, G4_EINPUT, "empty");
    b = (struct media_bytes){0};
    media_add(&b, "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 38);
    assert_sound_refused(b, NULL, G4_EUNSUPPORTED, "a list that names other files");
    b = (struct media_bytes){0};
    media_add(&b, "\x89G4S\r\n\x1a\n and so on", 18);
    assert_sound_refused(b, NULL, G4_EINPUT, "for g4-decode");
    assert_sound_refused(media_clip(3, 10), NULL, G4_EINPUT, "no audio stream");
    assert_sound_refused(media_wav(1, 1, 8000, 16, "ab", 2, 2), NULL, G4_EINPUT, "too short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_16_khz_untouched),
        cmocka_unit_test(mean_and_single_channel),
        cmocka_unit_test(portions_and_pipes_agree),
        cmocka_unit_test(a_span_is_a_slice),
        cmocka_unit_test(origin_moves_the_time_line),
        cmocka_unit_test(values),
        cmocka_unit_test(truncated_and_streamed),
        cmocka_unit_test(limits),
        cmocka_unit_test(raw_samples),
        cmocka_unit_test(what_is_no_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
