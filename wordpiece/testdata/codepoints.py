"""Prints the SHA-256 of what Hugging Face's tokenizers do with each code point by itself. TestEveryCodePoint compares.

One line a code point, all in hexadecimal: the code point; what clean_text, handle_chinese_chars, NFD, strip_accents and
lowercase make of it; into how many words a, the code point and b together split; and NFD of U+0345 and the code point.
"""
import hashlib
import tokenizers
from tokenizers.normalizers import NFD, BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
steps = [BertNormalizer(**{**off, "clean_text": True}), BertNormalizer(**{**off, "handle_chinese_chars": True}), NFD(),
         BertNormalizer(**{**off, "strip_accents": True}), BertNormalizer(**{**off, "lowercase": True})]
split = BertPreTokenizer()

def show(text):
    return "-".join("%x" % ord(c) for c in text)

digest = hashlib.sha256()
for code in range(0x110000):
    if 0xD800 <= code < 0xE000:
        continue
    c = chr(code)
    fields = ["%x" % code] + ["[%s]" % show(step.normalize_str(c)) for step in steps]
    fields += [str(len(split.pre_tokenize_str("a" + c + "b"))), "[%s]" % show(NFD().normalize_str("\u0345" + c))]
    digest.update((" ".join(fields) + "\n").encode())
print(tokenizers.__version__, digest.hexdigest())
