"""Runs a program on a broken input and judges the answer.

E = refused: status 1, one line on stderr that begins with the program's name, names the input and a reason.
A = accepted: status 0. U = usage: status 2. Whatever the verdict: no signal, no more than 20 s of processor
time and 4 GiB, no raw control character and no address in a message, no empty output with status 0, and a
stream on stdout that ends as a stream must, with a FAIL record exactly when the input failed.
"""
import dataclasses
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time

SUPPRESSED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lsan.supp")
# Of processor time, and on the clock: the machine may be busy with other things.
CPU_SECONDS, SECONDS, MEMORY = 20, 60, 4 << 30
ENCODERS = ("g4-audio", "g4-vision", "g4-video")
STATUS = {0: "A", 1: "E", 2: "U"}
# Checksums have eight digits, places in a file up to eleven, addresses twelve; libav writes "[mov @ 0x55...]".
ADDRESS = re.compile(rb"0x[0-9a-fA-F]{12}|@ 0x")
CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


def is_sanitised():
    with open(shutil.which("g4-stream"), "rb") as f:
        return b"__asan_init" in f.read()


SANITISED = is_sanitised()
SLOWER = 6 if SANITISED else 1


def environment(leaks=True):
    """Sanitisers end with a status of their own; a leak is one only where the leak checker can run."""
    e = dict(os.environ, LC_ALL="C.UTF-8", G4_THREADS="1")
    asan = f"exitcode=99:detect_leaks={int(leaks)}:allocator_may_return_null=1"
    lsan = f"exitcode=99:print_suppressions=0:suppressions={SUPPRESSED}"
    return dict(e, ASAN_OPTIONS=asan, UBSAN_OPTIONS="exitcode=99:print_stacktrace=1", LSAN_OPTIONS=lsan)


@dataclasses.dataclass
class Case:
    name: str                   # of the TAP line
    argv: list                  # program and arguments; G4_MODEL names the model
    expect: str                 # the verdicts that are right: "E", "A", "AE", "U"
    folder: str                 # working directory
    says: str = ""              # regular expression that the messages must match
    names: str = None           # what an E message must contain; default: the last argument
    stdin: str = None           # a file that comes through a pipe; "" = an empty pipe
    cpu: float = CPU_SECONDS    # most seconds of processor time
    memory: int = None          # most bytes resident
    seconds: float = SECONDS
    notes: bool = False         # notes on stderr are wanted, not dropped by -q
    several: bool = False       # the input is right to cause several lines
    silent: bool = False        # nothing on stdout is right
    before_stream: bool = False # what is broken is not the input: no stream was begun
    segments: tuple = None      # least and most segments in the stream
    alone: bool = False         # no other file of the folder may be opened, no socket made
    then: callable = None       # further faults from the result: f(result) -> list of texts


@dataclasses.dataclass
class Result:
    status: int
    out: bytes
    err: bytes
    wall: float
    cpu: float
    memory: int
    timed_out: bool
    info: dict = None           # the first stream of an encoder's output


