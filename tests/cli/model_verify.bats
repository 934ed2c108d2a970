#!/usr/bin/env bats
# g4-model verify: whole models, and one thing wrong at a time.

setup() {
    export HOME=$BATS_TEST_TMPDIR/home XDG_DATA_DIRS=$BATS_TEST_TMPDIR/system
    unset G4_MODEL XDG_DATA_HOME XDG_CACHE_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE OLLAMA_MODELS
    mkdir -p "$HOME"
    cd "$BATS_TEST_TMPDIR" || return 1
    DEMO=$G4_TOP/examples/demo-model
    GOLDEN=$G4_TOP/tests/data/golden
    cp -r "$DEMO" m
    chmod -R u+w m
}

run_err() {
    status=0
    output=$("$@" 2>err) || status=$?
    errors=$(cat err)
}

# refused TEXT: one line on stderr that has it, nothing on stdout, status 1.
refused() {
    run_err g4-model verify "${2:-m}"
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [ "$(wc -l <err)" -eq 1 ]
    [[ $errors == "g4-model: "*"$1"* ]]
}

# tensor CODE: CODE changes h (the header of m/model.safetensors) or d (its data); at(NAME) is where a tensor begins.
tensor() {
    python3 - "$1" <<'EOF'
import json, struct, sys
with open("m/model.safetensors", "rb") as f:
    b = f.read()
n = struct.unpack("<Q", b[:8])[0]
h, d = json.loads(b[8:8 + n]), bytearray(b[8 + n:])
at = lambda name: h[name]["data_offsets"][0]
exec(sys.argv[1])
t = json.dumps(h).encode()
with open("m/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(t)) + t + d)
EOF
}

Q=model.language_model.layers.2.self_attn.q_proj.weight

@test "whole models: one line that says what was looked at" {
    run_err g4-model verify m
    [ "$status" -eq 0 ]
    [ "$output" = "ok: 552 tensors, 9.7 MiB in 1 file: shapes, vocabulary, every number; no list of checksums" ]
    [ -z "$errors" ]
    for type in bf16 q8_0 q4_0; do
        run_err g4-model verify m/gguf/g4-demo-$type.gguf
        [ "$status" -eq 0 ]
        [[ $output == "ok: 553 tensors, "*" in 2 files: shapes, vocabulary, every number; no list of checksums" ]]
        [ -z "$errors" ]
    done
    run_err g4-model verify m/gguf/mmproj-g4-demo-bf16.gguf
    [ "$status" -eq 0 ]
    [[ $output == "ok: "*" in 1 file: shapes, every number; no list of checksums" ]]
}

@test "every shipped form of quantised weights, and the towers" {
    for name in decoder-w4a16 decoder-mobile decoder-sfp8 decoder-26b decoder-31b decoder-12b; do
        mkdir $name
        ln -s "$GOLDEN/$name/config.json" "$GOLDEN/$name/model.safetensors" $name
        run_err g4-model verify $name
        [ "$status" -eq 1 ]
        [ "$errors" = "g4-model: '$name/tokenizer.json': cannot open: No such file or directory" ]
    done
    for name in vision-small vision-large vision-mobile audio-e2b audio-mobile unified-12b; do
        run_err g4-model verify "$GOLDEN/$name"
        [ "$status" -eq 0 ]
        [[ $output == "ok: "* ]]
        [[ $errors == *"the configuration has a text model, the files have none" ]]
        run_err g4-model verify -q "$GOLDEN/$name"
        [ -z "$errors" ]
    done
}

@test "a number that is none: the tensor and the element" {
    tensor "i = at('$Q') + 2 * 1000; d[i:i + 2] = bytes([0xc0, 0x7f])"
    refused "'m/model.safetensors': tensor '$Q': element 1000 is not finite"
    run_err g4-model verify --threads=1 m
    [[ $errors == *"element 1000 is not finite" ]]
    run_err g4-model verify --quick m
    [ "$status" -eq 0 ]
    [ "$output" = "ok: 552 tensors, 9.7 MiB in 1 file: shapes, vocabulary; numbers and checksums not looked at" ]
    tensor "i = at('$Q') + 2 * 7; d[i:i + 2] = bytes([0x80, 0xff])"
    refused "tensor '$Q': element 7 is not finite"
    cp -f "$DEMO/model.safetensors" m
    tensor "i = at('model.language_model.norm.weight') + 2; d[i:i + 2] = bytes([0x80, 0x7f])"
    refused "tensor 'model.language_model.norm.weight': element 1 is not finite"
}

@test "shapes and types, tensors missing" {
    k=${Q/q_proj/k_proj}
    tensor "h['$k']['shape'].reverse()"
    refused "'m': tensor '$k': shape [128, 32], expected [32, 128]"
    cp -f "$DEMO/model.safetensors" m
    tensor "h['other'] = h.pop('$Q')"
    refused "'m': tensor '$Q': missing"
    cp -f "$DEMO/model.safetensors" m
    tensor "h['model.vision_tower.encoder.layers.1.input_layernorm.weight']['dtype'] = 'I16'"
    refused "'m': tensor 'model.vision_tower.encoder.layers.1.input_layernorm.weight': dtype I16"
    cp -f "$DEMO/model.safetensors" m
    tensor "h['model.audio_tower.layers.0.norm_out.weights'] = h.pop('model.audio_tower.layers.0.norm_out.weight')"
    refused "'m': tensor 'model.audio_tower.layers.0.norm_out.weight': missing"
}

@test "tensors of no use are noted" {
    tensor "n = len(d); d += bytes(8); h['model.language_model.layers.1.extra'] = {'dtype': 'F32', 'shape': [2], 'data_offsets': [n, n + 8]}"
    run_err g4-model verify m
    [ "$status" -eq 0 ]
    [[ $output == "ok: 553 tensors"* ]]
    [ "$errors" = "g4-model: 'm': 1 tensor is of no use to a Gemma 4 model: 'model.language_model.layers.1.extra'" ]
    [ "$(g4-model verify -q --json m | jq -c '[.ok, .tensors, .unexpected]')" = \
        '[true,553,["model.language_model.layers.1.extra"]]' ]
    tensor "n = len(d); d += bytes(80)
for i in range(20): h['x%02d' % i] = {'dtype': 'F32', 'shape': [], 'data_offsets': [n + 4 * i, n + 4 * i + 4]}"
    run_err g4-model verify m
    [ "$status" -eq 0 ]
    [[ $errors == *"21 tensors are of no use"*"'x06', ..." ]]
    [ "$(wc -l <err)" -eq 1 ]
    run_err g4-model verify -v m
    [[ $errors == *"tensor 'x19': not used"* ]]
}

@test "files cut short, headers, parts" {
    head -c 9000000 "$DEMO/model.safetensors" >m/model.safetensors
    refused "truncated download"
    cp -f "$DEMO/model.safetensors" m
    tensor "h['$Q']['data_offsets'][1] += 2"
    refused "tensor '$Q'"
    head -c 1000000 m/gguf/g4-demo-q4_0.gguf >cut.gguf
    refused "'cut.gguf'" cut.gguf
    python3 "$G4_TOP/tests/reference/make_gguf.py" --split 3 . "$GOLDEN/decoder-e2b"
    rm decoder-e2b/model-00003-of-00003.gguf
    refused "model-00003-of-00003.gguf': part 3 of 3" decoder-e2b
}

@test "a vocabulary that is not readable" {
    rm m/tokenizer.json
    refused "'m/tokenizer.json': cannot open"
    head -c 1000 "$DEMO/tokenizer.json" >m/tokenizer.json
    refused "'m/tokenizer.json': "
    cp "$DEMO/tokenizer.json" m
    echo '{"temperature": "hot"}' >m/generation_config.json
    refused "'m/generation_config.json': temperature"
}

@test "checksums: a list, a file for one, blobs" {
    (cd m && sha256sum ./*.json model.safetensors >SHA256SUMS)
    run_err g4-model verify m
    [ "$status" -eq 0 ]
    [[ $output == *"every number, "[2-9]" checksums" ]]
    tensor "d[at('$Q')] ^= 1"
    refused "'m/model.safetensors': SHA-256 is "
    refused ", expected $(sha256sum <"$DEMO/model.safetensors" | cut -c 1-64) by 'm/SHA256SUMS'"
    cp -f "$DEMO/model.safetensors" m
    echo >>m/config.json
    refused "'m/config.json': SHA-256 is "
    rm m/SHA256SUMS
    run_err g4-model verify m
    [ "$status" -eq 0 ]
    cd m/gguf
    sha256sum <g4-demo-q4_0.gguf | cut -c 1-64 | tr a-f A-F >g4-demo-q4_0.gguf.sha256
    [[ $(g4-model verify g4-demo-q4_0.gguf) == *", 1 checksum" ]]
    printf x | dd of=g4-demo-q4_0.gguf bs=1 seek=$(($(stat -c %s g4-demo-q4_0.gguf) - 3)) conv=notrunc 2>/dev/null
    refused "'g4-demo-q4_0.gguf': SHA-256 is " g4-demo-q4_0.gguf
    hex=$(sha256sum <mmproj-g4-demo-bf16.gguf | cut -c 1-64)
    mkdir blobs
    mv mmproj-g4-demo-bf16.gguf blobs/$hex
    ln -s blobs/$hex mmproj.gguf
    [[ $(g4-model verify mmproj.gguf) == *", 1 checksum" ]]
    printf x >>blobs/$hex
    refused "'mmproj.gguf': SHA-256 is " mmproj.gguf
}

@test "-o, --json, \$G4_MODEL, usage" {
    g4-model verify m -o report
    [[ $(cat report) == "ok: 552 tensors"* ]]
    [ "$(G4_MODEL=m g4-model verify --json | jq -c '[.ok, .files, .tensors, .bytes, .values, .checksums, .unused]')" = \
        '[true,1,552,10121552,true,0,0]' ]
    rm -r m/config.json m/gguf
    run_err g4-model verify m -f -o report
    [ "$status" -eq 1 ]
    [[ $(cat report) == "ok: 552 tensors"* ]]
    run_err g4-model verify m m
    [ "$status" -eq 2 ]
    [[ $errors == *"verify: one model at a time, 'm' is one too many" ]]
}
