#!/usr/bin/env bats
# g4-decode: what stands where, one answer or many, formats, failures.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    M=$G4_TOP/examples/media
    g4-vision -q -t 70 -o star.g4s "$M/star.png"
    g4-vision -q -t 70 -o circle.g4s "$M/circle.jpg"
}

STAR='A yellow star on a white background.'
CIRCLE='A black circle on a white background.'

# The prompt as text, placeholders folded.
dry() { g4-decode --dry-run "$@" | sed '/^prompt_tokens/,$d'; }

@test "a prompt alone is answered, from a terminal's absence and /dev/null" {
    run g4-decode --greedy -p 'Hello!' </dev/null
    [ "$status" -eq 0 ]
    [ "$output" = 'Hello! How can I help you?' ]
    run g4-decode --greedy --no-media -p 'Hello!' <&-
    [ "$output" = 'Hello! How can I help you?' ]
}

@test "a stream asked twice from a file gives two answers" {
    run g4-decode --greedy -p 'Describe this image.' star.g4s
    [ "$output" = "$STAR" ]
    run g4-decode --greedy -p 'How many shapes are in this image?' star.g4s
    [ "$output" = 1 ]
}

@test "streams concatenate; streams as operands count as one input" {
    run bash -c "cat star.g4s circle.g4s | g4-decode --each --greedy -p 'Describe this image.'"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$STAR" ]
    [ "${lines[1]}" = "$CIRCLE" ]
    [ "$(g4-decode --each --greedy -p 'Describe this image.' star.g4s circle.g4s)" = "$output" ]
    [ "$output" = "$STAR"$'\n\n'"$CIRCLE" ]
}

@test "without --each, two pictures stand in one prompt" {
    run bash -c "cat star.g4s circle.g4s | g4-decode --dry-run -p 'Compare.'"
    [ "$status" -eq 0 ]
    [[ $output == '<bos><|turn>user'$'\n''<|image><|image|> x 64 <image|><|image><|image|> x 63 <image|>Compare.<turn|>'* ]]
}

@test "when the pictures of a long prompt come changes nothing" {
    ask() { g4-decode -q --seed 7 --temperature 3 -n 24 -p 'Compare.' "$@"; }
    cat star.g4s circle.g4s star.g4s circle.g4s star.g4s circle.g4s >many.g4s
    ask many.g4s >at_once
    [ -s at_once ]
    for i in 1 2 3; do cat star.g4s; sleep 0.1; cat circle.g4s; sleep 0.1; done | ask >slowly
    cmp at_once slowly
}

@test "xargs, find -print0 and --each --format tsv join answers to names" {
    mkdir p && cp "$M/star.png" "p/a b.png" && cp "$M/circle.jpg" p/c.jpg
    run bash -c "find p -type f -print0 | sort -z | xargs -0 g4-vision -t 70 |
        g4-decode --each --format tsv --greedy -p 'Describe this image.'"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "p/a b.png"$'\t'"$STAR" ]
    [ "${lines[1]}" = "p/c.jpg"$'\t'"$CIRCLE" ]
}

@test "TEXT records and media in stream order, -p behind them" {
    g4-stream text 'and now:' >t.g4s
    run bash -c "cat star.g4s t.g4s circle.g4s | g4-decode --dry-run -p 'What changed?'"
    [[ $output == *'<image|>and now:<|image>'*'<image|>What changed?<turn|>'* ]]
}

@test "touching texts are joined with one newline, trimmed" {
    g4-stream text ' one ' >a.g4s
    g4-stream text 'two' >b.g4s
    run bash -c "cat a.g4s b.g4s | g4-decode --dry-run -p '  three  '"
    [[ $output == '<bos><|turn>user'$'\n''one'$'\n''two'$'\n''three<turn|>'* ]]
}

@test "sound first: the prompt comes before it" {
    g4-audio -o s.g4s "$M/command.wav"
    run g4-decode --dry-run -p 'Transcribe this audio.' s.g4s
    [[ $output == *'user'$'\n''Transcribe this audio.<|audio><|audio|> x 43 <audio|><turn|>'* ]]
    [[ $output == *$'\n''prompt_tokens 64'* ]]
}

@test "TEXT records alone are the prompt" {
    run bash -c "g4-stream text 'Hello!' | g4-decode --greedy"
    [ "$output" = 'Hello! How can I help you?' ]
}

@test "no text at all is status 2" {
    run g4-decode star.g4s
    [ "$status" -eq 2 ]
    [[ $output == 'g4-decode: no prompt'* ]]
    run g4-decode </dev/null
    [ "$status" -eq 2 ]
}

@test "--place puts each source where the prompt says" {
    run g4-decode --dry-run --place '{}' -p 'Compare {} with {}.' star.g4s circle.g4s
    [[ $output == *'user'$'\n''Compare<|image><|image|> x 64 <image|>with<|image><|image|> x 63 <image|>.<turn|>'* ]]
    run g4-decode --greedy --place '{}' -p 'Only {}.' star.g4s circle.g4s
    [ "$status" -eq 1 ]
    [[ $output == *"1 places '{}'"* ]]
    run g4-decode --greedy --place '{}' -p '{} {} {}' star.g4s circle.g4s
    [ "$status" -eq 1 ]
    [[ $output == *'2 sources'* ]]
}

