"""Writes join.jsonl: what Hugging Face's WordPiece decoder makes of random pieces. Run in this folder, tokenizers 0.23.1."""
import json,random
from tokenizers.decoders import WordPiece
d=WordPiece(prefix="##",cleanup=True)
r=random.Random(3)
v=["o","'","neil","##s","##","##.",".",",","n't","n","'s","'m","do not","a ' b"," .","x .","##'s","do","not","'re","ve","'ve","?","!","é","..."]
out=[]
for n in range(300):
    t=[r.choice(v) for _ in range(r.randint(0,6))]
    out.append({"pieces":t,"text":d.decode(t)})
with open("join.jsonl", "w") as f:
    for o in out: f.write(json.dumps(o) + "\n")
