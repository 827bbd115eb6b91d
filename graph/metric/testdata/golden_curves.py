"""Writes golden_curves.json: rankings with and without ties, and what scikit-learn 1.2.1 makes
of them. Run by hand: python3 golden_curves.py > golden_curves.json"""
import json
import random
import sys

import numpy as np
from sklearn.metrics import (average_precision_score, precision_recall_curve,
                             roc_auc_score, roc_curve)

random.seed(11)
curves = []
for n, m, levels in [(5, 9, 4), (20, 30, 1000), (30, 12, 6)]:
    scores = [random.randint(levels // 3, levels) / 16 for _ in range(n)]
    scores += [random.randint(0, levels * 3 // 4) / 16 for _ in range(m)]
    truth = [1] * n + [0] * m
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, scores)
    curves.append({
        "scores": scores, "truth": truth, "fpr": list(fpr), "tpr": list(tpr),
        # the highest threshold first, without the point (0, 1) that it adds
        "recall": list(recall[:-1][::-1]), "precision": list(precision[:-1][::-1]),
        "auc": roc_auc_score(truth, scores), "ap": average_precision_score(truth, scores),
    })
rows, classes = [], []
for _ in range(80):
    weights = [2 ** random.randint(0, 7) for _ in range(5)]
    weights = [w * 1024 // sum(weights) + 1 for w in weights]
    weights[0] += 1024 - sum(weights)
    rows.append([w / 1024 for w in weights])  # exact in float32
    classes.append(random.choices(range(5), weights)[0])
x, y = np.array(rows), np.eye(5)[classes]
json.dump({
    "curves": curves, "probabilities": rows, "classes": classes,
    "auc": list(roc_auc_score(y, x, average=None)), "ap": list(average_precision_score(y, x, average=None)),
    "macro_auc": roc_auc_score(classes, x, multi_class="ovr", average="macro"),
    "weighted_auc": roc_auc_score(classes, x, multi_class="ovr", average="weighted"),
    "macro_ap": average_precision_score(y, x, average="macro"),
    "weighted_ap": average_precision_score(y, x, average="weighted"),
}, sys.stdout)
print()
