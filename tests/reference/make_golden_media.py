#!/usr/bin/env python3
"""Write the golden cases of the media side (vision, audio, video, 12B media) with Hugging Face transformers.

    make_golden_media.py --out DIR [--seed N] [--size small|other]

Needs torch, torchvision, transformers (with gemma4 and gemma4_unified), Pillow, safetensors, numpy.
`small` is the shipped set; `other` uses other model sizes and other inputs.
What the files hold is described in golden/README-media.md.
"""
import argparse, hashlib, io, json, math, os, types, zlib
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import Gemma4Config, Gemma4UnifiedConfig
from transformers.models.gemma4 import modeling_gemma4 as g4
from transformers.models.gemma4.feature_extraction_gemma4 import Gemma4AudioFeatureExtractor
from transformers.models.gemma4.image_processing_gemma4 import Gemma4ImageProcessor, get_aspect_ratio_preserving_size
from transformers.models.gemma4.processing_gemma4 import Gemma4Processor
from transformers.models.gemma4.video_processing_gemma4 import Gemma4VideoProcessor
from transformers.models.gemma4_unified import modeling_gemma4_unified as g4u
from transformers.models.gemma4_unified.feature_extraction_gemma4_unified import Gemma4UnifiedAudioFeatureExtractor
from transformers.models.gemma4_unified.image_processing_gemma4_unified import Gemma4UnifiedImageProcessor
from transformers.video_utils import VideoMetadata

BUDGETS = (70, 140, 280, 560, 1120)
SIZES = {
    "small": dict(
        vision_small=dict(D=48, heads=3, d=16, ff=192, layers=3, text=64, table=256),
        vision_large=dict(D=72, heads=3, d=24, ff=262, layers=4, text=64, table=256),
        audio=dict(D=48, heads=3, layers=3, ch=4, out=40, text=64),
        unified=dict(mm=48, text=64, table=1120)),
    "other": dict(
        vision_small=dict(D=40, heads=5, d=8, ff=104, layers=4, text=56, table=320),
        vision_large=dict(D=80, heads=2, d=40, ff=298, layers=3, text=96, table=240),
        audio=dict(D=64, heads=2, layers=4, ch=6, out=48, text=56),
        unified=dict(mm=56, text=40, table=1120)),
}


