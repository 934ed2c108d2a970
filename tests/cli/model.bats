#!/usr/bin/env bats
# g4-model: info, list, and how models are found. Stores and GGUF folders: model_store.bats.

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_DATA_DIRS=$BATS_TEST_TMPDIR/system
    unset G4_MODEL XDG_DATA_HOME XDG_CACHE_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE OLLAMA_MODELS
    mkdir -p "$HOME"
    cd "$BATS_TEST_TMPDIR" || return 1
    DEMO=$G4_TOP/examples/demo-model
    GOLDEN=$G4_TOP/tests/data/golden
}

# run_err COMMAND...: status in $status, stdout in $output, stderr in $errors.
run_err() {
    status=0
    output=$("$@" 2>err) || status=$?
    errors=$(cat err)
}

# One line on stderr that begins with the program's name, nothing on stdout.
one_line() {
    [ -z "$output" ]
    [ "$(wc -l <err)" -eq 1 ]
    [[ $errors == "g4-model: "* ]]
    [[ $errors == *"$1"* ]]
}

@test "info tells variant, modalities, shapes, space id and memory of the demo model" {
    run_err g4-model info "$DEMO"
    [ "$status" -eq 0 ]
    [ -z "$errors" ]
    [[ $output == *"variant     custom"* ]]
    [[ $output == *"input       text, image, video, audio"* ]]
    [[ $output == *"text        8 layers (2 full, 6 sliding over 512), width 128"* ]]
    [[ $output == *"form        BF16 safetensors"* ]]
    [[ $output == *"4 heads of 32, 1 for keys and values; in full layers of 64, 1"* ]]
    [[ $output == *"feed-forward of width 256, from layer 4 on 512"* ]]
    [[ $output == *"layers from 4 on borrow keys and values"* ]]
    [[ $output == *"vocabulary of 1024, context of 16384 tokens"* ]]
    [[ $output == *"chat        the layout of the small models"* ]]
    [[ $output == *"BF16                552      9.7 MiB"* ]]
    [[ $output == *"space id    64f87b659dadd8fe9fff6cd051d5450f"* ]]
    [[ $output == *"cache for 4096 tokens: 1.2 MiB"* ]]
    [[ $output == *"cache for 16384 tokens: 4.2 MiB"* ]]
    [[ $output != *"32768"* ]]
    [ "$(awk 'length > 80' <<<"$output")" = "" ]
}

@test "info shows what is special about the large models" {
    run_err g4-model info "$GOLDEN/decoder-26b"
    [ "$status" -eq 0 ]
    [[ $output == *"experts of width"* ]]
    [[ $output == *"in full layers the keys are the values, too"* ]]
    [[ $output == *"tokens of a picture see each other"* ]]
    [[ $output == *"chat        the layout of the large models"* ]]
    [[ $output != *"per-layer embeddings"* ]]
    run_err g4-model info "$GOLDEN/unified-12b"
    [[ $output == *"vision      no tower"* ]]
    [[ $output == *"audio       no tower"* ]]
}

@test "info has the memory table of the family" {
    run_err g4-model info "$DEMO"
    [[ $output == *"BF16         8-bit          Q4_0"* ]]
    [[ $output == *"E2B         8.6   4.2     4.6   2.3     2.4   1.2     0.9        0.2"* ]]
    [[ $output == *"31B        57.2  57.2    30.4  30.4    16.1  16.1     1.1        3.3"* ]]
    g4-model info --json "$DEMO" | jq .family >family.json
    [ "$(jq -c '[.[].variant]' family.json)" = '["E2B","E4B","12B","26B-A4B","31B"]' ]
    [ "$(jq -c '.[0].text.Q4_0' family.json)" = '{"file":2604553356,"resident":1283347596}' ]
    [ "$(jq -c '.[3].text.Q8_0' family.json)" = '{"file":26812270712,"resident":26812270712}' ]
    [ "$(jq '.[1].vision + .[1].audio' family.json)" = $((2 * (169331136 + 308757248))) ]
    [ "$(jq -c '[.[].cache | length]' family.json)" = '[3,3,4,4,4]' ]
}

