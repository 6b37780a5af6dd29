"""Makes earlystopping.json: which epochs are the best so far, and after which one training stops, by the EarlyStoppingCallback
of transformers 5.12.1 and the rule by which its Trainer keeps the best model.

    python3 make_earlystopping.py >earlystopping.json
"""
import json
import random
from types import SimpleNamespace

from transformers import EarlyStoppingCallback

random.seed(3)
cases = []
for number in range(60):
    metric = ["loss", "pii_f1"][number % 2]
    greater = metric != "loss"
    patience, threshold = random.randint(1, 3), random.choice([0.0, 0.05, 0.3])
    values = [round(random.random(), 1) for _ in range(8)]
    args = SimpleNamespace(greater_is_better=greater, metric_for_best_model=metric)
    state, control = SimpleNamespace(best_metric=None), SimpleNamespace(should_training_stop=False)
    callback = EarlyStoppingCallback(patience, threshold)
    best = []
    for value in values:
        callback.on_evaluate(args, state, control, {"eval_" + metric: value})
        is_best = state.best_metric is None or (value > state.best_metric if greater else value < state.best_metric)
        if is_best:  # Trainer._determine_best_metric, which runs after the callback
            state.best_metric = value
        best.append(is_best)
        if control.should_training_stop:
            break
    cases.append({"metric": metric, "patience": patience, "threshold": threshold, "values": values, "best": best,
                  "stopped": control.should_training_stop})
print("[" + ",\n".join(json.dumps(case) for case in cases) + "]")
