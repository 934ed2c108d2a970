/*
 * attention.h - softmax attention with grouped heads, blockwise: the score matrix never exists
 * whole.
 *
 *     s[i, j] = q_i . k_j        (scale 1.0: the model normalises q and k)
 *     out_i   = sum_j softmax_j(s[i, j]) v_j        over lo[i] <= j < hi[i]
 *
 * Query head h uses key/value head h * kv_heads / heads. Softmax in float32 with a running maximum.
 * Every mask of the family is one range of keys per query: causal [0, n], sliding [n-W+1, n], image
 * blocks [n-W+1, end of block], none [0, keys).
 */
#ifndef G4_NN_ATTENTION_H
#define G4_NN_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "lib/nn/exec.h"
#include "lib/tensor/dtype.h"

enum { G4_ATTENTION_HEAD_DIM = 1024 }; /* the widest head; configurations are checked against it */

struct g4_attention {
    size_t heads, kv_heads, head_dim; /* heads % kv_heads == 0 */
    size_t queries;                   /* rows of q and out */
    const float *q;                   /* [queries, heads, head_dim], ldq floats from row to row */
    size_t ldq;
    size_t keys;             /* rows of k and v */
    enum g4_dtype dtype;     /* of k and v: F32 or BF16 */
    const void *k, *v;       /* [keys, kv_heads, head_dim] */
    size_t ldk, ldv;         /* elements (not bytes) from row to row */
    const uint32_t *lo, *hi; /* [queries]: keys lo..hi-1 are visible; NULL, NULL: all.
                                lo < hi; both may only grow from query to query, except
                                that hi may also stay level inside a block */
    float *out;              /* [queries, heads, head_dim], ldo floats from row to row */
    size_t ldo;
};

/* Memory beyond exec's scratch: none. */
void g4_attention(const struct g4_exec *exec, const struct g4_attention *attention);

/* What g4_attention would make of each, in one go: those with few queries share the threads. */
void g4_attention_all(const struct g4_exec *exec, const struct g4_attention *attentions,
                      size_t count);

#endif
