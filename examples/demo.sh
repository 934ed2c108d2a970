#!/bin/bash
# The first minute: the three pipelines on the bundled demo model, each command before its answer.
set -eu -o pipefail
cd "$(dirname "$0")/.."
export G4_MODEL=examples/demo-model PATH=$PWD/bin:$PATH

show() {
    printf '\n$ %s\n' "$1"
    bash -o pipefail -c "$1"
}

echo "G4_MODEL=$G4_MODEL (a toy model, trained for this demonstration)"
show "g4-audio examples/media/command.wav | g4-decode --greedy -p 'Transcribe this audio.'"
show "g4-vision -t 280 examples/media/shapes.png | g4-decode --greedy -p 'Describe this image.'"
show "g4-video examples/media/clip.mp4 | g4-decode --greedy -p 'Describe this video.'"
