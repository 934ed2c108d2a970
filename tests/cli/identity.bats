#!/usr/bin/env bats
# Streams and decoders of different models never work together.

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    GOLDEN=$G4_TOP/tests/data/golden
    DEMO=$G4_TOP/examples/demo-model
    cat >stream.py <<'EOF'
"""stream.py NAME WIDTH SPACE: a stream of one picture of two rows, made by model NAME, on stdout."""
import sys
sys.path.insert(0, sys.argv[4])
import streams as s
name, width, space = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])
meta = ('{"program":"g4-vision","version":"1","model":"%s"}' % name).encode()
sys.stdout.buffer.write(s.head(width, space=space) + s.meta(meta) +
                        s.whole(s.image(), payload=s.bf16([0.5] * (2 * width))) + s.ends(1, 2))
EOF
}

stream() {
    python3 stream.py "$1" "$2" "$3" "$G4_TOP/tests/broken"
}

# width and space id of a model
told() {
    g4-model info --json "$1" | jq -r '"\(.text.hidden_size) \(.space_id)"'
}

# refused STREAM MODEL FROM TO: status 1 and one line that names both models.
refused() {
    status=0
    g4-decode -m "$2" --greedy "$1" >out 2>err || status=$?
    [ "$status" -eq 1 ]
    [ ! -s out ]
    [ "$(wc -l <err)" -eq 1 ]
    grep -qF "'$3'" err
    grep -qF "'$4'" err
}

@test "a stream of each decoder is refused by every other of its width" {
    pairs=0
    for from in e2b e4b 12b 26b 31b; do
        read -r width space < <(told "$GOLDEN/decoder-$from")
        stream "decoder-$from" "$width" "$space" >"$from.g4s"
        for to in e2b e4b 12b 26b 31b; do
            read -r its_width _ < <(told "$GOLDEN/decoder-$to")
            if [ "$from" != "$to" ]; then
                refused "$from.g4s" "$GOLDEN/decoder-$to" "decoder-$from" "decoder-$to"
                [ "$width" != "$its_width" ] || pairs=$((pairs + 1))
                [ "$width" != "$its_width" ] || grep -qF "another model of the same width" err
            fi
        done
    done
    [ "$pairs" -eq 8 ]
}

@test "its own stream is taken by a decoder in every store and type" {
    read -r width space < <(told "$DEMO")
    stream demo-model "$width" "$space" >demo.g4s
    for model in "$DEMO" "$DEMO"/gguf/g4-demo-*.gguf; do
        g4-decode -m "$model" --greedy -p 'What is this?' demo.g4s >out 2>err
        [ ! -s err ]
        [ -s out ]
    done
}

@test "GGUF decoders refuse the streams of others, too" {
    python3 "$G4_TOP/tests/reference/make_gguf.py" . "$GOLDEN"/decoder-{e4b,12b,26b}
    read -r width space < <(told "$GOLDEN/decoder-e4b")
    stream decoder-e4b "$width" "$space" >e4b.g4s
    mv decoder-12b/model.gguf decoder-12b/twelve.gguf
    refused e4b.g4s decoder-12b/twelve.gguf decoder-e4b twelve
    mv decoder-26b/model.gguf decoder-26b/moe.gguf
    refused e4b.g4s decoder-26b/moe.gguf decoder-e4b moe
}