def text_config(hidden, kind):
    c = dict(model_type=kind, hidden_size=hidden, num_hidden_layers=6, intermediate_size=2 * hidden, num_attention_heads=4,
             num_key_value_heads=1, head_dim=16, global_head_dim=32, num_global_key_value_heads=None,
             vocab_size=512, layer_types=["sliding_attention"] * 5 + ["full_attention"], sliding_window=16,
             hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6, final_logit_softcapping=30.0,
             attention_k_eq_v=False, attention_bias=False, attention_dropout=0.0, tie_word_embeddings=True,
             use_bidirectional_attention=None, max_position_embeddings=4096, pad_token_id=0, eos_token_id=1, bos_token_id=2,
             num_kv_shared_layers=0,
             rope_parameters={"full_attention": {"partial_rotary_factor": 0.25, "rope_theta": 1000000.0, "rope_type": "proportional"},
                              "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}})
    if kind == "gemma4_text":
        c.update(hidden_size_per_layer_input=0, vocab_size_per_layer_input=512, enable_moe_block=False, use_double_wide_mlp=False)
    return c


def top_config(kind, text, vision, audio):
    return dict(architectures=["Gemma4UnifiedForConditionalGeneration" if kind == "gemma4_unified" else "Gemma4ForConditionalGeneration"],
                model_type=kind, dtype="bfloat16", text_config=text_config(text, kind + "_text"), vision_config=vision, audio_config=audio,
                boi_token_id=255999, eoi_token_id=258882, image_token_id=258880, video_token_id=258884, boa_token_id=256000,
                eoa_token_id=258883, audio_token_id=258881, tie_word_embeddings=True, vision_soft_tokens_per_image=280)


def vision_config(s, large):
    return dict(model_type="gemma4_vision", hidden_size=s["D"], intermediate_size=s["ff"], num_hidden_layers=s["layers"],
                num_attention_heads=s["heads"], num_key_value_heads=s["heads"], head_dim=s["d"], global_head_dim=s["d"],
                hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6, patch_size=16, pooling_kernel_size=3,
                position_embedding_size=s["table"], default_output_length=280, use_clipped_linears=not large, standardize=large,
                max_position_embeddings=131072, attention_bias=False, attention_dropout=0.0,
                rope_parameters={"rope_theta": 100.0, "rope_type": "default"})


def audio_config(s):
    return dict(model_type="gemma4_audio", hidden_size=s["D"], num_hidden_layers=s["layers"], num_attention_heads=s["heads"],
                hidden_act="silu", subsampling_conv_channels=[128, s["ch"]], conv_kernel_size=5, residual_weight=0.5,
                attention_chunk_size=12, attention_context_left=13, attention_context_right=0, attention_logit_cap=50.0,
                attention_invalid_logits_value=-1000000000.0, use_clipped_linears=True, rms_norm_eps=1e-6,
                gradient_clipping=10000000000.0, output_proj_dims=s["out"])

# --------------------------------------------------------------------------- weights


def randomise(module, rng):
    """Random BF16-representable weights, sized so that every path matters."""
    for name, p in list(module.named_parameters()) + list(module.named_buffers()):
        leaf, shape = name.split(".")[-1], tuple(p.shape)
        if leaf in ("inv_freq", "original_inv_freq", "inv_timescales", "softcap") or leaf.startswith(("input_m", "output_m")):
            continue
        if leaf == "std_bias":
            v = rng.normal(0, 2, shape)
        elif leaf == "std_scale":
            v = rng.uniform(0.05, 0.3, shape)
        elif leaf == "per_dim_scale":
            v = rng.normal(0, 0.7, shape)
        elif leaf == "position_embedding_table":
            v = rng.normal(0, 0.5, shape)
        elif leaf == "pos_embedding":
            v = rng.normal(0, 0.7, shape)
        elif leaf == "bias":
            v = rng.normal(0, 0.3, shape)
        elif len(shape) == 1:
            v = rng.uniform(0.5, 1.5, shape)
        else:
            fan = int(np.prod(shape[1:]))
            gain = 1.8 if "input_proj.weight" in name else 2.0 if ("audio" in module._get_name().lower() and ("q_proj" in name or "k_proj" in name)) else 1.2
            v = rng.normal(0, gain / math.sqrt(fan), shape)
        p.data.copy_(torch.from_numpy(np.asarray(v, np.float32)).to(torch.bfloat16).float())


def clip_linears(module):
    return {n: m for n, m in module.named_modules() if m._get_name() == "Gemma4ClippableLinear"}


def set_clips(module, run, rng):
    """Limits near the 1 % and 99 % quantiles of what each linear really sees; three rounds, since limits act downstream."""
    shrink = {}
    for _ in range(3):
        hooks = []

        def look(m, i, o, n):
            x = i[0]
            for which in ("input", "output"):
                t = x.flatten().numpy()
                t = t[:: max(1, t.size // 100000)]
                k = shrink.setdefault((n, which), rng.uniform(0.8, 1.0, 2))
                lo, hi = np.quantile(t, [0.01, 0.99]) * k
                getattr(m, which + "_min").data.copy_(torch.tensor(float(lo)).to(torch.bfloat16).float())
                getattr(m, which + "_max").data.copy_(torch.tensor(float(hi)).to(torch.bfloat16).float())
                x = m.linear(torch.clamp(i[0], m.input_min, m.input_max))
        for n, m in clip_linears(module).items():
            hooks.append(m.register_forward_hook(lambda m, i, o, n=n: look(m, i, o, n)))
        run()
        for h in hooks:
            h.remove()


def clip_report(module, run):
    """Smallest share of values beyond a limit, over all limits."""
    share, hooks = [], []

    def look(m, i, o):
        x = i[0]
        y = m.linear(torch.clamp(x, m.input_min, m.input_max))
        share.extend([(x < m.input_min).float().mean().item(), (x > m.input_max).float().mean().item(),
                      (y < m.output_min).float().mean().item(), (y > m.output_max).float().mean().item()])
    for m in clip_linears(module).values():
        hooks.append(m.register_forward_hook(look))
    run()
    for h in hooks:
        h.remove()
    return min(share), max(share)


def save_model(path, config, parts):
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
    tensors = {}
    for prefix, module in parts.items():
        for k, v in module.state_dict().items():
            tensors[prefix + k] = v.to(torch.bfloat16).contiguous()
    save_file(tensors, os.path.join(path, "model.safetensors"), metadata={"format": "pt"})


def save_vectors(path, vectors):
    out = {}
    for k, v in vectors.items():
        v = v.detach().numpy() if isinstance(v, torch.Tensor) else np.asarray(v)
        out[k] = torch.from_numpy(np.ascontiguousarray(v))
    save_file(out, path, metadata={"format": "pt"})


def dump(path, obj):
    with open(path, "w") as f:
        json.dump(obj, f, indent=1)
        f.write("\n")


def sha(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()

# --------------------------------------------------------------------------- inputs


def picture(h, w, rng, noise=40):
    """Smooth colour gradients, a few sharp shapes, noise."""
    y, x = np.mgrid[:h, :w].astype(np.float64)
    c = rng.uniform(0, 6.28, 9)
    a = np.stack([127 + 90 * np.sin(c[i] + (x / w) * c[i + 3] + (y / h) * c[i + 6]) for i in range(3)], -1)
    for _ in range(4):
        cy, cx, r = rng.uniform(0, h), rng.uniform(0, w), rng.uniform(0.05, 0.3) * max(h, w)
        a[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = rng.uniform(0, 255, 3)
    a += rng.normal(0, noise, a.shape)
    return np.clip(a, 0, 255).round().astype(np.uint8)


def sound(kind, n, rng):
    """int16 samples"""
    t = np.arange(n) / 16000
    if kind == "chirp":
        x = 0.7 * np.sin(2 * np.pi * (100 * t + 0.5 * (7000 / max(t[-1], 1e-3)) * t * t))
    elif kind == "noise":
        x = 0.2 * rng.standard_normal(n)
    elif kind == "am":
        f0 = 120 + 30 * np.sin(2 * np.pi * 1.3 * t)
        ph = 2 * np.pi * np.cumsum(f0) / 16000
        x = sum(np.sin(k * ph + rng.uniform(0, 6)) / k for k in range(1, 25)) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) * 0.2
        x = x + 0.003 * rng.standard_normal(n)
    elif kind == "silence":
        x = np.zeros(n)
    elif kind == "impulse":
        x = np.zeros(n)
        x[n // 2] = 0.9
    elif kind == "square":
        x = np.sign(np.sin(2 * np.pi * 440 * t)) * 0.999
    elif kind == "quiet":
        x = 3e-4 * rng.standard_normal(n)
    return np.clip(np.round(x * 32767), -32768, 32767).astype(np.int16)


def as_float(s):
    return s.astype(np.float32) / np.float32(32768)

# --------------------------------------------------------------------------- vision


def image_inputs(images, budget, processor):
    r = processor([torch.from_numpy(i).permute(2, 0, 1) for i in images], max_soft_tokens=budget, return_tensors="pt")
    return r["pixel_values"], r["image_position_ids"], [int(n) for n in r["num_soft_tokens_per_image"]]


def unpatch(pv, pos, patch):
    """Undo the patch order: [N, patch*patch*3] floats in [0, 1] -> u8 picture."""
    n = pos.shape[0]
    gw, gh = int(pos[:, 0].max()) + 1, int(pos[:, 1].max()) + 1
    p = np.rint(pv.numpy()[:n] * 255).astype(np.uint8).reshape(gh, gw, patch, patch, 3)
    return p.transpose(0, 2, 1, 3, 4).reshape(gh * patch, gw * patch, 3)


def vision_case(path, s, large, images, plan, rng):
    """plan: list of (image name, budget, 'full' | 'soft')"""
    config = top_config("gemma4", s["text"], vision_config(s, large), None)
    hf = Gemma4Config.from_dict(json.loads(json.dumps(config)))
    hf.vision_config._attn_implementation = "eager"
    tower = g4.Gemma4VisionModel(hf.vision_config).eval().float()
    embed = g4.Gemma4MultimodalEmbedder(hf.vision_config, hf.text_config).eval().float()
    assert tower.config._attn_implementation == "eager"
    randomise(tower, rng)
    randomise(embed, rng)
    proc = Gemma4ImageProcessor()
    vectors = {"image." + k: v for k, v in images.items()}
    note = {}
    first = images[plan[0][0]]
    pv, pos, _ = image_inputs([first], 70, proc)
    if not large:
        with torch.no_grad():
            set_clips(tower, lambda: tower(pv, pos), rng)
            note["clipped share per limit, min and max"] = [round(x, 5) for x in clip_report(tower, lambda: tower(pv, pos))]
    save_model(path, config, {"model.vision_tower.": tower, "model.embed_vision.": embed})
    trace, hooks = {}, []
    hooks.append(tower.patch_embedder.register_forward_hook(lambda m, i, o: trace.__setitem__("embedded", o)))
    for k, l in enumerate(tower.encoder.layers):
        hooks.append(l.register_forward_hook(lambda m, i, o, k=k: trace.__setitem__(f"layer{k}", o)))
    hooks.append(tower.pooler.register_forward_hook(lambda m, i, o: trace.__setitem__("pooled", o[0][o[1]])))
    cases, alone = [], {}
    for name, budget, how in plan:
        pv, pos, tokens = image_inputs([images[name]], budget, proc)
        trace.clear()
        with torch.no_grad():
            out = tower(pv, pos).last_hidden_state
            soft = embed(out)
        real = (pos[0] >= 0).all(-1)
        n = int(real.sum())
        assert soft.shape[0] == tokens[0] == n // 9
        small = unpatch(pv[0][real], pos[0][real], 16)
        assert np.array_equal(pv[0][real].numpy(), patches_of(small))
        key = f"{name}.{budget}."
        vectors[key + "soft"] = soft
        alone[name, budget] = soft
        if how == "full":
            vectors[key + "resized"] = small
            vectors[key + "positions"] = pos[0][real].to(torch.int32)
            vectors[key + "patches_head"] = pv[0][:32]
            vectors[key + "embedded"] = trace["embedded"][0][real]
            for k in range(s["layers"]):
                vectors[key + f"layer{k}"] = trace[f"layer{k}"][0][real]
            vectors[key + "pooled"] = trace["pooled"]
            if large:
                vectors[key + "standardized"] = out
        cases.append(dict(image=name, budget=budget, height=small.shape[0], width=small.shape[1], patches=n, soft_tokens=tokens[0],
                          resized_sha256=sha(small), stored=how))
    # several pictures padded into one batch give the same rows as each alone
    pair = [(n, b) for n, b, _ in plan if b == 70][:3]
    pv, pos, tokens = image_inputs([images[n] for n, _ in pair], 70, proc)
    with torch.no_grad():
        both = torch.split(embed(tower(pv, pos).last_hidden_state), tokens)
    note["padded batch against single, max abs"] = max(float((a - alone[k]).abs().max()) for a, k in zip(both, pair))
    note["soft token rms"] = float(soft.pow(2).mean().sqrt())
    for h in hooks:
        h.remove()
    save_vectors(os.path.join(path, "vectors.safetensors"), vectors)
    dump(os.path.join(path, "cases.json"), dict(cases=cases, notes=note))
    print(path, note, flush=True)


def patches_of(small, patch=16):
    gh, gw = small.shape[0] // patch, small.shape[1] // patch
    p = small.reshape(gh, patch, gw, patch, 3).transpose(0, 2, 1, 3, 4).reshape(gh * gw, -1)
    return (torch.from_numpy(np.ascontiguousarray(p)) * (1 / 255)).numpy()

# --------------------------------------------------------------------------- audio


def audio_case(path, s, clips, full, rng):
    config = top_config("gemma4", s["text"], None, audio_config(s))
    hf = Gemma4Config.from_dict(json.loads(json.dumps(config)))
    tower = g4.Gemma4AudioModel(hf.audio_config).eval().float()
    embed = g4.Gemma4MultimodalEmbedder(hf.audio_config, hf.text_config).eval().float()
    assert tower.config._attn_implementation == "eager"
    randomise(tower, rng)
    randomise(embed, rng)
    fe = Gemma4AudioFeatureExtractor()

    def features(waves):
        r = fe([as_float(w) for w in waves])
        return (torch.from_numpy(np.stack(r["input_features"])), torch.from_numpy(np.stack(r["input_features_mask"])))
    x, m = features([clips["am_3s21"] if "am_3s21" in clips else next(iter(clips.values()))])
    note = {}
    with torch.no_grad():
        set_clips(tower, lambda: tower(x, m), rng)
        note["clipped share per limit, min and max"] = [round(v, 5) for v in clip_report(tower, lambda: tower(x, m))]
    save_model(path, config, {"model.audio_tower.": tower, "model.embed_audio.": embed})
    trace = {}
    tower.subsample_conv_projection.register_forward_hook(lambda mod, i, o: trace.__setitem__("subsampled", o[0]))
    for k, l in enumerate(tower.layers):
        l.register_forward_hook(lambda mod, i, o, k=k: trace.__setitem__(f"layer{k}", o))
    vectors, cases, alone = {}, [], {}
    for name, w in clips.items():
        x, m = features([w])
        trace.clear()
        with torch.no_grad():
            o = tower(x, m)
            ok = o.attention_mask[0]
            soft = embed(o.last_hidden_state)[0][ok]
        frames = int(m.sum())
        vectors[name + ".samples"] = w
        vectors[name + ".soft"] = alone[name] = soft
        if name in full:
            vectors[name + ".mel"] = x[0][m[0]]
            vectors[name + ".subsampled"] = trace["subsampled"][0][ok]
            for k in range(s["layers"]):
                vectors[name + f".layer{k}"] = trace[f"layer{k}"][0][ok]
            vectors[name + ".tower"] = o.last_hidden_state[0][ok]
        else:
            vectors[name + ".mel_every_50th"] = x[0][m[0]][::50]
        cases.append(dict(clip=name, samples=len(w), frames=frames, frames_with_padding=int(x.shape[1]), soft_tokens=int(ok.sum()),
                          stored="full" if name in full else "soft"))
    short = [n for n in clips if len(clips[n]) < 100000]
    x, m = features([clips[n] for n in short])
    with torch.no_grad():
        o = tower(x, m)
        both = embed(o.last_hidden_state)
    note["padded batch against single, max abs"] = max(float((both[i][o.attention_mask[i]] - alone[n]).abs().max()) for i, n in enumerate(short))
    note["soft token rms"] = float(soft.pow(2).mean().sqrt())
    save_vectors(os.path.join(path, "vectors.safetensors"), vectors)
    dump(os.path.join(path, "cases.json"), dict(cases=cases, notes=note))
    print(path, note, flush=True)

# --------------------------------------------------------------------------- 12B


def unified_case(path, s, images, plan, clips, rng):
    config = top_config("gemma4_unified", s["text"],
                        dict(model_type="gemma4_unified_vision", patch_size=16, pooling_kernel_size=3, model_patch_size=48,
                             mm_embed_dim=s["mm"], mm_posemb_size=s["table"], output_proj_dims=s["mm"], num_soft_tokens=280, rms_norm_eps=1e-6),
                        dict(model_type="gemma4_unified_audio", audio_embed_dim=640, audio_samples_per_token=640, hidden_size=640,
                             output_proj_dims=640, rms_norm_eps=1e-6))
    hf = Gemma4UnifiedConfig.from_dict(json.loads(json.dumps(config)))
    vision = g4u.Gemma4UnifiedVisionEmbedder(hf.vision_config, hf.text_config).eval().float()
    audio = g4u.Gemma4UnifiedMultimodalEmbedder(hf.audio_config, hf.text_config).eval().float()
    randomise(vision, rng)
    randomise(audio, rng)
    os.makedirs(path, exist_ok=True)
    dump(os.path.join(path, "config.json"), config)
    tensors = {}
    for k, v in vision.state_dict().items():
        k = "model.embed_vision." + k[len("multimodal_embedder."):] if k.startswith("multimodal_embedder.") else "model.vision_embedder." + k
        tensors[k] = v.to(torch.bfloat16).contiguous()
    for k, v in audio.state_dict().items():
        tensors["model.embed_audio." + k] = v.to(torch.bfloat16).contiguous()
    assert len(tensors) == 11
    save_file(tensors, os.path.join(path, "model.safetensors"), metadata={"format": "pt"})
    proc = Gemma4UnifiedImageProcessor()
    fe = Gemma4UnifiedAudioFeatureExtractor()
    vectors = {"image." + k: v for k, v in images.items()}
    trace, cases, alone = {}, [], {}
    vision.patch_ln2.register_forward_hook(lambda m, i, o: trace.__setitem__("dense", o))
    for name, budget, how in plan:
        pv, pos, tokens = image_inputs([images[name]], budget, proc)
        with torch.no_grad():
            r = vision(pv, pos, return_dict=True)
        real = (pos[0] >= 0).all(-1)
        soft = alone[name, budget] = r.pooler_output[0][real]
        small = unpatch(pv[0][real], pos[0][real], 48)
        assert np.array_equal(pv[0][real].numpy(), patches_of(small, 48))
        key = f"{name}.{budget}."
        vectors[key + "soft"] = soft
        if how == "full":
            vectors[key + "resized"] = small
            vectors[key + "positions"] = pos[0][real].to(torch.int32)
            vectors[key + "patches_head"] = pv[0][:4]
            vectors[key + "dense"] = trace["dense"][0][real]
            vectors[key + "normed"] = r.last_hidden_state[0][real]
        cases.append(dict(image=name, budget=budget, height=small.shape[0], width=small.shape[1], soft_tokens=tokens[0],
                          resized_sha256=sha(small), stored=how))
    heard = []
    for name, w in clips.items():
        r = fe([as_float(w)], return_tensors="pt")
        with torch.no_grad():
            soft = audio(r["input_features"])[0]
        vectors[name + ".samples"] = w
        vectors[name + ".soft"] = soft
        heard.append(dict(clip=name, samples=len(w), soft_tokens=int(soft.shape[0])))
    note = {"soft token rms": float(soft.pow(2).mean().sqrt())}
    pair = [(n, b) for n, b, _ in plan if b == 70][:3]
    pv, pos, tokens = image_inputs([images[n] for n, _ in pair], 70, proc)
    with torch.no_grad():
        r = vision(pv, pos, return_dict=True).pooler_output
    note["padded batch against single, max abs"] = max(
        float((r[i][(pos[i] >= 0).all(-1)] - alone[k]).abs().max()) for i, k in enumerate(pair))
    save_vectors(os.path.join(path, "vectors.safetensors"), vectors)
    dump(os.path.join(path, "cases.json"), dict(cases=cases, clips=heard, notes=note))
    print(path, note, flush=True)

# --------------------------------------------------------------------------- preprocessing without a model


def sizes_case(path, rng, other):
    os.makedirs(path, exist_ok=True)
    if other:
        sizes = [(int(math.exp(rng.uniform(0, 8.5))), int(math.exp(rng.uniform(0, 8.5)))) for _ in range(40)]
    else:
        sizes = [(480, 640), (640, 480), (1080, 1920), (1920, 1080), (3000, 100), (100, 3000), (1, 1), (48, 48), (4096, 4096),
                 (224, 224), (384, 384), (401, 402), (408, 612), (640, 1280), (2160, 3840), (4320, 7680), (1, 1000), (1000, 1), (1, 69),
                 (1, 70), (1, 71), (1, 72), (69, 1), (70, 1), (71, 1), (1, 280), (1, 1120), (2, 333), (16, 16), (47, 49), (48, 3360),
                 (3360, 48), (337, 481), (768, 768), (792, 800), (816, 816), (1584, 1584), (5000, 3), (7, 4999), (720, 1280)]
    rows = []
    for h, w in sizes:
        for b in BUDGETS:
            try:
                th, tw = get_aspect_ratio_preserving_size(h, w, 16, b * 9, 3)
                rows.append(dict(height=h, width=w, budget=b, to_height=th, to_width=tw, soft_tokens=th * tw // 2304))
            except ValueError:
                rows.append(dict(height=h, width=w, budget=b, error=True))
    dump(os.path.join(path, "sizes.json"), rows)


def resize_case(path, rng, other):
    from torchvision.transforms.v2 import functional as tvf
    os.makedirs(path, exist_ok=True)
    dims = [((37, 91), (96, 144)), ((91, 37), (144, 48)), ((200, 150), (96, 48)), ((1, 1), (48, 48)), ((1, 50), (48, 96)),
            ((2, 3), (96, 96)), ((333, 7), (96, 48)), ((48, 97), (48, 48)), ((97, 48), (48, 48)), ((131, 257), (48, 96)),
            ((96, 96), (48, 48)), ((47, 49), (48, 48))]
    if other:
        dims = [((int(rng.integers(1, 260)), int(rng.integers(1, 260))), (48 * int(rng.integers(1, 4)), 48 * int(rng.integers(1, 4)))) for _ in range(12)]
    vectors, rows = {}, []
    for i, ((h, w), (th, tw)) in enumerate(dims):
        kind = i % 3
        img = picture(h, w, rng, 25) if kind == 0 else rng.integers(0, 256, (h, w, 3), dtype=np.uint8) if kind == 1 else \
            (rng.integers(0, 2, (h, w, 3)) * 255).astype(np.uint8)
        out = tvf.resize(torch.from_numpy(img).permute(2, 0, 1).contiguous(), [th, tw],
                         interpolation=tvf.InterpolationMode.BICUBIC, antialias=True).permute(1, 2, 0).numpy()
        pil = np.asarray(Image.fromarray(img).resize((tw, th), Image.BICUBIC))
        d = np.abs(pil.astype(int) - out)
        vectors[f"in{i:02d}"], vectors[f"out{i:02d}"] = img, out
        Image.fromarray(img).save(os.path.join(path, f"in{i:02d}.png"))
        Image.fromarray(out).save(os.path.join(path, f"out{i:02d}.png"))
        rows.append(dict(case=i, height=h, width=w, to_height=th, to_width=tw, pillow_differs=float((d > 0).mean()), pillow_max=int(d.max())))
    save_vectors(os.path.join(path, "vectors.safetensors"), vectors)
    dump(os.path.join(path, "cases.json"), rows)


def decode_case(path, rng):
    """Files of many kinds and the RGB they must become (orientation applied, transparency over white)."""
    from transformers.image_transforms import convert_to_rgb
    from PIL import ImageOps
    os.makedirs(path, exist_ok=True)
    h, w = (23, 31) if rng.integers(2) else (29, 22)
    base = picture(h, w, rng, 10)
    alpha = np.clip(np.add.outer(np.arange(h) * 6, np.arange(w) * 4), 0, 255).astype(np.uint8)
    grey = base[..., 0]
    pal = Image.fromarray(base).quantize(16)
    deep = base.astype(np.uint16) * 257
    deep[::2] ^= 0x0055                                         # low bytes differ from high bytes
    files = {"rgb.png": Image.fromarray(base), "grey.png": Image.fromarray(grey), "palette.png": pal,
             "grey_alpha.png": Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)]),
             "rgba.png": Image.fromarray(np.dstack([base, alpha])), "one_bit.png": Image.fromarray(grey > 127)}
    vectors = {}
    for name, im in files.items():
        im.save(os.path.join(path, name))
    pal.save(os.path.join(path, "palette_clear.png"), transparency=3)
    Image.fromarray(base).save(os.path.join(path, "rgb_clear.png"), transparency=tuple(int(v) for v in base[3, 4]))
    png_raw(os.path.join(path, "rgb16.png"), deep, 2)
    png_raw(os.path.join(path, "grey16.png"), deep[..., :1], 0)
    for o in (1, 3, 6, 8, 5):
        ex = Image.Exif()
        ex[0x0112] = o
        Image.fromarray(base).save(os.path.join(path, f"orient{o}.jpg"), quality=92, exif=ex)
    Image.fromarray(base).convert("L").save(os.path.join(path, "grey.jpg"), quality=92)
    Image.fromarray(base).convert("CMYK").save(os.path.join(path, "cmyk.jpg"), quality=92)
    notes = {}
    for name in sorted(os.listdir(path)):
        if name.endswith((".png", ".jpg")):
            im = ImageOps.exif_transpose(Image.open(os.path.join(path, name)))
            vectors[name] = np.ascontiguousarray(convert_to_rgb(im, return_numpy=True))
            notes[name] = im.mode
    # our rule for 16 bit grey: high byte (Pillow would clip at 255)
    vectors["grey16.png"] = np.repeat((deep[..., :1] >> 8).astype(np.uint8), 3, -1)
    save_vectors(os.path.join(path, "vectors.safetensors"), vectors)
    dump(os.path.join(path, "cases.json"), notes)


def png_raw(path, a, colour):
    """16-bit PNG (Pillow cannot write 16-bit RGB)."""
    import struct
    h, w = a.shape[:2]
    rows = b"".join(b"\0" + a[y].astype(">u2").tobytes() for y in range(h))
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, colour, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def mel_exact(samples):
    """Features by a direct float64 DFT: neither numpy's nor the reference's FFT, nor their filter bank code."""
    x = np.concatenate([np.zeros(160), samples.astype(np.float64) / 32768])
    t = (len(samples) - 161) // 160 + 1
    j, k = np.arange(320), np.arange(257)
    f = x[160 * np.arange(t)[:, None] + j] * (0.5 - 0.5 * np.cos(2 * np.pi * j / 320))
    mag = np.abs(f @ np.exp(-2j * np.pi * j[:, None] * k / 512))
    top = 2595 * math.log10(1 + 8000 / 700)
    e = [700 * (10 ** (top * i / 129 / 2595) - 1) for i in range(130)]
    bank = np.array([[max(0.0, min((31.25 * q - e[b]) / (e[b + 1] - e[b]), (e[b + 2] - 31.25 * q) / (e[b + 2] - e[b + 1])))
                      for b in range(128)] for q in k])
    return np.log(mag @ bank + 0.001).astype(np.float32)


def mel_case(path, rng, other):
    os.makedirs(path, exist_ok=True)
    fe, ufe = Gemma4AudioFeatureExtractor(), Gemma4UnifiedAudioFeatureExtractor()
    n = 6400 if not other else 7777
    vectors = {}
    for kind in ("chirp", "noise", "am", "silence", "impulse", "square", "quiet"):
        s = sound(kind, n, rng)
        r = fe([as_float(s)])
        vectors[kind + ".samples"] = s
        vectors[kind + ".mel"] = r["input_features"][0][r["input_features_mask"][0]]
        vectors[kind + ".mel_exact"] = mel_exact(s)
    save_vectors(os.path.join(path, "vectors.safetensors"), vectors)
    ns = [0, 1, 100, 128, 159, 160, 161, 320, 321, 480, 481, 640, 641, 800, 801, 1440, 1441, 1600, 16000, 16001, 38560, 48000, 48800, 51360, 99360,
          160000, 208000, 479999, 480000, 480001, 640000, 960000]
    if other:
        ns = [int(v) for v in rng.integers(0, 5000, 20)] + [int(v) for v in rng.integers(5000, 700000, 20)]
    rows = []
    proc = types.SimpleNamespace(feature_extractor=fe, audio_seq_length=750)
    for k in ns:
        r = fe([np.zeros(k, np.float32)])
        mask = r["input_features_mask"][0]
        c = int(mask[::2][::2].sum())
        assert c == Gemma4Processor._compute_audio_num_tokens(proc, np.zeros(k), 16000), k
        u = len(ufe._extract_waveform_features(np.zeros(k, np.float32))[0])
        rows.append(dict(samples=k, frames=int(mask.sum()), soft_tokens=c, soft_tokens_12b=u))
    dump(os.path.join(path, "counts.json"), rows)


def video_case(path, rng, other):
    os.makedirs(path, exist_ok=True)
    vp = Gemma4VideoProcessor()
    rows = []
    sets = [(300, 30.0), (32, 24.0), (33, 25.0), (1800, 30.0), (1440, 24.0), (901, 29.97), (3600, 60.0), (750, 12.5), (150000, 25.0), (64, 1.0)]
    if other:
        sets = [(int(rng.integers(32, 9000)), float(rng.choice([12.0, 23.976, 24.0, 25.0, 29.97, 50.0, 59.94]))) for _ in range(10)]
    for total, fps in sets:
        for kw in (dict(num_frames=32), dict(num_frames=8), dict(fps=1), dict(fps=2)):
            md = VideoMetadata(total_num_frames=total, fps=fps, duration=total / fps)
            if "fps" in kw:
                from transformers.video_utils import default_sample_indices_fn
                if kw["fps"] > fps:                              # the reference refuses to repeat frames
                    rows.append(dict(total_frames=total, clip_fps=fps, **kw, error=True))
                    continue
                ix = default_sample_indices_fn(md, num_frames=None, fps=kw["fps"])
            else:
                ix = vp.sample_frames(md, **kw)
            md.frames_indices = [int(i) for i in ix]
            me = types.SimpleNamespace(boi_token="<|image>", video_token="<|video|>", eoi_token="<image|>")
            text = Gemma4Processor.replace_video_token(me, {"num_soft_tokens_per_video": [2], "video_metadata": [md]}, 0)
            stamps = [p.split(" ")[0] for p in text.split("<image|> ")]
            if len(ix) > 200:
                continue
            rows.append(dict(total_frames=total, clip_fps=fps, **kw, indices=md.frames_indices, timestamps=stamps,
                             prompt_for_2_tokens_sha256=hashlib.sha256(text.encode()).hexdigest()))
    dump(os.path.join(path, "sampling.json"), rows)
    # the clock rule of the command line tool, for constant and for uneven frame times
    clock = []
    for k in range(8):
        n = int(rng.integers(1, 200))
        fps = float(rng.choice([0.5, 5.0, 10.0, 23.976, 25.0, 30.0]))
        t = np.arange(n) / fps
        if k % 2:
            t = np.concatenate([[0.0], np.cumsum(rng.uniform(0.3, 1.7, n - 1) / fps)])
        t = [round(float(v), 4) for v in t]
        want = float(rng.choice([1.0, 1.0, 2.0, 0.5]))
        dur = t[-1] + (t[-1] - t[-2] if n > 1 else 1.0 / want)
        pick = []
        for j in range(int(60 * want)):
            if not j / want < min(60.0, dur) - 1e-9:
                break
            pick.append((j / want, max(i for i in range(n) if t[i] <= j / want + 1e-6)))
        clock.append(dict(frame_times=t, fps=want, limit=60.0, picks=pick,
                          timestamps=[f"{int(s) // 60:02d}:{int(s) % 60:02d}" for s, _ in pick]))
    dump(os.path.join(path, "clock.json"), clock)

# --------------------------------------------------------------------------- all


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--size", choices=("small", "other"), default="small")
    ap.add_argument("--only", default="", help="comma separated case names")
    a = ap.parse_args()
    S, other = SIZES[a.size], a.size == "other"
    torch.manual_seed(a.seed)
    rng_of = lambda k: np.random.default_rng([a.seed, k])
    d = lambda n: os.path.join(a.out, n)

    def small():
        r = rng_of(10)
        if other:
            im = {"tall": picture(113, 29, r), "down": picture(390, 470, r), "strip": picture(700, 5, r)}
            plan = [("tall", 70, "full"), ("tall", 280, "soft"), ("tall", 1120, "soft"), ("down", 70, "soft"), ("down", 140, "soft"),
                    ("down", 560, "soft"), ("strip", 70, "soft")]
        else:
            im = {"tall": picture(91, 37, r), "down": picture(480, 400, r), "strip": picture(4, 600, r)}
            plan = [("tall", b, "full" if b == 70 else "soft") for b in BUDGETS] + [("down", 70, "soft"), ("strip", 70, "soft"), ("down", 280, "soft")]
        vision_case(d("vision-small"), S["vision_small"], False, im, plan, r)

    def large():
        r = rng_of(20)
        if other:
            im = {"wide": picture(61, 173, r), "dot": picture(1, 1, r), "down": picture(510, 333, r)}
            plan = [("wide", 70, "full"), ("dot", 70, "soft"), ("down", 70, "soft"), ("down", 140, "soft"), ("wide", 280, "soft"), ("wide", 560, "soft"),
                    ("wide", 1120, "soft")]
        else:
            im = {"wide": picture(45, 130, r), "same": picture(336, 480, r), "down": picture(350, 500, r)}
            plan = [("wide", b, "full" if b == 70 else "soft") for b in BUDGETS] + [("same", 70, "soft"), ("down", 70, "soft"), ("down", 140, "soft")]
        vision_case(d("vision-large"), S["vision_large"], True, im, plan, r)

    def audio():
        r = rng_of(30)
        if other:
            c = {"am_0s3": sound("am", 4801, r), "noise_1s7": sound("noise", 27283, r), "chirp_2s5": sound("chirp", 40123, r),
                 "am_30s": sound("am", 480000, r)}
            full = ("am_0s3", "chirp_2s5")
        else:
            c = {"chirp_0s1": sound("chirp", 1600, r), "noise_1s": sound("noise", 16000, r), "am_3s21": sound("am", 51360, r),
                 "short_161": sound("noise", 161, r), "chirp_1s003": sound("chirp", 16045, r), "am_30s": sound("am", 480000, r)}
            full = ("chirp_0s1", "noise_1s", "am_3s21", "short_161")
        audio_case(d("audio-e2b"), S["audio"], c, full, r)

    def unified():
        r = rng_of(40)
        if other:
            im = {"tall": picture(131, 59, r), "down": picture(430, 444, r), "strip": picture(700, 5, r)}
            plan = [("tall", 70, "full"), ("down", 70, "soft"), ("strip", 70, "soft"), ("down", 140, "soft"), ("tall", 560, "soft"), ("tall", 1120, "soft")]
            c = {"am": sound("am", 12345, r), "noise_640": sound("noise", 640, r)}
        else:
            im = {"tall": picture(91, 37, r), "wide": picture(45, 130, r), "strip": picture(3, 600, r)}
            plan = [("tall", b, "full" if b == 70 else "soft") for b in BUDGETS] + [("wide", 70, "soft"), ("strip", 70, "soft"), ("strip", 1120, "soft")]
            c = {"chirp_1600": sound("chirp", 1600, r), "am_20001": sound("am", 20001, r), "silence_641": sound("silence", 641, r), "one": sound("square", 1, r) + 1000}
        unified_case(d("unified-12b"), S["unified"], im, plan, c, r)

    todo = {"vision-small": small, "vision-large": large, "audio-e2b": audio, "unified-12b": unified,
            "media-sizes": lambda: sizes_case(d("media-sizes"), rng_of(50), other),
            "media-resize": lambda: resize_case(d("media-resize"), rng_of(60), other),
            "media-decode": lambda: decode_case(d("media-decode"), rng_of(70)),
            "media-mel": lambda: mel_case(d("media-mel"), rng_of(80), other),
            "media-video": lambda: video_case(d("media-video"), rng_of(90), other)}
    for name, fn in todo.items():
        if not a.only or name in a.only.split(","):
            fn()
            for f in os.listdir(d(name)):
                os.chmod(os.path.join(d(name), f), 0o644)


if __name__ == "__main__":
    main()
