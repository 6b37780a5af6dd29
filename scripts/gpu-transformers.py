"""Times transformers on a checkpoint and texts, for scripts/gpu-check.sh; gpu-aims.py sets pii's times beside it.

    gpu-transformers.py MODEL_DIR TEXTS.jsonl cuda|cpu RESULTS_DIR [quick]

Writes transformers.json in RESULTS_DIR. Texts are never printed.

On a CPU it does little, with one thread. PyTorch's threads wait for one another at the end of each operation: where something else wants a
core, two of them take ten or twenty times as long as one.
"""
import contextlib, json, os, sys, time

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer, DistilBertConfig
from transformers.utils import logging

folder, path, device, results = sys.argv[1:5]
gpu = device != "cpu"
little = not gpu or sys.argv[5:] == ["quick"]
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SINGLE = 20 if little else 200  # texts that are timed one at a time
BATCHES = [4, 16] if little else [8, 32, 128, 512]
PASSES = 1 if little else 3  # over all texts, in each size of a batch; the best counts
STEPS = 2 if little else 50  # as many as pii's


def clock():
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter()


def quantile(times, p):
    return sorted(times)[min(len(times) - 1, int(len(times) * p))]


def encoded(tokenizer, texts):
    ids = tokenizer(texts, return_tensors="pt", padding=True, truncation=True)
    return {k: v for k, v in ids.items() if k != "token_type_ids"}


def logits(model, ids):
    return model(**{k: v.to(device) for k, v in ids.items()}).logits.float().cpu()


@torch.inference_mode()
def forward(tokenizer, model, texts):
    """Milliseconds from token ids to logits, one text at a time, copies to and from the device included: what pii calls forward."""
    inputs, times = [encoded(tokenizer, [text]) for text in texts], []
    for timed in False, True:  # the first warms up every shape
        for ids in inputs:
            begun = clock()
            logits(model, ids)
            if timed:
                times.append(1e3 * (clock() - begun))
    return {"texts": len(times), "p50_ms": quantile(times, 0.5), "p95_ms": quantile(times, 0.95)}


@torch.inference_mode()
def throughput(tokenizer, model, texts, size):
    """Texts a second, from texts to logits. Texts are sorted by length, so that little is padded."""
    best = float("inf")
    for timed in [False] + PASSES * [True]:
        begun = clock()
        for at in range(0, len(texts), size):
            logits(model, encoded(tokenizer, texts[at:at + size]))
        if timed:
            best = min(best, clock() - begun)
    return {"batch": size, "texts_per_second": len(texts) / best}


def fresh(attention):
    """A model to be trained: on a GPU DistilBERT-base, with the vocabulary that pii's steps have; on a CPU the checkpoint."""
    if gpu:
        return AutoModelForTokenClassification.from_config(DistilBertConfig(num_labels=15), attn_implementation=attention).to(device)
    return load(attention)


def load(attention):
    return AutoModelForTokenClassification.from_pretrained(folder, attn_implementation=attention).to(device)


def training_step(model, dtype):
    """Milliseconds of a step over 16 rows of 40 tokens: the mean of all, which the host does not wait for one by one, as with pii's."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=gpu)
    ids = torch.randint(5, model.config.vocab_size, (16, 40), device=device)
    labels = torch.randint(0, model.config.num_labels, (16, 40), device=device)
    warm_up = 1 + STEPS // 5
    for i in range(warm_up + STEPS):
        if i == warm_up:
            begun = clock()
        optimizer.zero_grad()
        with torch.autocast(device, dtype=dtype) if dtype != torch.float32 else contextlib.nullcontext():
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return 1e3 * (clock() - begun) / STEPS


def measure(precision, attention, texts):
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load(attention).to(TYPES[precision]).eval()
    row = {"precision": precision, "attention": attention, "forward": forward(tokenizer, model, spread(texts, SINGLE))}
    row["throughput"] = [throughput(tokenizer, model, texts, size) for size in BATCHES]
    row["training_step_ms"] = training_step(fresh(attention), TYPES[precision])
    return row


def spread(texts, number):
    """So many of the texts, evenly from the shortest to the longest, as pii chooses them."""
    number = min(number, len(texts))
    return [texts[int((i + 0.5) * len(texts) / number)] for i in range(number)]


def main():
    logging.disable_progress_bar()
    if not gpu:
        torch.set_num_threads(1)
    with open(path, encoding="utf-8") as f:
        texts = sorted((json.loads(line)["text"] for line in f if line.strip()), key=len)
    if little:
        texts = spread(texts, SINGLE)
    rows = []
    for precision, attention in [("fp32", "eager"), ("bf16", "sdpa")]:
        rows.append(measure(precision, attention, texts))
        found = {"torch": torch.__version__, "model": os.path.basename(folder), "threads": torch.get_num_threads(), "rows": rows}
        with open(os.path.join(results, "transformers.json"), "w") as f:  # after each, so that it is there if the time is up
            json.dump(found, f, indent=1)
        print(precision, attention, summary(rows[-1]), flush=True)


def summary(row):
    best = max(t["texts_per_second"] for t in row["throughput"])
    return f"{row['forward']['p50_ms']:.2f} ms a text alone, {best:.0f} texts/s, {row['training_step_ms']:.1f} ms a training step"


main()
