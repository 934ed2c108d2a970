#!/usr/bin/env python3
"""Compare the numpy reference with the golden vectors of decoder-*.

  check_decoder.py DIR        DIR holds the case folders

Prints case, tensor, maximal absolute error, relative error (maximal absolute error / largest magnitude of the expected
tensor).  Integer tensors must be equal.  Exit status 1 if anything is above 1e-4 or unequal.  Needs numpy only.
"""
import json, os, sys
import numpy as np
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from quantised import widened
from tensors import read_model, read_safetensors
import decoder as D

LIMIT = 1e-4
bad = 0


def report(case, name, got, want):
    global bad
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        bad += 1
        print(f"{case:18} {name:28} shape {got.shape} instead of {want.shape}  FAIL")
    elif want.dtype.kind in "iu":
        ok = np.array_equal(got, want)
        bad += not ok
        print(f"{case:18} {name:28} {'equal' if ok else 'UNEQUAL  FAIL'}")
    else:
        e = float(np.abs(got.astype(np.float64) - want).max()) if want.size else 0.0
        r = e / max(float(np.abs(want).max()), 1e-30) if want.size else 0.0
        fail = not r < LIMIT
        bad += fail
        print(f"{case:18} {name:28} abs {e:.2e}  rel {r:.2e}{'  FAIL' if fail else ''}")


def check_decoder(case, folder):
    config, tensors = read_model(folder)
    m, v = D.Decoder(config, widened(config, tensors)), read_safetensors(os.path.join(folder, "vectors.safetensors"))
    newer = os.path.join(folder, "config-per-layer.json")
    if os.path.exists(newer):                                          # the same model in the newer spelling
        with open(newer) as f:
            same = vars(D.Config(json.load(f))) == vars(m.c)
        report(case, "config-per-layer.json", np.array([int(same)]), np.array([1]))
    for p in ("text", "soft", "adjacent"):
        if p + ".ids" not in v:                                        # the quantised twins have one prompt
            continue
        ids, kinds, rows = v[p + ".ids"], v.get(p + ".kind"), None
        if kinds is not None:
            rows = np.zeros((len(ids), m.c.H), np.float32)
            rows[kinds != D.TEXT] = v[p + ".rows"]
            report(case, p + ".block", D.vision_blocks(kinds), v[p + ".block"])
        got, cache = {}, D.Cache(m.c, spare=10 ** 6)
        m.forward(ids, cache, rows, kinds, keep=got)
        for kind, name in ((D.FULL, "full"), (D.SLIDING, "sliding")):
            _, got[f"kv.{name}.k"], got[f"kv.{name}.v"] = (a if a.ndim == 1 else a.transpose(1, 0, 2) for a in cache.kv[m.c.last_owner[kind]])
        for k in ("inputs_embeds", "per_layer_inputs", "kv.sliding.k", "kv.sliding.v", "kv.full.k", "kv.full.v", "moe.index",
                  "moe.weight", "moe.out", "layers", "final", "logits"):
            if f"{p}.{k}" in v:
                report(case, f"{p}.{k}", got[k], v[f"{p}.{k}"])
        n = len(v[p + ".greedy"])
        new, _ = D.generate(m, ids, n, rows, kinds, None, v["suppress"])
        report(case, p + ".greedy", new, v[p + ".greedy"])
        new, y = D.generate(m, ids, n, rows, kinds, v[p + ".chunks"], v["suppress"])
        report(case, p + ".greedy (chunks)", new, v[p + ".greedy"])
        report(case, p + ".logits (chunks)", y, v[p + ".logits"])


def check_sampling(case, folder):
    v = read_safetensors(os.path.join(folder, "vectors.safetensors"))
    got = [D.process(v["logits"][i], v["history"][i], v["repetition"][i], v["suppress"], v["temperature"][i], v["top_k"][i], v["top_p"][i])
           for i in range(len(v["logits"]))]
    report(case, "probs", got, v["probs"])


def check_rope(case, folder):
    v = read_safetensors(os.path.join(folder, "vectors.safetensors"))
    for name, p in (("sliding", {"rope_type": "default", "rope_theta": 10000.0}),
                    ("full", {"rope_type": "proportional", "rope_theta": 1000000.0, "partial_rotary_factor": 0.25})):
        f = D.rope_frequencies(v[name + ".x"].shape[1], p)
        report(case, name + ".freq", f, v[name + ".freq"])
        report(case, name + ".y", D.rotate(v[name + ".x"][:, None], v["positions"], f)[:, 0], v[name + ".y"])


def main():
    folder = sys.argv[1]
    for case in sorted(os.listdir(folder)):
        path = os.path.join(folder, case)
        if not os.path.exists(os.path.join(path, "vectors.safetensors")):
            continue
        if case == "decoder-sampling":
            check_sampling(case, path)
        elif case == "decoder-rope":
            check_rope(case, path)
        elif case.startswith("decoder-"):
            check_decoder(case, path)
    print("FAILED" if bad else "ok", f"({bad} problems)" if bad else "")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
