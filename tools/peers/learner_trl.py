#!/usr/bin/env python3
"""One update of TRL's GRPOTrainer on given groups: learner_trl.py MODEL GROUPS_JSON [--checkpointing].

The completions are given; nothing is generated. The time covers everything from there to the end of
the optimizer step: the reference pass, the policy's forward and backward pass, clipping and AdamW,
in float32 on all cores of the CPU, the whole batch at once. Gradient checkpointing, which TRL
enables by default, is off unless requested, because off is faster. peak_bytes is the peak memory of
the process.
"""
import json
import os
import sys
import tempfile
import time

import torch
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

model_dir, groups_file = sys.argv[1:3]
torch.set_num_threads(os.cpu_count())
with open(groups_file) as file:
    groups = json.load(file)
siblings = len(groups[0]["completions"])
new_tokens = max(len(c) for g in groups for c in g["completions"])
times = {}
order = []  # Group and sibling of every row of the batch.


def hand_over(prompts, trainer):
    counts = {}
    order.clear()
    for prompt in prompts:
        group = int(prompt)
        order.append((group, counts.get(group, 0)))
        counts[group] = counts.get(group, 0) + 1
    times["begin"] = time.perf_counter()
    return {
        "prompt_ids": [groups[g]["prompt"] for g, _ in order],
        "completion_ids": [groups[g]["completions"][s] for g, s in order],
        "logprobs": None,
    }


def reward(completions, **_):
    return [float(sum(groups[g]["rewards"][s])) for g, s in order]


class Clock(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        times["end"] = time.perf_counter()


with tempfile.TemporaryDirectory() as folder:
    config = GRPOConfig(
        output_dir=folder, use_cpu=True, bf16=False, per_device_train_batch_size=len(groups) * siblings,
        num_generations=siblings, max_completion_length=new_tokens, beta=1e-3, learning_rate=1e-6, max_steps=1,
        gradient_checkpointing="--checkpointing" in sys.argv, model_init_kwargs={"dtype": "float32"},
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, dataloader_pin_memory=False)
    trainer = GRPOTrainer(
        model=model_dir, reward_funcs=reward, args=config, rollout_func=hand_over, callbacks=[Clock()],
        processing_class=AutoTokenizer.from_pretrained(model_dir),
        train_dataset=Dataset.from_dict({"prompt": [str(g) for g in range(len(groups))]}))
    trainer.train()
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
print(json.dumps({"seconds": times["end"] - times["begin"], "peak_bytes": peak}))
