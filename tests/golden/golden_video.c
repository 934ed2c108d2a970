/*
 * golden_video.c - media-video*: sampling.json, the reference's even rule with its stamps and the
 * SHA-256 of the clip's whole text at two soft tokens a frame; clock.json, the rule of g4-video.
 */
#include <jansson.h>
#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/video/video_sample.h"
#include "lib/base/mem.h"
#include "lib/format/json_read.h"
#include "tests/golden/golden.h"

enum { MAX_JSON = 64 << 20, STAMP = 32 };

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

/* MM:SS, whole seconds rounded down. */
static void stamp(char out[STAMP], double seconds)
{
    long whole = (long)floor(seconds);
    snprintf(out, STAMP, "%02ld:%02ld", whole / 60, whole % 60);
}

static bool stamp_is(const json_t *expected, double seconds)
{
    char text[STAMP];
    stamp(text, seconds);
    return json_is_string(expected) && strcmp(json_string_value(expected), text) == 0;
}

static void add(SHA2_CTX *sha, const char *text)
{
    SHA256Update(sha, (const uint8_t *)text, strlen(text));
}

/* The whole text of the clip: frames joined by one space. */
static bool text_is(const json_t *row, const size_t *indices, size_t n, double clip_fps)
{
    const json_t *expected = json_object_get(row, "prompt_for_2_tokens_sha256");
    SHA2_CTX sha;
    char text[STAMP], digest[SHA256_DIGEST_STRING_LENGTH];
    SHA256Init(&sha);
    for (size_t i = 0; i < n; i++) {
        stamp(text, (double)indices[i] / clip_fps);
        add(&sha, i ? " " : "");
        add(&sha, text);
        add(&sha, " <|image><|video|><|video|><image|>");
    }
    SHA256End(&sha, digest);
    return !expected || strcmp(json_string_value(expected), digest) == 0;
}

static bool indices_are(const json_t *row, const size_t *indices, size_t n, double clip_fps)
{
    const json_t *expected = json_object_get(row, "indices");
    const json_t *stamps = json_object_get(row, "timestamps");
    bool right = json_array_size(expected) == n && json_array_size(stamps) == n;
    for (size_t i = 0; right && i < n; i++)
        right = (size_t)json_integer_value(json_array_get(expected, i)) == indices[i] &&
                stamp_is(json_array_get(stamps, i), (double)indices[i] / clip_fps);
    return right && text_is(row, indices, n, clip_fps);
}

static bool sampling_is_right(const json_t *row)
{
    size_t total = (size_t)number(row, "total_frames"), n = (size_t)number(row, "num_frames");
    double clip_fps = number(row, "clip_fps");
    void *memory;
    if (json_object_get(row, "fps"))
        n = g4_video_rate_count(total, clip_fps, number(row, "fps"));
    if (g4_alloc(&memory, n ? n : 1, sizeof(size_t), "indices", NULL) < 0)
        return false;
    size_t *indices = memory;
    int status = g4_video_uniform(total, n, indices, NULL);
    bool right = json_is_true(json_object_get(row, "error"))
                     ? status < 0
                     : status == 0 && indices_are(row, indices, n, clip_fps);
    free(indices);
    return right;
}

struct check {
    const json_t *picks, *stamps;
    const struct g4_video_rule *rule;
    size_t next;
    bool right;
};

/* Samples first .. first + n - 1 show that frame. */
static void expect(struct check *check, long first, long n, long frame)
{
    for (long k = first; k < first + n; k++, check->next++) {
        const json_t *pick = json_array_get(check->picks, check->next);
        double t = g4_video_time(check->rule, k);
        check->right &= (size_t)k == check->next &&
                        fabs(json_number_value(json_array_get(pick, 0)) - t) <= 1e-9 &&
                        json_integer_value(json_array_get(pick, 1)) == frame &&
                        stamp_is(json_array_get(check->stamps, check->next), t);
    }
}

static bool clock_is_right(const json_t *row)
{
    const json_t *times = json_object_get(row, "frame_times");
    double fps = number(row, "fps");
    /* The limit is a number of samples in the program and a time in this file. */
    const struct g4_video_rule rule = {.end = number(row, "limit"), .fps = fps, .count = 1000000};
    struct check check = {json_object_get(row, "picks"), json_object_get(row, "timestamps"), &rule,
                          0, json_array_size(times) > 0};
    struct g4_video_sampler sampler;
    size_t i;
    json_t *time;
    long first;
    g4_video_sampler_init(&sampler, &rule);
    json_array_foreach(times, i, time)
    {
        long n = g4_video_sampler_frame(&sampler, json_number_value(time), &first);
        expect(&check, first, n, (long)i - 1);
    }
    double duration = g4_video_duration(sampler.prev, sampler.last, sampler.frames, fps);
    long n = g4_video_sampler_end(&sampler, duration, &first);
    expect(&check, first, n, (long)json_array_size(times) - 1);
    return check.right && check.next == json_array_size(check.picks);
}

static void each_row(struct golden *g, const char *file, bool (*is_right)(const json_t *row))
{
    struct g4_err err;
    json_t *rows = NULL, *row;
    size_t i, wrong = 0;
    if (g4_json_load(&rows, golden_path(g, file), MAX_JSON, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    json_array_foreach(rows, i, row)
    {
        if (is_right(row))
            continue;
        wrong++;
        golden_ok(g, false, "%s row %zu", file, i);
    }
    golden_ok(g, json_array_size(rows) > 0 && wrong == 0, "%s: %zu of %zu wrong", file, wrong,
              json_array_size(rows));
    json_decref(rows);
}

void golden_video(struct golden *g)
{
    each_row(g, "sampling.json", sampling_is_right);
    each_row(g, "clock.json", clock_is_right);
}