@test "encoder ids are those of the streams" {
    ids=$(g4-model info --json "$DEMO" | jq -r '.encoder_ids | .vision, .audio')
    vision=$(g4-vision -m "$DEMO" "$G4_TOP/examples/media/star.png" | g4-stream info --json | jq -r .encoder_id)
    audio=$(g4-audio -m "$DEMO" "$G4_TOP/examples/media/command.wav" | g4-stream info --json | jq -r .encoder_id)
    [ "$ids" = "$vision"$'\n'"$audio" ]
    [ "$(g4-model info --json "$GOLDEN/decoder-31b" | jq -c .encoder_ids)" = '{"vision":null,"audio":null}' ]
}

@test "an embedding beside a head of its own is not resident" {
    g4-model info --json "$GOLDEN/decoder-w4a16" >info.json
    # 128 rows of 64 numbers of 2 bytes; the head is as large
    [ "$(jq '.parts.text.bytes - .memory.resident' info.json)" = $((128 * 64 * 2)) ]
    [ "$(jq -r '.dtype + " " + .format' info.json)" = "I4 safetensors" ]
}

@test "info --json is one object with all of it" {
    g4-model info --json "$DEMO" >info.json
    [ "$(jq -r .variant info.json)" = custom ]
    [ "$(jq -r .space_id info.json)" = 64f87b659dadd8fe9fff6cd051d5450f ]
    [ "$(jq -c .modalities info.json)" = '["text","image","video","audio"]' ]
    [ "$(jq -c .dtypes info.json)" = '{"BF16":{"tensors":552,"bytes":10121552}}' ]
    [ "$(jq '[.parts[].bytes] | add == 10121552' info.json)" = true ]
    [ "$(jq '[.parts[].tensors] | add' info.json)" = 552 ]
    [ "$(jq .parts.per_layer_table.bytes info.json)" = $((1024 * 8 * 32 * 2)) ]
    [ "$(jq .memory.mapped info.json)" = "$(stat -c %s "$DEMO/model.safetensors")" ]
    [ "$(jq -c '[.memory.cache[].context]' info.json)" = '[4096,16384]' ]
    # 3 sliding owners of 1 x 32 over 512, 1 full of 1 x 64, keys and values of 2 bytes
    [ "$(jq '.memory.cache[1].bytes' info.json)" = $((3 * 4 * 32 * 512 + 4 * 64 * 16384)) ]
    [ "$(jq -c '.text.layers[7]' info.json)" = \
        '{"type":"full","head_dim":64,"kv_heads":1,"k_eq_v":false,"intermediate_size":512,"kv_source":3}' ]
    [ "$(jq .vision.head_dim info.json)" = 32 ]
    [ "$(jq -c .audio.subsampling_conv_channels info.json)" = '[128,16]' ]
}

@test "space ids of the shipped decoders" {
    while read -r name id; do
        [ "$(g4-model info --json "$GOLDEN/$name" | jq -r .space_id)" = "$id" ]
    done <<'EOF'
decoder-e2b 4791eb7581618bdfdfb3a9d68c60150e
decoder-e4b 025dd650933c008f5e834218fb37c351
decoder-26b c386d2dc4caa4cdb71791af772abdd75
decoder-31b af825b4fcda087770936ac225900b65f
decoder-12b 8c05b04a64e9796938e9de6593081acb
decoder-w4a16 23d0872dfc19ec4ad39deb9324d2aa5f
decoder-mobile 23d0872dfc19ec4ad39deb9324d2aa5f
decoder-sfp8 23d0872dfc19ec4ad39deb9324d2aa5f
vision-small 00000000000000000000000000000000
EOF
}

