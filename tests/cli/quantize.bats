#!/usr/bin/env bats
# g4-model quantize: what it writes, what it refuses, what it leaves behind. With LLAMA_BIN, the folder of
# llama.cpp's programs, that they take the results and write the same bytes.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    DEMO=$G4_TOP/examples/demo-model
    SPACE=64f87b659dadd8fe9fff6cd051d5450f
}

no_leftovers() {
    [ -z "$(find . -name '.*.tmp')" ]
}

dtypes() {
    g4-model info --json "$1" | jq -c '.dtypes | map_values(.tensors)'
}

answers() {
    run -0 g4-decode -m "$1" --no-media --greedy -p 'Who are you?'
    [[ $output == "I am g4-demo, a tiny model"* ]]
}

tensors() {
    python3 "$G4_TOP/tests/reference/gguf_tensors.py" "$1"
}

@test "every GGUF type: a model that answers, in the same space, with its towers beside it" {
    for type in q4_0 q8_0 q4_k_m q6_k bf16; do
        mkdir $type
        run -0 g4-model quantize --type=$type "$DEMO" $type/demo-$type.gguf
        [ -z "$output" ]
        [ "$(ls $type)" = "demo-$type.gguf
mmproj-demo-bf16.gguf" ]
        [ "$(g4-model info --json $type/demo-$type.gguf | jq -r .space_id)" = $SPACE ]
        answers $type/demo-$type.gguf
        g4-vision -m $type/demo-$type.gguf "$G4_TOP/examples/media/circle.jpg" >a.g4s
        run -0 g4-decode -m $type/demo-$type.gguf --greedy -p 'What do you see?' <a.g4s
        [[ $output == "A black circle on a white background." ]]
    done
    # 130 tensors of text, of which 67 are matrices; 76 of the towers' 423 are in 16 bits
    [ "$(dtypes q4_0/demo-q4_0.gguf)" = '{"F32":411,"BF16":76,"Q4_0":64,"Q8_0":1,"Q6_K":1}' ]
    [ "$(dtypes q4_k_m/demo-q4_k_m.gguf)" = '{"F32":411,"BF16":76,"Q5_0":52,"Q8_0":3,"Q4_K":6,"Q6_K":5}' ]
    [ "$(dtypes bf16/demo-bf16.gguf)" = '{"F32":411,"BF16":142}' ]
}

@test "sfp8: a folder like the model's own" {
    run -0 g4-model quantize --type=sfp8 "$DEMO" sfp8
    [ -z "$output" ]
    [ "$(cd sfp8 && ls)" = "$(cd "$DEMO" && ls -- *.json *.jinja *.safetensors)" ]
    cmp sfp8/config.json "$DEMO/config.json"
    cmp sfp8/tokenizer.json "$DEMO/tokenizer.json"
    [ "$(g4-model info --json sfp8 | jq -r .space_id)" = $SPACE ]
    answers sfp8
    g4-audio -m sfp8 "$G4_TOP/examples/media/command.wav" >a.g4s
    run -0 g4-decode -m sfp8 --greedy -p 'Transcribe this audio.' <a.g4s
    [ "$output" = "Turn on the office light." ]
    no_leftovers
}

@test "sfp8 from GGUF: the folder that the safetensors give" {
    g4-model quantize --type=sfp8 "$DEMO" theirs
    run -0 g4-model quantize --type=sfp8 "$DEMO/gguf/g4-demo-bf16.gguf" ours
    [ -z "$output" ]
    [ "$(ls ours)" = "chat_template.jinja
config.json
generation_config.json
model.safetensors
tokenizer.json" ]
    [ "$(g4-model info --json ours | jq -r .space_id)" = $SPACE ]
    cmp ours/chat_template.jinja theirs/chat_template.jinja
    for part in .model.vocab .model.merges .normalizer .pre_tokenizer .decoder; do
        [ "$(jq -cS $part ours/tokenizer.json)" = "$(jq -cS $part theirs/tokenizer.json)" ]
    done
    # rotation factors that say what a number says are that number
    rope=.text_config.rope_parameters
    [ "$(jq -cS $rope ours/config.json)" = "$(jq -cS $rope theirs/config.json)" ]
    [ "$(jq -c '[.temperature, .top_k, .top_p]' ours/generation_config.json)" = '[1,64,0.95]' ]
    answers ours
    g4-vision -m ours "$G4_TOP/examples/media/circle.jpg" >a.g4s
    g4-audio -m ours "$G4_TOP/examples/media/command.wav" >b.g4s
    run -0 g4-decode -m theirs --greedy -p 'What do you see?' <a.g4s
    [[ $output == "A black circle on a white background." ]]
    run -0 g4-decode -m ours --greedy -p 'Transcribe this audio.' <b.g4s
    [ "$output" = "Turn on the office light." ]
    # without the towers
    g4-model quantize --type=sfp8 --no-mmproj "$DEMO/gguf/g4-demo-bf16.gguf" text
    [ "$(jq -c '[.vision_config, .audio_config]' text/config.json)" = '[null,null]' ]
    answers text
    no_leftovers
}

@test "from GGUF to GGUF: the same tensors as from the folder" {
    g4-model quantize --type q4_0 --no-mmproj "$DEMO" a.gguf
    g4-model quantize --type q4_0 --no-mmproj "$DEMO/gguf/g4-demo-bf16.gguf" b.gguf
    [ "$(ls)" = "a.gguf
b.gguf" ]
    [ "$(tensors a.gguf)" = "$(tensors b.gguf)" ]
    # towers that lie where they would be written are the ones that belong there
    cp "$DEMO"/gguf/*-bf16.gguf .
    g4-model quantize --type q8_0 g4-demo-bf16.gguf g4-demo-q8_0.gguf
    cmp mmproj-g4-demo-bf16.gguf "$DEMO/gguf/mmproj-g4-demo-bf16.gguf"
    [ "$(tensors g4-demo-q8_0.gguf)" = "$(tensors "$DEMO/gguf/g4-demo-q8_0.gguf")" ]
}

@test "any number of threads writes the same bytes, also to stdout" {
    g4-model quantize --type q6_k --no-mmproj --threads 1 "$DEMO" a.gguf
    g4-model quantize --type q6_k --no-mmproj --threads 3 "$DEMO" b.gguf
    cmp a.gguf b.gguf
    g4-model quantize --type q6_k --no-mmproj "$DEMO" - | cmp - a.gguf
}

@test "-v says what was written" {
    run -0 g4-model quantize -v --type bf16 "$DEMO" demo.gguf
    [[ $output == *"g4-model: 'demo.gguf': 130 tensors, "*" bytes"* ]]
    [[ $output == *"g4-model: 'mmproj-demo-bf16.gguf': 423 tensors, "*" bytes"* ]]
}

@test "the command line is checked before anything is read" {
    for words in 'quantize a b' 'quantize --type=q4_0 a' 'quantize --type=q4_0 a b c' \
        'quantize --type=q3_k a b' 'quantize --type=q4_0 -o x a b' 'quantize --type=q4_0 -m a b c' \
        'quantize --type=q4_0 --mmproj=x --no-mmproj a b' 'info --type=q4_0 a' 'list --threads=2' \
        'quantize --type=q4_0 --threads=0 a b'; do
        # shellcheck disable=SC2086
        run -2 --separate-stderr g4-model $words
        [ -z "$output" ]
        [ "${#stderr_lines[@]}" -eq 1 ]
    done
    run -2 g4-model quantize a b
    [ "$output" = "g4-model: quantize: which type? --type=q4_0, q8_0, q4_k_m, q6_k, bf16 or sfp8" ]
    run -2 g4-model quantize --type=q8_0 "$DEMO" -
    [[ $output == *"the towers need a file of their own: --no-mmproj leaves them out" ]]
}

@test "what is rounded already is refused" {
    run -1 g4-model quantize --type=q4_0 "$DEMO/gguf/g4-demo-q8_0.gguf" a.gguf
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"tensor 'token_embd.weight' is Q8_0: quantize starts from BF16, F16 or F32"* ]]
    run -1 g4-model quantize --type=sfp8 "$DEMO/gguf/g4-demo-q4_0.gguf" a
    [[ $output == *"quantize starts from BF16, F16 or F32"* ]]
    [ -z "$(ls)" ]
}

@test "existing files stay, unless -f" {
    echo mine >demo-q4_0.gguf
    run -1 g4-model quantize --type=q4_0 "$DEMO" demo-q4_0.gguf
    [ "$output" = "g4-model: 'demo-q4_0.gguf': exists already (-f replaces it)" ]
    [ "$(cat demo-q4_0.gguf)" = mine ]
    rm demo-q4_0.gguf
    echo mine >mmproj-demo-bf16.gguf
    run -1 g4-model quantize --type=q4_0 "$DEMO" demo-q4_0.gguf
    [ "$output" = "g4-model: 'mmproj-demo-bf16.gguf': exists already (-f replaces it)" ]
    [ ! -e demo-q4_0.gguf ]
    g4-model quantize -f --type=q4_0 "$DEMO" demo-q4_0.gguf
    answers demo-q4_0.gguf
    no_leftovers
    mkdir sfp8
    echo mine >sfp8/tokenizer.json
    run -1 g4-model quantize --type=sfp8 "$DEMO" sfp8
    [ "$output" = "g4-model: 'sfp8/tokenizer.json': exists already (-f replaces it)" ]
    g4-model quantize -f --type=sfp8 "$DEMO" sfp8
    answers sfp8
    echo '{}' >sfp8/model.safetensors.index.json
    run -1 g4-model quantize -f --type=sfp8 "$DEMO" sfp8
    [ "$output" = "g4-model: 'sfp8/model.safetensors.index.json': exists already" ]
    no_leftovers
}

@test "a full disk is one line, and nothing is left" {
    [ -w /dev/full ] || skip "no /dev/full"
    ln -s /dev/full full.gguf
    run -1 g4-model quantize --type=q4_0 "$DEMO" full.gguf
    [ "$output" = "g4-model: 'full.gguf': cannot write: No space left on device" ]
    [ "$(ls)" = full.gguf ]
    no_leftovers
    # a limit on the size of a file: told before the first byte
    run -1 bash -c "trap '' XFSZ; ulimit -f 100; g4-model quantize --type=q4_0 '$DEMO' a.gguf"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"'a.gguf': no room for its 1392"*" bytes: File too large" ]]
    run -1 bash -c "trap '' XFSZ; ulimit -f 100; g4-model quantize --type=sfp8 '$DEMO' a"
    [ "${#lines[@]}" -eq 1 ]
    [ "$(ls)" = full.gguf ]
    no_leftovers
}

@test "a signal leaves nothing behind" {
    # the file of the towers waits for a reader that never comes
    mkfifo mmproj-demo-bf16.gguf
    g4-model quantize --type=q8_0 "$DEMO" demo-q8_0.gguf &
    pid=$!
    for _ in $(seq 100); do
        [ -z "$(find . -name '.*.tmp')" ] || break
        sleep 0.05
    done
    [ -n "$(find . -name '.*.tmp')" ]
    kill -TERM $pid
    run wait $pid
    no_leftovers
    [ "$(ls)" = mmproj-demo-bf16.gguf ]
    # a folder that was made goes, too: one of the files to copy never ends
    mkdir in
    ln -s "$DEMO"/* in
    rm in/processor_config.json
    mkfifo in/processor_config.json
    g4-model quantize --type=sfp8 in sfp8 &
    pid=$!
    for _ in $(seq 100); do
        [ "$(find sfp8 -name '.*.tmp' | wc -l)" -lt 5 ] || break
        sleep 0.05
    done
    [ "$(find sfp8 -name '.*.tmp' | wc -l)" -ge 5 ]
    kill -INT $pid
    kill -TERM $pid
    run wait $pid
    [ ! -e sfp8 ]
}

@test "llama.cpp takes every type and answers" {
    [ -x "$LLAMA_BIN/llama-completion" ] || skip "no llama-completion in \$LLAMA_BIN"
    for type in q4_0 q8_0 q4_k_m q6_k bf16; do
        g4-model quantize --type=$type --no-mmproj "$DEMO" $type.gguf
        "$LLAMA_BIN/llama-completion" -m $type.gguf --temp 0 -n 40 -no-cnv --no-display-prompt -p '<|turn>user
Who are you?<turn|>
<|turn>model
' </dev/null >out 2>err || { cat err; false; }
        [[ $(cat out) == *"I am g4-demo, a tiny model for trying out g4"* ]]
    done
}

@test "llama.cpp's quantiser writes the same bytes" {
    [ -x "$LLAMA_BIN/llama-quantize" ] || skip "no llama-quantize in \$LLAMA_BIN"
    for type in q4_0 q8_0; do
        "$LLAMA_BIN/llama-quantize" "$DEMO/gguf/g4-demo-bf16.gguf" theirs.gguf $type >log 2>&1
        g4-model quantize -f --type=$type --no-mmproj "$DEMO" ours.gguf
        # type 14, Q6_K, leaves the search to the writer: name and shape only
        tensors theirs.gguf | sed 's/ 14 \([^ ]*\) .*/ 14 \1/' >theirs
        tensors ours.gguf | sed 's/ 14 \([^ ]*\) .*/ 14 \1/' >ours
        diff theirs ours
    done
}
