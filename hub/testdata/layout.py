"""Writes layout.txt: what huggingface_hub leaves in its cache. With huggingface_hub 1.23.0, in this folder:

    go run ./serve model    # prints an address
    HF_ENDPOINT=<the address> python3 layout.py > layout.txt
"""

import os
import tempfile

os.umask(0o022)
os.environ["HF_HOME"] = tempfile.mkdtemp()
from huggingface_hub import snapshot_download  # noqa: E402: it reads HF_HOME when it is imported

files = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]
snapshot_download("acme/tiny", allow_patterns=files)
snapshot_download("tiny", revision="next", allow_patterns=files)  # an old name, from which the hub redirects
snapshot_download("acme/tiny", revision="b1b1b1b1", allow_patterns=files)

cache = os.path.join(os.environ["HF_HOME"], "hub")
lines = []
for folder, names, others in os.walk(cache):
    for name in names + others:
        path = os.path.join(folder, name)
        line = os.path.relpath(path, cache)
        if os.path.islink(path):
            line += " -> " + os.readlink(path)
        elif os.path.isdir(path):
            line += "/"
        else:
            line += " %o" % (os.stat(path).st_mode & 0o777)
            if "/refs/" in path:
                line += " " + open(path).read()
        lines.append(line)
print("\n".join(sorted(lines)))
