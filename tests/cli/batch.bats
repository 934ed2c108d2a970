#!/usr/bin/env bats
# g4-decode --batch: answers made together are those made alone, in the order of their units.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    M=$G4_TOP/examples/media
}

# seven.g4s: pictures of several sizes, one file that is none in the middle.
make_seven() {
    cp "$M/star.png" a.png
    cp "$M/circle.jpg" b.jpg
    convert -size 90x40 xc:red c.png
    printf junk >d.png
    convert -size 40x200 gradient:blue-white e.png
    convert "$M/star.png" -flip f.png
    convert "$M/circle.jpg" -negate g.png
    g4-vision -q -t 70 -o seven.g4s a.png b.jpg c.png d.png e.png f.png g.png 2>/dev/null || true
}

# same OPTION...: all formats, streams and words on stderr, with --batch 1 and with others.
same() {
    local format batch
    for format in text tsv jsonl json; do
        for batch in 1 2 4 16; do
            code=0
            g4-decode --each --batch $batch --format $format "$@" >$batch.raw 2>$batch.err || code=$?
            echo "status $code" >>$batch.err
            if [[ $format == json* ]]; then
                jq -c 'if type == "array" then map(del(.timing)) else del(.timing) end' $batch.raw >$batch.out
            else
                mv $batch.raw $batch.out
            fi
            cmp 1.out $batch.out
            cmp 1.err $batch.err
        done
        [ -s 1.out ]
    done
}

@test "greedy and sampled answers, with a broken picture among them" {
    make_seven
    same --greedy -p 'Describe this image.' seven.g4s
    [ "$(jq length 1.raw)" -eq 7 ]
    [ "$(jq -c 'map(.error != null)' 1.raw)" = '[false,false,false,true,false,false,false]' ]
    grep -q 'status 1' 1.err
    same --temperature 3 --top-k 0 --top-p 1 --seed 5 -n 30 -p 'Describe this image.' seven.g4s
    [ "$(jq '[.[].tokens.generated] | unique | length' 1.raw)" -gt 2 ]
    same --temperature 3 --repeat-penalty 1.5 -n 12 --stop e -p 'Describe this image.' seven.g4s
}

@test "limits and ids: answers that are cut, and a context that holds no more" {
    make_seven
    same --greedy -n 1 -p 'Describe this image.' seven.g4s
    grep -q 'cut off' 1.err
    same --greedy -c 84 -p 'Describe this image.' seven.g4s
    code=0
    for batch in 1 8; do
        g4-decode --each --batch $batch --greedy --ids --format jsonl -p 'Describe this image.' seven.g4s \
            2>/dev/null | jq -c '[.prompt_ids, .ids]' >ids.$batch
    done
    [ "$(wc -l <ids.1)" -eq 7 ]
    cmp ids.1 ids.8
}

@test "sound, pictures and clips in one stream; quantised weights" {
    {
        g4-audio "$M/command.wav"
        g4-vision -t 70 "$M/star.png"
        g4-video --audio "$M/two.mkv" 2>/dev/null || g4-video "$M/two.mkv"
        g4-stream text 'Look:'
        g4-vision -t 70 "$M/circle.jpg"
    } >all.g4s
    same --greedy -p 'What is this?' all.g4s
    [ "$(jq length 1.raw)" -ge 4 ]
    same -m "$G4_TOP/examples/demo-model/gguf/g4-demo-q4_0.gguf" --force --greedy -p 'What is this?' all.g4s
}

@test "eight is the default; 1 to 16, and only with --each" {
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    for n in 0 17 x; do
        run g4-decode --each --batch $n -p x star.g4s
        [ "$status" -eq 2 ]
        [[ $output == *--batch* ]]
    done
    run g4-decode --batch 4 -p x star.g4s
    [ "$status" -eq 2 ]
    [[ $output == *--each* ]]
    [[ $(g4-decode --help) == *--batch*'default 8'* ]]
    [[ $(g4-decode --completion=bash) == *--batch* ]]
}

@test "what came before the stream broke is answered; wrong usage answers nothing" {
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    g4-vision -q -t 70 -o circle.g4s "$M/circle.jpg"
    head -c -200 circle.g4s >cut.g4s
    same --greedy -p 'Describe this image.' star.g4s star.g4s cut.g4s
    grep -q 'status 1' 1.err
    [ "$(jq length 1.raw)" -eq 2 ]
    run --separate-stderr g4-decode --each --batch 4 star.g4s circle.g4s
    [ "$status" -eq 2 ]
    [ -z "$output" ]
}

@test "an answer does not wait for the next unit" {
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    mkfifo pipe
    g4-decode --each --batch 4 --greedy --format tsv -p 'Describe this image.' <pipe >out 3>&- &
    exec 7>pipe
    cat star.g4s >&7
    for ((i = 0; i < 400; i++)); do
        [ "$(wc -l <out)" -eq 1 ] && break
        sleep 0.05
    done
    [ "$(wc -l <out)" -eq 1 ]
    cat star.g4s >&7
    exec 7>&-
    wait $!
    [ "$(wc -l <out)" -eq 2 ]
    [ "$(sort -u out | wc -l)" -eq 1 ]
}

@test "a reader that goes away ends the run" {
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    { code=0; g4-decode --each --batch 4 --greedy -p x star.g4s star.g4s star.g4s 2>err || code=$?; echo $code >code; } | true
    [ "$(cat code)" -eq 141 ]
    (trap '' PIPE; code=0; g4-decode --each --batch 4 --greedy -p x star.g4s star.g4s 2>err || code=$?; echo $code >code) | true
    [ "$(cat code)" -eq 1 ]
}

@test "a full disk ends the run with one line" {
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    run bash -c "g4-decode --each --batch 4 --greedy -p x star.g4s star.g4s 2>&1 >/dev/full"
    [ "$status" -eq 1 ]
    [ "${#lines[@]}" -eq 1 ]
}

@test "-v tells the tokens per second of all" {
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    run --separate-stderr g4-decode -v --each --batch 2 --greedy -p x star.g4s star.g4s
    [[ $stderr == *'2 answers, '*' tokens/s'* ]]
}
