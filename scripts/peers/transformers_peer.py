"""transformers on PyTorch as a peer: transformers_peer.py MODEL_DIR fp32|bf16 THREADS. It speaks as ort.js does."""

import json
import sys
import time

import torch
from transformers import AutoModelForTokenClassification


def tensors(rows):
    """The rows of a call, padded to the longest."""
    length = max(map(len, rows))
    ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}


@torch.inference_mode()
def main(folder, dtype, threads):
    torch.set_num_threads(int(threads))
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    if dtype == "bf16":
        model = model.bfloat16()
    print("ready", flush=True)
    for line in sys.stdin:
        took = []
        for rows in json.loads(line):
            inputs = tensors(rows)
            start = time.perf_counter()
            model(**inputs).logits
            took.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(took), flush=True)


main(*sys.argv[1:])
