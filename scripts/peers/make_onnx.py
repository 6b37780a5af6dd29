"""Makes ONNX files of a checkpoint: make_onnx.py export MODEL_DIR OUT_DIR, then make_onnx.py quantize OUT_DIR. Needs torch, transformers and
onnx; the second also onnxruntime. Two processes, since some builds of onnx and onnxruntime cannot be loaded into one."""

import os
import sys


def export(folder, out):
    import torch
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    example = torch.ones(1, 16, dtype=torch.long)
    names = ["input_ids", "attention_mask"]
    torch.onnx.export(model, (example, example), os.path.join(out, "model.onnx"), input_names=names, output_names=["logits"],
                      dynamic_axes={name: {0: "batch", 1: "length"} for name in names + ["logits"]}, dynamo=False, opset_version=17)


def quantize(out):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(os.path.join(out, "model.onnx"), os.path.join(out, "model-int8.onnx"), weight_type=QuantType.QInt8)


{"export": export, "quantize": quantize}[sys.argv[1]](*sys.argv[2:])
