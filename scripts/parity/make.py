"""Makes fixtures of the shape of testdata with Hugging Face's libraries: python3 make.py DIR SEED TEXTS.jsonl

TEXTS.jsonl has transcripts, such as `pii data synth` writes. Needs torch, transformers and tokenizers; testdata/README.md says
what each file is. `make parity FIXTURES=DIR` then holds this program against DIR. metrics.json is not among them.
"""
import json, os, random, sys
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import (AutoTokenizer, DistilBertConfig, DistilBertForTokenClassification, PreTrainedTokenizerFast,
                          get_linear_schedule_with_warmup, pipeline)

out, seed, source = sys.argv[1], int(sys.argv[2]), sys.argv[3]
random.seed(seed); torch.manual_seed(seed); torch.set_num_threads(1)
model_dir = os.path.join(out, "tiny-distilbert"); os.makedirs(model_dir, exist_ok=True)
TYPES = ["CREDIT_CARD", "PHONE", "EMAIL", "PERSON_NAME", "DATE", "CITY", "LOCATION"]
LABELS = ["O"] + [p + t for t in TYPES for p in ("B-", "I-")]

def dump(name, value):
    with open(os.path.join(out, name), "w", encoding="utf-8") as f: json.dump(value, f)

def dump_lines(name, values):
    with open(os.path.join(out, name), "w", encoding="utf-8") as f:
        for v in values: f.write(json.dumps(v) + "\n")

# Texts: transcripts, some with accents and case, and texts of characters from everywhere.
ACCENTS = {"a": "áàäãåā", "e": "éèëêę", "i": "íìïİı", "o": "óòöõø", "u": "úùüů", "c": "çč", "n": "ñń", "s": "šßſ", "z": "žż"}
def accented(text):
    return "".join(random.choice(ACCENTS[c]) if c in ACCENTS and random.random() < 0.08 else
                   c.upper() if random.random() < 0.05 else c for c in text)

POOL = ([chr(c) for c in range(0x20, 0x7F)] * 2 + list("\t\n\r\x00\x07\x7f\x85\xa0\u00ad\u200b\u200c\u200d\u2028\u3000\ufeff\ufffd\ue000") +
        list("éÉñßİıǅﬁΩσςЖжאبतमिक्ष한국어각ㄱ日本語々〆カナ。、！？«»“”‘’…—€£©™½²٣१𝒜𝟘😀👍🏽🇮🇳") + [chr(c) for c in range(0x300, 0x330)] +
        ["[MASK]", "[SEP]", "[CLS]", "[PAD]", "[UNK]", "[mask]", "[ MASK ]", "##a", "e\u0301", "o\u0308\u0323", "a" * 100, "b" * 101, " " * 3])
def awkward(): return "".join(random.choice(POOL) for _ in range(random.randint(1, 40)))

transcripts = [json.loads(l)["text"] for l in open(source, encoding="utf-8")]
random.shuffle(transcripts)
texts = [t if random.random() < 0.5 else accented(t) for t in transcripts[:400]]

# The tokenizer and the model, whose weights are large enough that an error shows.
trainer = BertWordPieceTokenizer(lowercase=True)
trainer.train_from_iterator(texts + [awkward() for _ in range(200)], vocab_size=3000, min_frequency=1, show_progress=False)
trainer.save_model(model_dir)
plain = BertWordPieceTokenizer(os.path.join(model_dir, "vocab.txt"), lowercase=True)
PreTrainedTokenizerFast(tokenizer_object=plain._tokenizer, unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]", cls_token="[CLS]",
                        mask_token="[MASK]", model_max_length=128).save_pretrained(model_dir)
tokenizer = AutoTokenizer.from_pretrained(model_dir)
config = DistilBertConfig(vocab_size=len(tokenizer), dim=64, hidden_dim=256, n_layers=3, n_heads=4, max_position_embeddings=128,
                          num_labels=len(LABELS), id2label=dict(enumerate(LABELS)), label2id={l: i for i, l in enumerate(LABELS)})
model = DistilBertForTokenClassification(config).eval()
with torch.no_grad():
    for name, p in model.named_parameters():
        p.normal_(0, 0.12) if p.dim() > 1 else p.add_(torch.randn_like(p) * (0.1 if "norm.weight" in name.lower() else 0.05))