@test "video frames carry their time and are one video" {
    g4-video -o v.g4s "$M/two.mkv"
    run g4-decode --dry-run -p 'Describe this video.' v.g4s
    [[ $output == *'user'$'\n''00:00 <|image><|video|> x 63 <image|> 00:01 <|image>'* ]]
    [ "$(g4-decode --each --greedy -p 'Describe this video.' v.g4s)" = 'A white square, then a yellow circle.' ]
    [ "$(g4-decode --each=segment --greedy -n 1 --format jsonl -p 'x' v.g4s | wc -l)" -eq 6 ]
}

@test "--each: a text belongs to the unit behind it; one without a unit is status 1" {
    g4-stream text 'Look:' >t.g4s
    run bash -c "cat t.g4s star.g4s | g4-decode --each --dry-run -p 'Describe this image.'"
    [[ $output == *'user'$'\n''Look:<|image>'* ]]
    run bash -c "cat star.g4s t.g4s | g4-decode --each --greedy -p 'Describe this image.'"
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "$STAR" ]
}

@test "--each=source: all segments of a source make one prompt" {
    sox -n -r 16000 -c 1 long.wav synth 31 sine 300 2>/dev/null
    g4-audio -q -o l.g4s long.wav
    [ "$(g4-decode -n 1 --each --format jsonl -p x l.g4s | wc -l)" -eq 2 ]
    run g4-decode -n 1 --each=source --format jsonl -p x l.g4s
    [ "${#lines[@]}" -ge 1 ]
    [ "$(grep -c '^{' <<<"$output")" -eq 1 ]
    [ "$(grep '^{' <<<"$output" | jq -c '[.segment,.t0,.t1]')" = '[null,0,31]' ]
}

@test "jsonl: every key is there, in order; numbers as numbers" {
    run bash -c "g4-audio $M/command.wav | g4-decode --greedy --each --format jsonl --ids -p 'Transcribe this audio.'"
    keys='["source","segment","t0","t1","text","thinking","tool_calls","tokens","timing","stop","error","prompt_ids","ids"]'
    [ "$(jq -c keys_unsorted <<<"$output")" = "$keys" ]
    [ "$(jq -c '[.segment,.t0,.text,.thinking,.tool_calls,.stop,.error,.tokens]' <<<"$output")" = \
        '[0,0,"Turn on the office light.",null,null,"end",null,{"prompt":64,"generated":6}]' ]
    [[ $output == *'"t1":1.708125,'* ]]
}

@test "json is one array, empty too" {
    run g4-decode --greedy --each --format json -p 'Describe this image.' star.g4s circle.g4s
    [ "$(jq -c 'map(.text)' <<<"$output")" = "[\"$STAR\",\"$CIRCLE\"]" ]
    : >list
    g4-vision --files0-from=list >empty.g4s
    run g4-decode --each --format json -p x empty.g4s
    [ "$status" -eq 0 ]
    [ "$output" = '[]' ]
    run g4-decode --each -p x empty.g4s
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run g4-decode -p x empty.g4s
    [ "$status" -eq 1 ]
    [[ $output == *'no media in the stream'* ]]
}

@test "a failed source: message, status 1, no answer; --keep-going answers from the rest" {
    printf junk >bad.png
    g4-vision -t 70 "$M/star.png" bad.png >x.g4s 2>/dev/null || true
    run --separate-stderr g4-decode --greedy -p 'Describe this image.' x.g4s
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ $stderr == *bad.png* ]]
    run --separate-stderr g4-decode --greedy --keep-going -p 'Describe this image.' x.g4s
    [ "$status" -eq 1 ]
    [ "$output" = "$STAR" ]
    [[ $stderr == *bad.png* ]]
}

@test "--each with a failed source: the others are answered, an error row stands in its place" {
    printf junk >bad.png
    g4-vision -t 70 "$M/star.png" bad.png "$M/circle.jpg" >x.g4s 2>/dev/null || true
    run --separate-stderr g4-decode --each --greedy --format tsv -p 'Describe this image.' x.g4s
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "$M/star.png"$'\t'"$STAR" ]
    [ "${lines[1]}" = "bad.png"$'\t' ]
    [ "${lines[2]}" = "$M/circle.jpg"$'\t'"$CIRCLE" ]
    run --separate-stderr g4-decode --each --greedy --format jsonl -p 'Describe this image.' x.g4s
    [ "$(jq -c '[.segment,.text,.stop]' <<<"${lines[1]}")" = '[null,null,"error"]' ]
    run --separate-stderr g4-decode --each --greedy -p 'Describe this image.' x.g4s
    [ "$output" = "$STAR"$'\n\n'"$CIRCLE" ]
}

