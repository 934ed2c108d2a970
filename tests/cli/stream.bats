#!/usr/bin/env bats
# g4-stream, the format, and the two programs that were written from its man page.

bats_require_minimum_version 1.5.0

setup_file() {
    export SET=$BATS_FILE_TMPDIR/set GREP=$BATS_FILE_TMPDIR/stream-grep
    python3 "$G4_TOP/tests/broken/streams.py" "$SET"
    ${CC:-cc} -std=c11 -o "$GREP" "$G4_TOP/examples/stream-grep.c" -lz
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

reader() {
    python3 "$G4_TOP/examples/stream-reader.py" "$@"
}

# NAME: what the man page shows behind the comment `example: NAME`.
example() {
    awk -v want="$1" '
        $0 == ".\\\" example: " want { found = 1 }
        found && /^\.Bd/ { on = 1; next }
        on && /^\.Ed/ { exit }
        on' "$G4_TOP/man/g4-stream.5" | sed 's/\\e/\\/g'
}

@test "info prints a table" {
    run -0 g4-stream info "$SET/good/two-sources.g4s"
    [[ ${lines[0]} == "'$SET/good/two-sources.g4s': stream 1, width 4, bf16" ]]
    [[ ${lines[1]} == "  space id    0102030405060708090a0b0c0d0e0f10" ]]
    [[ ${lines[2]} == "  encoder id  1112131415161718191a1b1c1d1e1f20" ]]
    [[ ${lines[4]} =~ ^\ +0\ +0\ +frame\ +0:00:00.000\ +0:00:00.000\ +2\ +2x1\ +-$ ]]
    [[ ${lines[6]} == "  2 segments, 4 rows" ]]
}

@test "info shows names, program and text safely" {
    printf 'x' >text
    run -0 g4-stream info "$SET/good/meta-source.g4s"
    [[ $output == *"written by  test 1, model none"* ]]
    [[ $output == *" 2x1  a\\\\b.png"* ]]
    run -0 bash -c "g4-stream text \$'one\\033[31m\\n' two | g4-stream info"
    [[ $output == *'  text: one\x1b[31m\n two'* ]]
    run -0 bash -c 'g4-stream text "$1" | g4-stream info' - "$(printf 'é%.0s' {1..70})"
    [[ $output == *"  text: $(printf 'é%.0s' {1..60})..."* ]]
}

@test "info --json prints one object per stream, keys in order" {
    run -0 g4-stream info --json "$SET/good/two-streams.g4s" "$SET/good/meta-source.g4s"
    [ ${#lines[@]} -eq 3 ]
    [ "${lines[0]}" = '{"width":4,"dtype":"bf16","space_id":"0102030405060708090a0b0c0d0e0f10","encoder_id":"1112131415161718191a1b1c1d1e1f20","segments":[{"segment":0,"source":0,"name":null,"kind":"image","t0":null,"t1":null,"rows":2,"grid":[2,1]}],"text":[],"fail":[],"total_rows":2}' ]
    [[ ${lines[1]} == *'"kind":"audio","t0":0,"t1":80000,"rows":2,"grid":null}]'* ]]
    [[ ${lines[2]} == *'"name":"a\\\\b.png"'* ]]
    run -0 bash -c "g4-stream text a b | g4-stream info --json"
    [ "$output" = '{"width":0,"dtype":"bf16","space_id":"00000000000000000000000000000000","encoder_id":"00000000000000000000000000000000","segments":[],"text":["a b"],"fail":[],"total_rows":0}' ]
}

@test "info --json of failures: status 1, the object complete" {
    run --separate-stderr -1 g4-stream info --json "$SET/failed/fail-first.g4s"
    [[ $output == *'"fail":[{"source":0,"message":"cannot read"},{"source":2,"message":"cannot read"}],"total_rows":4}' ]]
    [ "${stderr_lines[0]}" = "g4-stream: '$SET/failed/fail-first.g4s': source 0 failed: cannot read" ]
    [ "${stderr_lines[1]}" = "g4-stream: '$SET/failed/fail-first.g4s': source 2 failed: cannot read" ]
    [ ${#stderr_lines[@]} -eq 2 ]
}

@test "info goes on behind a bad file" {
    run --separate-stderr -1 g4-stream info --json "$SET/bad/rows-0.g4s" "$SET/good/image.g4s" nothing
    [ ${#lines[@]} -eq 1 ]
    [ ${#stderr_lines[@]} -eq 2 ]
    [ "${stderr_lines[1]}" = "g4-stream: 'nothing': cannot open: No such file or directory" ]
}

@test "check is silent; -v is not" {
    run -0 g4-stream check "$SET/good/two-streams.g4s"
    [ -z "$output" ]
    run -0 g4-stream check -v "$SET/good/two-streams.g4s"
    [ "$output" = "g4-stream: '$SET/good/two-streams.g4s': valid: streams 2, segments 2, rows 4" ]
    run -0 g4-stream check - <"$SET/good/image.g4s"
    run -0 g4-stream check <"$SET/good/image.g4s"
    run -1 g4-stream check </dev/null
    [ "$output" = "g4-stream: stdin: empty, no stream" ]
    run -1 g4-stream check .
    [ "$output" = "g4-stream: '.': cannot read: Is a directory" ]
}

@test "text joins its words, and leaves stdin alone" {
    printf '1\n2\n3\n' >list
    while read -r n; do g4-stream text number "$n"; done <list >out.g4s
    run -0 g4-stream info --json out.g4s
    [ ${#lines[@]} -eq 3 ]
    [[ ${lines[2]} == *'"text":["number 3"]'* ]]
    run -0 bash -c 'g4-stream text -- -o --x | g4-stream info --json'
    [[ $output == *'"text":["-o --x"]'* ]]
    reader out.g4s >/dev/null
}

@test "text refuses what a stream cannot hold, before a byte is written" {
    run --separate-stderr -1 g4-stream text $'caf\xe9'
    [ -z "$output" ]
    [ "$stderr" = "g4-stream: 'caf\\xe9': the text is not UTF-8" ]
    run -2 g4-stream text
    run -2 g4-stream text '' ''
    [ "$output" = "g4-stream: no text given" ]
    printf '%0131000d' 0 >word
    w=$(cat word)
    run --separate-stderr -1 g4-stream text "$w" "$w" "$w" "$w" "$w" "$w" "$w" "$w" "$w"
    [ -z "$output" ]
    [ "$stderr" = "g4-stream: text of 1179008 bytes, a record holds at most 1048576" ]
}

@test "npy writes rows as float32" {
    g4-stream npy -o all.npy "$SET/good/two-streams-dtype.g4s" "$SET/good/many-rows.g4s"
    g4-stream npy -s 2 "$SET/good/two-streams-dtype.g4s" "$SET/good/many-rows.g4s" >one.npy
    g4-stream npy "$SET/good/f32.g4s" >f32.npy
    g4-stream npy "$SET/good/text-only.g4s" >none.npy
    python3 - <<'END'
import ast, struct
def load(name):
    raw = open(name, "rb").read()
    assert raw[:8] == b"\x93NUMPY\x01\0", raw[:8]
    size, = struct.unpack_from("<H", raw, 8)
    assert (10 + size) % 64 == 0 and raw[9 + size:10 + size] == b"\n"
    about = ast.literal_eval(raw[10:10 + size].decode())
    assert about["descr"] == "<f4" and about["fortran_order"] is False
    n = about["shape"][0] * about["shape"][1]
    assert len(raw) == 10 + size + 4 * n
    return about["shape"], list(struct.unpack_from(f"<{n}f", raw, 10 + size))
assert load("all.npy") == ((10, 4), [1.5] * 8 + [0.0] * 8 + [1.5] * 24)
assert load("one.npy") == ((6, 4), [1.5] * 24)
assert load("f32.npy") == ((2, 4), [0., 1., 2., 3., 4., 5., 6., 7.])
assert load("none.npy") == ((0, 0), [])
END
}

@test "npy writes nothing from what is not whole" {
    for f in failed/fail-inside bad/no-ends bad/second-cut bad/rows-nan; do
        run --separate-stderr -1 bash -c "g4-stream npy '$SET/$f.g4s' | wc -c; exit \${PIPESTATUS[0]}"
        [ "$output" = 0 ]
    done
    run --separate-stderr -1 g4-stream npy -s 1 "$SET/good/image.g4s"
    [ "$stderr" = "g4-stream: no segment 1: the input has 1 of them" ]
    run --separate-stderr -1 g4-stream npy "$SET/good/image.g4s" "$SET/good/widest.g4s"
    [ "$stderr" = "g4-stream: '$SET/good/widest.g4s': width 65536, but 4 in a stream before it" ]
    run -1 env TMPDIR=/nonexistent g4-stream npy "$SET/good/image.g4s"
    [ "$output" = "g4-stream: cannot create a temporary file in '/nonexistent': No such file or directory" ]
}

@test "usage: status 2" {
    run -2 g4-stream
    run -2 g4-stream look x
    [ "$output" = "g4-stream: unknown command 'look' (see --help)" ]
    run -2 g4-stream check --json x
    run -2 g4-stream info -s 1 x
    run -2 g4-stream check -o y x
    run -2 g4-stream npy -s -1 x
    run -2 g4-stream info --colour x
    [ ! -e y ]
}

judge() {
    python3 "$G4_TOP/tests/broken/readers.py" "$SET" "$GREP" "$1"
}

@test "every good stream is accepted by all readers" {
    judge good
}

@test "streams with failures are valid, and end with status 1" {
    judge failed
}

@test "every rule broken once is refused by all readers, naming field and value" {
    [ "$(wc -l <"$SET/bad.tsv")" -gt 150 ]
    judge bad
}

@test "meta that is not one JSON object is refused by a reader that uses it" {
    judge bad-meta
}

@test "the examples refuse cut and flipped streams" {
    judge damaged
}

@test "stream-grep keeps one kind and renumbers" {
    python3 - "$G4_TOP/tests/broken" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from streams import *
def name(s, source):
    return meta(b'{"source":"%s"}' % s, source=source)
open("mix.g4s", "wb").write(
    head() + meta() + name(b"a", 0) + whole(image(0, 0)) + name(b"b", 1) + whole(audio(1, 1)) + text() +
    whole(audio(2, 1, t0=80000, t1=160000)) + name(b"c", 2) + whole(frame(3, 2)) + fail(source=2) +
    name(b"d", 3) + whole(image(4, 3)) + ends(5, 10))
END
    g4-stream check mix.g4s || true
    run --separate-stderr -1 bash -c '$GREP image <mix.g4s | g4-stream info --json'
    [[ $output == *'"segments":[{"segment":0,"source":0,"name":"a",'*'{"segment":1,"source":2,"name":"d",'*'}],"text":["and now:"],"fail":[{"source":1,"message":"cannot read"}],"total_rows":4}' ]]
    run --separate-stderr -1 bash -c '$GREP audio <mix.g4s | g4-stream info --json'
    [[ $output == *'"segments":[{"segment":0,"source":0,"name":"b",'*'{"segment":1,"source":0,"name":"b",'*'"fail":[{"source":1,'*'"total_rows":4}' ]]
    run -2 "$GREP" picture
}

@test "claims of size cost no memory" {
    (ulimit -v 60000; g4-stream --version >/dev/null 2>&1) || skip "a sanitised program needs its address space"
    python3 - "$G4_TOP/tests/broken" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from streams import *
claim = head(1 << 14, 2) + record(b"SEGM", **audio())
open("rows.g4s", "wb").write(claim + record(b"ROWS", size=64 << 20, rows=1024) + bytes(8))
open("note.g4s", "wb").write(claim + record(b"note", size=64 << 20) + bytes(8))
END
    [ "$(stat -c %s "$SET/bad/size-4-gib.g4s")" -le 200 ]
    for f in "$SET/bad/size-4-gib.g4s" rows.g4s note.g4s; do
        run -1 bash -c "ulimit -v 60000; timeout 5 g4-stream check '$f'"
        [[ $output != *memory* ]]
    done
    [[ $output == *"truncated: ends inside the payload" ]]
}

@test "cat joins streams; other widths and spaces are refused" {
    cat "$SET/good/image.g4s" "$SET/good/text-only.g4s" "$SET/good/audio.g4s" >all.g4s
    run -0 g4-stream check all.g4s
    run -0 reader all.g4s
    cat "$SET/good/image.g4s" "$SET/good/widest.g4s" >all.g4s
    run -1 g4-stream check all.g4s
    [[ $output == *"header of stream 2: width 65536, but 4 in a stream before it" ]]
    run -1 reader all.g4s
}

@test "the man page: its bytes are a stream, its filter works" {
    example hexdump | xxd -r >small.g4s
    run -0 g4-stream check -v small.g4s
    [[ $output == *"streams 1, segments 1, rows 1" ]]
    run -0 reader small.g4s
    example filter >nometa.c
    ${CC:-cc} -std=c11 -Wall -Wextra -Werror -o nometa nometa.c -lz
    for f in "$SET"/good/*.g4s; do
        ./nometa <"$f" >out.g4s
        run -0 g4-stream check out.g4s
    done
    ./nometa <"$SET/good/meta-source.g4s" >out.g4s
    cmp out.g4s <(./nometa <"$SET/good/meta-source.g4s" | ./nometa)
    [ "$(stat -c %s out.g4s)" -lt "$(stat -c %s "$SET/good/meta-source.g4s")" ]
    for name in zeros head-major head-crc header-crc payload-crc unknown-crc size-4-gib no-ends trailing-byte second-cut; do
        run -1 ./nometa <"$SET/bad/$name.g4s"
    done
}

@test "the man pages are clean" {
    run -0 mandoc -T lint -W warning "$G4_TOP/man/g4-stream.1"
    [ -z "$output" ]
    run -0 mandoc -T lint -W warning "$G4_TOP/man/g4-stream.5"
    [ -z "$output" ]
}
