#!/usr/bin/env bats
# Where results go: -o through a temporary, devices and descriptors, terminals, closed ends. g4-stream
# stands for all programs, which share this code.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    g4-stream text old >old.g4s
}

# No temporary may be left in the folder.
no_leftovers() {
    [ -z "$(find . -name '.*.tmp')" ]
}

@test "-o makes the file, readable as umask says" {
    (umask 027; g4-stream text new -o a.g4s)
    [ "$(stat -c %a a.g4s)" = 640 ]
    g4-stream check a.g4s
    no_leftovers
}

@test "-o refuses an existing file, -f replaces it and keeps its mode" {
    cp old.g4s a.g4s
    chmod 604 a.g4s
    run -1 g4-stream text new -o a.g4s
    [ "$output" = "g4-stream: 'a.g4s': exists already (-f replaces it)" ]
    cmp a.g4s old.g4s
    g4-stream text new -f -o a.g4s
    [[ $(g4-stream info a.g4s) == *"text: new"* ]]
    [ "$(stat -c %a a.g4s)" = 604 ]
    no_leftovers
}

@test "-o follows symbolic links, also dangling and relative ones" {
    mkdir sub
    ln -s sub/link link
    ln -s ../target.g4s sub/link
    g4-stream text one -o link
    [ -L link ]
    [ -L sub/link ]
    [ -f target.g4s ]
    [ ! -L target.g4s ]
    run -1 g4-stream text two -o link
    g4-stream text two -f -o link
    [ -L link ]
    [[ $(g4-stream info target.g4s) == *"text: two"* ]]
    ln -s loop loop
    run -1 g4-stream text x -o loop
    [[ $output == "g4-stream: 'loop': "*"symbolic links" ]]
    no_leftovers
}

@test "-o writes directly to what is not a regular file" {
    g4-stream text x -o /dev/null
    [ -c /dev/null ]
    mkfifo pipe
    g4-stream check pipe &
    g4-stream text x -o pipe
    wait $!
    [ -p pipe ]
    run -1 g4-stream text x -o /dev/full
    [ "$output" = "g4-stream: '/dev/full': cannot write: No space left on device" ]
    run -1 g4-stream text x -o .
    [ "$output" = "g4-stream: '.': is a directory" ]
    run -1 g4-stream text x -f -o new/
    run -1 g4-stream text x -o missing/a.g4s
    [ "$output" = "g4-stream: 'missing/a.g4s': cannot create: No such file or directory" ]
    run -2 g4-stream text x -o ''
    no_leftovers
}

@test "-o knows the names of descriptors, and never truncates behind them" {
    (printf 'before'; g4-stream text x -o /dev/stdout) >both
    [ "$(head -c 6 both)" = before ]
    tail -c +7 both | g4-stream check
    g4-stream text x -o /dev/stderr 2>err.g4s
    g4-stream check err.g4s
    g4-stream text x -o /dev/fd/7 7>seven.g4s
    g4-stream check seven.g4s
    g4-stream text x -o /proc/self/fd/7 7>seven.g4s
    g4-stream check seven.g4s
    ln -s /dev/stdout out
    g4-stream text x -o out | g4-stream check
    [ -L out ]
    run -1 g4-stream text x -o /dev/fd/99
    [ "$output" = "g4-stream: '/dev/fd/99': cannot open: Bad file descriptor" ]
    g4-stream text x -o - | g4-stream check
    [ ! -e - ]
}

@test "a failure leaves the old file and nothing else" {
    cp old.g4s a.npy
    run -1 g4-stream npy -f -o a.npy nothing.g4s
    cmp a.npy old.g4s
    run -1 g4-stream npy -o b.npy nothing.g4s
    [ ! -e b.npy ]
    run -1 g4-stream info -o c.txt old.g4s nothing.g4s
    [ ! -e c.txt ]
    no_leftovers
}

@test "a file that appeared meanwhile is not replaced without -f" {
    mkfifo pipe
    g4-stream npy -o a.npy pipe 2>err &
    exec 8>pipe
    echo mine >a.npy
    cat old.g4s >&8
    exec 8>&-
    ! wait $!
    [ "$(cat a.npy)" = mine ]
    [ "$(cat err)" = "g4-stream: 'a.npy': exists already (-f replaces it)" ]
    no_leftovers
}

@test "SIGTERM, SIGINT and SIGHUP remove the temporary and end the program as they would" {
    mkfifo pipe
    for signal in TERM:143 INT:130 HUP:129; do
        # A shell starts background jobs with SIGINT ignored, and nohup ignores SIGHUP.
        env --default-signal=INT,TERM,HUP g4-stream npy -o a.npy pipe &
        pid=$!
        exec 8>pipe
        [ -n "$(find . -name '.a.npy.*.tmp')" ]
        kill -${signal%:*} $pid
        status=0
        wait $pid || status=$?
        exec 8>&-
        [ $status -eq ${signal#*:} ]
        [ ! -e a.npy ]
        no_leftovers
    done
}

@test "kill -9 leaves no result, and does not stop the next run" {
    mkfifo pipe
    g4-stream npy -o a.npy pipe &
    exec 8>pipe
    kill -9 $!
    wait $! || true
    exec 8>&-
    [ ! -e a.npy ]
    g4-stream npy -o a.npy old.g4s
    [ -s a.npy ]
}

@test "a full disk is status 1, on every way out" {
    for words in 'text x' 'info old.g4s' 'npy old.g4s' --help --version --completion=bash; do
        run -1 bash -c "g4-stream $words >/dev/full"
        [ "$output" = "g4-stream: stdout: cannot write: No space left on device" ]
    done
}

@test "closed descriptors" {
    run -1 bash -c 'g4-stream text x >&-'
    [ "$output" = "g4-stream: stdout: cannot write: Bad file descriptor" ]
    run -1 bash -c 'g4-stream check <&-'
    [ "$output" = "g4-stream: stdin: cannot read: Bad file descriptor" ]
    run -0 bash -c 'g4-stream check old.g4s <&- >&- 2>&-'
    run -1 bash -c 'g4-stream check nothing <&- >&- 2>&-'
    run -0 bash -c 'g4-stream text x -o a.g4s <&- >&- 2>&-; g4-stream check a.g4s'
}

@test "a reader that went away: SIGPIPE, or a quiet status 1 where it is ignored" {
    python3 - <<'END'
import os, signal, subprocess
def run(words, ignore):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(["g4-stream", *words.split()], stdout=write, stderr=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignore else signal.SIG_DFL))
    os.close(write)
    return done.returncode, done.stderr
for words in "text x", "info old.g4s", "npy old.g4s", "--help":
    assert run(words, False) == (-signal.SIGPIPE, b""), words
    assert run(words, True) == (1, b""), words
END
}

@test "binary is not for a terminal" {
    for words in 'text x' 'npy old.g4s'; do
        run bash -c "script -qec 'g4-stream $words' /dev/null </dev/null"
        [ $status -eq 2 ]
        [[ $output == *"is not for a terminal: use a pipe, > FILE or -o FILE"* ]]
    done
    run bash -c "script -qec 'g4-stream info old.g4s' /dev/null </dev/null"
    [ $status -eq 0 ]
    run bash -c "script -qec 'g4-stream info' /dev/null </dev/null"
    [ $status -eq 2 ]
    [[ $output == *"no input: name a file, or send one on stdin (usage: g4-stream --help)"* ]]
}
