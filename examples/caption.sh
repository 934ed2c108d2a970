#!/bin/sh
# caption.sh DIR: a caption beside each picture in DIR that has none yet: a.jpg -> a.jpg.txt.
# Interrupted, it goes on where it stopped.
set -eu
[ $# -eq 1 ] || { echo "usage: caption.sh DIR" >&2; exit 2; }
find "$1" -type f \( -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.png' -o -iname '*.webp' \) |
    while IFS= read -r picture; do
        [ -e "$picture.txt" ] && continue
        g4-vision -t 70 -- "$picture" |
            g4-decode -q -o "$picture.txt" -p "${PROMPT:-Caption this image.}" ||
            echo "caption.sh: no caption for '$picture'" >&2
    done
