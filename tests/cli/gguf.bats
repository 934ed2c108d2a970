#!/usr/bin/env bats
# GGUF models in the pipes: their vocabulary, their towers, and streams across kinds of files.

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_DATA_DIRS=$BATS_TEST_TMPDIR/system
    unset G4_MODEL XDG_DATA_HOME XDG_CACHE_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE
    mkdir -p "$HOME"
    cd "$BATS_TEST_TMPDIR" || return 1
    DEMO=$G4_TOP/examples/demo-model
    GGUF=$DEMO/gguf
    TOWERS=$GGUF/mmproj-g4-demo-bf16.gguf
    MEDIA=$G4_TOP/examples/media
    STAR='A yellow star on a white background.'
    LIGHT='Turn on the office light.'
    mkdir alone
    ln -s "$GGUF"/g4-demo-*.gguf alone/
}

# run_err COMMAND...: status in $status, stdout in $output, stderr in $errors.
run_err() {
    status=0
    output=$("$@" 2>err) || status=$?
    errors=$(cat err)
}

@test "the three pipes on each text file, with the towers beside it" {
    for type in bf16 q8_0 q4_0; do
        m=$GGUF/g4-demo-$type.gguf
        [ "$(g4-audio -m "$m" "$MEDIA/command.wav" |
            g4-decode -m "$m" --greedy -p 'Transcribe this audio.')" = "$LIGHT" ]
        [ "$(g4-vision -m "$m" "$MEDIA/star.png" |
            g4-decode -m "$m" --greedy -p 'Describe this image.')" = "$STAR" ]
        [ "$(g4-video -m "$m" "$MEDIA/one.webm" | g4-decode -m "$m" --greedy -p 'Describe this video.')" = \
            "$(g4-video -m "$DEMO" "$MEDIA/one.webm" | g4-decode -m "$DEMO" --greedy -p 'Describe this video.')" ]
    done
}

@test "nothing but the two files is needed, and \$G4_MODEL may name the text" {
    cp "$GGUF/g4-demo-q4_0.gguf" text.gguf
    cp "$TOWERS" mmproj-text.gguf
    rm -r alone
    export G4_MODEL=$PWD/text.gguf
    [ "$(g4-vision "$MEDIA/star.png" | g4-decode --greedy -p 'Describe this image.')" = "$STAR" ]
}

@test "streams pass between kinds of files; the space id is the same" {
    g4-vision -m "$DEMO" -o a.g4s "$MEDIA/star.png"
    g4-vision -m "$GGUF/g4-demo-bf16.gguf" -o b.g4s "$MEDIA/star.png"
    [ "$(g4-stream info --json a.g4s | jq -r .space_id)" = "$(g4-stream info --json b.g4s | jq -r .space_id)" ]
    for m in "$DEMO" "$GGUF"/g4-demo-*.gguf; do
        for s in a b; do
            run_err g4-decode -m "$m" --greedy -p 'Describe this image.' $s.g4s
            [ "$status" -eq 0 ]
            [ "$output" = "$STAR" ]
            [ -z "$errors" ]
        done
    done
}

@test "text alone: greedy and sampled answers are those of the safetensors" {
    for seed in 1 2 3; do
        want=$(g4-decode -m "$DEMO" --no-media --seed $seed -p 'Who are you?')
        [ "$(g4-decode -m "$GGUF/g4-demo-bf16.gguf" --no-media --seed $seed -p 'Who are you?')" = "$want" ]
    done
    g4-decode -m "$DEMO" --no-media --dry-run -p 'Say hello.' | grep prompt_tokens >want
    g4-decode -m alone/g4-demo-q4_0.gguf --no-media --dry-run -p 'Say hello.' | grep prompt_tokens >got
    cmp want got
}

@test "without towers beside it an encoder says what to do; --mmproj does it" {
    m=alone/g4-demo-q8_0.gguf
    for p in g4-vision g4-video; do
        run_err $p -m $m "$MEDIA/star.png"
        [ "$status" -eq 1 ]
        [ "$errors" = "$p: '$m' holds no vision tower: name its companion with --mmproj" ]
    done
    run_err g4-audio -m $m "$MEDIA/command.wav"
    [ "$status" -eq 1 ]
    [ "$errors" = "g4-audio: '$m' holds no audio tower: name its companion with --mmproj" ]
    [ "$(g4-audio -m $m --mmproj "$TOWERS" "$MEDIA/command.wav" |
        g4-decode -m $m --mmproj "$TOWERS" --greedy -p 'Transcribe this audio.')" = "$LIGHT" ]
    [ "$(g4-vision -m $m --mmproj="$TOWERS" "$MEDIA/star.png" |
        g4-decode -m $m --greedy -p 'Describe this image.')" = "$STAR" ]
    [ "$(g4-model info --json -m $m | jq -c .modalities)" = '["text"]' ]
    [ "$(g4-model info --json -m $m --mmproj "$TOWERS" | jq -c .modalities)" = '["text","image","video","audio"]' ]
    run_err g4-model list --mmproj "$TOWERS"
    [ "$status" -eq 2 ]
}

