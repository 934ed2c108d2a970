"""Broken GGUF files: variants of the demo model's, and what each program must say to them."""
import copy
import os
import random
import re
import shutil
import struct

import ggufs
from ggufs import ARRAY, BOOL, F32, I32, I64, STRING, U32, U64, U8
from judge import Case
from material import Folder

NORM, TABLE, QUERY = "output_norm.weight", "token_embd.weight", "blk.0.attn_q.weight"
BLOCK_TYPES = {"q8_1": 9, "q8_k": 15, "iq2_xxs": 16, "iq2_xs": 17, "iq3_xxs": 18, "iq1_s": 19, "iq3_s": 21,
               "iq2_s": 22, "iq1_m": 29, "tq1_0": 34, "tq2_0": 35, "nvfp4": 40, "q1_0": 41, "q2_0": 42}


class Gguf(Folder):
    """What text models and towers share: a file in lists, and files with one thing changed."""
    program = "g4-model"
    source = vector = matrix = None     # the demo model's file; a tensor of each kind that is looked at
    reader = None                       # by this program
    published = None                    # what the vector is called elsewhere: messages may say either

    def __init__(self, path, project):
        super().__init__(path, project)
        self.whole = self.top(os.path.join("examples/demo-model/gguf", self.source))
        self.values, self.tensors, self.data = ggufs.read(self.whole)
        self.header = len(self.whole) - len(self.data)

    def programs(self, name, verdicts, says="", **more):
        """Cases for a file made before; verdicts: one for all, or {program: verdict}; says: where it is refused."""
        for program, argv in self.commands.items():
            expect = verdicts.get(program) if isinstance(verdicts, dict) else verdicts
            if expect:
                argv = [name if a is None else a for a in argv]
                stem = os.path.basename(name).split("-0000")[0].removesuffix(".gguf")
                self.cases.append(Case(f"{program} {name}", argv, expect, self.path, names=stem, before_stream=True,
                                       says=says if expect == "E" else "", **more))

    def file(self, name, data, verdicts="E", hole=0, **more):
        """A file of these bytes, and zeros behind them that take no room."""
        self.write(name + ".gguf", data)
        if hole:
            os.truncate(os.path.join(self.path, name + ".gguf"), len(data) + hole)
        self.programs(name + ".gguf", verdicts, **more)

    def made(self, name, values=None, tensors=None, verdicts="E", **more):
        """A file of these lists. Only where it may be accepted its data are real."""
        head = ggufs.padded(ggufs.header(values or self.values, tensors or self.tensors, **more.pop("head", {})))
        if verdicts == "E":
            self.file(name, head, verdicts, hole=len(self.data), **more)
        else:
            self.file(name, head + self.data, verdicts, **more)

    def value(self, name, key, kind, value, verdicts="E", says=None, **more):
        """One value is another; kind None removes it. The message names the key unless `says` is given."""
        values = [v for v in self.values if v[0] != key]
        if kind is not None:
            at = [v[0] for v in self.values].index(key) if len(values) < len(self.values) else len(values)
            values.insert(at, [key, kind, value])
        says = re.escape(key) if says is None else says
        self.made(name, values=values, verdicts=verdicts, says=says, **more)

    def tensor(self, label, which, verdicts="E", says=None, **fields):
        """One tensor is announced otherwise. The message names it unless `says` is given."""
        tensors = copy.deepcopy(self.tensors)
        for t in tensors:
            if t[0] == which:
                t[:] = [fields.get("name", t[0]), fields.get("ne", t[1]), fields.get("kind", t[2]),
                        fields.get("offset", t[3])]
        if says is None:
            says = re.escape(which) + (f"|{re.escape(self.published)}" if which == self.vector else "")
        self.made(label, tensors=tensors, verdicts=verdicts, says=says)

    def by_reader(self):
        """Refused by the program that reads the tensors; another need not look."""
        return {**dict.fromkeys(self.commands, "AE"), self.reader: "E"}

    # --------------------------------------------------------------------------------- the container

    def heads(self):
        whole = self.whole
        for name, data in {"empty": b"", "one-byte": whole[:1], "magic": whole[:4], "version-only": whole[:8],
                           "counts": whole[:24], "zeros": bytes(4096), "noise": os.urandom(4096),
                           "text": b"not weights\n" * 99, "safetensors": struct.pack("<Q", 2) + b"{}",
                           "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
                           "ggml": b"lmgg" + whole[4:4096], "upper": b"gguf" + whole[4:4096]}.items():
            self.file(name, data)
        for version in (0, 1, 4, 2**32 - 1):
            self.made(f"version-{version}", head=dict(version=version), says=f"version {version}")
        self.made("big-endian", head=dict(version=3 << 24), says="big-endian")
        n, m = len(self.tensors), len(self.values)
        for name, counts, says in (
            ("tensors-negative", (-1, m), "-1 tensors"), ("tensors-2-40", (2**40, m), f"{2**40} tensors"),
            ("tensors-65537", (65537, m), "65537 tensors"), ("tensors-one-more", (n + 1, m), ""),
            ("tensors-one-less", (n - 1, m), ""), ("values-negative", (n, -2**63), "values"),
            ("values-2-40", (n, 2**40), f"{2**40} values"), ("values-65537", (n, 65537), "65537 values"),
            ("values-one-more", (n, m + 1), ""), ("values-one-less", (n, m - 1), ""),
            ("nothing", (0, 0), "missing"),
        ):
            self.made(name, head=dict(counts=counts), says=says,
                      verdicts=self.by_reader() if name == "tensors-one-less" else "E")
        # In 200 bytes there is no room for what they claim.
        self.file("small-tensors", struct.pack("<4sIqq", b"GGUF", 3, 60000, 0) + bytes(176), says="60000 tensors",
                  memory=200 << 20)
        self.file("small-array", ggufs.header([["k", ("array", STRING), b""]], []).replace(
            struct.pack("<IQ", STRING, 0), struct.pack("<IQ", STRING, 2**40)), says="k: .*1099511627776",
            memory=200 << 20)
        for i in range(1, 12):
            at = self.header * i // 12
            self.file(f"cut-{i}", whole[:at], says="truncated|ends")
        self.file("cut-behind-header", whole[:self.header], says="truncated")
        for i in (1, 5, 9):
            self.file(f"cut-data-{i}", whole[:self.header + len(self.data) * i // 10], says="truncated")
        self.file("cut-last", whole[:-1 - self.padding()], says="truncated")
        self.file("longer", whole + bytes(1000), "A")

    def flipped(self, count):
        """A few flipped bits in the header, where every number stands."""
        r = random.Random(1)
        for i in range(count):
            data = bytearray(self.whole)
            for _ in range(r.choice((1, 1, 2, 5))):
                bit = r.randrange(self.header * 8)
                data[bit >> 3] ^= 1 << (bit & 7)
            self.file(f"flipped-{i}", bytes(data), "AE")

    def padding(self):
        """Bytes behind the last tensor."""
        return len(self.data) - max(offset + self.bytes_of(ne, kind) for _, ne, kind, offset in self.tensors)

    @staticmethod
    def bytes_of(ne, kind):
        sizes = {**ggufs.BLOCKS, 14: (256, 210)}
        n = 1
        for d in ne:
            n *= d
        return n // sizes[kind][0] * sizes[kind][1]

    def container(self):
        first = ggufs.header([], [])
        for name, key, says in (("key-huge", struct.pack("<Q", 2**63) + b"k", "a key of 9223372036854775808"),
                                ("key-beyond", struct.pack("<Q", 60000) + b"k", "a key of 60000"),
                                ("key-long", ggufs.string("k" * 70000), "a key of 70000"),
                                ("key-empty", ggufs.string(""), "of 0 bytes"),
                                ("key-nul", ggufs.string("a\0b"), "NUL")):
            self.file(name, first[:16] + struct.pack("<q", 1) + key + struct.pack("<II", U32, 7) + bytes(64), says=says)
        for name, kind, value, says in (
            ("type-13", 13, b"\0" * 8, "x.y: type 13"), ("type-huge", 2**32 - 1, b"\0" * 8, "x.y: type 4294967295"),
            ("string-huge", STRING, struct.pack("<Q", 2**64 - 1), "x.y: string 0 of 18446744073709551615"),
            ("string-beyond", STRING, struct.pack("<Q", 2**31), "x.y: string 0 of 2147483648"),
            ("nested", ARRAY, struct.pack("<IQ", ARRAY, 1) + bytes(40), "x.y: an array of arrays"),
            ("array-type", ARRAY, struct.pack("<IQ", 99, 1), "x.y: type 99"),
            ("array-huge", ARRAY, struct.pack("<IQ", U8, 2**64 - 1), "x.y: an array of 18446744073709551615"),
            ("array-2-24", ARRAY, struct.pack("<IQ", U8, 2**24 + 1), "x.y: an array of 16777217"),
            ("array-beyond", ARRAY, struct.pack("<IQ", U64, 2**23), "x.y: 8388608 elements"),
            ("array-strings", ARRAY, struct.pack("<IQQ", STRING, 2, 9) + b"nine here", "x.y: .*string 1"),
        ):
            values = [["x.y", kind, value]]
            self.file(name, ggufs.header(values, []), says=says.replace(".y", r"\.y"))
        self.made("key-twice", values=[*self.values, self.values[-1]], says="given twice")
        for alignment in (0, 3, 2**31, 2**21, 2**32 - 1):
            self.value(f"alignment-{alignment}", "general.alignment", U32, alignment)
        self.value("alignment-text", "general.alignment", STRING, "32")
        self.value("alignment-array", "general.alignment", ("array", U32), [32])
        self.value("alignment-other", "general.alignment", U32, 4096, says="alignment")

    def announced(self):
        tensors = self.tensors
        norm, = (t for t in tensors if t[0] == self.vector)
        size = len(self.data)
        for name, fields in {
            "dims-5": dict(ne=[1] * 5), "dims-2-31": dict(ne=[1] * 1000), "ne-negative": dict(ne=[-norm[1][0]]),
            "ne-0": dict(ne=[0]), "ne-larger": dict(ne=[norm[1][0] + 1]), "ne-wraps": dict(ne=[2**32, 2**32]),
            "ne-wraps-to-it": dict(ne=[norm[1][0], 2**62, 4]), "ne-2-63": dict(ne=[2**63 - 1]),
            "ne-beyond": dict(ne=[size]), "type-43": dict(kind=43), "type-4": dict(kind=4),
            "type-2-32": dict(kind=2**32 - 1),
            "type-whole-blocks": dict(ne=[33], kind=2), "offset-odd": dict(offset=norm[3] + 1),
            "offset-beyond": dict(offset=size - size % 32 + 32), "offset-2-63": dict(offset=2**63),
            "offset-2-64": dict(offset=2**64 - 32), "type-integers": dict(kind=26), "type-f64": dict(kind=28, offset=0),
        }.items():
            fits = name in ("ne-0", "ne-larger", "type-integers", "type-f64")       # the file, but not the model
            self.tensor("tensor-" + name, self.vector, self.by_reader() if fits else "E", **fields)
        for name, kind in BLOCK_TYPES.items():
            self.tensor("tensor-" + name, self.vector, kind=kind, says=f"{self.vector}.*{name.upper()}")
        self.tensor("tensor-name-empty", self.vector, name="", says="of 0 bytes")
        self.tensor("tensor-name-nul", self.vector, name="a\0b", says="NUL")
        self.tensor("tensor-name-long", self.vector, name="n" * 300, says="name of 300")
        self.tensor("tensor-name-twice", self.vector, name=self.matrix, says="given twice")
        matrix, = (t for t in tensors if t[0] == self.matrix)
        self.tensor("matrix-integers", self.matrix, self.by_reader(), kind=26, offset=0)
        self.tensor("matrix-turned", self.matrix, self.by_reader(), ne=[64, matrix[1][0] * matrix[1][1] // 64])


class GgufText(Gguf):
    source, vector, matrix = "g4-demo-q4_0.gguf", NORM, QUERY
    published, reader = "model.language_model.norm.weight", "decode"
    commands = {"model": ["g4-model", "info", None],
                "decode": ["g4-decode", "--no-media", "--greedy", "-n", "1", "-q", "-p", "hi", "-m", None]}

    def metadata(self):
        prefix = "gemma4."
        required = ("block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
                    "attention.head_count_kv", "attention.sliding_window", "attention.sliding_window_pattern",
                    "attention.layer_norm_rms_epsilon", "attention.key_length", "rope.freq_base")
        for key in required:
            self.value("no-" + key, prefix + key, None, None)
            self.value("text-" + key, prefix + key, STRING, "8")
            self.value("strings-" + key, prefix + key, ("array", STRING), ["8"] * 8)
            self.value("negative-" + key, prefix + key, I32, -8)
            self.value("huge-" + key, prefix + key, U64, 2**63 + 7)
        for key in required[:8]:
            self.value("real-" + key, prefix + key, F32, 8.0)
            self.value("2-31-" + key, prefix + key, I64, 2**31)
        for key in required[:7]:
            self.value("zero-" + key, prefix + key, U32, 0)
        for name, key, kind, value in (
            ("blocks-7", "block_count", U32, 7), ("blocks-9", "block_count", U32, 9),
            ("blocks-1025", "block_count", U32, 1025), ("blocks-array", "block_count", ("array", U32), [8]),
            ("width-64", "embedding_length", U32, 64), ("width-2-30", "embedding_length", U32, 2**30),
            ("heads-3", "attention.head_count", U32, 3),
            ("heads-uneven", "attention.head_count", ("array", I32), [4] * 7 + [2]),
            ("kv-3", "attention.head_count_kv", U32, 3),
            ("kv-short", "attention.head_count_kv", ("array", I32), [1] * 7),
            ("kv-long", "attention.head_count_kv", ("array", I32), [1] * 9),
            ("kv-none", "attention.head_count_kv", ("array", I32), []),
            ("feed-short", "feed_forward_length", ("array", I32), [256] * 7),
            ("feed-other", "feed_forward_length", ("array", I32), [64] * 8),
            ("feed-reals", "feed_forward_length", ("array", F32), [256.0] * 8),
            ("pattern-short", "attention.sliding_window_pattern", ("array", BOOL), [1] * 3),
            ("pattern-2", "attention.sliding_window_pattern", ("array", BOOL), [2] * 8),
            ("pattern-number", "attention.sliding_window_pattern", U32, 6),
            ("shared-8", "attention.shared_kv_layers", U32, 8), ("shared-9", "attention.shared_kv_layers", U32, 9),
            ("shared-negative", "attention.shared_kv_layers", I32, -1),
            ("key-0", "attention.key_length", U32, 0), ("key-odd", "attention.key_length_swa", U32, 33),
            ("value-other", "attention.value_length", U32, 32), ("rotated-other", "rope.dimension_count", U32, 32),
            ("eps-0", "attention.layer_norm_rms_epsilon", F32, 0.0),
            ("eps-nan", "attention.layer_norm_rms_epsilon", F32, float("nan")),
            ("base-0", "rope.freq_base", F32, 0.0), ("base-inf", "rope.freq_base_swa", F32, float("inf")),
            ("softcap-negative", "final_logit_softcapping", F32, -30.0),
            ("softcap-text", "final_logit_softcapping", STRING, "30"),
            ("per-layer-64", "embedding_length_per_layer_input", U32, 64),
            ("experts", "expert_count", U32, 4), ("experts-2-31", "expert_count", U32, 2**31),
        ):
            plain = name in ("blocks-7", "width-64", "heads-3", "feed-other", "per-layer-64", "experts", "shared-8",
                             "kv-3", "key-odd", "blocks-9", "heads-uneven")
            self.value(name, prefix + key, kind, value,
                       says="" if plain else None, verdicts=self.by_reader() if plain else "E")
        for architecture in ("llama", "gemma3", "gemma4-assistant", "gemma4_mtp", "", "clip", "x" * 70000,
                             "gemma4\n\x1b[31m"):
            label = re.sub(r"\W.*", "", architecture[:20], flags=re.S) or "empty"
            self.value("architecture-" + label, "general.architecture", STRING, architecture, says="")
        self.value("architecture-none", "general.architecture", None, None)
        self.value("architecture-number", "general.architecture", U32, 4)
        self.value("adapter", "general.type", STRING, "adapter")
        self.value("name-control", "general.name", STRING, "a\n\x1b[31m\x07", "A")
        self.value("name-long", "general.name", STRING, "n" * 100000, "A")
        self.value("name-number", "general.name", U32, 7, "AE")
        for key in ("general.sampling.temp", "general.sampling.top_k", "general.sampling.top_p"):
            self.value("text-" + key, key, STRING, "hot", {"model": "AE", "decode": "AE"})
            self.value("negative-" + key, key, F32, -1.0, {"model": "AE", "decode": "AE"})

    def missing(self):
        for name in (TABLE, NORM, QUERY, "blk.0.attn_k.weight", "blk.7.ffn_down.weight", "per_layer_token_embd.weight",
                     "blk.3.attn_k_norm.weight"):
            self.made("without-" + name, tensors=[t for t in self.tensors if t[0] != name],
                      verdicts=self.by_reader())
        self.made("no-tensors", tensors=[self.tensors[0]])
        # Without values the keys stand for them, in full layers alone.
        self.made("without-v", tensors=[t for t in self.tensors if t[0] != "blk.0.attn_v.weight"],
                  verdicts=self.by_reader())
        factors, = (t for t in self.tensors if t[0] == "rope_freqs.weight")
        for label, number in (("0", 0.0), ("negative", -1.0), ("nan", float("nan"))):
            data = bytearray(self.whole)
            struct.pack_into("<f", data, self.header + factors[3], number)
            self.file("factor-" + label, bytes(data), self.by_reader())
        norm, = (t for t in self.tensors if t[0] == NORM)
        data = bytearray(self.whole)
        struct.pack_into("<f", data, self.header + norm[3], float("nan"))
        self.file("norm-nan", bytes(data), self.by_reader())
        table, = (t for t in self.tensors if t[0] == TABLE)
        data = bytearray(self.whole)
        data[self.header + table[3]:self.header + table[3] + 34000] = b"\xff" * 34000
        self.file("table-nan", bytes(data), {"model": "AE", "decode": "AE"})

    def vocabulary(self):
        t = "tokenizer.ggml."
        lists = {k: v for k, _, v in self.values}
        tokens, merges = lists[t + "tokens"], lists[t + "merges"]
        words = ("array", STRING)
        for name, key, kind, value, expect in (
            ("no-tokens", "tokens", None, None, "E"), ("tokens-text", "tokens", STRING, "a", "E"),
            ("tokens-numbers", "tokens", ("array", I32), list(range(1024)), "E"),
            ("tokens-none", "tokens", words, [], "E"), ("tokens-fewer", "tokens", words, tokens[:-1], "AE"),
            ("tokens-more", "tokens", words, [*tokens, "more"], "E"),
            ("tokens-twice", "tokens", words, [*tokens[:-1], tokens[-2]], "AE"),
            ("tokens-long", "tokens", words, [*tokens[:-1], "a" * 100000], "AE"),
            ("tokens-not-utf8", "tokens", words, [*tokens[:-1], "\udcff\udcfe"], "AE"),
            ("tokens-empty", "tokens", words, [*tokens[:-1], ""], "AE"),
            ("no-merges", "merges", None, None, "E"), ("merges-text", "merges", STRING, "a b", "E"),
            ("merges-numbers", "merges", ("array", U32), [1, 2], "E"),
            ("merges-no-space", "merges", words, [*merges, "ab"], "AE"),
            ("merges-unknown", "merges", words, [*merges, "zz\u00e9 qq"], "AE"),
            ("merges-empty", "merges", words, [*merges, ""], "AE"),
            ("merges-three", "merges", words, [*merges, "a b c"], "AE"),
            ("merges-twice", "merges", words, merges + merges, "AE"),
            ("model-other", "model", STRING, "gpt2", "AE"), ("model-number", "model", U32, 4, "AE"),
            ("no-model", "model", None, None, "AE"),
            ("types-fewer", "token_type", ("array", I32), [1], "AE"),
            ("types-99", "token_type", ("array", I32), [99] * 1024, "AE"),
            ("eos-beyond", "eos_token_id", U32, 2**31, "AE"), ("eos-text", "eos_token_id", STRING, "1", "AE"),
            ("bos-beyond", "bos_token_id", U32, 1024, "AE"), ("pad-beyond", "padding_token_id", U32, 1024, "AE"),
            ("pad-text", "padding_token_id", STRING, "0", "AE"),
        ):
            self.value("vocabulary-" + name, t + key, kind, value, {"model": "AE", "decode": expect},
                       says="tokenizer|token" if expect == "E" else "")
        for token in ("<|turn>", "<turn|>", "<bos>"):
            self.value("vocabulary-without-" + token.strip("<|>") + ("-end" if token.endswith("|>") else ""),
                       t + "tokens", words, ["<other>" if x == token else x for x in tokens],
                       {"model": "A", "decode": "AE"})

    def split(self):
        """Two parts of a model, and what can be wrong between them."""
        half = len(self.tensors) // 2
        halves = (self.tensors[:half], self.tensors[half:])
        total = [["split.tensors.count", I32, len(self.tensors)]]

        def part(no, count, tensors=None, values=(), wrong=None):
            keys = [["split.no", 2, no], ["split.count", 2, count], *(wrong or total)]
            return ggufs.header([*values, *keys], halves[no % 2] if tensors is None else tensors)

        def folder(name, parts, given, verdicts="E", **more):
            os.makedirs(os.path.join(self.path, name))
            for file, head in parts.items():
                self.write(f"{name}/{file}", ggufs.padded(head) + self.data)
            self.programs(f"{name}/{given}", verdicts, **more)
        one, two = "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"
        first, second = part(0, 2, values=self.values), part(1, 2)
        folder("split", {one: first, two: second}, one, "A")
        folder("split-second", {one: first, two: second}, two, "A")
        folder("split-missing", {one: first}, one, says="missing")
        folder("split-no-first", {two: second}, two)
        folder("split-renamed", {"m.gguf": first}, "m.gguf", says="00001-of-00002")
        folder("split-swapped", {one: second, two: first}, one)
        folder("split-twice", {one: first, two: part(1, 2, tensors=halves[0])}, one)
        wrong = [["split.tensors.count", I32, 7]]
        folder("split-count", {one: part(0, 2, values=self.values, wrong=wrong), two: second}, one,
               says="split.tensors.count")
        folder("split-no-beyond", {one: part(5, 2, values=self.values), two: second}, one, says="split.no")
        folder("split-many", {"m-00001-of-65535.gguf": part(0, 65535, values=self.values)}, "m-00001-of-65535.gguf",
               says="split.count")
        folder("split-other", {one: first, two: part(0, 3)}, one)

    def generate(self):
        self.file("control", self.whole, "A")
        self.heads()
        self.container()
        self.announced()
        self.flipped(40)
        self.metadata()
        self.missing()
        self.vocabulary()
        self.split()


class GgufTowers(Gguf):
    program = "g4-vision"
    source, vector, matrix = "mmproj-g4-demo-bf16.gguf", "v.blk.0.ln1.weight", "v.blk.0.ffn_up.weight"
    published, reader = "model.vision_tower.encoder.layers.0.input_layernorm.weight", "vision"

    def __init__(self, path, project):
        super().__init__(path, project)
        picture, sound = (os.path.join(project, "examples/media", f) for f in ("star.png", "command.wav"))
        self.commands = {"vision": ["g4-vision", "-t", "70", "-m", None, picture],
                         "audio": ["g4-audio", "-m", None, sound]}

    def metadata(self):
        for part, program, keys in (
            ("vision", "vision", ("embedding_length", "feed_forward_length", "block_count", "attention.head_count",
                                  "patch_size", "projection_dim", "projector_type")),
            ("audio", "audio", ("embedding_length", "block_count", "attention.head_count", "projection_dim",
                                "projector_type")),
        ):
            for key in keys:
                full = f"clip.{part}.{key}"
                optional = key == "projection_dim"
                for name, kind, value in (("none", None, None), ("negative", I32, -4), ("zero", U32, 0),
                                          ("2-31", U32, 2**31), ("huge", U64, 2**64 - 1), ("text", STRING, "x"),
                                          ("list", ("array", U32), [1])):
                    self.value(f"{part}-{name}-{key}", full, kind, value, says=re.escape(key),
                               verdicts={"vision": "AE", "audio": "AE",
                                         program: "AE" if optional and not kind else "E"})
            for name, key, value, says in (
                ("width", "embedding_length", 64, "64"), ("blocks-9", "block_count", 9, "layers.4.*missing"),
                ("heads-5", "attention.head_count", 5, "heads"), ("projection", "projection_dim", 64, None),
            ):
                self.value(f"{part}-{name}", f"clip.{part}.{key}", U32, value, says=says,
                           verdicts={"vision": "AE", "audio": "AE", program: "E"})
            self.value(f"{part}-has-not", f"clip.has_{part}_encoder", BOOL, 0, {program: "E"}, says=part)
            self.value(f"{part}-has-2", f"clip.has_{part}_encoder", BOOL, 2, {program: "E"})
        for name, key, kind, value in (("patch-1000", "patch_size", U32, 1000), ("patch-8", "patch_size", U32, 8),
                                       ("scale-0", "projector.scale_factor", U32, 0),
                                       ("scale-99", "projector.scale_factor", U32, 99),
                                       ("eps-nan", "attention.layer_norm_epsilon", F32, float("nan")),
                                       ("eps-text", "attention.layer_norm_epsilon", STRING, "0")):
            self.value("vision-" + name, "clip.vision." + key, kind, value, {"vision": "E"},
                       says=key.split(".")[-1])
        self.value("mels-80", "clip.audio.num_mel_bins", U32, 80, {"audio": "E"})
        for name in ("llama", "gemma3", ""):
            self.value("architecture-" + (name or "empty"), "general.architecture", STRING, name, says="")

    def missing(self):
        for name, program in (("v.patch_embd.weight", "vision"), ("v.position_embd.weight", "vision"),
                              ("v.blk.3.attn_out.weight", "vision"), ("mm.input_projection.weight", "vision"),
                              ("a.conv1d.0.weight", "audio"), ("a.blk.0.conv_dw.weight", "audio"),
                              ("a.blk.3.ffn_up.weight", "audio"), ("mm.a.input_projection.weight", "audio")):
            self.made("without-" + name, tensors=[t for t in self.tensors if t[0] != name],
                      verdicts={"vision": "AE", "audio": "AE", program: "E"})

    def companions(self):
        """Beside a text model: named, a file must be right; found, a wrong one is passed over."""
        text = os.path.join(self.project, "examples/demo-model/gguf", GgufText.source)
        picture = self.commands["vision"][-1]
        values = [v if v[0] != "clip.vision.projection_dim" else [v[0], U32, 64] for v in self.values]
        for name, data, expect in (
            ("named-whole", self.whole, "A"), ("named-cut", self.whole[:-5000], "E"), ("named-empty", b"", "E"),
            ("named-text", self.top(text), "E"), ("named-noise", os.urandom(999), "E"),
            ("named-width", ggufs.write(values, self.tensors, self.data), "E"),
        ):
            self.write(name, data)
            argv = ["g4-vision", "-t", "70", "-m", text, "--mmproj", name, picture]
            self.cases.append(Case("vision --mmproj " + name, argv, expect, self.path, names=name, before_stream=True))
        for name, data in (("cut", self.whole[:9000]), ("text", self.top(text)), ("noise", os.urandom(999))):
            folder = "beside-" + name
            os.makedirs(os.path.join(self.path, folder))
            self.write(f"{folder}/mmproj.gguf", data)
            shutil.copy(text, os.path.join(self.path, folder, "model.gguf"))
            model = folder + "/model.gguf"
            self.cases.append(Case("model " + model, ["g4-model", "info", model], "A", self.path))
            self.cases.append(Case("vision " + model, ["g4-vision", "-m", model, picture], "E", self.path, names="model",
                                   before_stream=True, says="no vision"))

    def generate(self):
        self.file("control", self.whole, "A")
        self.heads()
        self.container()
        self.announced()
        self.flipped(40)
        self.metadata()
        self.missing()
        self.companions()
