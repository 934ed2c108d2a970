"""What the makers of broken files share: a folder, the cases in it, cutting and patching."""
import os
import shutil
import struct
import subprocess

from judge import Case


def ffmpeg(folder, *arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], cwd=folder.path, check=True,
                   stdin=subprocess.DEVNULL)


def convert(folder, *arguments):
    """ImageMagick."""
    subprocess.run(["convert", *arguments], cwd=folder.path, check=True, stdin=subprocess.DEVNULL)


def cut(data, share):
    return data[:int(len(data) * share)]


def patch(data, mark, offset, new):
    """`new` over the bytes `offset` behind the beginning of the first `mark`."""
    at = data.index(mark) + offset
    return data[:at] + new + data[at + len(new):]


def uint(value, order=">"):
    return struct.pack(order + "I", value & 0xFFFFFFFF)


class Folder:
    """A folder of inputs for one program. given() adds a case; case() writes its file first."""
    program = None
    options = ()                # of every case
    seeds = None                # makes files whose bits are to be flipped, and returns their names
    known_seeds = ()            # that once found something
    seed_options = ()

    def __init__(self, path, project):
        self.path, self.project, self.cases = path, project, []
        os.makedirs(path)

    def release(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def top(self, name):
        with open(os.path.join(self.project, name), "rb") as f:
            return f.read()

    def given(self, name, expect, options=(), pipe=False, alone=False, names=None, **more):
        """A case for the file `name`. pipe: through stdin; alone: no other file of the folder may be opened."""
        title = " ".join([self.program[3:], *options, name.replace("\n", "\\n"), *(["(pipe)"] if pipe else [])])
        argv = [self.program, *self.options, *options]
        if pipe:
            self.cases.append(Case(title, argv, expect, self.path, stdin=name,
                                   names="stdin" if names is None else names, **more))
        else:
            self.cases.append(Case(title, [*argv, "--", name], expect, self.path, names=names or name, **more))
        self.cases[-1].alone = alone

    def case(self, name, data, expect, **more):
        self.write(name, data)
        self.given(name, expect, **more)

    def trap_names(self, good, suffix):
        """Names that a shell, a library or a terminal could take for something else."""
        for name in ("-rf", "a%d", "http:x", "concat:a|b", "@list", "*", "a b", "quote'", 'double"', "back\\slash",
                     "\u00e9\u4e2d", "~", "$(x)", "x;y", "%s%n"):
            self.case(name + suffix, good, "A")
        self.given("./-rf" + suffix, "A")
        self.case("new\nline" + suffix, good, "A")
        # Refused ones show how a message quotes the name.
        self.case("bad\nline" + suffix, b"none", "E", names="bad\\nline")
        self.case("bad\x1b[31m\x07\x7f" + suffix, b"none", "E", names="bad\\x1b[31m\\x07\\x7f")
        self.case("bad%s%n" + suffix, b"none", "E")
        self.case("bad'quote" + suffix, b"none", "E")
        raw = b"bad\xff\xfe\xc2".decode(errors="surrogateescape")
        self.case(raw + suffix, b"none", "E", names="bad\\xff\\xfe\\xc2")
        self.case("l" * 240 + suffix, b"none", "E")
