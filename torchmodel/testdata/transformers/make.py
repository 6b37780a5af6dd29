"""Writes checkpoints as transformers and PyTorch write them, in all the forms that are read, into the folder named in the
first argument, and what transformers computes with each into expected.json there. See README.md."""
import json, os, shutil, sys
import safetensors, torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, DistilBertConfig
from transformers import DistilBertForMaskedLM, DistilBertForSequenceClassification, DistilBertForTokenClassification, DistilBertModel

OUT = sys.argv[1]
LABELS = ["O", "B-X", "I-X", "B-Y", "I-Y"]
SHAPE = dict(vocab_size=48, max_position_embeddings=24, dim=16, hidden_dim=24, n_layers=2, n_heads=2, initializer_range=0.3)
NAMES = dict(id2label=dict(enumerate(LABELS)), label2id={l: i for i, l in enumerate(LABELS)})

torch.manual_seed(7)
model = DistilBertForTokenClassification(DistilBertConfig(**SHAPE, **NAMES)).eval()
with torch.no_grad():  # biases and layer norms other than 0 and 1, so that mixing them up would show
    for name, p in model.named_parameters():
        if p.dim() == 1: p.add_(torch.randn_like(p) * 0.3)
state = {k: v.clone() for k, v in model.state_dict().items()}

def folder(name, config=None):
    d = os.path.join(OUT, name)
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    if config is not None:
        with open(os.path.join(d, "config.json"), "w") as f: json.dump(config, f, indent=2, sort_keys=True); f.write("\n")
    return d

def config4(**more):
    """config.json in the words of transformers 4, as of distilbert-base-uncased."""
    words = {"activation": "gelu", "architectures": ["DistilBertForTokenClassification"], "attention_dropout": 0.1, "dim": 16,
             "dropout": 0.1, "hidden_dim": 24, "initializer_range": 0.3, "max_position_embeddings": 24,
             "model_type": "distilbert", "n_heads": 2, "n_layers": 2, "pad_token_id": 0, "qa_dropout": 0.1,
             "seq_classif_dropout": 0.2, "sinusoidal_pos_embds": False, "tie_weights_": True, "torch_dtype": "float32",
             "transformers_version": "4.30.2", "vocab_size": 48}
    return {**words, **more}

OURS = dict(id2label={str(i): l for i, l in enumerate(LABELS)}, label2id=NAMES["label2id"])
HALF = torch.float16

model.save_pretrained(folder("f32"))
DistilBertForTokenClassification.from_pretrained(os.path.join(OUT, "f32"), dtype=torch.float16).save_pretrained(folder("f16"))
DistilBertForTokenClassification.from_pretrained(os.path.join(OUT, "f32"), dtype=torch.bfloat16).save_pretrained(folder("bf16"))
model.save_pretrained(folder("sharded"), max_shard_size="8KB")

torch.save(model.state_dict(), os.path.join(folder("bin", config4(**OURS)), "pytorch_model.bin"))
torch.save({k: v.bfloat16() for k, v in state.items()}, os.path.join(folder("bin-bf16", config4(**OURS)), "pytorch_model.bin"))
torch.save({k: v.half() for k, v in state.items()}, os.path.join(folder("bin-legacy", config4(**OURS)), "pytorch_model.bin"),
           _use_new_zipfile_serialization=False)

# Views: transposed, a slice in the middle of a larger storage, all biases of one storage, parameters.
views = {k: v.clone() for k, v in state.items()}
for k in views:
    if k.endswith("lin1.weight"): views[k] = views[k].t().contiguous().t()
    if k.endswith("lin2.weight"): views[k] = torch.nn.Parameter(torch.cat([torch.ones(3, 24), views[k], torch.ones(2, 24)])[3:19])
    if k.endswith("out_lin.weight"): views[k] = torch.stack([views[k], views[k]], -1)[..., 1]
biases = [k for k in views if k.endswith("_lin.bias")]
together = torch.cat([views[k] for k in biases])
for i, k in enumerate(biases): views[k] = together[16 * i : 16 * i + 16]
torch.save(views, os.path.join(folder("bin-views", config4(**OURS)), "pytorch_model.bin"))

d = folder("bin-sharded", config4(**OURS))
half = sorted(state)[: len(state) // 2]
parts = {"pytorch_model-00001-of-00002.bin": half, "pytorch_model-00002-of-00002.bin": [k for k in state if k not in half]}
for file, names in parts.items(): torch.save({k: state[k] for k in names}, os.path.join(d, file))
with open(os.path.join(d, "pytorch_model.bin.index.json"), "w") as f:
    size = sum(v.numel() * 4 for v in state.values())
    json.dump({"metadata": {"total_size": size}, "weight_map": {k: file for file, names in parts.items() for k in names}}, f, indent=1)

old = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state.items()}
save_file(old, os.path.join(folder("gamma-beta", config4(**OURS)), "model.safetensors"), {"format": "pt"})

# Base models: the body alone, and with the heads of masked language modelling as distilbert-base-uncased has them.
bare = DistilBertModel(DistilBertConfig(**SHAPE)).eval()
bare.load_state_dict({k.removeprefix("distilbert."): v for k, v in state.items() if k.startswith("distilbert.")})
bare.save_pretrained(folder("bare"))
mlm = DistilBertForMaskedLM(DistilBertConfig(**SHAPE)).eval()
mlm.distilbert.load_state_dict(bare.state_dict())
words = {**mlm.state_dict(), "distilbert.embeddings.position_ids": torch.arange(24).unsqueeze(0)}
torch.save(words, os.path.join(folder("mlm", config4(architectures=["DistilBertForMaskedLM"], sinusoidal_pos_embds=True)), "pytorch_model.bin"))
sequence = DistilBertForSequenceClassification(DistilBertConfig(**SHAPE, num_labels=3)).eval()
sequence.distilbert.load_state_dict(bare.state_dict())
sequence.save_pretrained(folder("sequence"))

ids = [[2, 17, 45, 9, 30, 8, 3], [2, 3], [2] + [(7 * i) % 40 + 5 for i in range(22)] + [3]]
expected = {"transformers": transformers.__version__, "torch": torch.__version__, "safetensors": safetensors.__version__,
            "labels": LABELS, "input_ids": ids, "logits": {}}
with torch.inference_mode():
    for name in sorted(os.listdir(OUT)):
        d = os.path.join(OUT, name)
        if not os.path.isdir(d) or name in ("bare", "mlm", "sequence"): continue
        m, info = AutoModelForTokenClassification.from_pretrained(d, dtype=torch.float32, output_loading_info=True)
        assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], (name, info)
        expected["logits"][name] = [[[round(x, 6) for x in token] for token in m.eval()(torch.tensor([i])).logits[0].tolist()] for i in ids]
    for name in ("bare", "mlm", "sequence"):  # what transformers makes of a base model
        _, info = AutoModelForTokenClassification.from_pretrained(os.path.join(OUT, name), output_loading_info=True,
                                                                 num_labels=5, ignore_mismatched_sizes=True)
        print(name, {k: sorted(v) for k, v in info.items() if v})
with open(os.path.join(OUT, "expected.json"), "w") as f: json.dump(expected, f); f.write("\n")
