/* video_sample.c - sample times, and which frame each shows. */
#include "encoders/video/video_sample.h"

#include <math.h>

/* Two times this close are the same: frame times come from fractions, sample times from divisions.
 */
#define SAME_TIME 1e-6
/* A sample must lie before the end by more than rounding. */
#define BEFORE_END 1e-9

double g4_video_time(const struct g4_video_rule *rule, long k)
{
    if (rule->list)
        return rule->list[k];
    if (rule->span > 0)
        return rule->start + (double)k * rule->span / (double)rule->count;
    return rule->start + (double)k / rule->fps;
}

double g4_video_duration(double prev, double last, size_t frames, double fps)
{
    return last + (frames > 1 ? last - prev : 1.0 / fps);
}

bool g4_video_longer(double last, double limit)
{
    return last >= limit - SAME_TIME;
}

void g4_video_sampler_init(struct g4_video_sampler *sampler, const struct g4_video_rule *rule)
{
    *sampler = (struct g4_video_sampler){.rule = *rule};
}

long g4_video_sampler_frame(struct g4_video_sampler *sampler, double time, long *first)
{
    const struct g4_video_rule *rule = &sampler->rule;
    *first = sampler->next;
    /* Sample k shows the frame before this one when this one comes too late for it. */
    while (sampler->frames > 0 && sampler->next < rule->count) {
        double t = g4_video_time(rule, sampler->next);
        if (time <= t + SAME_TIME || t >= rule->end - BEFORE_END)
            break;
        sampler->next++;
    }
    sampler->prev = sampler->last;
    sampler->last = time;
    sampler->frames++;
    return sampler->next - *first;
}

long g4_video_sampler_end(struct g4_video_sampler *sampler, double duration, long *first)
{
    const struct g4_video_rule *rule = &sampler->rule;
    double end = duration < rule->end ? duration : rule->end;
    *first = sampler->next;
    while (sampler->frames > 0 && sampler->next < rule->count &&
           g4_video_time(rule, sampler->next) < end - BEFORE_END)
        sampler->next++;
    return sampler->next - *first;
}

bool g4_video_sampler_reached(const struct g4_video_sampler *sampler, double time)
{
    return sampler->frames > 0 && g4_video_longer(sampler->last, time);
}

int g4_video_uniform(size_t total, size_t n, size_t *indices, struct g4_err *err)
{
    if (n < 1 || n > total)
        return g4_err_set(err, G4_EINPUT, "%zu frames, fewer than the %zu asked for", total, n);
    /* i * total div n without the product: total = q n + r. */
    size_t q = total / n, r = total % n;
    for (size_t i = 0; i < n; i++)
        indices[i] = i * q + i * r / n;
    return 0;
}

size_t g4_video_rate_count(size_t total, double clip_fps, double fps)
{
    double count = trunc((double)total / clip_fps * fps);
    return count >= 1 ? (size_t)count : 1;
}
