"""The Gemma 4 text decoder in numpy, float32, one sequence.

Shapes: T tokens of this call, H hidden size, L layers, V vocabulary, P per-layer width (PLE), nh query heads,
nkv key/value heads, d head width (two values: sliding layers and full layers).  A linear weight W is [out, in]: y = x W^T.
"""
import numpy as np

TEXT, IMAGE, VIDEO, AUDIO = 0, 1, 2, 3            # kinds of position
SLIDING, FULL = "sliding_attention", "full_attention"
f32 = np.float32


# ------------------------------------------------------------------------------------------ configuration
class Config:
    """Everything the decoder needs from config.json, resolved per layer."""

    def __init__(self, config):
        c = config.get("text_config") or config
        self.H, self.L, self.V = c["hidden_size"], c["num_hidden_layers"], c["vocab_size"]
        self.nh, self.eps, self.window = c["num_attention_heads"], c["rms_norm_eps"], c["sliding_window"]
        self.P = c.get("hidden_size_per_layer_input") or 0
        self.cap = c.get("final_logit_softcapping")
        self.pad = c.get("pad_token_id") or 0
        self.experts, self.top_k = (c["num_experts"], c["top_k_experts"]) if c.get("enable_moe_block") else (0, 0)
        self.blocks_see_each_other = c.get("use_bidirectional_attention") == "vision"
        self.types = list(c.get("layer_types") or [FULL if (i + 1) % 6 == 0 else SLIDING for i in range(self.L)])
        self.types[-1] = FULL                                         # forced, whatever the list says
        keqv = bool(c.get("attention_k_eq_v"))
        override = c.get("per_layer_config") or {}                    # newer spelling of the two global_* keys
        self.d, self.nkv, self.k_is_v = [], [], []
        for i, kind in enumerate(self.types):
            o = override.get(str(i), {})
            full = kind == FULL
            wide = o.get("head_dim") or (c.get("global_head_dim") or 512)
            heads = o.get("num_key_value_heads") or (c.get("num_global_key_value_heads") if keqv else None)
            self.d.append(wide if full else c["head_dim"])
            self.nkv.append((heads or c["num_key_value_heads"]) if full else c["num_key_value_heads"])
            self.k_is_v.append(keqv and full)
        # K/V sharing: layer i >= first borrows from the last owning layer of its own type
        first = self.L - (c.get("num_kv_shared_layers") or 0)
        last = {kind: max([i for i in range(first) if self.types[i] == kind], default=None) for kind in (SLIDING, FULL)}
        self.source = [i if i < first else last[self.types[i]] for i in range(self.L)]
        self.last_owner = last                                        # the two layers a drafter reads
        self.rope = c["rope_parameters"]


# ------------------------------------------------------------------------------------------ small pieces
def rms_norm(x, weight=None, eps=1e-6):
    """x / sqrt(mean(x^2) + eps) * weight over the last axis.  No "+1" on the weight; None = no weight."""
    y = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True, dtype=f32) + f32(eps))
    return y if weight is None else y * weight


