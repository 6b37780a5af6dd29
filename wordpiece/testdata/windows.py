"""Writes windows-whole.jsonl: the texts of the fixture windows.jsonl cut by Encoding.truncate, which loses nothing.

tokenizers 0.23.1 stops reading a text soon after max_length when truncation is switched on, so the overflowing windows
that it gives then, those of windows.jsonl, end long before their texts do. Encoding.truncate on the whole encoding is the
same cutting without that. Run in this folder.
"""
import json
from tokenizers import Tokenizer

goldens = "../../scripts/parity/testdata/"
tokenizer = Tokenizer.from_file(goldens + "tiny-distilbert/tokenizer.json")
cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
with open(goldens + "windows.jsonl", encoding="utf-8") as lines, open("windows-whole.jsonl", "w", encoding="utf-8") as out:
    for line in lines:
        text = json.loads(line)["text"]
        for max_length, stride in ((32, 8), (128, 32)):
            whole = tokenizer.encode(text, add_special_tokens=False)
            whole.truncate(max_length - 2, stride=stride)
            windows = [{"ids": [cls] + w.ids + [sep], "offsets": [(0, 0)] + w.offsets + [(0, 0)]} for w in [whole] + whole.overflowing]
            out.write(json.dumps({"text": text, "max_length": max_length, "stride": stride, "windows": windows}) + "\n")
