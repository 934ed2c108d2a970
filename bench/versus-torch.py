#!/usr/bin/env python3
"""The work of the stages in PyTorch: bf16, a random model in E2B's layout made in memory.

  bench/versus-torch.py [--ours FILE] [--only NAME,...] [--threads N] [--vocabulary N] [--json FILE]

Prints seconds and rates, and with --ours, JSON lines of bench/stages.py on a full-size E2B, the
ratios. For development only: needs torch and transformers (5 or newer). Only the layers are timed:
no reading of media, no tokenizer, no start of the interpreter, weights in memory. The vocabulary is
cut (default 16384 of 262144), which spares PyTorch most of the head in `answer` and keeps the model
at some 5 GB. The first call of each stage is not counted, the best of the following is.

stages: prompt-512 answer picture-70 picture-280 sound-30
"""
import argparse
import json
import math
import os
import sys
import time

LAYERS, BORROWING, FULL_EVERY = 35, 20, 5
# stage: its name, and the ratio wanted with AMX; without it the limits of both are the same
STAGES = {"prompt-512": ("prompt of 512 tokens, tokens/s", 3), "answer": ("answer, tokens/s", None),
          "picture-70": ("picture, budget 70, s", None), "picture-280": ("picture, budget 280, s", None),
          "sound-30": ("sound of 30 s, s", 4)}


