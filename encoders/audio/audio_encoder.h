/*
 * audio_encoder.h - samples at 16 kHz to soft tokens, at most 30 s at a time.
 *
 *     samples [n] -> mel [T, 128] -> subsample [N, D] -> conformer [N, D] -> projections [N, text]
 *
 * The 12B model has no tower: unified_audio.h.
 */
#ifndef G4_ENCODERS_AUDIO_AUDIO_ENCODER_H
#define G4_ENCODERS_AUDIO_AUDIO_ENCODER_H

#include "encoders/audio/mel.h"
#include "lib/model/model.h"
#include "lib/nn/exec.h"
#include "lib/nn/trace.h"

struct g4_audio_encoder;

/* model and exec must outlive the encoder. G4_EUNSUPPORTED: the model has no audio input. */
int g4_audio_encoder_open(struct g4_audio_encoder **encoder, const struct g4_model *model,
                          const struct g4_exec *exec, struct g4_err *err);
void g4_audio_encoder_close(struct g4_audio_encoder *encoder);

size_t g4_audio_encoder_width(const struct g4_audio_encoder *encoder);
int g4_audio_encoder_id(const struct g4_audio_encoder *encoder, uint8_t id[G4_ID_BYTES],
                        struct g4_err *err);

/* Rows that n samples give: towers ceil(frames/4), 12B ceil(n/640). 0: too short to encode. */
size_t g4_audio_encoder_rows(const struct g4_audio_encoder *encoder, size_t n);

/* Fewest samples that give a row: G4_AUDIO_MIN_SAMPLES for a tower, 1 for the 12B model. */
size_t g4_audio_encoder_shortest(const struct g4_audio_encoder *encoder);

/* Plans for n samples (grows only), then encodes: rows [g4_audio_encoder_rows(n), width]. A tower
 * takes G4_AUDIO_MAX_SAMPLES at most: G4_ELIMIT. Trace stages: "mel", "subsampled", "layer" k,
 * "tower", "soft"; without a tower "soft" alone. */
int g4_audio_encoder_plan(struct g4_audio_encoder *encoder, size_t n, struct g4_err *err);
void g4_audio_encoder_run(struct g4_audio_encoder *encoder, float *rows, const float *samples,
                          size_t n, const struct g4_trace *trace);

/* The tower alone, from features [frames, 128] (tests). Planned for 160 * (frames + 1) samples or
 * more. */
void g4_audio_encoder_run_mel(struct g4_audio_encoder *encoder, float *rows, const float *features,
                              size_t frames, const struct g4_trace *trace);

#endif
