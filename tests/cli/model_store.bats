#!/usr/bin/env bats
# Models where other programs keep them: folders of GGUF files, the Hugging Face cache, Ollama's store.

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_DATA_DIRS=$BATS_TEST_TMPDIR/system
    unset G4_MODEL XDG_DATA_HOME XDG_CACHE_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE OLLAMA_MODELS
    mkdir -p "$HOME"
    cd "$BATS_TEST_TMPDIR" || return 1
    DEMO=$G4_TOP/examples/demo-model
    GGUF=$DEMO/gguf
    STORE=$HOME/.ollama/models
    MEDIA=$G4_TOP/examples/media
}

# run_err COMMAND...: status in $status, stdout in $output, stderr in $errors.
run_err() {
    status=0
    output=$("$@" 2>err) || status=$?
    errors=$(cat err)
}

one_line() {
    [ -z "$output" ]
    [ "$(wc -l <err)" -eq 1 ]
    [[ $errors == *"$1"* ]]
}

# store NAME/TAG TYPE=FILE...: a model of Ollama's library.
store() {
    local place=$STORE/manifests/registry.ollama.ai/library/$1 layers="" type file hex
    shift
    mkdir -p "$STORE/blobs" "$(dirname "$place")"
    for layer in "$@"; do
        type=${layer%%=*} file=${layer#*=}
        hex=$(sha256sum <"$file" | cut -c 1-64)
        cp "$file" "$STORE/blobs/sha256-$hex"
        layers+=${layers:+, }'{"mediaType": "application/vnd.ollama.image.'$type'", "digest": "sha256:'$hex'", "size": '$(stat -L -c %s "$file")'}'
    done
    printf '{"schemaVersion": 2, "layers": [%s]}' "$layers" >"$place"
}

@test "the demo model's folder is its safetensors; that of its GGUF files has several" {
    [ "$(g4-model info --json -m "$DEMO" | jq -r .format)" = safetensors ]
    run_err g4-model info -m "$GGUF"
    [ "$status" -eq 2 ]
    one_line "several models, choose one with -m: 'g4-demo-bf16.gguf', 'g4-demo-q4_0.gguf', 'g4-demo-q8_0.gguf'"
    mkdir one
    ln -s "$GGUF/g4-demo-q8_0.gguf" "$GGUF/mmproj-g4-demo-bf16.gguf" one
    [ "$(g4-model info --json -m one | jq -r '.dtype + " " + .towers')" = "Q8_0 one/mmproj-g4-demo-bf16.gguf" ]
    mkdir towers
    ln -s "$GGUF/mmproj-g4-demo-bf16.gguf" towers
    [ "$(g4-model info --json -m towers | jq -c .modalities)" = '["image","video","audio"]' ]
}

@test "a folder of GGUF files among the models" {
    mkdir -p "$HOME/.local/share/g4/models/demo-it"
    cp "$GGUF/g4-demo-q4_0.gguf" "$GGUF/mmproj-g4-demo-bf16.gguf" "$HOME/.local/share/g4/models/demo-it"
    [ "$(g4-vision "$MEDIA/star.png" | g4-decode --greedy -p 'Describe this image.')" = \
        "A yellow star on a white background." ]
    [ "$(g4-model info --json demo-it | jq -r .name)" = g4-demo-q4_0 ]
    run_err g4-model list
    [[ $output =~ ^"demo-it  custom  Q4_0 GGUF  "[0-9.]+" MiB  XDG_DATA_HOME  $HOME/.local/share/g4/models/demo-it/g4-demo-q4_0.gguf"$ ]]
    cp "$GGUF/g4-demo-q8_0.gguf" "$HOME/.local/share/g4/models/demo-it"
    run_err g4-decode -p Hello
    [ "$status" -eq 2 ]
    one_line "'demo-it/g4-demo-q4_0.gguf', 'demo-it/g4-demo-q8_0.gguf'"
    [ "$(g4-model info --json demo-it/g4-demo-q8_0.gguf | jq -r .dtype)" = Q8_0 ]
    [ "$(g4-model info --json g4-demo-q8_0 | jq -r .dtype)" = Q8_0 ]
    [ "$(g4-model list | wc -l)" -eq 2 ]
}

@test "Ollama: the pipes by a name with a tag; towers from the manifest" {
    store gemma4/e2b model="$GGUF/g4-demo-q8_0.gguf" projector="$GGUF/mmproj-g4-demo-bf16.gguf"
    for m in gemma4:e2b gemma4 library/gemma4:e2b; do
        [ "$(g4-vision -m $m "$MEDIA/star.png" | g4-decode -m $m --greedy -p 'Describe this image.')" = \
            "A yellow star on a white background." ]
    done
    [ "$(g4-model info --json | jq -r .towers)" = "$STORE/blobs/sha256-$(sha256sum <"$GGUF/mmproj-g4-demo-bf16.gguf" | cut -c 1-64)" ]
    g4-model list --json >list.json
    [ "$(jq -c '.[] | [.name, .place, .dtype, .format, .error]' list.json)" = '["gemma4:e2b","Ollama","Q8_0","GGUF",null]' ]
    run_err g4-model verify gemma4:e2b
    [ "$status" -eq 0 ]
    [[ $output == *"2 checksums" ]]
    find "$STORE" -exec stat -c '%n %Y %s' {} + >after
    G4_MODEL=gemma4:e2b g4-decode -p Hello -n 3 >/dev/null
    find "$STORE" -exec stat -c '%n %Y %s' {} + | cmp - after
}

@test "Ollama: towers in the same file" {
    python3 "$G4_TOP/tests/reference/make_gguf.py" --ollama . "$DEMO"
    store gemma4/e2b model=demo-model/model.gguf
    [ "$(g4-model info --json gemma4:e2b | jq -c '[.modalities, .towers]')" = '[["text","image","video","audio"],null]' ]
}

@test "Ollama: what is not whole or not here" {
    store gemma4/e2b model="$GGUF/g4-demo-q4_0.gguf" draft="$GGUF/g4-demo-q4_0.gguf"
    run_err g4-model info -v gemma4:e2b
    [ "$status" -eq 0 ]
    [[ $errors == *"layers[1]: the draft is left out"* ]]
    blob=$(echo "$STORE"/blobs/*)
    mv "$blob" "$blob-partial"
    run_err g4-model info gemma4:e2b
    [ "$status" -eq 1 ]
    one_line "gemma4/e2b': layers[0]: blob 'sha256-"
    one_line "is not whole yet"
    run_err g4-model list -v
    [ "$status" -eq 0 ]
    [[ $output =~ ^"gemma4:e2b  -  not readable  -  Ollama  " ]]
    [[ $errors == *"is not whole yet"* ]]
    [ "$(g4-model list --json | jq -c '.[0] | [.variant, .bytes, (.error | length > 0)]')" = '[null,null,true]' ]
    run_err g4-model info
    [ "$status" -eq 1 ]
    one_line "no model found"
}

@test "the Hugging Face cache: links to blobs, a download that was not finished" {
    hub=$HOME/.cache/huggingface/hub/models--org--demo-it-GGUF
    mkdir -p "$hub/snapshots/0a" "$hub/blobs"
    for f in g4-demo-q4_0 mmproj-g4-demo-bf16; do
        hex=$(sha256sum <"$GGUF/$f.gguf" | cut -c 1-64)
        cp "$GGUF/$f.gguf" "$hub/blobs/$hex"
        ln -s ../../blobs/$hex "$hub/snapshots/0a/$f.gguf"
    done
    ln -s ../../blobs/ff "$hub/snapshots/0a/g4-demo-q8_0.gguf"
    : >"$hub/blobs/ff.incomplete"
    [ "$(g4-model info --json org/demo-it-GGUF | jq -r .path)" = "$hub/snapshots/0a/g4-demo-q4_0.gguf" ]
    [ "$(g4-vision "$MEDIA/star.png" | g4-decode --greedy -p 'Describe this image.')" = \
        "A yellow star on a white background." ]
    run_err g4-model verify
    [ "$status" -eq 0 ]
    [[ $output == *"2 checksums" ]]
}

@test "what is listed and does not open" {
    mkdir -p "$HOME/.local/share/g4/models"
    head -c 5000 "$GGUF/g4-demo-q4_0.gguf" >"$HOME/.local/share/g4/models/gemma-4-cut-it.gguf"
    cp "$GGUF/g4-demo-q8_0.gguf" "$HOME/.local/share/g4/models/whole-it.gguf"
    [ "$(g4-model info --json | jq -r .name)" = whole-it ]
    run g4-model list
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} == "gemma-4-cut-it.gguf  -       not readable  "* ]]
    [[ ${lines[1]} == "whole-it.gguf        custom  Q8_0 GGUF     "* ]]
}
