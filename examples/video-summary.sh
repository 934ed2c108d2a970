#!/bin/sh
# video-summary.sh CLIP...: a heading and a summary per clip, as Markdown; long clips minute by minute.
set -eu
[ $# -gt 0 ] || { echo "usage: video-summary.sh CLIP..." >&2; exit 2; }
for clip in "$@"; do
    printf '## %s\n\n' "$clip"
    g4-video --parts -- "$clip" |
        g4-decode -q --each -p "${PROMPT:-Summarise this clip in two sentences.}"
    echo
done
