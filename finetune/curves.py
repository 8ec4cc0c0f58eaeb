"""Loss and validation curves of a run, as a picture and as one page that needs nothing else."""

from __future__ import annotations

import base64
import html
import importlib.util
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Curves = Mapping[str, Sequence[Mapping[str, float]]]
"""What was logged, by stage: entries with `step` and `loss`, or with `step`, `eval_ndcg`, `eval_mrr`..."""

PAGE = """<!doctype html>
<meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
img{{max-width:100%}}table{{border-collapse:collapse}}
td,th{{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ccc}}
pre{{background:#f6f6f6;padding:1rem;overflow:auto}}</style>
<h1>{title}</h1>
<img alt="Loss and validation by step" src="data:image/png;base64,{picture}">
{table}
<h2>Settings</h2><pre>{settings}</pre>
"""


def available() -> bool:
    """Tell whether curves can be drawn."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(curves: Curves, settings: Mapping[str, Any], folder: Path, title: str) -> None:
    """Write `curves.png` and `report.html` to `folder`; one point is enough."""
    picture = _picture(curves)
    (folder / "curves.png").write_bytes(picture)
    page = PAGE.format(
        title=html.escape(title),
        picture=base64.b64encode(picture).decode(),
        table=_table(curves),
        settings=html.escape(json.dumps(settings, indent=1)),
    )
    (folder / "report.html").write_text(page, "utf-8")


def _picture(curves: Curves) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4 * max(1, len(curves))), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (stage, entries) in enumerate(curves.items(), start=1):
        axes = figure.add_subplot(len(curves), 1, place)
        points = [(entry["step"], entry["loss"]) for entry in entries if "loss" in entry]
        steps, losses = [step for step, _ in points], [loss for _, loss in points]
        axes.plot(steps, losses, ".-", color="tab:blue", alpha=0.35, label="loss")
        axes.plot(steps, smoothed(losses), color="tab:blue", label="loss, smoothed")
        axes.set(title=f"stage {stage}", xlabel="step", ylabel="nats a token")
        measured = [entry for entry in entries if "eval_ndcg" in entry]
        lines, names = axes.get_legend_handles_labels()
        if measured:
            right = axes.twinx()
            places = [entry["step"] for entry in measured]
            errors = [entry["eval_ndcg_se"] for entry in measured]
            right.errorbar(
                places, [e["eval_ndcg"] for e in measured], errors, fmt="o-", color="tab:red", label="held-out NDCG@10"
            )
            right.plot(places, [e["eval_mrr"] for e in measured], "s--", color="tab:orange", label="held-out MRR")
            right.axhline(measured[0]["eval_chance"], color="grey", linestyle=":", label="NDCG@10 of a random order")
            right.set(ylim=(0, 1))
            more, called = right.get_legend_handles_labels()
            lines, names = lines + more, names + called
        axes.legend(lines, names, fontsize=8, loc="best")
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def smoothed(values: Sequence[float], weight: float = 0.9) -> list[float]:
    """Return the exponential moving average, corrected for its start (Kingma and Ba, 2015, section 3)."""
    mean, means = 0.0, []
    for place, value in enumerate(values, start=1):
        mean = weight * mean + (1 - weight) * value
        means.append(mean / (1 - weight**place))
    return means


def _table(curves: Curves) -> str:
    rows = [
        f"<tr><td>{html.escape(stage)}<td>{entry['step']}<td>{entry['eval_ndcg']:.3f} &plusmn; "
        f"{entry['eval_ndcg_se']:.3f}<td>{entry['eval_mrr']:.3f}<td>{entry['eval_loss']:.3f}<td>{entry['eval_n']}"
        for stage, entries in curves.items()
        for entry in entries
        if "eval_ndcg" in entry
    ]
    if not rows:
        return ""
    head = "<tr><th>stage<th>step<th>NDCG@10<th>MRR<th>loss<th>n"
    return f"<h2>Held-out dialogues</h2><table>{head}{''.join(rows)}</table>"
