/*
 * decoder.h - the narrow boundary of the text decoder.
 *
 * An engine is the model bound to kernels, with the memory of a pass through it: shared by any
 * number of sessions, of which one call at a time runs. A session is one timeline: its positions,
 * keys and values, and the logits of its newest position. Several sessions can share a pass, and so
 * the reading of the weights.
 *
 *     positions (ids and soft rows) -> forward -> logits [V] -> (sampler) -> id -> feed -> ...
 *
 * Recipe and formulas: decoder/layer.h.
 */
#ifndef G4_DECODER_DECODER_H
#define G4_DECODER_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/model.h"
#include "lib/nn/exec.h"
#include "lib/nn/trace.h"

struct g4_engine;
struct g4_session;

/* model and exec must outlive the engine. Binds and checks every text tensor; reads only norms. */
int g4_engine_open(struct g4_engine **engine, const struct g4_model *model,
                   const struct g4_exec *exec, struct g4_err *err);
void g4_engine_close(struct g4_engine *engine);
const struct g4_text_config *g4_engine_config(const struct g4_engine *engine);

struct g4_session_options {
    size_t context;      /* most positions; 0 = the model's. More than that: G4_EUSAGE */
    size_t chunk;        /* most rows of one pass; 0 = 512. Image blocks may exceed it */
    enum g4_dtype cache; /* G4_DTYPE_BF16 (usual) or F32 (tests) */
};

int g4_session_open(struct g4_session **session, struct g4_engine *engine,
                    const struct g4_session_options *options, struct g4_err *err);
void g4_session_close(struct g4_session *session);

/* Forgets every position; keeps the memory. */
void g4_session_reset(struct g4_session *session);
size_t g4_session_position(const struct g4_session *session); /* positions so far */
size_t g4_session_context(const struct g4_session *session);

enum g4_position_kind { G4_POS_TEXT, G4_POS_IMAGE, G4_POS_VIDEO, G4_POS_AUDIO };

/* n consecutive positions. kinds NULL: all text. */
struct g4_positions {
    size_t n;
    const int32_t *ids;   /* [n]; ignored at soft positions. In 0..vocab-1 (asserted) */
    const uint8_t *kinds; /* [n] enum g4_position_kind */
    const float *rows;    /* soft rows in order, [soft positions, hidden_size] */
};

/*
 * Runs the positions behind those already there. `last`: whether the logits of the final position
 * are wanted; without it the layers that only borrow keys are skipped altogether, which is exact.
 * An image block (touching image and video positions) cut between two calls is two blocks; only
 * models with image_blocks know the difference. Chunks inside the call are the session's affair.
 * n = 0 does nothing, without `last`.
 * G4_ELIMIT: context exceeded; G4_ENOMEM: the cache could not grow. Nothing was run then.
 */
int g4_session_feed(struct g4_session *session, const struct g4_positions *positions, bool last,
                    struct g4_err *err);

enum { G4_SESSIONS_TOGETHER = 16 };

/*
 * One more text position in each of n (1..G4_SESSIONS_TOGETHER) different sessions of one engine:
 * ids[i] behind those of sessions[i], with its logits. They are those that g4_session_feed of this
 * id alone would make, to the bit, whatever the other sessions are.
 * Errors are those of g4_session_feed; nothing was run then, in no session.
 */
int g4_sessions_step(struct g4_session *const *sessions, size_t n, const int32_t *ids,
                     struct g4_err *err);

/* Logits [vocab_size] of the newest position after the soft cap; valid until the session's next
 * feed or step. Only after a feed with `last`, or a step. */
const float *g4_session_logits(const struct g4_session *session);

/*
 * For tests: run every layer for every row and show the stages: "inputs_embeds",
 * "per_layer_inputs", "layer" i, "final", "logits", "moe.index|weight|out" i. One call = one pass,
 * no inner chunks.
 */
int g4_session_feed_traced(struct g4_session *session, const struct g4_positions *positions,
                           const struct g4_trace *trace, struct g4_err *err);

/* Keys (v = false) or values (v = true) of an owning layer at position p, [kv_heads * head_dim]
 * widened into out; false when that position is no longer kept. For tests. */
bool g4_session_kv(const struct g4_session *session, size_t layer, bool v, size_t p, float *out);

/* Bytes of keys and values of one session holding n positions (cache dtype of options). */
uint64_t g4_session_cache_bytes(const struct g4_engine *engine, enum g4_dtype cache, size_t n);

#endif
