#!/usr/bin/env bats
# The scripts in examples/ do what their first line says.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    M=$G4_TOP/examples/media
    X=$G4_TOP/examples
}

@test "demo.sh shows each command before its answer" {
    run "$X/demo.sh"
    [ "$status" -eq 0 ]
    [[ $output == *'$ g4-audio '*'Turn on the office light.'*'$ g4-vision '*'yellow triangle'*'$ g4-video '*'black square.'* ]]
}

@test "transcribe.sh: file, begin, text" {
    export PROMPT='Transcribe this audio.'
    run "$X/transcribe.sh" "$M/command.wav" "$M/timer.mp3"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$M/command.wav"$'\t0\t''Turn on the office light.' ]
    [ "${lines[1]}" = "$M/timer.mp3"$'\t0\t''Set a timer for 38 seconds.' ]
}

@test "caption.sh writes a text beside each picture, once" {
    mkdir p && cp "$M/star.png" "p/a star.png" && printf junk >p/bad.jpg
    export PROMPT='Describe this image.'
    run "$X/caption.sh" p
    [ "$status" -eq 0 ]
    grep -q 'yellow star' "p/a star.png.txt"
    [ ! -e p/bad.jpg.txt ]
    echo mine >"p/a star.png.txt"
    "$X/caption.sh" p 2>/dev/null
    [ "$(cat "p/a star.png.txt")" = mine ]
}

@test "video-summary.sh: a heading and an answer" {
    export PROMPT='Describe this video.'
    run "$X/video-summary.sh" "$M/two.mkv"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "## $M/two.mkv" ]
    [[ $output == *'white square'* ]]
}
