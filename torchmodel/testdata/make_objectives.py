"""Makes objectives.json: losses and their gradients as PyTorch's cross_entropy has them, and where there are no class
weights, as the LabelSmoother of transformers' Trainer has the loss.

    python3 make_objectives.py >objectives.json
"""
import json

import torch
from torch.nn.functional import cross_entropy
from transformers.trainer_pt_utils import LabelSmoother

torch.manual_seed(0)
CLASSES = 5
cases = []
for smoothing in [0.0, 0.1, 0.5]:
    for weights in [None, [1.0] * CLASSES, [0.2, 3.0, 1.5, 0.7, 10.0]]:
        logits = (torch.randn(8, CLASSES) * 3).requires_grad_()
        tags = torch.tensor([0, 0, -100, 1, 2, 4, 3, -100])
        loss = cross_entropy(logits, tags, weight=None if weights is None else torch.tensor(weights), label_smoothing=smoothing)
        loss.backward()
        case = {"smoothing": smoothing, "weights": weights, "tags": tags.tolist(), "logits": logits.tolist(),
                "loss": loss.item(), "gradient": logits.grad.tolist()}
        if weights is None:
            case["transformers"] = LabelSmoother(epsilon=smoothing)({"logits": logits}, tags).item()
        cases.append(case)
print("[" + ",\n".join(json.dumps(case) for case in cases) + "]")
