"""Makes training_options.json: steps of transformers' DistilBERT with PyTorch's AdamW, from tiny-distilbert, with the
settings that training.json leaves at their defaults: a cosine schedule, class weights, label smoothing, other betas, frozen
embeddings and a frozen layer. Dropout is off.

    python3 make_training_options.py ../../scripts/parity/testdata/tiny-distilbert >training_options.json
"""
import json
import random
import sys

import torch
from torch.nn.functional import cross_entropy
from transformers import DistilBertForTokenClassification, get_scheduler

model = DistilBertForTokenClassification.from_pretrained(sys.argv[1], dropout=0.0, attention_dropout=0.0).train()
classes, vocabulary = model.config.num_labels, model.config.vocab_size
random.seed(1)
settings = {"lr": 1e-3, "betas": [0.8, 0.99], "eps": 1e-6, "weight_decay": 0.1, "max_grad_norm": 0.5, "lr_scheduler_type": "cosine",
            "warmup_steps": 2, "total_steps": 8, "label_smoothing": 0.1, "freeze_embeddings": True, "freeze_layers": 1,
            "class_weights": [round(random.uniform(0.2, 4), 3) for _ in range(classes)]}

frozen = list(model.distilbert.embeddings.parameters()) + list(model.distilbert.transformer.layer[0].parameters())
for parameter in frozen:
    parameter.requires_grad = False
decays = lambda name: not name.endswith("bias") and "layer_norm" not in name and "LayerNorm" not in name
named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(
    [{"params": [p for name, p in named if decays(name)], "weight_decay": settings["weight_decay"]},
     {"params": [p for name, p in named if not decays(name)], "weight_decay": 0.0}],
    lr=settings["lr"], betas=settings["betas"], eps=settings["eps"])
scheduler = get_scheduler(settings["lr_scheduler_type"], optimizer, settings["warmup_steps"], settings["total_steps"])


def batch():
    lengths = [random.randint(3, 14) for _ in range(3)]
    pad = lambda row, value: row + [value] * (max(lengths) - len(row))
    tag = lambda: -100 if random.random() < 0.2 else random.randrange(classes)
    return {"input_ids": [pad([random.randrange(5, vocabulary) for _ in range(n)], 0) for n in lengths],
            "attention_mask": [pad([1] * n, 0) for n in lengths],
            "labels": [pad([tag() for _ in range(n)], -100) for n in lengths]}


def logits(b):
    return model(input_ids=torch.tensor(b["input_ids"]), attention_mask=torch.tensor(b["attention_mask"])).logits


steps = []
weights = torch.tensor(settings["class_weights"])
for _ in range(settings["total_steps"]):
    micro = [batch(), batch()]
    tags = torch.cat([torch.tensor(b["labels"]).flatten() for b in micro])
    total = weights[tags[tags >= 0]].sum()
    loss = 0.0
    for b in micro:
        part = cross_entropy(logits(b).view(-1, classes), torch.tensor(b["labels"]).flatten(), weight=weights, reduction="sum",
                             label_smoothing=settings["label_smoothing"]) / total
        part.backward()
        loss += part.item()
    norm = torch.nn.utils.clip_grad_norm_([p for _, p in named], settings["max_grad_norm"]).item()
    steps.append({"micro_batches": micro, "loss": loss, "grad_norm": norm, "lr": optimizer.param_groups[0]["lr"]})
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad()
with torch.no_grad():
    after = batch()
    after["logits"] = logits(after).tolist()
print(json.dumps({"optimizer": settings, "steps": steps, "after": after}))