model.save_pretrained(model_dir)
torch.save(model.state_dict(), os.path.join(model_dir, "pytorch_model.bin"))

def encode(text): return tokenizer(text, return_offsets_mapping=True)
dump_lines("tokenization.jsonl", [{"text": t, "ids": e["input_ids"], "offsets": e["offset_mapping"]}
                                  for t in texts + [awkward() for _ in range(300)] for e in [encode(t)]])

def windows(text, length, stride):
    e = tokenizer(text, truncation=True, max_length=length, stride=stride, return_overflowing_tokens=True, return_offsets_mapping=True)
    return {"text": text, "max_length": length, "stride": stride,
            "windows": [{"ids": i, "offsets": o} for i, o in zip(e["input_ids"], e["offset_mapping"])]}
dump_lines("windows.jsonl", [windows(" ".join(random.choices(texts, k=random.randint(1, 20))), 32, 8) for _ in range(40)])

def padded(size, labelled=False):
    chosen = [t for t in random.choices(texts, k=size)]
    batch = tokenizer(chosen, padding=True, truncation=True, max_length=128, return_tensors="pt")
    if labelled:
        special = (batch["input_ids"] == tokenizer.cls_token_id) | (batch["input_ids"] == tokenizer.sep_token_id)
        labels = torch.randint(0, len(LABELS), batch["input_ids"].shape)
        labels[torch.rand(labels.shape) < 0.5] = 0
        labels[special | (batch["attention_mask"] == 0)] = -100
        batch["labels"] = labels
    return batch
def as_lists(batch): return {k: v.tolist() for k, v in batch.items() if k != "token_type_ids"}
def forward(batch, **more): return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], **more)

with torch.no_grad():
    batches = [padded(n) for n in (1, 3, 6, 8)]
    dump("logits.json", [{**as_lists(b), "logits": forward(b).logits.tolist()} for b in batches])

# What the pipeline finds, before training changes the weights.
cases = []
for how in ("none", "simple", "first", "average", "max"):
    tagger = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=how)
    for text in texts[:8] + [accented(t) for t in texts[8:12]]:
        cases.append({"strategy": how, "text": text, "entities": [
            {k: v.item() if hasattr(v, "item") else v for k, v in e.items()} for e in tagger(text)]})
dump("aggregation.json", cases)

# A training without dropout, with accumulation over two micro-batches.
for m in model.modules():
    if isinstance(m, torch.nn.Dropout): m.p = 0.0
for layer in model.distilbert.transformer.layer:
    layer.attention.dropout.p = 0.0
    layer.attention.dropout_p = 0.0
o = {"name": "AdamW", "lr": 5e-4, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "max_grad_norm": 1.0, "warmup_steps": 3,
     "total_steps": 24, "gradient_accumulation": 2, "dropout": 0.0}
no_decay = lambda n: n.endswith("bias") or "layer_norm" in n or "LayerNorm" in n
groups = [{"params": [p for n, p in model.named_parameters() if not no_decay(n)], "weight_decay": o["weight_decay"]},
          {"params": [p for n, p in model.named_parameters() if no_decay(n)], "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=o["lr"], betas=tuple(o["betas"]), eps=o["eps"])
scheduler = get_linear_schedule_with_warmup(optimizer, o["warmup_steps"], o["total_steps"])
model.train()
steps = []
for _ in range(o["total_steps"]):
    micro = [padded(random.randint(2, 6), labelled=True) for _ in range(o["gradient_accumulation"])]
    tokens = sum((b["labels"] != -100).sum().item() for b in micro)
    loss = 0.0
    for b in micro:
        part = torch.nn.functional.cross_entropy(forward(b).logits.flatten(0, 1), b["labels"].flatten(), ignore_index=-100, reduction="sum") / tokens
        part.backward(); loss += part.item()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), o["max_grad_norm"]).item()
    steps.append({"micro_batches": [as_lists(b) for b in micro], "loss": loss, "grad_norm": norm, "lr": scheduler.get_last_lr()[0]})
    optimizer.step(); scheduler.step(); optimizer.zero_grad()
model.eval()
with torch.no_grad():
    after = padded(4)
    dump("training.json", {"optimizer": o, "start": "tiny-distilbert", "steps": steps, "after": {**as_lists(after), "logits": forward(after).logits.tolist()}})
