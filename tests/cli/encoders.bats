#!/usr/bin/env bats
# g4-audio, g4-vision, g4-video: what is sent, options, several inputs, outputs.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    M=$G4_TOP/examples/media
}

# segments of a stream as [kind, t0, t1, rows, grid] lines
segments() { g4-stream info --json "$@" | jq -c '.segments[] | [.kind,.t0,.t1,.rows,.grid]'; }

@test "one segment per picture; the budget decides its grid" {
    for t in 70 140 280 560 1120; do
        g4-vision -t $t "$M/shapes.png" >$t.g4s
    done
    [ "$(segments 70.g4s)" = '["image",null,null,63,[9,7]]' ]
    [ "$(segments 280.g4s)" = '["image",null,null,266,[19,14]]' ]
    [ "$(segments 1120.g4s)" = '["image",null,null,1064,[38,28]]' ]
    run g4-vision -t 100 "$M/shapes.png"
    [ "$status" -eq 2 ]
    [[ $output == *1120* ]]
}

@test "PNG, JPEG, WebP and PPM by content, whatever the suffix, from file and pipe" {
    convert "$M/star.png" s.ppm
    cp s.ppm s.jpg
    g4-vision -t 70 "$M/star.png" | g4-stream npy - >a.npy
    g4-vision -t 70 s.jpg | g4-stream npy - >b.npy
    cat s.ppm | g4-vision -t 70 | g4-stream npy - >c.npy
    cmp a.npy b.npy
    cmp a.npy c.npy
}

@test "--crop and --no-orient" {
    convert -size 100x60 xc:red -fill blue -draw 'rectangle 50,0 99,59' two.png
    g4-vision -t 70 --crop 50x60+50+0 two.png >right.g4s
    convert -size 50x60 xc:blue blue.png
    g4-vision -t 70 blue.png >blue.g4s
    cmp <(g4-stream npy right.g4s) <(g4-stream npy blue.g4s)
    run g4-vision --crop 200x10+0+0 two.png
    [ "$status" -eq 1 ] || [ "$status" -eq 2 ]
    run g4-vision --crop 10x two.png
    [ "$status" -eq 2 ]
    cp "$G4_TOP/tests/data/golden/media-decode/orient6.jpg" o.jpg
    run bash -c "cmp <(g4-vision -t 70 o.jpg | g4-stream npy -) <(g4-vision -t 70 --no-orient o.jpg | g4-stream npy -)"
    [ "$status" -ne 0 ]
}

@test "sound: times, rows, --start and --duration, channels, raw" {
    g4-audio "$M/command.wav" >a.g4s
    [ "$(segments a.g4s)" = '["audio",0,1708125,43,null]' ]
    g4-audio --start 0.5 --duration 1 "$M/command.wav" >b.g4s
    g4-stream info --json b.g4s | jq -e '.segments[0].t0 == 500000 and .segments[0].t1 == 1500000 and .segments[0].rows == 25'
    sox "$M/command.wav" -r 16000 -c 1 -b 16 m.wav
    sox m.wav -t raw -e signed -b 16 m.raw
    cmp <(g4-audio m.wav | g4-stream npy -) <(g4-audio --raw s16le --rate 16000 --channels 1 m.raw | g4-stream npy -)
    sox -M m.wav m.wav stereo.wav
    cmp <(g4-audio m.wav | g4-stream npy -) <(g4-audio stereo.wav | g4-stream npy -)
    cmp <(g4-audio m.wav | g4-stream npy -) <(g4-audio --channel 1 stereo.wav | g4-stream npy -)
    run g4-audio --channel 5 stereo.wav
    [ "$status" -eq 1 ]
    run g4-audio --raw s16le m.raw
    [ "$status" -eq 2 ]
}

@test "long sound: fixed segments with a note that names them and --each; nothing lost" {
    sox -n -r 16000 -c 1 long.wav synth 65 sine 300 2>/dev/null
    run --separate-stderr g4-audio -o l.g4s long.wav
    [ "$status" -eq 0 ]
    [[ $stderr == *'3 segments'*--each* ]]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ "$(g4-stream info --json l.g4s | jq -c '.segments|map([.t0,.t1])')" = '[[0,30000000],[30000000,60000000],[60000000,65000000]]' ]
    run --separate-stderr g4-audio --split fixed -o m.g4s long.wav
    [ -z "$stderr" ]
    run --separate-stderr g4-audio -f -q -o l.g4s long.wav
    [ -z "$stderr" ]
    run --separate-stderr g4-audio --split none -f -o l.g4s long.wav
    [ "$(g4-stream info --json l.g4s | jq -c '.segments|map([.t0,.t1])')" = '[[0,30000000]]' ]
    [[ $stderr == *'not looked at'* ]]
    run --separate-stderr g4-audio --window 10 --split fixed -f -o l.g4s long.wav
    [ "$(g4-stream info --json l.g4s | jq '.segments|length')" -eq 7 ]
    run g4-audio --split silence long.wav
    [ "$status" -eq 2 ]
    [[ $output == *'not built in'* ]]
    run g4-audio --window 31 long.wav
    [ "$status" -eq 2 ]
}