@test "info counts the codes of quantised models as what they are" {
    types() { g4-model info --json "$GOLDEN/$1" | jq -c '[.dtypes | to_entries[] | .key]'; }
    numbers() { g4-model info --json "$GOLDEN/$1" | jq .parameters; }
    [ "$(types decoder-w4a16)" = '["BF16","I4"]' ]
    [ "$(types decoder-mobile)" = '["F32","BF16","I2","I4","I8"]' ]
    [ "$(types decoder-sfp8)" = '["BF16","SFP8"]' ]
    # All numbers of the model, its head, and what only one of the forms keeps of borrowing layers:
    # k_proj and v_proj of 32 + 64 rows, norms of 32 + 64; a cache scale of each kind per layer.
    [ "$(numbers decoder-mobile)" -eq $(($(numbers decoder-w4a16) + 2 * 96 * 64 + 2 * 4)) ]
    [ "$(numbers decoder-sfp8)" -eq $(($(numbers decoder-w4a16) + 2 * 96 * 64 + 96 - 128 * 64)) ]
}

@test "a quantised model is found unasked when its form is read" {
    place=$HOME/.local/share/g4/models
    mkdir -p "$place"
    cp -r "$GOLDEN/decoder-w4a16" "$place/tiny-it"
    chmod -R u+w "$place"
    [ "$(g4-model info --json | jq -r .name)" = tiny-it ]
    jq '.quantization_config.config_groups.group_0.weights.num_bits = 8' \
        "$GOLDEN/decoder-w4a16/config.json" >"$place/tiny-it/config.json"
    run_err g4-model info
    [ "$status" -eq 1 ]
    one_line "no model found"
    run_err g4-model info tiny-it
    [ "$status" -eq 1 ]
    one_line "quantization_config.config_groups.group_0.weights.num_bits: expected 4, got 8"
}

@test "models with parts missing show what is there" {
    modalities() { g4-model info --json "$GOLDEN/$1" | jq -c .modalities; }
    [ "$(modalities vision-small)" = '["image","video"]' ]
    [ "$(modalities audio-e2b)" = '["audio"]' ]
    [ "$(modalities unified-12b)" = '["image","video","audio"]' ]
    [ "$(modalities decoder-26b)" = '["text"]' ]
    [ "$(g4-model info --json "$GOLDEN/vision-small" | jq -c .memory.cache)" = '[]' ]
    [ "$(g4-model info --json "$GOLDEN/vision-small" | jq -c .audio)" = null ]
    for folder in "$GOLDEN"/decoder-* "$GOLDEN"/vision-* "$GOLDEN"/audio-* "$GOLDEN"/unified-*; do
        [ ! -e "$folder/config.json" ] || g4-model info "$folder" >/dev/null
    done
}

@test "a safetensors file can be named instead of its folder" {
    run_err g4-model info --json "$DEMO/model.safetensors"
    [ "$status" -eq 0 ]
    [ "$(jq -r .space_id <<<"$output")" = 64f87b659dadd8fe9fff6cd051d5450f ]
}

@test "-m, operand and \$G4_MODEL" {
    [[ $(g4-model info -m "$DEMO") == "model       demo-model"* ]]
    [[ $(G4_MODEL=$DEMO g4-model info) == "model       demo-model"* ]]
    [[ $(G4_MODEL=nonsense g4-model info "$DEMO") == "model       demo-model"* ]]
    run_err g4-model info -m "$DEMO" "$DEMO"
    [ "$status" -eq 2 ]
    one_line "one model at a time"
    run_err env G4_MODEL=nonsense g4-model info
    [ "$status" -eq 1 ]
    one_line "\$G4_MODEL: no model 'nonsense'"
}

@test "nothing found: status 1, one line with places, download and demo" {
    run_err g4-model info
    [ "$status" -eq 1 ]
    one_line "$HOME/.local/share/g4/models"
    one_line "$XDG_DATA_DIRS/g4/models"
    one_line "$HOME/.cache/huggingface/hub"
    one_line "$HOME/.ollama/models"
    one_line "hf download google/gemma-4-E2B-it"
    one_line "-m examples/demo-model"
}