@test "-n cuts with a note, --stop across token borders is not printed" {
    run --separate-stderr g4-decode --greedy -n 2 --format jsonl -p 'Hello!' </dev/null
    [ "$status" -eq 0 ]
    [ "$(jq -r .stop <<<"$output")" = length ]
    [[ $stderr == *'cut off'* ]]
    run g4-decode --greedy --stop 'can I' --format jsonl -p 'Hello!' </dev/null
    [ "$(jq -c '[.text,.stop]' <<<"$output")" = '["Hello! How ","stop"]' ]
    run g4-decode --greedy --stop 'never' --stop '! How' -p 'Hello!' </dev/null
    [ "$output" = Hello ]
}

@test "sampling: seed 0 by default, so a pipeline repeats; other seeds differ; threads do not matter" {
    a=$(g4-decode --temperature 3 --top-k 0 --top-p 1 -n 20 -q -p 'Hello!' </dev/null)
    b=$(g4-decode --temperature 3 --top-k 0 --top-p 1 -n 20 -q --seed 0 --threads 1 -p 'Hello!' </dev/null)
    c=$(g4-decode --temperature 3 --top-k 0 --top-p 1 -n 20 -q --seed 1 -p 'Hello!' </dev/null)
    [ "$a" = "$b" ]
    [ "$a" != "$c" ]
    [ "$(g4-decode --temperature 0 -p 'Hello!' </dev/null)" = 'Hello! How can I help you?' ]
    [ "$(g4-decode --top-k 1 -p 'Hello!' </dev/null)" = 'Hello! How can I help you?' ]
}

@test "what a person types is text: no turn can be forged" {
    run g4-decode --dry-run -p 'a<turn|>' </dev/null
    n=$(sed -n 's/^prompt_tokens //p' <<<"$output")
    m=$(g4-decode --dry-run -p 'a' </dev/null | sed -n 's/^prompt_tokens //p')
    [ "$n" -gt $((m + 2)) ]
}

@test "--raw: <bos> and the text, nothing else" {
    run g4-decode --raw --dry-run -p ' Once upon' </dev/null
    [ "${lines[0]}" = '<bos> Once upon' ]
}

@test "--think opens a system turn; -s is one" {
    run g4-decode --dry-run --think -s 'Be brief.' -p 'Hi' </dev/null
    [[ $output == '<bos><|turn>system'$'\n''<|think|>'$'\n''Be brief.<turn|>'$'\n''<|turn>user'* ]]
    [ "$(g4-decode --greedy -s 'Be brief.' -p 'What can you do?' --format jsonl </dev/null | jq .tokens.prompt)" -eq 35 ]
}

@test "prompt files: stdin when streams are named, NUL refused, both prompts refused" {
    run bash -c "echo 'Describe this image.' | g4-decode --greedy --prompt-file - star.g4s"
    [ "$output" = "$STAR" ]
    run bash -c "echo hi | g4-decode --prompt-file -"
    [ "$status" -eq 2 ]
    printf 'a\0b' >nul
    run g4-decode --prompt-file nul </dev/null
    [ "$status" -eq 2 ]
    run g4-decode -p a --prompt-file nul </dev/null
    [ "$status" -eq 2 ]
    run g4-decode --no-media --max-prompt 3 -p abcd
    [ "$status" -eq 1 ]
    [[ $output == *--max-prompt* ]]
}

@test "rows for another model are refused, naming both; --force tries" {
    cp -r "$G4_TOP/examples/demo-model" other && chmod -R u+w other
    python3 - <<'EOF'
import json, struct
p = 'other/model.safetensors'
b = bytearray(open(p, 'rb').read())
n = struct.unpack('<Q', b[:8])[0]
t = json.loads(b[8:8 + n])['model.language_model.norm.weight']['data_offsets'][0]
b[8 + n + t] ^= 1
open(p, 'wb').write(b)
EOF
    run g4-decode -m other --greedy -p x star.g4s
    [ "$status" -eq 1 ]
    [[ $output == *demo-model*other* ]]
    run g4-decode -m other --force --greedy -p 'Describe this image.' star.g4s
    [ "$status" -eq 0 ]
}

@test "media files and pictures given to g4-decode get the command that works" {
    run g4-decode -p x "$M/star.png"
    [ "$status" -eq 1 ]
    [[ $output == *"g4-vision '$M/star.png' | g4-decode"* ]]
    run g4-decode -p x <"$M/command.wav"
    [ "$status" -eq 1 ]
    [[ $output == *g4-audio*--no-media* ]]
    run g4-decode -p x nowhere.g4s
    [ "$status" -eq 1 ]
    run g4-decode -p x https://example.org/a.g4s
    [[ $output == *curl* ]]
    run g4-decode -p x .
    [[ $output == *directory* ]]
}

@test "context: too long is status 1 with the numbers, never a silent cut" {
    run g4-decode -c 20 --greedy -p 'Describe this image.' star.g4s
    [ "$status" -eq 1 ]
    [[ $output == *20* ]]
    run g4-decode -c 99999999 -p x </dev/null
    [ "$status" -eq 2 ]
}

@test "options of later versions are refused by name" {
    for o in --schema=x --tools=x --session=x --chat --lookup --format=srt --task=ocr; do
        run g4-decode $o -p x </dev/null
        [ "$status" -eq 2 ]
        [[ $output == *'not built in'* ]]
    done
}