@test "video: one frame per second, times of the samples" {
    g4-video "$M/two.mkv" >v.g4s
    [ "$(g4-stream info --json v.g4s | jq -c '.segments|map(.t0)')" = '[0,1000000,2000000,3000000,4000000,5000000]' ]
    g4-video -r 0.5 "$M/two.mkv" >w.g4s
    [ "$(g4-stream info --json w.g4s | jq -c '.segments|map(.t0)')" = '[0,2000000,4000000]' ]
    g4-video --frames 2 "$M/two.mkv" >x.g4s
    [ "$(g4-stream info --json x.g4s | jq '.segments|length')" -eq 2 ]
    run g4-video --frames 1000 "$M/two.mkv"
    [ "$status" -eq 1 ]
}

@test "a clip that needs more frames: --fit with a note, --parts, --first with a note" {
    run --separate-stderr g4-video --max-frames 2 -o f.g4s "$M/two.mkv"
    [ "$status" -eq 0 ]
    [ "$(wc -l <<<"$stderr")" -eq 1 ]
    [ "$(g4-stream info --json f.g4s | jq -c '.segments|map(.t0)')" = '[0,3000000]' ]
    run --separate-stderr g4-video --first --max-frames 2 -f -o f.g4s "$M/two.mkv"
    [ "$(g4-stream info --json f.g4s | jq -c '.segments|map(.t0)')" = '[0,1000000]' ]
    [ -n "$stderr" ]
    run --separate-stderr g4-video --parts --max-frames 4 -f -o f.g4s "$M/two.mkv"
    [ -z "$stderr" ]
    [ "$(g4-stream info --json f.g4s | jq -c '.segments|map([.source,.t0])')" = \
        '[[0,0],[0,1000000],[0,2000000],[0,3000000],[1,4000000],[1,5000000]]' ]
    run g4-video --fit --first "$M/two.mkv"
    [ "$status" -eq 2 ]
}

@test "a clip on a pipe, its index at the end" {
    ffmpeg -v error -i "$M/two.mkv" -c copy -movflags 0 end.mp4 || ffmpeg -v error -i "$M/two.mkv" end.mp4
    cmp <(g4-video end.mp4 | g4-stream npy -) <(cat end.mp4 | g4-video | g4-stream npy -)
    cmp <(g4-video end.mp4 | g4-stream npy -) <(cat end.mp4 | g4-video --first | g4-stream npy -)
}

@test "several inputs make one stream; a bad one fails alone" {
    printf junk >bad.png
    run --separate-stderr g4-vision -t 70 -o x.g4s "$M/star.png" bad.png "$M/circle.jpg"
    [ "$status" -eq 1 ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "g4-vision: 'bad.png'"* ]]
    [ "$(g4-stream info --json x.g4s | jq -c '[(.segments|length), .fail[0].source]')" = '[2,1]' ]
    run g4-vision -t 70 --fail-early -f -o x.g4s bad.png "$M/star.png"
    [ "$status" -eq 1 ]
    [ "$(g4-stream info --json x.g4s | jq '.segments|length')" -eq 0 ]
    run g4-stream check x.g4s
    [ "$status" -eq 1 ]
    [[ $output == *bad.png* ]]
}

@test "-d: one file per input, a rerun does what is missing" {
    printf junk >bad.png
    cp "$M/star.png" a.png
    run g4-vision -t 70 -d out a.png bad.png
    [ "$status" -eq 1 ]
    [ -f out/a.png.g4s ]
    [ ! -e out/bad.png.g4s ]
    [ "$(ls out | wc -l)" -eq 1 ]
    run g4-vision -t 70 -d out a.png
    [ "$status" -eq 1 ]
    [[ $output == *exists* ]]
    g4-vision -t 70 -f -d out a.png
    mkdir sub && cp a.png sub/
    run g4-vision -d out2 a.png sub/a.png
    [ "$status" -eq 2 ]
    g4-vision -t 70 -d out3 <a.png
    [ -f out3/stdin.g4s ]
}

