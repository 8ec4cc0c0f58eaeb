"""One stage of training: transformers' Trainer over planned batches, with our loss, validation and checkpoints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch.utils.data import SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from agent.base_model import end_id
from finetune.batches import Encoded, collate
from finetune.checkpoints import WEIGHTS, Best, Completed, save
from finetune.config import TrainingConfig
from finetune.losses import answer_loss, contrastive_loss, projection_loss
from finetune.tuned import Tuned, check_gradients

Measure = Callable[[], dict[str, float]]
"""Measures the model as it is on held-out examples; `ndcg` decides."""


class Stage(NamedTuple):
    """One stage: which examples, for how long, and the learning rates of rows, LoRA weights and projection head."""

    name: str
    steps: int
    mix: Mapping[str, float]
    row_rate: float
    lora_rate: float
    head_rate: float


class StageTrainer(Trainer):
    """Runs the batches of one stage in their order."""

    def __init__(
        self,
        tuned: Tuned,
        stage: Stage,
        batches: Sequence[list[Encoded]],
        config: TrainingConfig,
        folder: Path,
        measure: Measure | None,
        callbacks: Sequence[TrainerCallback],
    ) -> None:
        """Train in `folder`; `measure` is called every `config.validate_every` steps."""
        self.tuned, self.stage, self.contrastive, self.measure = tuned, stage, config.contrastive, measure
        self.trained_rates = [(weight, stage.row_rate) for weight in tuned.row_weights]
        self.projecting = config.projection if stage.head_rate else 0.0
        if self.projecting and tuned.projection is not None:
            self.trained_rates.append((tuned.projection, stage.head_rate))
        self.trained_rates += [(weight, stage.lora_rate) for weight in tuned.lora_weights if stage.lora_rate]
        trained = {id(weight) for weight, _ in self.trained_rates}
        for weight in tuned.model.parameters():
            weight.requires_grad_(id(weight) in trained)
        self._sees = "logits_to_keep" in inspect.signature(tuned.model.get_base_model().forward).parameters
        arguments = TrainingArguments(
            output_dir=str(folder),
            max_steps=stage.steps,
            per_device_train_batch_size=1,
            warmup_steps=max(1, round(stage.steps * config.warmup)),
            weight_decay=0.0,
            logging_steps=1,
            logging_nan_inf_filter=False,
            save_steps=config.every,
            eval_strategy="steps" if measure else "no",
            eval_steps=config.validate_every,
            seed=config.seed,
            bf16=next(tuned.model.get_base_model().parameters()).dtype is torch.bfloat16,
            use_cpu=not torch.cuda.is_available(),
            gradient_checkpointing=config.checkpointing,
            gradient_checkpointing_kwargs={"use_reentrant": False} if config.checkpointing else None,
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            ddp_find_unused_parameters=False,
            disable_tqdm=True,
            report_to=[],
        )

        def joined(chosen: list[list[Encoded]]) -> dict[str, torch.Tensor]:
            return collate(chosen[0], end_id(tuned.tokenizer), packed=tuned.packs)

        # A sequence is all that a sequential sampler needs, and `measure` holds its own examples.
        planned: Any = batches
        nothing: Any = [] if measure else None
        super().__init__(
            model=tuned.model,
            args=arguments,
            data_collator=joined,
            train_dataset=planned,
            eval_dataset=nothing,
            callbacks=[*callbacks, *([Best(tuned, folder, config.patience)] if measure else []), Completed()],
        )
        self.remove_callback(PrinterCallback)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the loss of the answers; logits are computed where something is learned, not elsewhere."""
        learned = inputs.pop("learned")
        columns = learned.any(0).nonzero().squeeze(1)
        more = {"logits_to_keep": columns} if self._sees else {}
        states = self.contrastive > 0 or self.projecting > 0
        out = model(**inputs, use_cache=False, output_hidden_states=states, **more)
        logits = (out.logits if self._sees else out.logits[:, columns])[learned[:, columns]]
        targets = inputs["input_ids"].roll(-1, dims=1)
        loss = answer_loss(logits, targets[learned], self.tuned.levels)
        if states:
            loss = loss + self._of_items(out.hidden_states[-1], learned, targets)
        return (loss, out) if return_outputs else loss

    def _of_items(self, states: torch.Tensor, learned: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return what the states (b, t, h) before each item that is answered cost; `targets` (b, t) follow them."""
        first = self.tuned.levels[0]
        row, place = (learned & (targets >= first.start) & (targets < first.stop)).nonzero(as_tuple=True)
        path = place[:, None] + torch.arange(len(self.tuned.levels), device=place.device)
        answers, asked = targets[row[:, None], path], states[row, place]
        loss = states.new_zeros(())
        if self.contrastive and len(row):
            items = self.tuned.row_weights[0][answers - first.start].mean(1)
            loss = loss + self.contrastive * contrastive_loss(asked, items, answers)
        if self.projecting:
            assert self.tuned.projection is not None and self.tuned.items is not None
            right = torch.tensor([self.tuned.paths[tuple(answer)] for answer in answers.tolist()], device=asked.device)
            vectors = self.tuned.items.to(asked.device)
            loss = loss + self.projecting * projection_loss(asked, self.tuned.projection, vectors, right)
        return loss

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Run one step; after the first see that what should learn does, and nothing else."""
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        if self.state.global_step == 0:
            check_gradients(self.tuned, lora=self.stage.lora_rate > 0 and bool(self.tuned.lora_weights))
        return loss

    def create_optimizer(self, model: Any = None) -> Any:
        """Give rows and LoRA weights their own learning rates."""
        groups: dict[float, list[torch.Tensor]] = {}
        for weight, rate in self.trained_rates:
            groups.setdefault(rate, []).append(weight)
        self.optimizer = torch.optim.AdamW(
            [{"params": weights, "lr": rate} for rate, weights in groups.items()], weight_decay=0.0
        )
        return self.optimizer

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Measure on held-out examples, in evaluation mode, and tell the callbacks."""
        assert self.measure is not None
        self.tuned.model.eval()
        found = {f"eval_{name}": value for name, value in self.measure().items()}
        self.tuned.model.train()
        self.log(found)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(self.train_dataset)  # type: ignore[arg-type]

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save(self.tuned, folder / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.tuned.put(load_file(Path(resume_from_checkpoint) / WEIGHTS))
