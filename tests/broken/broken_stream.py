"""Broken streams through g4-stream and g4-decode; the streams that break one rule each are in streams.py."""
import json
import os
import random
import subprocess

import streams
from judge import Case
from material import Folder


class Stream(Folder):
    program = "g4-stream"

    def __init__(self, path, project):
        super().__init__(path, project)
        info = json.loads(subprocess.run(["g4-model", "info", "--json"], capture_output=True, check=True).stdout)
        self.space = bytes.fromhex(info["space_id"])
        with open(os.path.join(os.environ["G4_MODEL"], "config.json")) as f:
            self.width = json.load(f)["text_config"]["hidden_size"]

    def head(self, **changes):
        return streams.head(**{**dict(width=self.width, space=self.space), **changes})

    def rows(self, n, payload=None, **more):
        r = random.Random(n)
        values = streams.bf16([r.gauss(0, 1) for _ in range(n * self.width)])
        return streams.rows(n, self.width, payload=values if payload is None else payload, **more)

    def picture(self, segment=0, source=0, payload=None):
        """A picture of 2 x 2 rows."""
        shape = streams.image(segment, source, gw=2, gh=2, rows=4)
        return (streams.record(b"SEGM", **shape) + self.rows(4, payload, segment=segment, source=source)
                + streams.record(b"SEGE", **shape))

    def decode(self, name, data, expect, options=(), pipe=False, **more):
        """The stream through g4-decode, as an operand or through stdin."""
        self.write(name + ".g4s", data)
        argv = ["g4-decode", "--greedy", "-n", "2", "-q", "-p", "What?", *options]
        title = " ".join(["decode", *options, name, *(["(pipe)"] if pipe else [])])
        if pipe:
            self.cases.append(Case(title, argv, expect, self.path, stdin=name + ".g4s", **{"names": "stdin", **more}))
        else:
            self.cases.append(Case(title, [*argv, name + ".g4s"], expect, self.path, **more))

    def rules(self):
        """Every rule broken once is refused with its reason; the odd but valid are accepted."""
        for group, verdict in (("GOOD", "A"), ("BAD", "E")):
            for name, value in getattr(streams, group).items():
                data = value if verdict == "A" else value[0]
                failed = data.count(b"FAIL") > 0
                self.write(f"{group}-{name}.g4s", data)
                self.cases.append(Case(f"stream check {name}", ["g4-stream", "check", f"{group}-{name}.g4s"],
                                       "E" if failed else verdict, self.path, several=failed))
        for name in ("size-4-gib", "rows-unbounded", "unknown-cap", "text-cap"):
            self.cases.append(Case(f"stream check {name}, memory", ["g4-stream", "check", f"BAD-{name}.g4s"], "E",
                                   self.path, memory=200 << 20, cpu=1))

    def cuts(self, whole):
        """A stream cut anywhere is refused; so is one with any bit flipped."""
        r = random.Random(5)
        for at in sorted({1, 8, 63, 64, 65, 127, 128, len(whole) - 1, len(whole) - 64,
                          *(r.randrange(len(whole)) for _ in range(20))}):
            self.decode(f"cut-{at}", whole[:at], "E", pipe=at % 2 == 0, says="stream|truncated")
        for i in range(40):
            at = r.randrange(len(whole) * 8)
            flipped = bytearray(whole)
            flipped[at >> 3] ^= 1 << (at & 7)
            self.decode(f"flip-{at}", bytes(flipped), "E", pipe=i % 2 == 0)
        self.decode("cut-0", b"", "E")
        self.decode("cut-0", b"", "E", pipe=True, says="--no-media", names="no stream on stdin")

    def contents(self):
        nan = streams.bf16([0.5] * (4 * self.width - 1)) + streams.NAN
        infinite = streams.INF + streams.bf16([0.5] * (4 * self.width - 1))
        head, end = self.head(), streams.ends(1, 4)
        good = head + streams.meta() + self.picture() + end
        self.decode("good", good, "A")
        self.decode("good", good, "A", pipe=True)
        self.decode("huge-values", head + self.picture(payload=streams.bf16([3e38] * 4 * self.width)) + end, "AE")
        self.decode("nan", head + self.picture(payload=nan) + end, "E", says="not finite")
        self.decode("infinite", head + self.picture(payload=infinite) + end, "E", says="not finite")
        self.decode("other-width", streams.one(), "E", says=f"width 4.*{self.width}", names="other-width")
        other = self.head(space=streams.SPACE) + streams.meta() + self.picture() + end
        self.decode("other-model", other, "E", says="'none'.*--force", names="other-model")
        self.decode("other-model", other, "A", options=("--force",))
        self.decode("other-model-pipe", other, "E", pipe=True, says="--force")
        self.decode("any-model", self.head(space=bytes(16)) + self.picture() + end, "A")
        self.decode("two-models", good + other, "E", says="space id|fit")
        self.decode("nothing", head + streams.ends(), "E", says="no media in the stream", names="no media")
        self.decode("nothing-each", head + streams.ends(), "A", options=("--each",), silent=True)
        failed = head + streams.fail(b"'x.png': truncated") + streams.ends()
        self.decode("failed", failed, "E", says="'x.png': truncated", names="x.png")
        self.decode("failed-beside", head + self.picture() + streams.fail(b"no\n\x1b[31m", source=1) + end, "E",
                    names="no")
        self.decode("failed-beside", head + self.picture() + streams.fail(b"no\n\x1b[31m", source=1) + end, "E",
                    options=("--keep-going",), names="no")
        self.decode("text-specials", streams.TEXT_ONLY + streams.text(b"<|image|><|turn>") + streams.ends() + good,
                    "A")
        self.decode("behind", good + b"x", "E", says="ENDS")
        self.decode("behind-each", good + b"x", "E", options=("--each",), says="ENDS")
        self.decode("cut-each", good[:-1], "E", options=("--each",), says="truncated")
        huge = streams.image(gw=256, gh=256, rows=65536)
        self.decode("claims-65536", head + streams.record(b"SEGM", **huge) + self.rows(4) + end, "E",
                    memory=300 << 20, cpu=2)
        return good

    def others(self):
        media = os.path.join(self.project, "examples/media")
        for file, hint in (("command.wav", "g4-audio"), ("star.png", "g4-vision"), ("clip.mp4", "g4-video"),
                           ("timer.mp3", "g4-audio"), ("circle.jpg", "g4-vision")):
            with open(os.path.join(media, file), "rb") as f:
                data = f.read()
            self.decode("media-" + file, data, "E", says=hint)
            self.decode("media-" + file, data, "E", pipe=True, says=hint)
        for name, data in {"text": b"What is in the picture?\n", "noise": random.Random(6).randbytes(5000),
                           "zeros": bytes(5000),
                           "one-byte": b"\x89"}.items():
            self.decode(name, data, "E")
            self.decode(name, data, "E", pipe=True)
        argv = ["g4-decode", "-q", "-n", "1", "-p", "x"]
        for operand, more in ((".", dict(says="directory")), ("absent.g4s", {}),
                              ("http://127.0.0.1:9/a.g4s", dict(says="curl")), ("/dev/null", {})):
            self.cases.append(Case("decode " + operand, [*argv, operand], "E", self.path, **more))

    def generate(self):
        self.rules()
        good = self.contents()
        self.cuts(good)
        self.others()