@test "a companion that is none is refused by name" {
    m=alone/g4-demo-bf16.gguf
    run_err g4-vision -m $m --mmproj none.gguf "$MEDIA/star.png"
    [ "$status" -eq 1 ]
    [ "$errors" = "g4-vision: 'none.gguf': cannot open: No such file or directory" ]
    run_err g4-vision -m $m --mmproj alone/g4-demo-q4_0.gguf "$MEDIA/star.png"
    [ "$status" -eq 1 ]
    [[ $errors == "g4-vision: 'alone/g4-demo-q4_0.gguf': general.architecture 'gemma4', expected"* ]]
    run_err g4-vision -m "$DEMO" --mmproj "$TOWERS" "$MEDIA/star.png"
    [ "$status" -eq 2 ]
    [[ $errors == *"a file of towers goes with a GGUF text model"* ]]
    run_err g4-decode -m "$TOWERS" --no-media -p hello
    [ "$status" -eq 1 ]
    [[ $errors == *"holds no text model" ]]
}

@test "the towers' file alone encodes; its streams do not say for which model" {
    g4-vision -m "$TOWERS" -o a.g4s "$MEDIA/star.png"
    [ "$(g4-stream info --json a.g4s | jq -r .space_id)" = 00000000000000000000000000000000 ]
    run_err g4-decode -m "$GGUF/g4-demo-bf16.gguf" --greedy -p 'Describe this image.' a.g4s
    [ "$status" -eq 0 ]
    [ "$output" = "$STAR" ]
    [ "$errors" = "g4-decode: 'a.g4s': does not say which model its rows are for" ]
    g4-audio -m "$TOWERS" "$MEDIA/command.wav" >b.g4s
    [ "$(g4-decode -q -m "$DEMO" --greedy -p 'Transcribe this audio.' b.g4s)" = "$LIGHT" ]
}

@test "the folder of the demo model stays its safetensors, and its GGUF files are never found unasked" {
    [ "$(g4-model info --json "$DEMO" | jq -c .dtypes)" = '{"BF16":{"tensors":552,"bytes":10121552}}' ]
    mkdir -p "$HOME/.local/share/g4/models"
    cp -r "$DEMO" "$HOME/.local/share/g4/models/demo"
    [ "$(g4-model list --json | jq -c '[.[].name]')" = '["demo"]' ]
    [ "$(g4-model info --json | jq -c '.dtypes | keys')" = '["BF16"]' ]
}

@test "a vocabulary that cannot be used: one line with file and key" {
    python3 - "$GGUF/g4-demo-q4_0.gguf" <<'EOF'
import sys
data = open(sys.argv[1], "rb").read()
for name, old, new in (("merges", b"tokenizer.ggml.merges", b"tokenizer.ggml.mergez"),
                       ("tokens", b"tokenizer.ggml.tokens", b"tokenizer.ggml.tokenz"),
                       ("temp", b"\x15\x00\x00\x00\x00\x00\x00\x00general.sampling.temp\x06\x00\x00\x00\x00\x00\x80\x3f",
                        b"\x15\x00\x00\x00\x00\x00\x00\x00general.sampling.temp\x06\x00\x00\x00\x00\x00\x80\xbf")):
    assert data.count(old) == 1
    open(name + ".gguf", "wb").write(data.replace(old, new))
EOF
    run_err g4-decode -m merges.gguf --no-media -p hello
    [ "$status" -eq 1 ]
    [ "$errors" = "g4-decode: 'merges.gguf': tokenizer.ggml.merges: missing" ]
    run_err g4-decode -m tokens.gguf --no-media -p hello
    [ "$status" -eq 1 ]
    [ "$errors" = "g4-decode: 'tokens.gguf': tokenizer.ggml.tokens: missing" ]
    run_err g4-decode -m temp.gguf --no-media -p hello
    [ "$status" -eq 1 ]
    [[ $errors == "g4-decode: 'temp.gguf': general.sampling.temp: expected a number in 0..100, got "*-1 ]]
}

@test "a model in two parts: any part may be named, the vocabulary is in the first" {
    python3 - "$GGUF/g4-demo-bf16.gguf" "$G4_TOP/tests/broken" <<'EOF'
import sys
sys.path.insert(0, sys.argv[2])
sys.dont_write_bytecode = True
import ggufs as g
values, tensors, data = g.read(open(sys.argv[1], "rb").read())
half = len(tensors) // 2
for i, part in enumerate((tensors[:half], tensors[half:])):
    split = [["split.no", g.U16, i], ["split.count", g.U16, 2], ["split.tensors.count", g.I32, len(tensors)]]
    placed, size = g.place([t[:3] for t in part], 32)
    out = bytearray(size)
    for (_, ne, kind, old), (*_, new) in zip(part, placed):
        n = g.size_of(ne, kind)
        out[new:new + n] = data[old:old + n]
    with open(f"m-0000{i + 1}-of-00002.gguf", "wb") as f:
        f.write(g.write((values if i == 0 else []) + split, placed, bytes(out)))
EOF
    want=$(g4-decode -m "$DEMO" --no-media --greedy -p 'Who are you?')
    for i in 1 2; do
        [ "$(g4-decode -m m-0000$i-of-00002.gguf --no-media --greedy -p 'Who are you?')" = "$want" ]
        [ "$(g4-model info --json m-0000$i-of-00002.gguf | jq -r .space_id)" = 64f87b659dadd8fe9fff6cd051d5450f ]
    done
    rm m-00001-of-00002.gguf
    run_err g4-decode -m m-00002-of-00002.gguf --no-media -p hello
    [ "$status" -eq 1 ]
    [[ $errors == *"m-00002-of-00002.gguf"* ]]
    [ "$(wc -l <err)" -eq 1 ]
}
