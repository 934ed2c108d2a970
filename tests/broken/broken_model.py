"""Broken models: variants of the demo model, and what g4-model and g4-decode must say to each."""
import copy
import json
import os
import struct

from judge import Case
from material import Folder

WEIGHTS = "model.safetensors"
NORM = "model.language_model.norm.weight"
TABLE = "model.language_model.embed_tokens.weight"


def header_of(data):
    n, = struct.unpack_from("<Q", data)
    return json.loads(data[8:8 + n]), data[8 + n:]


def packed(header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def with_field(config, path, value):
    """A copy with path "text_config.hidden_size" set; value None removes it."""
    out = copy.deepcopy(config)
    *parents, last = path.split(".")
    at = out
    for key in parents:
        at = at.setdefault(key, {})
    if value is None:
        at.pop(last, None)
    else:
        at[last] = value
    return out


class Model(Folder):
    program = "g4-model"

    def __init__(self, path, project):
        super().__init__(path, project)
        self.base = os.environ["G4_MODEL"]
        self.files = {name: os.path.join(self.base, name) for name in os.listdir(self.base)}
        self.config, self.tokenizer, self.generation = (
            json.loads(self.original(n)) for n in ("config.json", "tokenizer.json", "generation_config.json"))
        self.weights = self.original(WEIGHTS)
        self.header, self.data = header_of(self.weights)

    def original(self, name):
        with open(self.files[name], "rb") as f:
            return f.read()

    def variant(self, name, **changed):
        """A folder with the demo model's files, but for those in `changed`: bytes, an object for JSON, or None."""
        folder = os.path.join(self.path, name)
        os.makedirs(folder)
        changed = {key.replace("__", "."): value for key, value in changed.items()}
        for file, path in self.files.items():
            if file not in changed and os.path.isfile(path):
                os.symlink(os.path.abspath(path), os.path.join(folder, file))
        for file, content in changed.items():
            if content is not None:
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                with open(os.path.join(folder, file), "wb") as f:
                    f.write(data)
        return folder

    def both(self, name, decode="E", info="E", says="", **more):
        """The verdicts of g4-decode and g4-model on a folder made before."""
        answer = ["g4-decode", "--no-media", "--greedy", "-n", "1", "-q", "-p", "hi", "-m", name]
        if decode:
            self.cases.append(Case("decode " + name, answer, decode, self.path, says=says, **more))
        if info:
            self.cases.append(Case("model " + name, ["g4-model", "info", name], info, self.path, says=says, **more))

    # ------------------------------------------------------------------------------------- weights

    def sparse(self, name, header, data_bytes=None, **more):
        """Weights that are all hole, behind another header: refused before they are looked at."""
        folder = self.variant(name, model__safetensors=packed(header))
        size = len(self.data) if data_bytes is None else data_bytes
        with open(os.path.join(folder, WEIGHTS), "r+b") as f:
            f.seek(0, os.SEEK_END)
            f.truncate(f.tell() + size)
        self.both(name, **more)

    def entry(self, tensor=NORM, **fields):
        """One tensor's entry in the header is changed."""
        header = copy.deepcopy(self.header)
        header[tensor] = {k: v for k, v in {**header[tensor], **fields}.items() if v is not None}
        return header

    def headers(self):
        whole = self.weights
        for name, data in {"st-empty": b"", "st-7-bytes": whole[:7], "st-8-bytes": whole[:8], "st-zeros": bytes(4096),
                           "st-text": b"not weights\n" * 99, "st-length-beyond": b"\xff\xff\xff\x7f" + whole[4:5000],
                           "st-length-largest": b"\xff" * 8 + whole[8:5000],
                           "st-length-100-mb": struct.pack("<Q", 100000001) + whole[8:5000],
                           "st-short": whole[:-1], "st-half": whole[:len(whole) // 2], "st-long": whole + b"\0",
                           "st-lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
                           "st-gguf": b"GGUF\3\0\0\0" + bytes(100)}.items():
            self.variant(name, model__safetensors=data)
            self.both(name)
        text = json.dumps(self.header).encode()
        twice = text[:-1] + b',"%s":%s}' % (NORM.encode(), json.dumps(self.header[NORM]).encode())
        deep = text[:-1] + b',"__metadata__":{"a":' + b"[" * 10000 + b"]" * 10000 + b"}}"
        for name, header in {"st-list": b"[]", "st-number": b"7", "st-cut": text[:-1], "st-nul": text[:-1] + b"\0}",
                             "st-twice": twice, "st-deep": deep, "st-not-utf8": text.replace(b"norm", b"n\xffrm", 1),
                             "st-nothing": b"{}", "st-behind": text + b"{}"}.items():
            self.sparse(name, header)

    def entries(self):
        begin, end = self.header[NORM]["data_offsets"]
        shape = self.header[NORM]["shape"]
        for name, fields in {
            "overlap": dict(data_offsets=[begin - 2, end - 2]), "hole": dict(data_offsets=[begin + 2, end + 2]),
            "beyond": dict(data_offsets=[begin, 2**40]), "backwards": dict(data_offsets=[end, begin]),
            "negative": dict(data_offsets=[-2, end]), "offset-2-64": dict(data_offsets=[2**64 - 2, 2**64]),
            "offset-real": dict(data_offsets=[begin, end + 0.5]), "one-offset": dict(data_offsets=[begin]),
            "no-offsets": dict(data_offsets=None), "no-dtype": dict(dtype=None), "no-shape": dict(shape=None),
            "dtype-unknown": dict(dtype="BF17"), "dtype-number": dict(dtype=16), "dtype-long": dict(dtype="x" * 5000),
            "shape-larger": dict(shape=[shape[0] + 1]), "shape-negative": dict(shape=[-shape[0]]),
            "shape-wraps": dict(shape=[2**32, 2**32]), "shape-wraps-to-it": dict(shape=[2**63 + shape[0] // 2, 2]),
            "shape-text": dict(shape="128"), "shape-deep": dict(shape=[1] * 200), "shape-0": dict(shape=[0]),
            "entry-unknown": dict(stride=[1]),
        }.items():
            self.sparse("st-" + name, self.entry(**fields),
                        **(dict(decode="AE", info="AE") if name == "entry-unknown" else {}))
        renamed = {k + "x" if k == NORM else k: v for k, v in self.header.items()}
        self.sparse("st-missing", renamed, says=NORM + ".*missing", info=None)
        rows, cols = self.header[TABLE]["shape"]
        self.sparse("st-turned", self.entry(TABLE, shape=[cols, rows]), says=TABLE + ".*shape", info=None)
        self.sparse("st-reshaped", self.entry(shape=[2, shape[0] // 2]), decode="AE", info="AE")
        self.sparse("st-integers", self.entry(dtype="I16"), says=NORM + ".*I16")
        self.sparse("st-integer-table", self.entry(TABLE, dtype="I16"), says=TABLE + ".*I16", info=None)
        self.sparse("st-long-name", {("n" * 70000 if k == NORM else k): v for k, v in self.header.items()}, info="AE")
        self.sparse("st-control-name", {("a\n\x1b[31m" if k == NORM else k): v for k, v in self.header.items()},
                    info="AE")
        many = {f"t{i}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(65537)}
        self.sparse("st-65537", many, 0, says="65536")
        self.nan_weights()

    def nan_weights(self):
        begin, _ = self.header[NORM]["data_offsets"]
        data = self.data[:begin] + b"\xc0\x7f" + self.data[begin + 2:]
        self.variant("st-nan-norm", model__safetensors=packed(self.header) + data)
        self.both("st-nan-norm", decode="AE", info="AE")

    def shards(self):
        names = [n for n in self.header if n != "__metadata__"]
        halves, files = (names[:len(names) // 2], names[len(names) // 2:]), ("one.safetensors", "two.safetensors")
        content = {}
        for half, file in zip(halves, files):
            header, data = {}, b""
            for n in half:
                a, b = self.header[n]["data_offsets"]
                header[n] = {**self.header[n], "data_offsets": [len(data), len(data) + b - a]}
                data += self.data[a:b]
            content[file] = packed(header) + data
        where = {n: file for half, file in zip(halves, files) for n in half}
        index = "model.safetensors.index.json"

        def sharded(name, weight_map, keep=files, **verdicts):
            told = weight_map if isinstance(weight_map, bytes) else {"weight_map": weight_map}
            self.variant(name, **{WEIGHTS: None, index: told, **{f: content[f] for f in keep}})
            self.both(name, **verdicts)
        sharded("shards", where, decode="A", info="A")
        sharded("shard-missing", where, keep=files[:1], says="missing|two.safetensors")
        for name, file in {"slash": "../shards/two.safetensors", "absolute": "/dev/zero", "dots": "..", "empty": "",
                           "number": 7, "long": "s" * 5000}.items():
            sharded("shard-" + name, {**where, NORM: file})
        sharded("shard-wrong", {n: files[n == names[0]] for n in names})
        sharded("shard-many", {**where, **{f"x{i}": f"{i}.safetensors" for i in range(1025)}}, says="1024")
        sharded("index-empty", {})
        sharded("index-list", b"[]")
        sharded("index-cut", b'{"weight_map": {"a"')
        sharded("index-without", b'{"metadata": {}}')
        self.variant("no-weights", model__safetensors=None)
        self.both("no-weights")

    # -------------------------------------------------------------------------------------- config

    def config_texts(self, file, original, prefix, info):
        text = json.dumps(original).encode()
        for name, data in {
            "empty": b"", "list": b"[]", "null": b"null", "cut": text[:-9],
            "deep": b'{"a":' * 10000 + b"1" + b"}" * 10000,
            "deep-list": text[:-1] + b',"x":' + b"[" * 10000 + b"]" * 10000 + b"}",
            "noise": os.urandom(4000).replace(b"{", b"["),
            "twice": b'{"model_type":"gemma4",' + text[1:] if file == "config.json" else b'{"model":{},' + text[1:],
            "not-utf8": text[:-1] + b',"x":"\xff\xfe"}', "nul": text[:-1] + b',"x":"\0"}', "behind": text + b"x",
            "number-long": text[:-1] + b',"x":1' + b"0" * 400 + b"}", "not-a-number": text[:-1] + b',"x":NaN}',
        }.items():
            self.variant(f"{prefix}-{name}", **{file: data})
            # A number of 400 digits does no harm where nobody reads it.
            harmless = name == "number-long"
            self.both(f"{prefix}-{name}", decode="AE" if harmless else "E", info="AE" if harmless else info)
        self.variant(prefix + "-missing", **{file: None})
        self.both(prefix + "-missing", info=info)
        folder = self.variant(prefix + "-directory", **{file: None})
        os.mkdir(os.path.join(folder, file))
        self.both(prefix + "-directory", info=info)

    def config_fields(self):
        t, a, v = "text_config.", "audio_config.", "vision_config."
        bad_sizes = ("128", -1, 0, 1e30, 2**31, 2**63, 10.5, [128])
        for field in ("hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "global_head_dim",
                      "intermediate_size", "num_hidden_layers", "vocab_size"):
            for i, value in enumerate(bad_sizes):
                self.field(f"{field}-{i}", t + field, value)
        for name, path, value in (
            ("kv-not-divide", t + "num_key_value_heads", 3),
            ("head-odd", t + "head_dim", 33), ("window-0", t + "sliding_window", 0),
            ("window-negative", t + "sliding_window", -5), ("window-text", t + "sliding_window", "512"),
            ("layers-9", t + "num_hidden_layers", 9), ("layers-billion", t + "num_hidden_layers", 10**9),
            ("types-short", t + "layer_types", ["full_attention"]), ("types-word", t + "layer_types", ["wide"] * 8),
            ("types-text", t + "layer_types", "full_attention"), ("types-none", t + "layer_types", []),
            ("shared-8", t + "num_kv_shared_layers", 8), ("shared-9", t + "num_kv_shared_layers", 9),
            ("shared-negative", t + "num_kv_shared_layers", -1), ("eps-negative", t + "rms_norm_eps", -1.0),
            ("eps-text", t + "rms_norm_eps", "1e-6"), ("positions-0", t + "max_position_embeddings", 0),
            ("theta-0", t + "rope_parameters.full_attention.rope_theta", 0),
            ("theta-negative", t + "rope_parameters.sliding_attention.rope_theta", -1.0),
            ("rotary-2", t + "rope_parameters.full_attention.partial_rotary_factor", 2.0),
            ("rotary-negative", t + "rope_parameters.full_attention.partial_rotary_factor", -0.5),
            ("no-text", "text_config", None), ("text-list", "text_config", []), ("type-other", "model_type", "llama"),
            ("type-missing", "model_type", None), ("type-number", "model_type", 4),
            ("quantised", "quantization_config", {"quant_method": "gptq"}),
        ):
            self.field(name, path, value)
        self.field("heads-3", t + "num_attention_heads", 3, info="AE")      # fits no tensor
        # Parts that the decoder does not need may be refused or left alone, but not believed.
        for name, path, value in (
            ("patch-0", v + "patch_size", 0), ("patch-huge", v + "patch_size", 2**31),
            ("pool-0", v + "pooling_kernel_size", 0),
            ("vision-heads-0", v + "num_attention_heads", 0),
            ("vision-positions-0", v + "position_embedding_size", 0),
            ("vision-layers", v + "num_hidden_layers", 99), ("audio-kernel-0", a + "conv_kernel_size", 0),
            ("audio-chunk-0", a + "attention_chunk_size", 0), ("audio-left-0", a + "attention_context_left", 0),
            ("audio-right-huge", a + "attention_context_right", 2**31), ("audio-heads", a + "num_attention_heads", 5),
            ("audio-channels", a + "subsampling_conv_channels", []), ("image-token", "image_token_id", 1024),
            ("audio-token", "audio_token_id", -1), ("video-token", "video_token_id", "23"),
        ):
            self.field(name, path, value, info="AE", decode="AE")
            self.media_field(name, path)

    def field(self, name, path, value, **verdicts):
        folder = "config-" + name
        self.variant(folder, config__json=with_field(self.config, path, value))
        self.both(folder, **verdicts)

    def media_field(self, name, path):
        program, file = ("g4-audio", "command.wav") if "audio" in path else ("g4-vision", "star.png")
        media = os.path.join(self.project, "examples/media", file)
        self.cases.append(Case(f"{program[3:]} -m config-{name}", [program, "-m", "config-" + name, media],
                               "AE" if "token" in path or "chunk" in path else "E", self.path, names="config-" + name,
                               before_stream=True))

    # ----------------------------------------------------------------------------------- tokenizer

    def tokenizers(self):
        vocab, merges = self.tokenizer["model"]["vocab"], self.tokenizer["model"]["merges"]
        added = self.tokenizer["added_tokens"]
        first = next(iter(vocab))
        letters = {k: v for k, v in vocab.items() if k != "a"}
        for name, path, value, expect in (
            ("no-merges", "model.merges", None, "E"), ("merges-text", "model.merges", "a b", "E"),
            ("merge-one", "model.merges", [["a"]], "E"), ("merge-three", "model.merges", [["a", "b", "c"]], "E"),
            ("merge-unknown", "model.merges", [*merges, ["zz\u00e9", "qq"]], "AE"),
            ("merge-empty", "model.merges", [*merges, ["", "a"]], "AE"),
            ("merge-number", "model.merges", [*merges, 7], "E"),
            ("merges-twice", "model.merges", merges + merges, "AE"),
            ("merges-none", "model.merges", [], "AE"),
            ("no-vocab", "model.vocab", None, "E"), ("vocab-empty", "model.vocab", {}, "E"),
            ("vocab-list", "model.vocab", [], "E"), ("id-beyond", "model.vocab", {**vocab, first: 1024}, "E"),
            ("id-huge", "model.vocab", {**vocab, first: 2**40}, "E"),
            ("id-negative", "model.vocab", {**vocab, first: -1}, "E"),
            ("id-text", "model.vocab", {**vocab, first: "7"}, "E"),
            ("id-real", "model.vocab", {**vocab, first: 7.5}, "E"),
            ("id-twice", "model.vocab", {**vocab, "zzzz": vocab["a"]}, "E"),
            ("piece-empty", "model.vocab", {**letters, "": vocab["a"]}, "AE"),
            ("piece-nul", "model.vocab", {**letters, "a\0b": vocab["a"]}, "AE"),
            ("piece-long", "model.vocab", {**letters, "a" * 100000: vocab["a"]}, "AE"),
            ("no-byte", "model.vocab", {k: v for k, v in vocab.items() if k != "<0x41>"}, "AE"),
            ("no-added", "added_tokens", [], "AE"), ("added-beyond", "added_tokens",
                                                     [*added, {"id": 4096, "content": "<x>"}], "E"),
            ("added-twice", "added_tokens", [*added, {"id": 16, "content": "<other>", "special": True}], "AE"),
            ("added-text", "added_tokens", ["<x>"], "E"), ("unigram", "model.type", "Unigram", "E"),
            ("no-fallback", "model.byte_fallback", False, "AE"), ("model-list", "model", [], "E"),
        ):
            folder = "tokenizer-" + name
            self.variant(folder, tokenizer__json=with_field(self.tokenizer, path, value))
            self.both(folder, decode=expect, info="A")
        for token in ("<|turn>", "<turn|>", "<|image>", "<bos>"):
            folder = "tokenizer-without-" + token.strip("<|>") + ("-end" if token.endswith("|>") else "")
            self.variant(folder, tokenizer__json=json.loads(json.dumps(self.tokenizer).replace(token, "<other>")))
            self.both(folder, decode="AE", info="A")

    def generation_configs(self):
        for name, path, value in (("eos-beyond", "eos_token_id", 10**9), ("eos-text", "eos_token_id", "1"),
                                  ("temperature", "temperature", "hot"),
                                  ("temperature-negative", "temperature", -1.0),
                                  ("top-k", "top_k", -4), ("top-p", "top_p", 7.0)):
            self.variant("generation-" + name, generation_config__json=with_field(self.generation, path, value))
            self.both("generation-" + name, decode="AE", info=None)
        self.variant("generation-cut", generation_config__json=b'{"a":')
        self.both("generation-cut", decode="E", info=None)

    def places(self):
        self.write("file.txt", b"not a model\n")
        self.write("model.gguf", b"GGUF\3\0\0\0" + bytes(400))
        os.mkdir(os.path.join(self.path, "empty"))
        os.mkfifo(os.path.join(self.path, "fifo"))
        os.symlink("loop", os.path.join(self.path, "loop"))
        self.variant("control")
        self.both("control", decode="A", info="A")
        for name in ("file.txt", "model.gguf", "empty", "/dev/null", "loop", "absent/model", "control/config.json",
                     "control/tokenizer.json", "bad\nname"):
            self.both(name, names=name.replace("\n", "\\n"))
        self.both("fifo", names="fifo")

    def generate(self):
        self.places()
        self.headers()
        self.entries()
        self.shards()
        self.config_texts("config.json", self.config, "config", "E")
        self.config_texts("tokenizer.json", self.tokenizer, "tokenizer", "A")
        self.config_fields()
        self.tokenizers()
        self.generation_configs()