def execute(argv, folder, stdin=None, seconds=SECONDS, leaks=True):
    """Runs argv; output goes to files so that nothing has to be read meanwhile."""
    feeder = None
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source = subprocess.DEVNULL
        if stdin is not None:
            feeder = subprocess.Popen(["cat", stdin or "/dev/null"], cwd=folder, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL)
            source = feeder.stdout
        begin = time.monotonic()
        p = subprocess.Popen(argv, cwd=folder, stdin=source, stdout=out, stderr=err, env=environment(leaks))
        if feeder:
            feeder.stdout.close()
        if not SANITISED:
            try:
                resource.prlimit(p.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
            except ProcessLookupError:
                pass
        late = threading.Event()
        timer = threading.Timer(seconds * SLOWER, lambda: (late.set(), os.kill(p.pid, signal.SIGKILL)))
        timer.start()
        _, status, usage = os.wait4(p.pid, 0)
        timer.cancel()
        wall = time.monotonic() - begin
        p.returncode = os.waitstatus_to_exitcode(status)
        if feeder:
            feeder.wait()
        out.seek(0)
        err.seek(0)
        return Result(p.returncode, out.read(), err.read(), wall, usage.ru_utime + usage.ru_stime,
                      usage.ru_maxrss * 1024, late.is_set())


def command(case):
    """The command line: notes off, and no sandbox beside the leak checker, which needs ptrace."""
    program, *rest = case.argv
    extra = []
    if program in ENCODERS:
        extra = (["--no-sandbox"] if SANITISED else []) + ([] if case.notes else ["-q"])
    return [program, *extra, *rest]


def check_messages(program, err):
    faults = []
    if b"Sanitizer" in err or b"runtime error:" in err:
        faults.append("a sanitiser spoke")
    if CONTROL.search(err):
        faults.append("a control character in a message")
    if ADDRESS.search(err):
        faults.append("an address in a message")
    if err and not err.endswith(b"\n"):
        faults.append("a message without a newline")
    for line in err.splitlines():
        if not line.startswith(program.encode() + b": "):
            faults.append("a line that does not begin with the program's name")
    return faults


def stream_info(data):
    """(objects of the streams, fault)"""
    r = subprocess.run(["g4-stream", "info", "--json", "-"], input=data, capture_output=True, timeout=120,
                       env=environment())
    streams = [json.loads(line) for line in r.stdout.splitlines()]
    complaints = [line for line in r.stderr.splitlines() if not re.search(rb": source \d+ failed: ", line)]
    if complaints:
        return streams, "the stream on stdout is not valid: " + complaints[0].decode(errors="replace")
    return streams, None


def check_stream(case, r, verdict):
    """What an encoder wrote is one valid stream, with a FAIL record when the input failed."""
    if not r.out:
        return ["nothing on stdout"]
    streams, fault = stream_info(r.out)
    if fault:
        return [fault]
    if len(streams) != 1:
        return [f"{len(streams)} streams on stdout"]
    r.info = streams[0]
    fails, segments = len(r.info["fail"]), len(r.info["segments"])
    faults = []
    if verdict == "E" and fails != 1:
        faults.append(f"refused, with {fails} FAIL records")
    if verdict == "A" and (fails != 0 or segments == 0):
        faults.append(f"accepted, with {fails} FAIL records and {segments} segments")
    if case.segments and not case.segments[0] <= segments <= case.segments[1]:
        faults.append(f"{segments} segments, {case.segments[0]}..{case.segments[1]} expected")
    return faults


def check_refusal(case, r):
    lines = r.err.splitlines()
    if len(lines) != 1 and not (case.several and lines):
        return [f"{len(lines)} lines on stderr, one expected"]
    name = case.names if case.names is not None else case.argv[-1]
    faults = []
    if name.encode() not in lines[0]:
        faults.append(f"the message does not name {name!r}")
    if len(lines[0]) < len(name) + len(case.argv[0]) + 8:
        faults.append("the message gives no reason")
    return faults


def check_cost(case, r):
    faults = []
    if r.timed_out:
        faults.append(f"no answer within {case.seconds * SLOWER:g} s")
    if SANITISED:
        return faults
    if r.cpu > case.cpu:
        faults.append(f"{r.cpu:.2f} s of processor time, at most {case.cpu:g} expected")
    if r.memory > (case.memory or MEMORY):
        faults.append(f"{r.memory >> 20} MiB of memory")
    return faults


def traced(case):
    """The same under strace: faults when anything but the operand was opened in the folder, or a socket made."""
    name = case.argv[-1]
    with tempfile.NamedTemporaryFile() as log:
        execute(["strace", "-f", "-qq", "-o", log.name, "-e", "trace=%file,socket,connect,execve", *command(case)],
                case.folder, leaks=False, seconds=case.seconds * 3)
        calls = log.read().decode(errors="replace").splitlines()
    faults = []
    for line in calls[1:]:
        path = re.search(r'"((?:[^"\\]|\\.)*)"', line)
        if re.search(r"\b(socket|connect|execve)\(", line):
            faults.append("a call it has no business with: " + line)
        elif path and path.group(1) != name and os.path.exists(os.path.join(case.folder, path.group(1))) and \
                os.path.dirname(path.group(1)) in ("", ".", case.folder) and path.group(1) not in ("", "."):
            faults.append("another file was touched: " + line)
    return faults


def can_trace():
    return subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def judge(case):
    """(verdict, faults, result)"""
    r = execute(command(case), case.folder, case.stdin, case.seconds)
    verdict = STATUS.get(r.status, f"status {r.status}" if r.status >= 0 else f"signal {-r.status}")
    faults = check_cost(case, r) + check_messages(case.argv[0], r.err)
    if verdict not in STATUS.values() or verdict not in case.expect:
        faults.append(f"{' or '.join(case.expect)} expected")
    if verdict in "EU":
        faults += check_refusal(case, r)
    if verdict == "A" and r.err and not case.notes:
        faults.append("status 0, but words on stderr")
    if case.argv[0] in ENCODERS and verdict in "EA" and not (case.before_stream and verdict == "E"):
        faults += check_stream(case, r, verdict)
    elif verdict == "A" and not r.out and not case.silent and "check" not in case.argv:
        faults.append("status 0 and nothing on stdout")
    if case.says and not re.search(case.says, r.err.decode(errors="replace")):
        faults.append(f"the message does not match {case.says!r}")
    if case.then and not faults:
        faults += case.then(r)
    return verdict, faults, r