def fastest(work, runs):
    """Seconds of the best of so many calls, after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.monotonic()
        work()
        times.append(time.monotonic() - start)
    return min(times)


def build(torch, make):
    """The module in bf16 with random weights; every page of them is written, so that it is read."""
    def nothing(*_, **__):
        return None
    for module in (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv1d, torch.nn.Conv2d):
        module.reset_parameters = nothing  # of minutes of random numbers none is needed
    torch.set_default_dtype(torch.bfloat16)
    import transformers
    transformers.PreTrainedModel.init_weights = nothing
    module = make().eval()
    noise = torch.randn(1 << 20, dtype=torch.float32).mul_(0.02).to(torch.bfloat16)
    with torch.no_grad():
        for name, p in module.named_parameters():
            flat = p.data.view(-1)
            for at in range(0, flat.numel(), noise.numel()):
                part = flat[at:at + noise.numel()]
                part.copy_(noise[:part.numel()])
            if p.dim() == 1:
                flat.fill_(1)
    torch.set_default_dtype(torch.float32)
    return module


def text_model(torch, vocabulary):
    from transformers.models.gemma4.configuration_gemma4 import Gemma4TextConfig
    from transformers.models.gemma4.modeling_gemma4 import Gemma4ForCausalLM
    config = Gemma4TextConfig(
        vocab_size=vocabulary, vocab_size_per_layer_input=vocabulary, hidden_size=1536, intermediate_size=6144,
        num_hidden_layers=LAYERS, num_attention_heads=8, num_key_value_heads=1, head_dim=256,
        hidden_size_per_layer_input=256, num_kv_shared_layers=BORROWING, use_double_wide_mlp=True,
        sliding_window=512, final_logit_softcapping=30.0,
        layer_types=["sliding_attention" if (i + 1) % FULL_EVERY else "full_attention" for i in range(LAYERS)])
    return build(torch, lambda: Gemma4ForCausalLM(config))


def time_text(torch, options, chosen, emit):
    model = text_model(torch, options.vocabulary)
    ids = torch.randint(300, options.vocabulary, (1, 512))
    note = f"vocabulary of {options.vocabulary}"

    def read(tokens):
        return model(input_ids=ids[:, :tokens], use_cache=True, logits_to_keep=1)
    if "prompt-512" in chosen:
        emit("prompt-512", 512 / fastest(lambda: read(512), 3), "tokens/s", note)
    if "answer" in chosen:
        state = read(16)
        cache, token, times = state.past_key_values, state.logits[:, -1].argmax(-1, keepdim=True), []
        for _ in range(options.tokens):
            start = time.monotonic()
            state = model(input_ids=token, past_key_values=cache, use_cache=True)
            token = state.logits[:, -1].argmax(-1, keepdim=True)
            times.append(time.monotonic() - start)
        times = times[options.tokens // 4:]
        emit("answer", len(times) / sum(times), "tokens/s", note)


def grid(tokens):
    """Two factors of tokens, as near to 4:3 as there are."""
    wide = min((w for w in range(1, tokens + 1) if tokens % w == 0),
               key=lambda w: abs(math.log(w * w / tokens) - math.log(4 / 3)))
    return wide, tokens // wide


def time_pictures(torch, options, chosen, made, emit):
    from transformers.models.gemma4.configuration_gemma4 import Gemma4VisionConfig
    from transformers.models.gemma4.modeling_gemma4 import Gemma4VisionModel
    model = build(torch, lambda: Gemma4VisionModel(Gemma4VisionConfig(use_clipped_linears=True)))
    for stage in chosen:
        tokens = made.get(stage) or int(stage.split("-")[1])
        wide, high = (3 * side for side in grid(tokens))
        y, x = torch.meshgrid(torch.arange(high), torch.arange(wide), indexing="ij")
        places = torch.stack([x.reshape(-1), y.reshape(-1)], -1)[None]
        pixels = torch.rand(1, wide * high, 768)
        seconds = fastest(lambda: model(pixel_values=pixels, pixel_position_ids=places), 3)
        emit(stage, seconds, "s", f"{tokens} tokens, the tower alone")


def time_sound(torch, options, emit):
    from transformers.models.gemma4.configuration_gemma4 import Gemma4AudioConfig
    from transformers.models.gemma4.modeling_gemma4 import Gemma4AudioModel
    model = build(torch, lambda: Gemma4AudioModel(Gemma4AudioConfig()))
    frames = torch.randn(1, 3000, 128).to(torch.bfloat16)
    mask = torch.ones(1, 3000, dtype=torch.bool)
    seconds = fastest(lambda: model(input_features=frames, attention_mask=mask), 3)
    emit("sound-30", seconds, "s", "the tower alone")


def read_ours(path):
    rows = {}
    if path:
        with open(path) as lines:
            rows = {row["stage"]: row for row in map(json.loads, lines) if row.get("bench") == "stage"}
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", help="JSON lines of bench/stages.py")
    parser.add_argument("--only", default=",".join(STAGES), help="of " + ", ".join(STAGES))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--vocabulary", type=int, default=16384)
    parser.add_argument("--tokens", type=int, default=32, help="of the answer (default 32)")
    parser.add_argument("--json", help="append JSON lines to this file")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if not set(chosen) <= set(STAGES):
        parser.error(f"no such stage: {', '.join(sorted(set(chosen) - set(STAGES)))}")
    sys.modules["torchvision"] = None  # nothing here needs it, and one built for another torch does not load
    try:
        import torch
        import transformers
    except ImportError as error:
        sys.exit(f"versus-torch.py: {error}")
    torch.set_num_threads(options.threads)
    ours = read_ours(options.ours)
    facts = next(({k: row[k] for k in ("machine", "cpu", "features", "limits")} for row in ours.values()), {})
    print(f"PyTorch {torch.__version__}, transformers {transformers.__version__}, bf16, {options.threads} threads")
    print(f"  {'':<14} {'PyTorch':>10} {'g4':>10} {'ratio':>8}")

    def emit(stage, value, unit, note):
        label, goal = STAGES[stage]
        row = {"bench": "versus", "engine": "PyTorch bf16", "stage": stage, "label": label, "theirs": value, "unit": unit,
               "note": note, "threads": options.threads, "date": time.strftime("%Y-%m-%d"), **facts}
        text = f"  {stage:<14} {value:>10.3f}"
        if stage in ours:
            own = ours[stage]["value"]
            row.update(ours=own, ratio=own / value if unit == "tokens/s" else value / own)
            if goal and "amx" in facts["cpu"]:
                row.update(goal=goal, met=row["ratio"] >= goal)
            text += f" {own:>10.3f} {row['ratio']:>7.2f}x"
        print(f"{text}  {unit}, {note}", flush=True)
        if options.json:
            with open(options.json, "a") as out:
                print(json.dumps(row), file=out)

    with torch.inference_mode():
        if {"prompt-512", "answer"} & set(chosen):
            time_text(torch, options, chosen, emit)
        pictures = [stage for stage in chosen if stage.startswith("picture")]
        if pictures:
            time_pictures(torch, options, pictures, {k: r.get("tokens") for k, r in ours.items()}, emit)
        if "sound-30" in chosen:
            time_sound(torch, options, emit)


if __name__ == "__main__":
    main()
