#!/usr/bin/env bats
# Help, version, completion and man pages come from the same option tables.

bats_require_minimum_version 1.5.0

PROGRAMS='g4-audio g4-vision g4-video g4-decode g4-stream g4-model'

@test "--help: stdout, status 0, every program" {
    for p in $PROGRAMS; do
        run --separate-stderr $p --help
        [ "$status" -eq 0 ]
        [ -z "$stderr" ]
        [[ $output == *"$p"* ]]
    done
}

@test "--version names version and CPU path" {
    for p in $PROGRAMS; do
        run $p --version
        [ "$status" -eq 0 ]
        [[ $output == "$p "* ]]
        run env G4_CPU=generic $p --version
        [[ $output == *generic* ]]
    done
}

@test "every option of --help is in the man page, and every option of the page in --help" {
    for p in $PROGRAMS; do
        $p --help | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u >"$BATS_TEST_TMPDIR/help"
        mandoc -T utf8 "$G4_TOP/man/$p.1" | sed 's/.\x08//g' | grep -oE -- '--[a-z][a-z0-9-]+' | sort -u >"$BATS_TEST_TMPDIR/man"
        missing=$(comm -23 "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/man")
        [ -z "$missing" ] || { echo "$p: not in the man page: $missing"; false; }
        # a page may name options of its neighbours; its own list is the .It Fl rows
        grep -E '^[.]It Fl' "$G4_TOP/man/$p.1" | grep -oE 'Fl .-[a-z][a-z0-9-]+' | sed -E 's/Fl .-/--/' |
            sort -u >"$BATS_TEST_TMPDIR/rows"
        extra=$(comm -13 "$BATS_TEST_TMPDIR/help" "$BATS_TEST_TMPDIR/rows")
        [ -z "$extra" ] || { echo "$p: in the man page only: $extra"; false; }
    done
}

@test "completion is printed for the three shells and parses" {
    for p in $PROGRAMS; do
        $p --completion=bash | bash -n
        $p --completion=zsh >/dev/null
        $p --completion=fish >/dev/null
    done
}

@test "unknown options are status 2, one line" {
    for p in $PROGRAMS; do
        run --separate-stderr $p --nonsense
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [[ ${stderr_lines[0]} == "$p: "* ]]
    done
}

@test "binary to a terminal is refused" {
    for c in "g4-vision $G4_TOP/examples/media/star.png" "g4-stream text hello"; do
        run script -qec "$c" /dev/null
        [ "$status" -eq 2 ]
    done
}
