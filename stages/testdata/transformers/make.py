"""Reads the model folders that TestTransformersReadsOurModels wrote, and writes what transformers makes of texts with them.
See README.md."""
import hashlib, json, os, sys
import tokenizers, torch, transformers
from transformers import AutoModelForTokenClassification, AutoTokenizer

folder, out = sys.argv[1:]
TEXTS = ["my name is anna smith and i live in boston", "Call me at nine one seven, or mail ANNA@example.com!", "", "a",
         "Zoë and José met in Łódź, naïve café, Straße", "e\u0301te\u0301 is not été", "我住在 boston 東京", "tabs\tand\nlines\u00a0and\u3000spaces",
         "[SEP] is [CLS] text [MASK]", "un" * 30, "x" * 101, "control\u0000\u200d\ufffdcharacters", "😀 smile", "don't 10,000.50 (really?)"]
golden = {"transformers": transformers.__version__, "tokenizers": tokenizers.__version__, "torch": torch.__version__, "models": {}}
for name in sorted(os.listdir(folder)):
    d = os.path.join(folder, name)
    tokenizer = AutoTokenizer.from_pretrained(d)
    model, info = AutoModelForTokenClassification.from_pretrained(d, output_loading_info=True)
    assert not any(info.values()), info
    assert model.dtype == torch.float32 and not model.eval().training
    texts = []
    for text in TEXTS:
        e = tokenizer(text, return_offsets_mapping=True)
        with torch.inference_mode(): logits = model(torch.tensor([e["input_ids"]])).logits[0].tolist()
        texts.append({"text": text, "ids": e["input_ids"], "offsets": e["offset_mapping"],
                      "logits": [[round(x, 6) for x in token] for token in logits]})
    files = {f: hashlib.sha256(open(os.path.join(d, f), "rb").read()).hexdigest() for f in sorted(os.listdir(d))}
    golden["models"][name] = {"files": files, "labels": [model.config.id2label[i] for i in range(model.config.num_labels)],
                              "max_length": tokenizer.model_max_length, "texts": texts}
with open(out, "w") as f: json.dump(golden, f); f.write("\n")
