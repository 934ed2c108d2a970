"""One allocation fails, each in turn: an error of one line, or the same bytes as ever; never a crash."""
import os
import subprocess

# Variables of a thread in a library that came late: the C library can tell nobody that there is no room for them.
LOADER = "cannot allocate memory for thread-local data: ABORT"
POINTS = 40                 # of a program's allocations, the first and the last among them


def build(folder):
    library = os.path.join(folder, "failing_malloc.so")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failing_malloc.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def execute(library, argv, fail_at, count_to=None):
    e = dict(os.environ, LC_ALL="C.UTF-8", G4_THREADS="1", LD_PRELOAD=library, G4_FAIL_AT=str(fail_at))
    if count_to is not None:
        e["G4_COUNT_TO"] = str(count_to)
    return subprocess.run(argv, env=e, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          pass_fds=[] if count_to is None else [count_to])


def count(library, argv):
    """(allocations, output) of a run where none fails."""
    get, put = os.pipe()
    r = execute(library, argv, 0, put)
    os.close(put)
    with os.fdopen(get) as f:
        return int(f.read()), r.stdout


def judge_one(library, argv, fail_at, want):
    r = execute(library, argv, fail_at)
    lines = r.stderr.decode(errors="replace").splitlines()
    if r.returncode == 0 and lines == [] and (want is None or r.stdout == want):
        return None
    if r.returncode == 1 and len(lines) == 1 and lines[0].startswith(argv[0] + ": "):
        return None
    if r.returncode == 127 and lines == [LOADER]:
        return None
    return f"allocation {fail_at}: status {r.returncode}, {len(lines)} lines, {lines[:2]}" + \
        (", other output" if r.returncode == 0 else "")


def run(folder, project, pool):
    """(good, title, details) for each program."""
    os.makedirs(folder)
    library = build(folder)
    media = os.path.join(project, "examples/media")
    gguf = os.path.join(os.environ["G4_MODEL"], "gguf/g4-demo-q4_0.gguf")
    stream = os.path.join(folder, "star.g4s")
    with open(stream, "wb") as f:
        subprocess.run(["g4-vision", "-t", "70", os.path.join(media, "star.png")], check=True, stdout=f)
    # What libav does without memory is its own: it may take a sound for shorter. It must not crash here.
    for argv, same in ((["g4-stream", "check", stream], True), (["g4-stream", "info", stream], True),
                       (["g4-stream", "npy", stream], True), (["g4-stream", "text", "word"], True),
                       (["g4-model", "info"], True), (["g4-decode", "--no-media", "-q", "-n", "2", "-p", "hi"], True),
                       (["g4-decode", "-q", "-n", "2", "--format", "text", "-p", "hi", stream], True),
                       (["g4-decode", "--each", "--batch", "2", "-q", "-n", "2", "-p", "hi", stream, stream], True),
                       (["g4-vision", "-q", "-t", "70", os.path.join(media, "star.png")], True),
                       (["g4-vision", "-q", "-t", "70", os.path.join(media, "circle.jpg")], True),
                       (["g4-model", "info", gguf], True), (["g4-model", "verify", gguf], True),
                       (["g4-decode", "-m", gguf, "--no-media", "-q", "-n", "2", "-p", "hi"], True),
                       (["g4-vision", "-m", gguf, "-q", "-t", "70", os.path.join(media, "star.png")], True),
                       (["g4-audio", "-q", os.path.join(media, "command.wav")], False)):
        total, want = count(library, argv)
        points = sorted({1 + i * (total - 1) // (POINTS - 1) for i in range(POINTS)})
        faults = list(pool.map(lambda at: judge_one(library, argv, at, want if same else None), points))
        title = f"memory {' '.join(os.path.basename(a) for a in argv)}: {len(points)} of {total} allocations fail"
        yield total > 0 and not any(faults), title, [fault for fault in faults if fault]
