"""What a run keeps on its way: checkpoints that are whole, the best weights, and what it tells."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from transformers import TrainerCallback

from finetune.tuned import Tuned

WEIGHTS, BEST, COMPLETE = "weights.safetensors", "best.safetensors", "complete"
History = Sequence[Mapping[str, float]]
"""What Trainer logged: entries with `step` and `loss`, or with `step` and `eval_ndcg`, `eval_mrr`..."""


class Telling(TrainerCallback):
    """Reports every step's loss, and the history when there is more to show than a loss."""

    def __init__(self, step: Callable[[int, float], None], show: Callable[[History], None]) -> None:
        """Call `step` with (step, loss) and `show` after measurements and at the end."""
        self.step, self.show = step, show

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Tell the loss."""
        if state.is_world_process_zero and "loss" in logs:
            self.step(state.global_step, float(logs["loss"]))

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Show how far it is."""
        if state.is_world_process_zero:
            self.show(state.log_history)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Show all."""
        self.on_evaluate(args, state, control)


class Best(TrainerCallback):
    """Keeps the weights with the best NDCG, and stops when it has not risen for `patience` measurements."""

    def __init__(self, tuned: Tuned, folder: Path, patience: int) -> None:
        """Write the best weights to `folder`."""
        self.tuned, self.folder, self.patience = tuned, folder, patience

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure after the last step, whatever its number."""
        control.should_evaluate |= state.global_step >= state.max_steps

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Decide by the whole history, which a resumed run has too."""
        scores = [entry["eval_ndcg"] for entry in state.log_history if "eval_ndcg" in entry]
        if scores.index(max(scores)) == len(scores) - 1 and state.is_world_process_zero:
            save(self.tuned, self.folder / BEST)
        if stopped(state.log_history, self.patience):
            control.should_training_stop = control.should_save = True


class Completed(TrainerCallback):
    """Marks a checkpoint that is written to its end: a run that is killed may leave half of one."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave a mark and drop the checkpoints before."""
        if not state.is_world_process_zero:
            return
        new = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (new / COMPLETE).touch()
        for old in new.parent.glob("checkpoint-*"):
            if old != new:
                shutil.rmtree(old)


def stopped(history: History, patience: int) -> bool:
    """Tell whether the last `patience` measurements were no better than one before."""
    scores = [entry["eval_ndcg"] for entry in history if "eval_ndcg" in entry]
    return bool(scores) and len(scores) - 1 - scores.index(max(scores)) >= patience


def save(tuned: Tuned, path: Path) -> None:
    """Write the weights that training changes, all or nothing."""
    part = path.with_suffix(".part")
    save_file({name: weight.detach().cpu().contiguous() for name, weight in tuned.weights().items()}, part)
    part.replace(path)


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint in `folder` that is complete."""
    found = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return max(found, key=lambda path: int(path.name.rsplit("-", 1)[1]), default=None)
