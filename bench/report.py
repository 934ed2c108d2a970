#!/usr/bin/env python3
"""Markdown tables of JSON lines that the benchmarks wrote: limits, goals, stages, engines, kernels.

  bench/report.py FILE...

Of a row that was measured more than once the last one counts. Beside a missed goal stands by how much,
and where a share of the limit is known what ratio the limit itself would allow.
"""
import json
import sys


def read(paths):
    """kind of row -> name -> row; the newest of each."""
    found = {"limits": {}, "stage": {}, "kernel": {}, "versus": {}}
    for path in paths:
        with open(path) as lines:
            for row in map(json.loads, lines):
                name = {"limits": lambda r: r["threads"], "stage": lambda r: r["stage"],
                        "kernel": lambda r: (r["name"], r["size"].split(":")[0].split(",")[0], r["cpu"]),
                        "versus": lambda r: (r["engine"], r["stage"])}[row["bench"]](row)
                found[row["bench"]][name] = row
    return found


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def verdict(row):
    if "goal" not in row or row["goal"] is None:
        return ""
    reached = row["share"] if row.get("goal_of") == "share" else row.get("ratio", row.get("value"))
    goal = f"{100 * row['goal']:.0f} %" if row.get("goal_of") == "share" else number(row["goal"])
    sense = "&le;" if row.get("sense") == "<=" else "&ge;"
    if row["met"]:
        return f"{sense} {goal}: met"
    factor = reached / row["goal"] if row.get("sense") == "<=" else row["goal"] / reached
    return f"{sense} {goal}: **missed** by {factor:.2f}x"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def print_machine(found):
    row = next(iter([*found["stage"].values(), *found["kernel"].values(), *found["limits"].values()]))
    limits = row.get("limits", row)
    name = row.get("machine", "this machine")
    print(f"### {row['date']}, {name}, {row['cpu']}, {row['threads']} threads\n")
    print(f"Features: {row['features']}. Limits in the same run: f32 {limits['f32']:.0f}, bf16 {limits['bf16']:.0f}, "
          f"int8 {limits['int8']:.0f} GOP/s, reading {limits['read']:.1f} GB/s.\n")


def print_stages(found):
    rows = []
    for row in found["stage"].values():
        share = f"{100 * row['share']:.0f} % of {row['kind']}" if "share" in row else ""
        rows.append([row["label"], f"{number(row['value'])} {row['unit']}", share, verdict(row), row.get("note", "")])
    for row in found["kernel"].values():
        if row.get("times"):
            kind, count = row["name"].split(".")[1], row["size"].split(":")[0]
            goal = {"goal": 1.9, "sense": ">=", "value": row["times"], "met": row["times"] >= 1.9}
            rows.append([f"product with {kind}, {count}: {row['threads']} threads, times one",
                         f"{row['times']:.2f} times", f"{100 * row['share']:.0f} % of {row['kind']}",
                         verdict(goal) if row["threads"] == 2 else "", ""])
    if rows:
        table(["stage", "figure", "share of the limit", "goal", ""], rows)


def print_versus(found):
    for engine in dict.fromkeys(engine for engine, _ in found["versus"]):
        rows = []
        for (other, stage), row in found["versus"].items():
            if other != engine or "ratio" not in row:
                continue
            share = found["stage"].get(stage, {}).get("share")
            bound = f"{row['ratio'] / share:.1f}x" if share else ""
            rows.append([row.get("label", stage), number(row["ours"]), number(row["theirs"]), f"{row['ratio']:.2f}x",
                         bound, verdict(row), row.get("note", "")])
        table(["", "g4", engine, "ratio", "ratio at the limit", "goal", ""], rows)


def print_kernels(found):
    rows = []
    for row in found["kernel"].values():
        if (row["gflops"] or row["gbytes"]) and not row.get("times"):
            flops = f"{number(row['gflops'])} GOP/s, {100 * row['share']:.0f} % of {row['kind']}" if row["gflops"] else ""
            read_share = f"{number(row['gbytes'])} GB/s, {100 * row['read_share']:.0f} %" if row["gbytes"] else ""
            rows.append([row["name"], row["size"], f"{row['seconds'] * 1e3:.3f} ms", flops, read_share])
    if rows:
        print("<details><summary>Kernels</summary>\n")
        table(["kernel", "size", "a call", "products", "weights read"], rows)
        print("</details>")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: bench/report.py FILE...")
    found = read(sys.argv[1:])
    if not any(found.values()):
        sys.exit("report.py: no rows")
    print_machine(found)
    print_stages(found)
    print_versus(found)
    print_kernels(found)


if __name__ == "__main__":
    main()