@test "--files0-from; operands beside it are refused; an empty list is a stream without segments" {
    printf '%s\0' "$M/star.png" "$M/circle.jpg" >list
    [ "$(g4-vision -t 70 --files0-from=list | g4-stream info --json - | jq '.segments|length')" -eq 2 ]
    [ "$(g4-vision -t 70 --files0-from=- <list | g4-stream info --json - | jq '.segments|length')" -eq 2 ]
    run g4-vision --files0-from=list "$M/star.png"
    [ "$status" -eq 2 ]
    [ "$(g4-vision --files0-from=/dev/null | g4-stream info --json - | jq '.segments|length')" -eq 0 ]
}

@test "with operands stdin is left alone: while read loses nothing" {
    printf '%s\n' "$M/star.png" "$M/circle.jpg" >names
    n=0
    while read -r f; do
        g4-vision -t 70 "$f" >/dev/null
        n=$((n + 1))
    done <names
    [ $n -eq 2 ]
}

@test "rows are the same at every number of threads; f32 is the unrounded bf16" {
    cmp <(g4-vision -t 70 --threads 1 "$M/star.png") <(g4-vision -t 70 --threads 3 "$M/star.png")
    cmp <(g4-audio --threads 1 "$M/command.wav") <(g4-audio --threads 3 "$M/command.wav")
    g4-audio --dtype f32 "$M/command.wav" >f.g4s
    [ "$(g4-stream info --json f.g4s | jq -r .dtype)" = f32 ]
}

@test "the wrong medium gets the program that works" {
    run g4-vision "$M/command.wav"
    [ "$status" -eq 1 ]
    [[ $output == *g4-audio* ]]
    run g4-audio "$M/star.png"
    [ "$status" -eq 1 ]
    [[ $output == *g4-vision* ]]
    run g4-vision https://example.org/a.png
    [ "$status" -eq 1 ]
    [[ $output == *curl* ]]
    run g4-vision .
    [ "$status" -eq 1 ]
    [[ $output == *directory* ]]
    run g4-video --audio "$M/clip.mp4"
    [ "$status" -eq 2 ]
    [[ $output == *'not built in'* ]]
}

@test "a model that is not there, or lacks the encoder" {
    run g4-audio -m /nowhere "$M/command.wav"
    [ "$status" -eq 1 ]
    run g4-audio -m "$G4_TOP/tests/data/golden/vision-small" "$M/command.wav"
    [ "$status" -eq 1 ]
    [[ $output == *audio* ]]
}

# what the loader opened of libav, by its own account
av_files() { grep -oE 'calling init: .*/lib(av|sw)[a-z]+\.so\.[0-9]+' "$1" | sed 's|.*/||' | sort -u; }

@test "libav is loaded for what needs it, and by nothing else" {
    for p in g4-audio g4-vision g4-video g4-model g4-decode g4-stream; do
        LD_DEBUG=files $p --help >/dev/null 2>files
        [ -z "$(av_files files)" ]
    done
    LD_DEBUG=files run g4-audio --split nowhere x.wav
    [ "$status" -eq 2 ]
    [[ $output != *libavcodec* ]]
    LD_DEBUG=files g4-vision -t 70 "$M/star.png" >/dev/null 2>files
    [ -z "$(av_files files)" ]
    sox "$M/digits.wav" -r 16000 -c 1 -t raw -e signed -b 16 digits.raw
    LD_DEBUG=files g4-audio --raw s16le --rate 16000 --channels 1 digits.raw >/dev/null 2>files
    [[ $(av_files files) == *avutil* && $(av_files files) != *avcodec* ]]
    LD_DEBUG=files g4-audio "$M/timer.mp3" >/dev/null 2>files
    av_files files | grep -q avformat
}

@test "a libav that cannot be loaded: one line that names the library; what needs none of it works" {
    LD_DEBUG=files g4-video -t 70 --frames 1 "$M/clip.mp4" >/dev/null 2>files
    codec=$(av_files files | grep avcodec)
    mkdir broken
    : >broken/"$codec"
    export LD_LIBRARY_PATH=$PWD/broken
    for line in "g4-audio $M/timer.mp3" "g4-video $M/clip.mp4" "g4-vision $M/pair.webp"; do
        run --separate-stderr $line
        [ "$status" -eq 1 ]
        [[ $stderr == "${line%% *}: "*"cannot load libav: "*"$codec"* ]]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    g4-vision -t 70 "$M/star.png" >/dev/null
    g4-audio --help >/dev/null
}
