#!/usr/bin/env python3
"""A picture of what share of the machine's limits the stages and kernels reach.

  bench/plot.py -o FILE.svg FILE.jsonl...

The files are JSON lines of bench/stages.py and of the program kernels. A bar is the share of the
limit that bounds the row, in the colour of that limit; the mark on it is the goal: 60 % of the peak
of products for what is many rows, 85 % of reading for what is one. Of a row that was measured more
than once the last one counts. Colours follow the reader's light or dark scheme.
"""
import argparse
import re
import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True
import report  # noqa: E402

LEFT, WIDE, RIGHT, BAR, STEP = 262, 400, 138, 13, 20
GOALS = {"int8": 60, "bf16": 60, "f32": 60, "read": 85}
LIMITS = {"int8": "int8 products", "bf16": "bf16 products", "f32": "f32 products", "read": "reading memory"}
STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .group { font-weight: 600; }
  .quiet { fill: #59636e; font-size: 11px; }
  .ground { fill: #ffffff; }
  .grid { stroke: #d8dee4; stroke-width: 1; }
  .goal { stroke: #1f2328; stroke-width: 2; }
  .int8 { fill: #8250df; } .bf16 { fill: #0969da; } .f32 { fill: #1a7f37; } .read { fill: #bc4c00; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .ground { fill: #0d1117; }
    .grid { stroke: #30363d; }
    .goal { stroke: #e6edf3; }
    .int8 { fill: #ab7df8; } .bf16 { fill: #4493f8; } .f32 { fill: #3fb950; } .read { fill: #db6d28; }
  }
"""


def stage_bars(rows):
    """Label, share in per cent, kind, figure, goal."""
    return [(row["label"], 100 * row["share"], row["kind"], f"{report.number(row['value'])} {row['unit']}",
             100 * row["goal"] if row.get("goal_of") == "share" else None)
            for row in rows if "share" in row]


def product_bars(rows, pattern, goal=True):
    bars = []
    for row in rows:
        if row["gflops"] and re.match(pattern, f"{row['name']} {row['size']}"):
            bars.append((f"{row['name']} {row['size']}", 100 * row["share"], row["kind"],
                         f"{report.number(row['gflops'])} GOP/s", GOALS[row["kind"]] if goal else None))
    return bars


def read_bars(rows, pattern):
    return [(f"{row['name']} {row['size']}", 100 * row["read_share"], "read", f"{report.number(row['gbytes'])} GB/s",
             GOALS["read"]) for row in rows if row["gbytes"] and re.match(pattern, f"{row['name']} {row['size']}")]


def groups_of(found):
    stages, kernels = list(found["stage"].values()), list(found["kernel"].values())
    best = kernels[-1]["cpu"] if kernels else ""  # levels are written from the lowest up
    kernels = [row for row in kernels if row["cpu"] == best]
    model = stages[0]["model"] if stages else ""
    groups = [
        (f"Stages of {model}", stage_bars(stages)),
        ("Products of many rows, floats", product_bars(kernels, r"gemm\.BF16 (512|750|2520|10080)x|gemm\.F\w+ 512x")),
        ("Products of many rows, quantised", product_bars(kernels, r"gemm\.(Q|IQ)\w+ (64|512)x6144")),
        ("Products of eight rows, quantised", product_bars(kernels, r"gem[mv]\.(Q|IQ)\w+ 8x6144", False)),
        ("Products of one row: weights read", read_bars(kernels, r"gemv\.\w+ 1x(6144x1536|65536x1536)")),
        ("Attention of many rows", product_bars(kernels, r"attention (?!1x)")),
    ]
    return [(title, bars) for title, bars in groups if bars]


def legend(out, kinds, y):
    x = LEFT
    for kind in kinds:
        out.append(f'<rect class="{kind}" x="{x}" y="{y - 9}" width="10" height="10" rx="2"/>')
        out.append(f'<text class="quiet" x="{x + 14}" y="{y}">{LIMITS[kind]}</text>')
        x += 26 + 6.6 * len(LIMITS[kind])
    out.append(f'<line class="goal" x1="{x + 4}" x2="{x + 4}" y1="{y - 11}" y2="{y + 2}"/>')
    out.append(f'<text class="quiet" x="{x + 10}" y="{y}">goal</text>')


def draw_bar(out, bar, y, scale):
    label, share, kind, figure, goal = bar
    wide = max(1.0, min(share, 110) * scale)
    out.append(f'<text x="{LEFT - 8}" y="{y + BAR - 3}" text-anchor="end">{escape(label)}</text>')
    out.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="2"/>')
    end = wide
    if goal:
        x = LEFT + goal * scale
        out.append(f'<line class="goal" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + BAR + 3}"/>')
        if wide < goal * scale < wide + 150:
            end = goal * scale
    out.append(f'<text x="{LEFT + end + 6:.1f}" y="{y + BAR - 3}">{share:.0f} %'
               f'<tspan class="quiet" dx="6">{escape(figure)}</tspan></text>')


def draw(found):
    groups = groups_of(found)
    if not groups:
        sys.exit("plot.py: no row has a share of a limit")
    rows = [*found["stage"].values(), *found["kernel"].values()]
    first, kinds = rows[0], dict.fromkeys(bar[2] for _, bars in groups for bar in bars)
    height = 84 + sum(34 + STEP * len(bars) for _, bars in groups) + 18
    scale, total = WIDE / 110, LEFT + WIDE + RIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{total}" height="{height}" '
           f'viewBox="0 0 {total} {height}" role="img">',
           "<title>Share of the machine's limits, per stage and kernel</title>",
           f"<style>{STYLE}</style>", f'<rect class="ground" width="{total}" height="{height}"/>',
           '<text class="title" x="16" y="28">Share of the machine\'s limit</text>',
           f'<text class="quiet" x="16" y="47">{escape(first.get("machine", ""))} {escape(first["cpu"])}, '
           f'{first["threads"]} threads, {first["date"]}</text>']
    legend(out, kinds, 66)
    for percent in range(0, 101, 20):
        x = LEFT + percent * scale
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="84" y2="{height - 24}"/>')
        out.append(f'<text class="quiet" x="{x:.1f}" y="{height - 9}" text-anchor="middle">{percent} %</text>')
    y = 84
    for title, bars in groups:
        out.append(f'<text class="group" x="16" y="{y + 18}">{escape(title)}</text>')
        y += 28
        for bar in bars:
            draw_bar(out, bar, y, scale)
            y += STEP
        y += 6
    return "\n".join([*out, "</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    picture = draw(report.read(options.files))
    with open(options.output, "w") as out:
        out.write(picture)


if __name__ == "__main__":
    main()
