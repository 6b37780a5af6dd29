"""Makes the folder masked_lm, a small DistilBertForMaskedLM as save_pretrained writes it, and masked_lm.json: steps of its
training with PyTorch's AdamW, each of two micro-batches, and then the logits and the loss of a batch, as transformers computes
them. Labels are -100 but where a token was masked. Dropout is off.

    python3 make_masked_lm.py .
"""
import json
import os
import random
import sys

import torch
from transformers import DistilBertConfig, DistilBertForMaskedLM, get_scheduler

folder = os.path.join(sys.argv[1], "masked_lm")
torch.manual_seed(3)
random.seed(3)
model = DistilBertForMaskedLM(DistilBertConfig(vocab_size=48, max_position_embeddings=24, dim=16, hidden_dim=24, n_layers=2,
                                               n_heads=2, initializer_range=0.3))
with torch.no_grad():  # biases and layer norms other than 0 and 1, so that mixing them up would show
    for name, p in model.named_parameters():
        if p.dim() == 1:
            p.add_(torch.randn_like(p) * 0.3)
model.save_pretrained(folder)
model = DistilBertForMaskedLM.from_pretrained(folder, dropout=0.0, attention_dropout=0.0).train()

settings = {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1, "max_grad_norm": 1.0,
            "lr_scheduler_type": "linear", "warmup_steps": 2, "total_steps": 8}
decays = lambda name: not name.endswith("bias") and "layer_norm" not in name and "LayerNorm" not in name
named = list(model.named_parameters())
optimizer = torch.optim.AdamW(
    [{"params": [p for name, p in named if decays(name)], "weight_decay": settings["weight_decay"]},
     {"params": [p for name, p in named if not decays(name)], "weight_decay": 0.0}],
    lr=settings["lr"], betas=settings["betas"], eps=settings["eps"])
scheduler = get_scheduler(settings["lr_scheduler_type"], optimizer, settings["warmup_steps"], settings["total_steps"])


def batch():
    lengths = [random.randint(3, 14) for _ in range(3)]
    pad = lambda row, value: row + [value] * (max(lengths) - len(row))
    rows = [[2] + [random.randrange(5, 48) for _ in range(n)] + [3] for n in lengths]
    labels = [[-100 if id < 5 or random.random() > 0.3 else id for id in row] for row in rows]
    masked = [[4 if label >= 0 and random.random() < 0.8 else id for id, label in zip(*pair)] for pair in zip(rows, labels)]
    lengths = [n + 2 for n in lengths]
    return {"input_ids": [pad(row, 0) for row in masked], "attention_mask": [pad([1] * n, 0) for n in lengths],
            "labels": [pad(row, -100) for row in labels]}


def run(b):
    return model(**{key: torch.tensor(b[key]) for key in ("input_ids", "attention_mask", "labels")})


steps = []
for _ in range(settings["total_steps"]):
    micro = [batch(), batch()]
    counts = [sum(label >= 0 for row in b["labels"] for label in row) for b in micro]
    loss = 0.0
    for b, count in zip(micro, counts):
        part = run(b).loss * count / sum(counts)
        part.backward()
        loss += part.item()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings["max_grad_norm"]).item()
    steps.append({"micro_batches": micro, "loss": loss, "grad_norm": norm, "lr": optimizer.param_groups[0]["lr"]})
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
with torch.no_grad():
    after = batch()
    out = run(after)
    after["logits"] = out.logits.tolist()
with open(os.path.join(sys.argv[1], "masked_lm.json"), "w") as f:
    json.dump({"optimizer": settings, "steps": steps, "after": after, "loss": out.loss.item()}, f)
    f.write("\n")
