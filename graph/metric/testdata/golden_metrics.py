"""Writes golden_metrics.json: samples with many ties, and what scikit-learn 1.2.1 makes
of them. Run by hand: python3 golden_metrics.py > golden_metrics.json"""
import json
import random
import sys

from sklearn.metrics import log_loss, roc_auc_score, roc_curve

random.seed(7)
ranking = []
for n, m, levels in [(40, 25, 8), (200, 300, 1000), (30, 30, 2), (500, 100, 40)]:
    inside = [random.randint(levels // 4, levels) / 8 for _ in range(n)]
    outside = [random.randint(0, levels * 3 // 4) / 8 for _ in range(m)]
    truth = [1] * n + [0] * m
    fpr, tpr, _ = roc_curve(truth, inside + outside, drop_intermediate=False)
    ranking.append({
        "in": inside, "out": outside,
        "auroc": roc_auc_score(truth, inside + outside),
        "fpr95": min(f for f, t in zip(fpr, tpr) if t >= 0.95),
    })
rows, classes = [], []
for _ in range(60):
    weights = [2 ** random.randint(0, 9) for _ in range(4)]
    weights = [w * 4096 // sum(weights) + 1 for w in weights]
    weights[0] += 4096 - sum(weights)
    rows.append([w / 4096 for w in weights])  # exact in float32
    classes.append(random.choices(range(4), weights)[0])
json.dump({
    "ranking": ranking, "probabilities": rows, "classes": classes,
    "log_loss": log_loss(classes, rows, labels=range(4)),
}, sys.stdout)
print()
