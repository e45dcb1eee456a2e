"""Turns lines of the runners into a Markdown table: the median of the rounds, and our ratio to the best peer."""

import collections
import json
import statistics
import sys

values = collections.defaultdict(list)
memory = collections.defaultdict(list)
facts = {}
for line in open(sys.argv[1], encoding="utf-8"):
    row = json.loads(line)
    values[row["task"], row["threads"], row["peer"]].append(row["value"])
    if "extra_peak_mb" in row.get("extra", {}):
        memory[row["task"], row["threads"], row["peer"]].append(row["extra"]["extra_peak_mb"])
    facts[row["task"]] = (row["unit"], row["higher_is_better"])



def megabytes(*key):
    return f"{statistics.median(memory[key]):.1f}" if memory.get(key) else ""


print("| task | unit | threads | purlin | best peer | ratio | MB | its MB | all peers |")
print("|---|---|---|---|---|---|---|---|---|")
for task, threads in dict.fromkeys((t, n) for t, n, _ in values):
    unit, higher = facts[task]
    row = {p: statistics.median(v) for (t, n, p), v in values.items() if (t, n) == (task, threads)}
    ours = row.pop("purlin", None)
    best = (max if higher else min)(row, key=row.get) if row else None
    ratio = (ours / row[best] if higher else row[best] / ours) if ours and best else None
    print(
        f"| {task} | {unit} | {threads} | {'' if ours is None else f'{ours:.4g}'} "
        f"| {'' if best is None else f'{best} {row[best]:.4g}'} | {'' if ratio is None else f'{ratio:.2f}'} "
        f"| {megabytes(task, threads, 'purlin')} | {megabytes(task, threads, best)} "
        f"| {', '.join(f'{p} {v:.4g}' for p, v in row.items() if p != best)} |"
    )
print("\nMB: peak resident memory of the first call, above what there was before it.")
print("A ratio above 1 says that Purlin is ahead. Medians over the rounds, all sides in turn.")
