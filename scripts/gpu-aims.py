"""Sets pii's figures beside those of transformers, and says which of the aims for a GPU are met, for scripts/gpu-check.sh.

    gpu-aims.py RESULTS_DIR cuda|cpu [quick]

Reads benchmark.json, training_step.json and transformers.json in RESULTS_DIR, as many as are there, and writes aims.json. The aims are of
DistilBERT-base on a GPU, but tags, which are those of the small model. What was not measured there counts as not measured; on a CPU, or
with quick, nothing does, and the ratios only show that they can be made.
"""
import json, os, sys

# Each with the bound, and whether it is of DistilBERT-base alone.
AIMS = {
    "forward_p50_fp32_to_eager": ("at most", 0.35, True),
    "texts_per_second_bf16_end_to_end_to_sdpa": ("at least", 2, True),
    "training_step_bf16": ("at most", 0.6, False),
    "tags_equal_fp32": ("at least", 0.999, False),
    "tags_equal_bf16": ("at least", 0.998, False),
}


def read(results, name, missing):
    try:
        with open(os.path.join(results, name), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return missing


def times(benchmarks, model, device):
    """pii's figures of a model, by precision: the median of a text alone, and the most texts a second."""
    found = {}
    for entry in benchmarks:
        for r in entry["result"]["rows"] if entry["model"] == model else []:
            if r.get("missing") or not r["device"].startswith(device):
                continue
            mine = found.setdefault(r["precision"], {})
            if r["batch"] == 1:
                mine["p50_ms"] = r["forward"]["p50"]["ms"]
            mine["texts_per_second"] = max(mine.get("texts_per_second", 0), r["texts_per_second"])
    return found


def tags(benchmarks, precision, device):
    """The share of tokens whose likeliest tag is the CPU's in fp32; None where it was not measured."""
    for entry in benchmarks:
        for m in entry["result"]["models"] if entry["model"] == "small" else []:
            if m["precision"] == precision and m["device"].startswith(device) and not m.get("missing"):
                return m["tags_equal"]
    return None


def ratio(a, b):
    return a / b if a and b else None


def values(results, device):
    """The value of each aim, None where a part of it is missing, and the model that was timed."""
    benchmarks, theirs = read(results, "benchmark.json", []), read(results, "transformers.json", {"rows": [], "model": None})
    mine = times(benchmarks, theirs["model"], device)
    rows = {(r["precision"], r["attention"]): r for r in theirs["rows"]}
    eager, sdpa = rows.get(("fp32", "eager")), rows.get(("bf16", "sdpa"))
    step = next((r["ns"] / 1e6 for r in read(results, "training_step.json", []) if r["precision"] == "bf16"), None)
    return {
        "forward_p50_fp32_to_eager": ratio(mine.get("fp32", {}).get("p50_ms"), eager and eager["forward"]["p50_ms"]),
        "texts_per_second_bf16_end_to_end_to_sdpa": ratio(
            mine.get("bf16", {}).get("texts_per_second"), sdpa and max(t["texts_per_second"] for t in sdpa["throughput"])),
        "training_step_bf16": ratio(step, sdpa and sdpa["training_step_ms"]),
        "tags_equal_fp32": tags(benchmarks, "fp32", device),
        "tags_equal_bf16": tags(benchmarks, "bf16", device),
    }, theirs["model"]


def verdict(value, kind, bound, counts):
    if value is None or not counts:
        return "not measured"
    return "met" if (value <= bound if kind == "at most" else value >= bound) else "missed"


def main(results, device, quick):
    found, model = values(results, device)
    aims = []
    for name, (kind, bound, of_base) in AIMS.items():
        counts = device == "cuda" and not quick and (model == "base" or not of_base)
        aims.append({"aim": name, kind.replace(" ", "_"): bound, "value": found[name], "verdict": verdict(found[name], kind, bound, counts)})
        value = "nothing" if found[name] is None else f"{found[name]:.4g}"
        print(f"  {name}: {value}; {kind} {bound} is aimed at on a GPU: {aims[-1]['verdict']}")
    with open(os.path.join(results, "aims.json"), "w", encoding="utf-8") as f:
        json.dump(aims, f, indent=1)
    print(", ".join(f"{sum(a['verdict'] == v for a in aims)} {v}" for v in ("met", "missed", "not measured")))


main(sys.argv[1], sys.argv[2], sys.argv[3:] == ["quick"])