@test "the first place that has a model wins; several are listed" {
    hub=$HOME/.cache/huggingface/hub/models--google--gemma-4-E2B-it
    mkdir -p "$hub/refs" "$hub/snapshots/0123abcd" "$hub/blobs"
    cp "$DEMO"/*.json "$hub/snapshots/0123abcd"
    cp "$DEMO/model.safetensors" "$hub/blobs/ff"
    ln -s ../../blobs/ff "$hub/snapshots/0123abcd/model.safetensors"
    printf '0123abcd\n' >"$hub/refs/main"
    [[ $(g4-model info) == "model       google/gemma-4-E2B-it"* ]]
    [[ $(g4-model info gemma-4-E2B-it) == "model       google/gemma-4-E2B-it"* ]]
    mkdir -p "$HOME/.local/share/g4/models"
    cp -r "$DEMO" "$HOME/.local/share/g4/models/mine"
    [[ $(g4-model info) == "model       mine"* ]]
    run g4-model list
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "mine                   custom  BF16 safetensors  9.7 MiB  XDG_DATA_HOME       $HOME/.local/share/g4/models/mine" ]
    [ "${lines[1]}" = "google/gemma-4-E2B-it  custom  BF16 safetensors  9.7 MiB  Hugging Face cache  $hub/snapshots/0123abcd" ]
    [ "${#lines[@]}" -eq 2 ]
    [ "$(g4-model list --json | jq -c '[.[].name]')" = '["mine","google/gemma-4-E2B-it"]' ]
    cp -r "$DEMO" "$HOME/.local/share/g4/models/other"
    run_err g4-model info
    [ "$status" -eq 2 ]
    one_line "several models, choose one with -m: 'mine', 'other'"
}

@test "list without a model: empty, a note, status 0" {
    run_err g4-model list
    [ "$status" -eq 0 ]
    one_line "no models found"
    run_err g4-model list -q
    [ "$status" -eq 0 ]
    [ -z "$errors" ]
    [ "$(g4-model list -q --json)" = "[]" ]
}

@test "GGUF files: text with the towers beside it, alone, towers alone" {
    gguf=$DEMO/gguf
    for type in bf16 q8_0 q4_0; do
        g4-model info --json "$gguf/g4-demo-$type.gguf" >info.json
        [ "$(jq -r .space_id info.json)" = 64f87b659dadd8fe9fff6cd051d5450f ]
        [ "$(jq -r .name info.json)" = "g4-demo-$type" ]
        [ "$(jq -r .towers info.json)" = "$gguf/mmproj-g4-demo-bf16.gguf" ]
        [ "$(jq -c .modalities info.json)" = '["text","image","video","audio"]' ]
        [ "$(jq .tensors info.json)" = 553 ]
        [ "$(jq .parts.other.tensors info.json)" = 0 ]
        [ "$(jq .text.image_blocks info.json)" = false ]
    done
    [ "$(jq -c .dtypes.Q4_0.tensors info.json)" = 64 ]
    [ "$(jq -c .dtypes.Q6_K.tensors info.json)" = 1 ]
    [ "$(jq .parts.per_layer_table.bytes info.json)" = $((1024 * 8 * 32 / 256 * 210)) ]
    cp "$gguf/g4-demo-q4_0.gguf" alone.gguf
    g4-model info --json alone.gguf >info.json
    [ "$(jq -c .modalities info.json)" = '["text"]' ]
    [ "$(jq -c '[.towers, .vision, .audio]' info.json)" = '[null,null,null]' ]
    g4-model info --json "$gguf/mmproj-g4-demo-bf16.gguf" >info.json
    [ "$(jq -r .space_id info.json)" = 00000000000000000000000000000000 ]
    [ "$(jq -c .modalities info.json)" = '["image","video","audio"]' ]
    [ "$(jq -c '[.text, .towers]' info.json)" = '[null,null]' ]
    [ "$(jq .vision.head_dim info.json)" = 32 ]
    run_err g4-model info "$gguf/mmproj-g4-demo-bf16.gguf"
    [ "$status" -eq 0 ]
    [[ $output != *"text        "* ]]
}

@test "GGUF files that are none: status 1, one line" {
    printf 'GGUF\003\000\000\000' >m.gguf
    run_err g4-model info m.gguf
    [ "$status" -eq 1 ]
    one_line "'m.gguf'"
    python3 "$G4_TOP/tests/reference/make_gguf.py" --split 2 . "$GOLDEN/decoder-e2b"
    g4-model info decoder-e2b/model-00002-of-00002.gguf >/dev/null
    rm decoder-e2b/model-00001-of-00002.gguf
    run_err g4-model info decoder-e2b/model-00002-of-00002.gguf
    [ "$status" -eq 1 ]
    one_line "model-00001-of-00002.gguf': part 1 of 2"
}

@test "usage errors: status 2, one line" {
    for words in "" "bogus" "list x" "list -m x" "info a b" "info --bogus" "info -m" "verify a b" "info --quick" \
        "list --threads=1"; do
        # shellcheck disable=SC2086
        run_err g4-model $words
        [ "$status" -eq 2 ]
        one_line ""
    done
    run_err g4-model info -m ""
    [ "$status" -eq 2 ]
}

@test "spoilt models: status 1, one line naming file, member and value" {
    cp -r "$DEMO" m
    spoil() {
        jq "$1" "$DEMO/config.json" >m/config.json
        run_err g4-model info m
        [ "$status" -eq 1 ]
        one_line "'m/config.json': "
        one_line "$2"
    }
    spoil '.model_type = "llama"' "model_type 'llama', expected a Gemma 4 model"
    spoil '.text_config.hidden_size = "128"' 'text_config.hidden_size: expected an integer in 1..65536, got "128"'
    spoil '.text_config.num_attention_heads = 3 | .text_config.num_key_value_heads = 2' "num_attention_heads 3"
    spoil '.text_config.sliding_window = 0' "text_config.sliding_window"
    spoil '.text_config.num_kv_shared_layers = 8' "borrows keys and values"
    spoil '.vision_config.hidden_size = -1' "got -1"
    cp "$DEMO/config.json" m/config.json
    head -c 1000000 "$DEMO/model.safetensors" >m/model.safetensors
    run_err g4-model info m
    [ "$status" -eq 1 ]
    one_line "m/model.safetensors': tensor '"
    one_line "truncated download"
    rm m/model.safetensors
    run_err g4-model info m
    [ "$status" -eq 1 ]
    one_line "neither model.safetensors nor model.safetensors.index.json"
    run_err g4-model info "$GOLDEN/media-mel"
    [ "$status" -eq 1 ]
    one_line "config.json is missing"
}

@test "control characters in names never reach the terminal" {
    dir=$(printf 'a\033[2Jb')
    mkdir "$dir"
    run_err g4-model info "$dir"
    [ "$status" -eq 1 ]
    one_line 'a\x1b[2Jb'
    cp -r "$DEMO/." "$dir"
    run_err g4-model info "$dir"
    [ "$status" -eq 0 ]
    [[ $output == *'a\x1b[2Jb'* ]]
    [ "$(grep -c "$(printf '\033')" <<<"$output")" -eq 0 ]
    g4-model info --json "$dir" | jq -e .name >/dev/null
}

@test "-o appears whole, is not replaced without -f; a full disk is an error" {
    g4-model info --json "$DEMO" -o out.json
    [ "$(jq -r .name out.json)" = demo-model ]
    run_err g4-model info "$DEMO" -o out.json
    [ "$status" -eq 1 ]
    one_line "out.json"
    g4-model info "$DEMO" -f -o out.json
    [[ $(cat out.json) == "model       demo-model"* ]]
    run_err g4-model info none -f -o new.json
    [ "$status" -eq 1 ]
    [ ! -e new.json ]
    status=0
    g4-model info "$DEMO" >/dev/full 2>err || status=$?
    [ "$status" -eq 1 ]
    [ "$(wc -l <err)" -eq 1 ]
}

@test "stdin is never read" {
    printf 'a\nb\n' >in
    while read -r line; do
        g4-model info "$DEMO" >/dev/null
        echo "$line" >>out
    done <in
    [ "$(cat out)" = "$(printf 'a\nb')" ]
}

@test "a closed reader is quiet" {
    (trap '' PIPE; g4-model info "$DEMO" 2>err; echo $? >code) | true
    [ ! -s err ]
}
