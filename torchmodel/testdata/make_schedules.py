"""Makes schedules.json: the learning rates of transformers' schedules, step by step.

    python3 make_schedules.py >schedules.json
"""
import json

import torch
from transformers import get_scheduler

cases = []
for kind in ["linear", "cosine", "constant", "constant_with_warmup"]:
    for total, warmup in [(1, 0), (1, 1), (7, 0), (7, 3), (7, 7), (5, 9), (24, 3), (30, 1)]:
        optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
        scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warmup, num_training_steps=total)
        rates = []
        for _ in range(total + 3):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        cases.append({"kind": kind, "peak": 3e-4, "warmup": warmup, "total": total, "rates": rates})
print("[" + ",\n".join(json.dumps(case) for case in cases) + "]")
