#!/usr/bin/env bats
# The system around the programs: full disks, closed descriptors, readers that go away, signals, slow
# pipes, files that change under them, and what may be written where.

setup() {
    MEDIA=$G4_TOP/examples/media
    cd "$BATS_TEST_TMPDIR" || exit 1
    cp "$MEDIA/star.png" "$MEDIA/circle.jpg" .
    STATUS=
}

# A program, then all its descriptors at a terminal: pty PROGRAM ARGUMENTS... prints what it shows.
pty() {
    python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@" </dev/null
}

# byte_by_byte FILE: its bytes, one write each.
byte_by_byte() {
    python3 -c 'import os, sys
for b in open(sys.argv[1], "rb").read(): os.write(1, bytes([b]))' "$1"
}

# wait_for COMMAND...: until it succeeds, 20 s at most.
wait_for() {
    local i
    for ((i = 0; i < 400; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

# code COMMAND...: its status into the file `code`, its words into the file `err`.
code() {
    local status=0
    "$@" 2>err || status=$?
    echo $status >code
}

maps_model() { grep -qE 'model/m(odel\.safetensors|\.gguf)' "/proc/$1/maps" 2>/dev/null; }
has_temporary() { [ "$(find . -name '*out.g4s*' ! -name out.g4s | wc -l)" -gt 0 ]; }

one_line() {
    [ "$(wc -l <"$1")" -eq 1 ] || {
        echo "not one line:"
        cat "$1"
        return 1
    }
}

# ------------------------------------------------------------------------------------ where output goes

@test "a full disk is status 1 and one line, for every program" {
    g4-vision star.png >star.g4s
    fails() {
        local status=0
        "$@" >/dev/full 2>err || status=$?
        [ $status -eq 1 ] && one_line err && grep -q 'No space left' err || {
            echo "$*: $status"
            cat err
            return 1
        }
    }
    fails g4-vision star.png
    fails g4-audio "$MEDIA/command.wav"
    fails g4-video "$MEDIA/one.webm"
    fails g4-decode --greedy -n 2 -q -p x star.g4s
    fails g4-decode --dry-run --no-media -p x
    fails g4-stream info star.g4s
    fails g4-stream info --json star.g4s
    fails g4-stream npy star.g4s
    fails g4-stream text word
    fails g4-model info
    fails g4-model list
    for program in g4-audio g4-vision g4-video g4-decode g4-stream g4-model; do
        fails $program --help
        fails $program --version
    done
    fails g4-vision -o /dev/full star.png
    fails g4-stream text -o /dev/full word
}

@test "a disk that fills up while -o writes: status 1, nothing appears" {
    run bash -c 'trap "" XFSZ; ulimit -f 8; g4-vision -t 1120 -o out.g4s star.png'
    [ "$status" -eq 1 ]
    [[ "$output" == g4-vision:*out.g4s* ]]
    [ "$(ls)" = "$(printf 'circle.jpg\nstar.png')" ]
    echo old >out.g4s
    run bash -c 'trap "" XFSZ; ulimit -f 8; g4-vision -t 1120 -f -o out.g4s star.png'
    [ "$status" -eq 1 ]
    [ "$(cat out.g4s)" = old ]
    [ "$(ls)" = "$(printf 'circle.jpg\nout.g4s\nstar.png')" ]
}

@test "a reader that goes away ends a program by SIGPIPE, without words" {
    for command in "g4-vision -t 1120 star.png" "g4-audio $MEDIA/command.wav" "g4-video $MEDIA/clip.mp4"; do
        { code $command; } | head -c 100 >/dev/null
        [ "$(cat code)" -eq 141 ]
        [ ! -s err ]
    done
    { sleep 0.2; code g4-decode --no-media -q --greedy -p 'Who are you?'; } | true
    [ "$(cat code)" -eq 141 ]
    [ ! -s err ]
}

@test "a reader that goes away where SIGPIPE is ignored: status 1, without words" {
    (trap '' PIPE; code g4-vision -t 1120 star.png) | head -c 100 >/dev/null
    [ "$(cat code)" -eq 1 ]
    [ ! -s err ]
    (trap '' PIPE; sleep 0.2; code g4-decode --no-media -q --greedy -p 'Who are you?') | true
    [ "$(cat code)" -eq 1 ]
    [ ! -s err ]
    (trap '' PIPE; sleep 0.2; code g4-stream text word) | true
    [ "$(cat code)" -eq 1 ]
    [ ! -s err ]
}

@test "closed stdout: status 1 and one line; nothing that is opened takes its number" {
    for command in "g4-vision star.png" "g4-audio $MEDIA/command.wav" "g4-stream text x" "g4-model info" \
        "g4-decode --no-media -q --greedy -n 1 -p hi"; do
        STATUS=0
        $command >&- 2>err || STATUS=$?
        [ $STATUS -eq 1 ]
        one_line err
    done
}

@test "closed stderr and stdin leave the work as it is" {
    g4-vision star.png >a.g4s
    g4-vision star.png >b.g4s 2>&- <&-
    cmp a.g4s b.g4s
    g4-vision -o c.g4s star.png >&- 2>&- <&-
    cmp a.g4s c.g4s
    STATUS=0
    g4-vision absent.png >d.g4s 2>&- || STATUS=$?
    [ $STATUS -eq 1 ]
    run g4-stream check d.g4s
    [[ "$output" == *absent.png* ]]
    answer=$(g4-decode --greedy -p 'Describe this image.' a.g4s)
    [ "$(g4-decode --greedy -p 'Describe this image.' a.g4s <&- 2>&-)" = "$answer" ]
}

@test "a folder that cannot be written to is found before the work" {
    for place in /proc/out.g4s /absent/out.g4s; do
        run g4-vision -o $place star.png
        [ "$status" -eq 1 ]
        [ "${#lines[@]}" -eq 1 ]
        [[ "$output" == g4-vision:*"$place"* ]]
    done
    run g4-vision -d /proc/x star.png
    [ "$status" -eq 1 ]
    [[ "$output" == g4-vision:*/proc/x* ]]
    [ "$(id -u)" -eq 0 ] && return 0
    mkdir sealed
    chmod 555 sealed
    run g4-vision -o sealed/out.g4s star.png
    [ "$status" -eq 1 ]
}

# -------------------------------------------------------------------------------------------------- -o

@test "-o refuses to overwrite without -f, follows links and keeps modes" {
    g4-vision -o out.g4s star.png
    g4-stream check out.g4s
    run g4-vision -o out.g4s circle.jpg
    [ "$status" -eq 1 ]
    [[ "$output" == *out.g4s*exists* ]]
    g4-vision star.png | cmp - out.g4s
    mkdir there
    mv out.g4s there
    ln -s there/out.g4s link
    g4-vision -f -o link circle.jpg
    [ -L link ]
    g4-vision circle.jpg | cmp - there/out.g4s
    [ "$(ls there)" = out.g4s ]
}

@test "-o writes into what is not a file, and into descriptors, without replacing them" {
    g4-vision star.png >want
    g4-vision -o /dev/null star.png
    [ -c /dev/null ]
    mkfifo fifo
    cat fifo >got &
    g4-vision -o fifo star.png
    wait $!
    [ -p fifo ]
    cmp got want
    g4-vision -o /dev/stdout star.png >got2
    cmp got2 want
    g4-vision -o /dev/fd/7 star.png 7>got3
    cmp got3 want
    g4-vision -o /proc/self/fd/7 star.png 7>got4
    cmp got4 want
    g4-vision -o /dev/stdout star.png | cmp - want
}

@test "-o keeps a stream with FAIL records, and removes a text that failed" {
    STATUS=0
    g4-vision -o out.g4s star.png absent.png 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    one_line err
    [ "$(g4-stream info --json out.g4s 2>/dev/null | jq '.fail | length')" -eq 1 ]
    STATUS=0
    g4-decode -q -p 'Describe this image.' -o answer.txt out.g4s 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    [ ! -e answer.txt ]
    g4-vision star.png | g4-decode --greedy -p 'Describe this image.' -o answer.txt
    [ -s answer.txt ]
}

@test "SIGTERM and SIGINT remove the temporary and leave the target" {
    mkfifo in
    for signal in TERM INT HUP; do
        echo old >out.g4s
        exec 9<>in
        env --default-signal=$signal g4-audio -f -o out.g4s - <in 2>err 9>&- &
        pid=$!
        wait_for has_temporary
        kill -s $signal $pid
        STATUS=0
        wait $pid || STATUS=$?
        exec 9>&-
        [ $STATUS -eq $((128 + $(kill -l $signal))) ]
        [ "$(cat out.g4s)" = old ]
        run has_temporary
        [ "$status" -eq 1 ]
    done
}

@test "a signal that was ignored stays ignored" {
    mkfifo in
    exec 9<>in
    (trap '' INT; exec g4-audio -o out.g4s - <in 9>&-) &
    pid=$!
    wait_for has_temporary
    kill -s INT $pid
    sleep 0.2
    kill -0 $pid
    cat "$MEDIA/command.wav" >&9
    exec 9>&-
    wait $pid
    g4-stream check out.g4s
}

@test "kill -9 during -o leaves the target whole, and the next run works" {
    mkfifo in
    exec 9<>in
    echo old >out.g4s
    g4-audio -f -o out.g4s - <in 9>&- &
    pid=$!
    wait_for has_temporary
    kill -s KILL $pid
    wait $pid || true
    exec 9>&-
    [ "$(cat out.g4s)" = old ]
    g4-audio -f -o out.g4s "$MEDIA/command.wav"
    g4-stream check out.g4s
}

# -------------------------------------------------------------------------------------------------- -d

@test "-d writes one stream per input, named after it" {
    cp star.png 'odd name.png'
    g4-vision -d out star.png circle.jpg 'odd name.png'
    [ "$(ls out)" = "$(printf 'circle.jpg.g4s\nodd name.png.g4s\nstar.png.g4s')" ]
    g4-vision star.png | cmp - out/star.png.g4s
    g4-vision -d out - <star.png
    [ -s out/stdin.g4s ]
    g4-vision -d out /dev/fd/63 63<star.png
    [ -s out/63.g4s ]
    g4-stream check out/*.g4s
}

@test "-d: two inputs of one name are an error before the work starts" {
    mkdir a b
    cp star.png a
    cp star.png b
    run g4-vision -d out circle.jpg a/star.png b/star.png
    [ "$status" -eq 2 ]
    [ "${#lines[@]}" -eq 1 ]
    [[ "$output" == *star.png.g4s* ]]
    [ -z "$(ls out 2>/dev/null)" ]
}

@test "-d: what exists is that input's error, a failed input leaves no file, a rerun does what is missing" {
    g4-vision -d out star.png
    before=$(stat -c %Y.%i out/star.png.g4s)
    STATUS=0
    g4-vision -d out star.png absent.png circle.jpg 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    [ "$(wc -l <err)" -eq 2 ]
    grep -q "star.png.g4s.*exists" err
    [ "$(ls out)" = "$(printf 'circle.jpg.g4s\nstar.png.g4s')" ]
    [ "$(stat -c %Y.%i out/star.png.g4s)" = "$before" ]
    cp star.png absent.png
    STATUS=0
    g4-vision -d out star.png absent.png circle.jpg 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    [ -s out/absent.png.g4s ]
    g4-vision -f -d out star.png absent.png circle.jpg
    g4-stream check out/*.g4s
}

@test "-d and -o exclude each other; --fail-early stops after the first failure" {
    run g4-vision -d out -o x star.png
    [ "$status" -eq 2 ]
    STATUS=0
    g4-vision --fail-early -d out absent.png star.png 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    one_line err
    [ -z "$(ls out)" ]
    STATUS=0
    g4-vision --fail-early absent.png star.png >out.g4s 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    [ "$(g4-stream info --json out.g4s 2>/dev/null | jq -c '[(.segments|length),(.fail|length)]')" = '[0,1]' ]
}

# --------------------------------------------------------------------------------------- lists of inputs

@test "--files0-from reads names ended by NUL, from a file or stdin" {
    printf 'star.png\0circle.jpg\0' >list
    g4-vision star.png circle.jpg >want
    g4-vision --files0-from=list | cmp - want
    g4-vision --files0-from=- <list | cmp - want
    printf 'star.png\0circle.jpg' | g4-vision --files0-from=- | cmp - want
    cp star.png $'new\nline.png'
    printf 'new\nline.png\0' | g4-vision --files0-from=- | g4-stream info --json >info
    [ "$(jq -r '.segments[0].name' info)" = $'new\nline.png' ]
}

@test "--files0-from: an empty list gives a stream with ENDS only" {
    for program in g4-vision g4-audio g4-video; do
        $program --files0-from=- </dev/null >out.g4s
        [ "$(g4-stream info --json out.g4s | jq -c '[(.segments|length),(.fail|length),.total_rows]')" = '[0,0,0]' ]
    done
    : >list
    g4-vision --files0-from=list | g4-decode --each -q -p x >answers
    [ ! -s answers ]
}

@test "--files0-from: empty names, operands beside it and absent lists are errors" {
    printf 'star.png\0\0circle.jpg\0' >list
    run g4-vision --files0-from=list
    [ "$status" -eq 2 ]
    run g4-vision --files0-from=list star.png
    [ "$status" -eq 2 ]
    run g4-vision --files0-from=absent
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
    run g4-vision --files0-from=.
    [ "$status" -eq 1 ]
}

@test "with operands no program touches stdin: while-read loops lose nothing" {
    g4-vision star.png >star.g4s
    printf 'a\nb\nc\n' | while read -r line; do
        g4-vision star.png >/dev/null
        g4-audio "$MEDIA/command.wav" >/dev/null
        g4-video "$MEDIA/one.webm" >/dev/null
        g4-decode -q -n 1 -p x star.g4s >/dev/null
        g4-decode -q -n 1 -p x --no-media >/dev/null
        g4-stream info star.g4s >/dev/null
        g4-stream text word >/dev/null
        g4-model info >/dev/null
        echo "$line"
    done >lines
    [ "$(cat lines)" = "$(printf 'a\nb\nc')" ]
}

# ----------------------------------------------------------------------------------------------- stdin

@test "one byte at a time gives what the file gives" {
    for file in command.wav timer.mp3 weather.opus; do
        g4-audio "$MEDIA/$file" | g4-stream npy >want
        byte_by_byte "$MEDIA/$file" | g4-audio | g4-stream npy | cmp - want
    done
    g4-vision star.png | g4-stream npy >want
    byte_by_byte star.png | g4-vision | g4-stream npy | cmp - want
    g4-video "$MEDIA/one.webm" | g4-stream npy >want
    byte_by_byte "$MEDIA/one.webm" | g4-video | g4-stream npy | cmp - want
    byte_by_byte "$MEDIA/one.webm" | g4-video --first | g4-stream npy | cmp - want
    g4-vision -t 70 star.png >star.g4s
    answer=$(g4-decode --greedy -p 'Describe this image.' star.g4s)
    [ "$(byte_by_byte star.g4s | g4-decode --greedy -p 'Describe this image.')" = "$answer" ]
    byte_by_byte star.g4s | g4-stream check
}

@test "g4-decode: a terminal, /dev/null and a closed stdin mean no media" {
    answer=$(g4-decode --no-media --greedy -p 'Who are you?')
    [ "$(g4-decode --greedy -p 'Who are you?' </dev/null)" = "$answer" ]
    [ "$(g4-decode --greedy -p 'Who are you?' <&-)" = "$answer" ]
    [ "$(pty g4-decode -q --greedy -p 'Who are you?' | tr -d '\r')" = "$answer" ]
}

@test "g4-decode: an empty pipe and an empty file are no stream" {
    for source in 'true |' ''; do
        : >empty
        STATUS=0
        if [ -n "$source" ]; then
            true | g4-decode -q -p x 2>err || STATUS=$?
        else
            g4-decode -q -p x <empty 2>err || STATUS=$?
        fi
        [ $STATUS -eq 1 ]
        one_line err
        grep -qF 'no stream on stdin (did the program before the pipe fail? for a prompt alone: --no-media)' err
    done
    echo words >read
    { cat >/dev/null; STATUS=0; g4-decode -q -p x 2>err || STATUS=$?; } <read
    [ $STATUS -eq 1 ]
    grep -q 'no stream on stdin' err
}

@test "g4-decode: a file that is no stream is refused with its hint, and not read" {
    printf 'first\nsecond\n' >words
    { STATUS=0; g4-decode -q -p x 2>err || STATUS=$?; cat >left; } <words
    [ $STATUS -eq 1 ]
    one_line err
    grep -q -- --no-media err
    cmp left words
    STATUS=0
    g4-decode -q -p x <star.png 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    grep -q g4-vision err
    STATUS=0
    g4-decode -q -p x star.png 2>err || STATUS=$?
    [ $STATUS -eq 1 ]
    grep -q 'g4-vision .*star.png.* | g4-decode' err
}

@test "g4-decode: --no-media never touches stdin" {
    mkfifo in
    exec 9<>in
    g4-decode --no-media -q --greedy -p 'Who are you?' <in >answer
    exec 9>&-
    [ -s answer ]
    printf 'line\n' | { g4-decode --no-media -q -n 1 -p x >/dev/null; cat >left; }
    [ "$(cat left)" = line ]
}

@test "encoders at a terminal without operands: usage, status 2" {
    for program in g4-vision g4-audio g4-video 'g4-stream info' 'g4-stream check' 'g4-stream npy'; do
        run pty $program
        [ "$status" -eq 2 ]
    done
}

@test "a stream or an array is not written to a terminal" {
    g4-vision star.png >star.g4s
    for command in "g4-vision star.png" "g4-audio $MEDIA/command.wav" "g4-stream text word" \
        "g4-stream npy star.g4s"; do
        run pty $command
        [ "$status" -eq 2 ]
        [[ "$output" == *terminal* ]]
    done
}

@test "an encoder without operands reads stdin, a file from where it stands" {
    g4-vision - <star.png | g4-stream npy >want
    g4-vision <star.png | g4-stream npy | cmp - want
    { printf 'skipped'; cat star.png; } >shifted
    exec 8<shifted
    dd bs=1 count=7 <&8 >/dev/null 2>&1
    g4-vision <&8 | g4-stream npy | cmp - want
    exec 8<&-
    { printf 'skipped'; cat "$MEDIA/command.wav"; } >shifted
    g4-audio "$MEDIA/command.wav" | g4-stream npy >want
    exec 8<shifted
    dd bs=1 count=7 <&8 >/dev/null 2>&1
    g4-audio <&8 | g4-stream npy | cmp - want
    exec 8<&-
}

# ------------------------------------------------------------------------------------- the model's file

# truncated PROGRAM MODEL FILE: FILE of MODEL is emptied while PROGRAM waits for its input.
truncated() {
    local program=$1 model=$2 file=$3
    exec 9<>in
    if [ "$program" = g4-vision ]; then
        input=star.png
        g4-vision -m "$model" - <in >out 2>err 9>&- &
    else
        g4-vision -m "$G4_MODEL" -t 70 star.png >star.g4s      # fits into the pipe
        input=star.g4s
        g4-decode -m "$model" -q -p 'Describe this image.' - <in >out 2>err 9>&- &
    fi
    pid=$!
    wait_for maps_model $pid
    sleep 0.3
    : >"$file"
    cat $input >&9
    exec 9>&-
    STATUS=0
    wait $pid || STATUS=$?
    [ $STATUS -eq 1 ]
    one_line err
    grep -q "^$program: .*truncated" err
}

@test "a model that is truncated while it is used: one line, status 1" {
    mkfifo in
    for program in g4-vision g4-decode; do
        rm -rf model
        mkdir model
        cp -L "$G4_MODEL"/*.json model
        cp -L "$G4_MODEL/model.safetensors" model
        truncated $program model model/model.safetensors
        cp -L "$G4_MODEL/gguf/g4-demo-q4_0.gguf" model/m.gguf
        cp -L "$G4_MODEL/gguf/mmproj-g4-demo-bf16.gguf" model/mmproj.gguf
        if [ $program = g4-vision ]; then
            truncated $program model/m.gguf model/mmproj.gguf
        else
            truncated $program model/m.gguf model/m.gguf
        fi
    done
}

@test "who forgot the pipe is told after 2 s what is waited for, on a terminal only" {
    cat >waits.py <<'END'
import os, subprocess, sys
master, slave = os.openpty()
p = subprocess.Popen(["g4-decode", "-p", "x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave)
text = "g4-decode: waiting for a stream on stdin (--no-media: none)"
shown = os.read(master, 4096).decode()
assert shown == text, shown
p.stdin.close()
assert p.wait() == 1
blank = "\r" + " " * len(text) + "\r"
shown = ""
while not shown.endswith("\n"):                 # it comes in several writes
    shown += os.read(master, 4096).decode()
assert shown.startswith(blank + "g4-decode: no stream on stdin"), shown
END
    timeout 20 python3 waits.py
    (sleep 2.5) | { g4-decode -p x 2>err || true; }
    one_line err
}