def gelu(x):
    """tanh form"""
    return f32(0.5) * x * (1 + np.tanh(f32(0.7978845608028654) * (x + f32(0.044715) * x * x * x)))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rope_frequencies(d, params):
    """d/2 angular steps.  default: theta^(-2i/d) for every pair.  proportional: the same formula (with the whole d) for the
    first factor*d/2 pairs, zero for the rest."""
    i = np.arange(d // 2)
    freq = params["rope_theta"] ** (-2.0 * i / d)
    if params["rope_type"] == "proportional":
        freq[int(params.get("partial_rotary_factor", 1.0) * d // 2):] = 0.0
    return freq.astype(f32)


def rotate(x, positions, freq):
    """Rotate pairs (j, j + d/2) of x [T, heads, d] by positions[t] * freq[j]."""
    a = positions.astype(f32)[:, None] * freq                         # [T, d/2]
    c, s = np.cos(a)[:, None], np.sin(a)[:, None]
    lo, hi = np.split(x, 2, axis=-1)
    return np.concatenate([lo * c - hi * s, hi * c + lo * s], axis=-1)


def vision_blocks(kinds):
    """Number of the run of touching image/video positions, -1 for text and audio."""
    out, n = np.full(len(kinds), -1), -1
    for t, k in enumerate(kinds):
        if k in (IMAGE, VIDEO):
            if t == 0 or kinds[t - 1] not in (IMAGE, VIDEO):
                n += 1
            out[t] = n
    return out


def visible(q_pos, k_pos, sliding, window, q_block=None, k_block=None):
    """[T, N] booleans: may query at q_pos see the key at k_pos?  Blocks act on sliding layers only."""
    q, k = q_pos[:, None], k_pos[None]
    ok = k <= q
    if not sliding:
        return ok
    if q_block is not None:
        ok = ok | ((q_block[:, None] == k_block[None]) & (q_block[:, None] >= 0))
    return ok & (k > q - window)                                      # `window` keys, the query's own included


# ------------------------------------------------------------------------------------------ K/V cache
class Cache:
    """Keys and values of the owning layers, with their positions.

    Full layers keep everything.  Sliding layers keep the last window-1+spare positions: window-1 are needed by the next
    token, `spare` more allow taking back up to that many tokens (speculative decoding)."""

    def __init__(self, config, spare=16):
        self.c, self.spare, self.n = config, spare, 0
        self.kv = {}                                                  # layer -> (positions [N], K [N, nkv, d], V)

    def extend(self, layer, pos, k, v):
        """Append; returns all positions, keys and values present during this call (nothing dropped yet)."""
        if layer in self.kv:
            p0, k0, v0 = self.kv[layer]
            pos, k, v = np.concatenate([p0, pos]), np.concatenate([k0, k]), np.concatenate([v0, v])
        self.kv[layer] = (pos, k, v)
        return pos, k, v

    def trim(self, n):
        """After a call: n tokens are now stored; forget what no later token can see."""
        self.n = n
        for layer, (p, k, v) in self.kv.items():
            if self.c.types[layer] == SLIDING:
                keep = p > n - self.c.window - self.spare
                self.kv[layer] = (p[keep], k[keep], v[keep])

    def cut(self, n):
        """Take back every position >= n."""
        self.n = n
        self.kv = {layer: (p[p < n], k[p < n], v[p < n]) for layer, (p, k, v) in self.kv.items()}


# ------------------------------------------------------------------------------------------ the layers
def attend(q, k, v, mask):
    """q [T, nh, d], k and v [N, nkv, d], mask [T, N] -> [T, nh*d].  Score scale 1.0; query head h uses K/V head h*nkv/nh."""
    T, nh, d = q.shape
    nkv = k.shape[1]
    qg = q.reshape(T, nkv, nh // nkv, d)
    scores = np.einsum("tgrd,ngd->grtn", qg, k)
    scores = np.where(mask[None, None], scores, f32(-np.inf))
    out = np.einsum("grtn,ngd->tgrd", softmax(scores), v)
    return out.reshape(T, nh * d)


def mlp(x, gate, up, down):
    return (gelu(x @ gate.T) * (x @ up.T)) @ down.T


class Decoder:
    def __init__(self, config, tensors, prefix="model.language_model."):
        self.c = c = Config(config)
        self.w = {k[len(prefix):]: v for k, v in tensors.items() if k.startswith(prefix)}
        self.head = tensors.get("lm_head.weight", self.w["embed_tokens.weight"])
        self.freq = [rope_frequencies(c.d[i], c.rope[c.types[i]]) for i in range(c.L)]

    # -- inputs
    def token_rows(self, ids):
        """Scaled embedding rows [T, H]."""
        return self.w["embed_tokens.weight"][ids] * f32(np.sqrt(self.c.H))

    def inputs(self, ids, rows=None, kinds=None):
        """Residual stream entering layer 0.  rows [T, H]: soft tokens, taken as they are where kinds != TEXT (no scaling)."""
        x = self.token_rows(ids)
        return x if kinds is None else np.where((kinds != TEXT)[:, None], rows, x)

    def per_layer_inputs(self, ids, x, kinds=None):
        """[T, L, P]: per-layer table row (id 0 at soft positions) mixed with a projection of the actual inputs x."""
        c, T = self.c, len(x)
        if kinds is not None:
            ids = np.where(kinds != TEXT, c.pad, ids)
        table = self.w["embed_tokens_per_layer.weight"][ids].reshape(T, c.L, c.P) * f32(np.sqrt(c.P))
        proj = (x @ self.w["per_layer_model_projection.weight"].T) * f32(c.H ** -0.5)
        proj = rms_norm(proj.reshape(T, c.L, c.P), self.w["per_layer_projection_norm.weight"], c.eps)
        return (proj + table) * f32(2 ** -0.5)

    # -- one layer
    def attention(self, i, x, pos, cache, masks):
        c, T, d = self.c, len(x), self.c.d[i]
        w = lambda n: self.w[f"layers.{i}.self_attn.{n}.weight"]
        q = rms_norm((x @ w("q_proj").T).reshape(T, c.nh, d), w("q_norm"), c.eps)
        q = rotate(q, pos, self.freq[i])
        if c.source[i] == i:
            k = (x @ w("k_proj").T).reshape(T, c.nkv[i], d)
            v = k if c.k_is_v[i] else (x @ w("v_proj").T).reshape(T, c.nkv[i], d)   # K before its norm and rotation
            k = rotate(rms_norm(k, w("k_norm"), c.eps), pos, self.freq[i])
            v = rms_norm(v, None, c.eps)
            _, k, v = cache.extend(i, pos, k, v)
        else:
            _, k, v = cache.kv[c.source[i]]
        return attend(q, k, v, masks[c.types[i]]) @ w("o_proj").T

    def experts(self, i, r):
        """Router and routed experts of layer i on the residual r [T, H] (before any norm)."""
        c, p = self.c, f"layers.{i}."
        w = self.w
        scores = (rms_norm(r, None, c.eps) * w[p + "router.scale"] * f32(c.H ** -0.5)) @ w[p + "router.proj.weight"].T
        prob = softmax(scores)                                         # over all experts
        best = np.argsort(-prob, axis=-1, kind="stable")[:, :c.top_k]
        share = np.take_along_axis(prob, best, -1)
        share = share / share.sum(-1, keepdims=True) * w[p + "router.per_expert_scale"][best]
        x = rms_norm(r, w[p + "pre_feedforward_layernorm_2.weight"], c.eps)
        out = np.zeros_like(x)
        for t in range(len(x)):
            for e, s in zip(best[t], share[t]):
                gate, up = np.split(w[p + "experts.gate_up_proj"][e], 2)    # first half gate, second half up
                out[t] += s * mlp(x[t], gate, up, w[p + "experts.down_proj"][e])
        self.moe.append((share, best, out))                            # for the tests
        return rms_norm(out, w[p + "post_feedforward_layernorm_2.weight"], c.eps)

    def layer(self, i, x, pos, cache, masks, ple):
        c = self.c
        w = lambda n: self.w[f"layers.{i}.{n}.weight"]
        norm = lambda y, n: rms_norm(y, w(n), c.eps)
        a = self.attention(i, norm(x, "input_layernorm"), pos, cache, masks)
        r = x + norm(a, "post_attention_layernorm")
        h = mlp(norm(r, "pre_feedforward_layernorm"), w("mlp.gate_proj"), w("mlp.up_proj"), w("mlp.down_proj"))
        if c.experts:
            h = norm(h, "post_feedforward_layernorm_1") + self.experts(i, r)
        x = r + norm(h, "post_feedforward_layernorm")
        if ple is not None:
            g = gelu(x @ w("per_layer_input_gate").T) * ple[:, i]
            x = x + norm(g @ w("per_layer_projection").T, "post_per_layer_input_norm")
        return x * self.w[f"layers.{i}.layer_scalar"]

    # -- head
    def logits(self, h):
        y = h @ self.head.T
        return y if self.c.cap is None else np.tanh(y / f32(self.c.cap)) * f32(self.c.cap)

    # -- everything
    def forward(self, ids, cache=None, rows=None, kinds=None, keep=None):
        """Run T tokens behind those in the cache.  Returns the normed hidden states [T, H] and logits [T, V].

        A vision block must lie inside one call (a block cut in two would not see its later half)."""
        c = self.c
        ids = np.asarray(ids)
        cache = Cache(c) if cache is None else cache
        pos = np.arange(cache.n, cache.n + len(ids))
        x = self.inputs(ids, rows, kinds)
        ple = self.per_layer_inputs(ids, x, kinds) if c.P else None
        # one mask per layer type, over the keys that will be present (stored ones first, then this call's)
        masks = {}
        for kind in set(c.types):
            old = cache.kv.get(c.last_owner[kind], (np.zeros(0, int),))[0]
            k_pos = np.concatenate([old, pos])
            q_block = k_block = None
            if c.blocks_see_each_other and kinds is not None:
                q_block = vision_blocks(kinds)
                k_block = np.concatenate([np.full(len(old), -1), q_block])
            masks[kind] = visible(pos, k_pos, kind == SLIDING, c.window, q_block, k_block)
        states, self.moe = [], []
        x0 = x
        for i in range(c.L):
            x = self.layer(i, x, pos, cache, masks, ple)
            states.append(x)
        cache.trim(cache.n + len(ids))
        h = rms_norm(x, self.w["norm.weight"], c.eps)
        out = self.logits(h)
        if keep is not None:
            keep.update(inputs_embeds=x0, layers=np.stack(states), final=h, logits=out)
            if ple is not None:
                keep["per_layer_inputs"] = ple
            if self.moe:
                keep.update({"moe." + n: np.stack(a) for n, a in zip(("weight", "index", "out"), zip(*self.moe))})
        return h, out


# ------------------------------------------------------------------------------------------ choosing tokens
def process(logits, history, repetition=1.0, suppress=(), temperature=1.0, top_k=0, top_p=1.0):
    """Logits of one position -> probabilities, in the order of the reference pipeline."""
    x = np.array(logits, dtype=f32)
    if repetition != 1.0:                                              # every id seen so far, once; prompt included
        s = np.unique(history)
        x[s] = np.where(x[s] < 0, x[s] * f32(repetition), x[s] / f32(repetition))
    x[list(suppress)] = -np.inf
    x = x / f32(temperature)
    if top_k:
        k = min(top_k, len(x))
        x[x < np.sort(x)[-k]] = -np.inf                                # ties with the k-th stay
    if top_p < 1.0:
        order = np.argsort(x, kind="stable")                           # ascending
        low = np.cumsum(softmax(x[order])) <= 1 - top_p
        low[-1] = False                                                # the best one always stays
        x[order[low]] = -np.inf
    return softmax(x)


def choose(logits, suppress=()):
    """Greedy."""
    x = np.array(logits)
    x[list(suppress)] = -np.inf
    return int(np.argmax(x))


def generate(model, ids, n, rows=None, kinds=None, chunks=None, suppress=()):
    """Greedy continuation; the prompt is processed in chunks.  Returns the new ids and all prompt logits."""
    cache, lo, seen = Cache(model.c), 0, []
    for size in chunks if chunks is not None else [len(ids)]:
        s = slice(lo, lo + size)
        _, y = model.forward(ids[s], cache, None if rows is None else rows[s], None if kinds is None else kinds[s])
        seen.append(y)
        lo += size
    new = [choose(y[-1], suppress)]
    while len(new) < n:
        _, y = model.forward(new[-1:], cache)
        new.append(choose(y[-1], suppress))
    return new, np.concatenate(seen)
