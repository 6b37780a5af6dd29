"""Times transformers on a checkpoint and texts, for scripts/gpu-check.sh, and sets pii's times beside it.

    gpu-transformers.py MODEL_DIR TEXTS.jsonl cuda|cpu RESULTS_DIR [quick]

Reads benchmark.json and training_step.json in RESULTS_DIR and writes transformers.json there. Texts are never printed.
"""
import contextlib, json, os, statistics, sys, time

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

folder, path, device, results = sys.argv[1:5]
quick = sys.argv[5:] == ["quick"]
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
BATCHES = {"cpu": [8, 32], "cuda": [8, 32, 128, 512]}


def clock():
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()


def quantile(times, p):
    return sorted(times)[min(len(times) - 1, int(len(times) * p))]


def encoded(tokenizer, texts):
    return {k: v.to(device) for k, v in tokenizer(texts, return_tensors="pt", padding=True, truncation=True).items() if k != "token_type_ids"}


@torch.inference_mode()
def forward(tokenizer, model, texts):
    """Milliseconds of a forward pass, one text at a time, copies included."""
    times, warm_up = [], texts[:10]
    for text in warm_up + texts:
        begun = clock()
        model(**encoded(tokenizer, [text])).logits.float().cpu()
        times.append(1e3 * (clock() - begun))
    times = times[len(warm_up):]
    return {"p50_ms": quantile(times, 0.5), "p95_ms": quantile(times, 0.95)}


@torch.inference_mode()
def throughput(tokenizer, model, texts, size):
    order, seconds = sorted(texts, key=len), []
    for _ in range(2):  # the first warms up every shape
        begun = clock()
        for at in range(0, len(order), size):
            model(**encoded(tokenizer, order[at:at + size])).logits.float().cpu()
        seconds.append(clock() - begun)
    return {"batch": size, "texts_per_second": len(order) / seconds[-1]}


def training_step(model, dtype):
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5)
    ids = torch.randint(5, model.config.vocab_size, (16, 40), device=device)
    labels = torch.randint(0, model.config.num_labels, (16, 40), device=device)
    times = []
    for _ in range(3 if quick else 60):
        begun = clock()
        optimizer.zero_grad()
        with torch.autocast(device, dtype=dtype) if dtype != torch.float32 else contextlib.nullcontext():
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append(1e3 * (clock() - begun))
    return statistics.median(times[len(times) // 6:])


def measure(precision, attention, texts):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    load = lambda: AutoModelForTokenClassification.from_pretrained(folder, attn_implementation=attention).to(device)
    model = load().to(TYPES[precision]).eval()
    row = {"precision": precision, "attention": attention, "forward": forward(tokenizer, model, texts[:5 if quick else 200])}
    row["throughput"] = [throughput(tokenizer, model, texts, size) for size in ([4] if quick else BATCHES[device])]
    if device != "cpu":
        row["training_step_ms"] = training_step(load(), TYPES[precision])
    return row


def read(name):
    try:
        with open(os.path.join(results, name)) as f:
            return json.load(f)
    except (OSError, ValueError):
        return []


def ours():
    """pii's figures of the same checkpoint, by precision: p50 of a forward pass, texts a second, a training step."""
    rows = {}
    for entry in read("benchmark.json"):
        if entry["model"] != os.path.basename(folder):
            continue
        for r in entry["result"].get("rows", entry["result"].get("devices", [])):
            if r.get("missing") or not r.get("forward") or not r["device"].startswith(device):
                continue
            mine = rows.setdefault(r["precision"], {})
            if r.get("batch", 1) == 1:
                mine["forward_p50_ms"] = r["forward"]["p50"]["ms"]
            mine["texts_per_second"] = max(mine.get("texts_per_second", 0), r["texts_per_second"])
    for r in read("training_step.json"):
        rows.setdefault(r["precision"], {})["training_step_ms"] = r["ns"] / 1e6
    return rows


def ratios(rows, mine):
    """What is asked of pii on a GPU, as ratios to transformers; None where one of the two is missing."""
    def of(precision, attention, key):
        return next((key(r) for r in rows if (r["precision"], r["attention"]) == (precision, attention)), None)

    def ratio(a, b):
        return a / b if a and b else None

    best = of("bf16", "sdpa", lambda r: max(t["texts_per_second"] for t in r["throughput"]))
    return {
        "forward_p50_fp32_to_eager": ratio(mine.get("fp32", {}).get("forward_p50_ms"), of("fp32", "eager", lambda r: r["forward"]["p50_ms"])),
        "texts_per_second_bf16_end_to_end_to_sdpa": ratio(mine.get("bf16", {}).get("texts_per_second"), best),
        "training_step_bf16": ratio(mine.get("bf16", {}).get("training_step_ms"), of("bf16", "sdpa", lambda r: r.get("training_step_ms"))),
    }


# What is aimed at on a GPU: at most so much of transformers' time, at least so many times its texts a second.
AIMS = {"forward_p50_fp32_to_eager": ("at most", 0.35), "texts_per_second_bf16_end_to_end_to_sdpa": ("at least", 2),
        "training_step_bf16": ("at most", 0.6)}


def verdict(name, value):
    kind, bound = AIMS[name]
    if value is None:
        return f"{name}: not measured, {kind} {bound} is aimed at"
    met = value <= bound if kind == "at most" else value >= bound
    return f"{name}: {value:.3f}, {kind} {bound} is aimed at: {'met' if met else 'missed'}"


with open(path, encoding="utf-8") as f:
    texts = [json.loads(line)["text"] for line in f if line.strip()]
if quick:
    texts = texts[:20]
rows = []
for precision, attention in [("fp32", "eager")] if quick else [("fp32", "eager"), ("bf16", "sdpa")]:
    rows.append(measure(precision, attention, texts))
    found = {"torch": torch.__version__, "model": os.path.basename(folder), "rows": rows, "pii": ours()}
    found["ratios"] = ratios(rows, found["pii"])
    with open(os.path.join(results, "transformers.json"), "w") as f:  # after each, so that it is there if the time is up
        json.dump(found, f, indent=1)
print("ratios to transformers:")
for name, value in found["ratios"].items():
    print(" ", verdict(name, value))
