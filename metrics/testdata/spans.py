"""Makes spans.json and tags.json with nervaluate 1.1.0 and seqeval 1.2.2. Run it in this folder."""
import itertools
import json
import random
import warnings

from nervaluate.entities import Entity
from nervaluate.strategies import EntityTypeEvaluation, ExactEvaluation, PartialEvaluation, StrictEvaluation
from seqeval.metrics import classification_report
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2, Entities

warnings.simplefilter("ignore")
TYPES = ["CITY", "DATE", "PHONE"]
SCHEMES = {"strict": StrictEvaluation(), "exact": ExactEvaluation(), "partial": PartialEvaluation(), "type": EntityTypeEvaluation()}
rng = random.Random(20130614)


def some_spans(length, most):
    """Spans that overlap, touch, lie in one another and repeat."""
    spans = []
    for _ in range(rng.randint(0, most)):
        start = rng.randrange(length - 1)
        spans.append([start, rng.randint(start + 1, min(length, start + 6)), rng.choice(TYPES)])
    if spans and rng.random() < 0.2:
        spans.append(rng.choice(spans))
    return spans


def near(span, length):
    """A span that is what a model might make of this one."""
    start, end, label = span
    if rng.random() < 0.4:
        start = max(0, min(end - 1, start + rng.randint(-2, 2)))
    if rng.random() < 0.4:
        end = min(length, max(start + 1, end + rng.randint(-2, 2)))
    return [start, end, rng.choice(TYPES) if rng.random() < 0.3 else label]


def entities(spans):
    return [Entity(label, start, end - 1) for start, end, label in spans]  # nervaluate's ends are inclusive


def reachable(gold, pred):
    """What nervaluate counts, in each scheme, over every order of both lists."""
    found = {name: set() for name in SCHEMES}
    for g in set(itertools.permutations(map(tuple, gold))):
        for p in set(itertools.permutations(map(tuple, pred))):
            for name, scheme in SCHEMES.items():
                r, _ = scheme.evaluate(entities(g), entities(p), TYPES)
                found[name].add((r.correct, r.incorrect, r.partial, r.missed, r.spurious))
    return {name: sorted(counts) for name, counts in found.items()}


def spans_file(n):
    docs = []
    while len(docs) < n:
        length = rng.randint(6, 24)
        gold = some_spans(length, 3)
        pred = [near(s, length) for s in gold if rng.random() < 0.8] + some_spans(length, 1)
        if gold + pred and len(gold) <= 4 and len(pred) <= 4:
            docs.append({"gold": gold, "pred": pred, "counts": reachable(gold, pred)})
    return docs


def tags_file(n):
    tags = ["O"] + [prefix + t for t in TYPES for prefix in ("B-", "I-")]
    weights = [6] + [2, 3] * len(TYPES)
    docs = []
    for _ in range(n):
        gold = rng.choices(tags, weights, k=rng.randint(1, 14))
        pred = [g if rng.random() < 0.7 else rng.choices(tags, weights)[0] for g in gold]
        docs.append({"gold": gold, "pred": pred, "strict": [[e.start, e.end, e.tag] for e in Entities([gold], IOB2).entities[0]],
                     "default": [[s, e + 1, t] for t, s, e in get_entities(gold)]})
    gold, pred = [d["gold"] for d in docs], [d["pred"] for d in docs]
    # A type that is only in gold, and one that is only predicted.
    gold, pred = gold + [["B-RARE", "O", "O"]], pred + [["O", "B-WRONG", "I-WRONG"]]
    docs.append({"gold": gold[-1], "pred": pred[-1], "strict": [[0, 1, "RARE"]], "default": [[0, 1, "RARE"]]})
    report = {"strict": classification_report(gold, pred, mode="strict", scheme=IOB2, output_dict=True),
              "default": classification_report(gold, pred, output_dict=True)}
    for rows in report.values():
        for row in rows.values():
            row["support"] = int(row["support"])  # of numpy, which json does not know
    return {"docs": docs, "report": report}


def lines(items):
    return ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)


with open("spans.json", "w") as f:
    f.write("[\n" + lines(spans_file(250)) + "\n]\n")
made = tags_file(200)
with open("tags.json", "w") as f:
    f.write('{"docs": [\n' + lines(made["docs"]) + '\n],\n"report": ' + json.dumps(made["report"], indent=1) + "}\n")
