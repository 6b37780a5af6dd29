"""Makes calibration.json: random logits with their targets, the temperature with the least NLL, and expected calibration errors over
15 bins of equal width, by NumPy in double precision. The temperature is found by golden-section search, another way than ours.

    python3 calibration.py >calibration.json     # NumPy 1.24.2
"""
import json

import numpy as np


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def nll(z, y, temperature):
    return float(-log_softmax(z / temperature)[np.arange(len(y)), y].mean())


def fit(z, y):
    low, high = np.log(0.1), np.log(10)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(200):
        a, b = high - golden * (high - low), low + golden * (high - low)
        if nll(z, y, np.exp(a)) < nll(z, y, np.exp(b)):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2))


def ece(z, y, temperature):
    p = np.exp(log_softmax(z / temperature))
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    edges = np.linspace(0, 1, 16)
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(confidence[inside].mean() - right[inside].mean())
    return float(total)


random = np.random.default_rng(5)
cases = []
for classes, count, scale, noise in [(15, 120, 3.0, 0.3), (15, 120, 1.0, 0.5), (5, 200, 8.0, 0.4), (2, 50, 0.3, 0.1), (3, 40, 20.0, 0.5)]:
    z = np.round(random.normal(size=(count, classes)), 3).astype(np.float32)
    y = np.where(random.random(count) < noise, random.integers(0, classes, count), z.argmax(axis=1))
    z = (z * np.float32(scale)).astype(np.float32)
    wide = z.astype(np.float64)
    t = fit(wide, y)
    cases.append({"classes": classes, "scores": [float(v) for v in z.ravel()], "targets": [int(v) for v in y], "temperature": t,
                  "nll": [nll(wide, y, 1), nll(wide, y, t)], "ece": [ece(wide, y, 1), ece(wide, y, t)]})
print(json.dumps(cases))
