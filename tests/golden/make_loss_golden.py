#!/usr/bin/env python3
"""Makes tests/golden/loss: losses and gradients of TRL's GRPOTrainer, and of a whole model by autograd.

  make_loss_golden.py           writes the files
  make_loss_golden.py --check   makes them anew and compares; nothing is written

Needs torch 2.11, transformers 5.23, trl 1.16 and safetensors. trl_grpo.json holds what TRL's own _compute_loss returns
for fixed log-probabilities in float64, and its gradient by them; llama_grpo.json and llama_grpo.safetensors the loss
and every gradient of tests/golden/model/llama on two groups, one plain sequence per completion, in float64.
"""

import argparse
import json
import pathlib
import sys
from collections import defaultdict
from types import SimpleNamespace

import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
LOSS = HERE / "loss"
GROUP_SIZE, NUM_TOKENS, MAX_LENGTH = 3, 7, 12
LENGTHS = [7, 4, 6, 1, 5, 3]


def randn(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


# --- TRL ----------------------------------------------------------------------------------------


def trl_variants():
    base = dict(loss_type="grpo", level="token", beta=0.0, epsilon_low=0.2, epsilon_high=0.2, delta=None,
                has_old=True, correction=None, correction_min=None, correction_max=None, entropy_coef=0.0)
    changes = [dict(loss_type=kind, level=level, beta=beta)
               for kind in ("grpo", "bnpo", "dr_grpo", "dapo") for level in ("token", "sequence")
               for beta in (0.0, 0.04)]
    changes += [
        dict(loss_type="grpo", has_old=False, beta=0.04),
        dict(loss_type="dapo", epsilon_high=0.28, beta=0.0),
        dict(loss_type="grpo", level="sequence", epsilon_low=3e-4, epsilon_high=4e-4),
        dict(loss_type="bnpo", delta=1.3),
        dict(loss_type="bnpo", entropy_coef=0.05, beta=0.01),
        dict(loss_type="bnpo", correction="token_truncate", correction_max=1.1, beta=0.01),
        dict(loss_type="grpo", correction="token_mask", correction_min=0.8, correction_max=1.2, beta=0.01),
        dict(loss_type="dr_grpo", correction="sequence_truncate", correction_max=1.1),
        dict(loss_type="grpo", level="sequence", correction="sequence_mask", correction_min=0.5, correction_max=1.5),
    ]
    return [{**base, **change} for change in changes]


def importance_weights(mode, low, high, before, sampled, mask):
    """As the trainer computes them when completions come from another engine."""
    difference = (before - sampled) * mask
    if mode.startswith("sequence"):
        difference = difference.sum(-1, keepdim=True)
    weight = difference.exp()
    if mode.endswith("truncate"):
        return weight.clamp(max=high)
    return weight.masked_fill((weight < low) | (weight > high), 0.0)


def trl_loss(variant, tensors):
    from trl import GRPOTrainer

    logps = tensors["logps"].clone().requires_grad_()
    entropies = tensors["entropies"].clone().requires_grad_()
    mask = tensors["mask"]
    before = tensors["old_logps"] if variant["has_old"] else logps.detach()
    trainer = object.__new__(GRPOTrainer)
    trainer._get_per_token_logps_and_entropies = lambda *_, **__: (logps, entropies, None)
    trainer.aux_loss_enabled = False
    trainer.top_entropy_quantile = 1.0
    trainer.off_policy_mask_threshold = None
    trainer.importance_sampling_level = variant["level"]
    trainer.loss_type = variant["loss_type"]
    trainer.beta = variant["beta"]
    trainer.epsilon_low, trainer.epsilon_high = variant["epsilon_low"], variant["epsilon_high"]
    trainer.args = SimpleNamespace(use_bias_correction_kl=False, delta=variant["delta"], steps_per_generation=1)
    trainer.use_vllm = trainer.vllm_importance_sampling_correction = variant["correction"] is not None
    trainer.model = SimpleNamespace(training=True)
    trainer.current_gradient_accumulation_steps = 1
    trainer.max_completion_length = MAX_LENGTH
    trainer.entropy_coef = variant["entropy_coef"]
    trainer._entropy_bonus_enabled = variant["entropy_coef"] > 0
    trainer.use_adaptive_entropy = False
    trainer._metrics = {"train": defaultdict(list)}
    trainer.accelerator = SimpleNamespace(num_processes=1, sync_gradients=True, gather=lambda x: x,
                                          reduce=lambda x, reduction: x)
    ids = torch.zeros_like(mask, dtype=torch.long)
    inputs = dict(prompt_ids=ids[:, :1], prompt_mask=ids[:, :1], completion_ids=ids, completion_mask=mask,
                  advantages=tensors["advantages"], num_items_in_batch=mask.sum(),
                  ref_per_token_logps=tensors["ref_logps"])
    if variant["has_old"]:
        inputs["old_per_token_logps"] = before
    if variant["correction"]:
        inputs["importance_sampling_ratio"] = importance_weights(
            variant["correction"], variant["correction_min"], variant["correction_max"], before,
            tensors["sampled_logps"], mask)
    loss = trainer._compute_loss(trainer.model, inputs)
    loss.backward()
    metrics = trainer._metrics["train"]
    result = dict(loss=loss.item(), gradient=logps.grad.tolist(),
                  clip_low=metrics["clip_ratio/low_mean"][0], clip_high=metrics["clip_ratio/high_mean"][0])
    if variant["entropy_coef"] > 0:
        result["entropy_gradient"] = entropies.grad.tolist()
    return result


def make_trl():
    generator = torch.Generator().manual_seed(5)
    rows = len(LENGTHS)
    mask = torch.tensor([[1.0 if t < length else 0.0 for t in range(NUM_TOKENS)] for length in LENGTHS],
                        dtype=torch.float64)
    logps = -2 * torch.rand(rows, NUM_TOKENS, generator=generator, dtype=torch.float64)
    old_logps = logps + 0.25 * randn(generator, rows, NUM_TOKENS)
    # Exact in float32, as recorded log-probabilities are.
    sampled_logps = (old_logps + 0.2 * randn(generator, rows, NUM_TOKENS)).float().double()
    tensors = dict(mask=mask, logps=logps, old_logps=old_logps, sampled_logps=sampled_logps,
                   ref_logps=logps + 0.4 * randn(generator, rows, NUM_TOKENS),
                   entropies=torch.rand(rows, NUM_TOKENS, generator=generator, dtype=torch.float64))
    rewards = torch.tensor([[1.0, 0.0, 0.5], [0.25, 0.25, 1.5]], dtype=torch.float64)
    tensors["advantages"] = ((rewards - rewards.mean(1, keepdim=True)) /
                             (rewards.std(1, keepdim=True) + 1e-4)).flatten()
    return dict(rewards=rewards.tolist(), max_completion_length=MAX_LENGTH, lengths=LENGTHS,
                tensors={name: tensor.tolist() for name, tensor in tensors.items()},
                variants=[{**variant, **trl_loss(variant, tensors)} for variant in trl_variants()])


# --- A whole model ------------------------------------------------------------------------------

NUM_RANKS = 3
EPSILON_LOW, EPSILON_HIGH, BETA, ENTROPY_WEIGHT = 0.2, 0.28, 0.05, 0.02


def make_groups(generator):
    """Two groups of three completions: a line break ends each of their ranks, the last token ends the list."""
    def draw(count):
        return torch.randint(0, 46, (count,), generator=generator).tolist()

    groups = []
    for prompt_length in (9, 5):
        completions = []
        for _ in range(GROUP_SIZE):
            sizes = torch.randint(1, 4, (NUM_RANKS,), generator=generator).tolist()
            ranks = [rank for rank, size in enumerate(sizes) for _ in range(size)]
            completions.append(dict(tokens=draw(len(ranks)) + [47], ranks=ranks + [-1],
                                    rewards=torch.randint(0, 2, (NUM_RANKS,), generator=generator).tolist()))
        groups.append(dict(prompt=draw(prompt_length), completions=completions))
    return groups


def score(model, prompt, tokens):
    """Log-probabilities and entropies of the completion's tokens."""
    ids = torch.tensor([prompt + tokens])
    logits = model(ids).logits[0, len(prompt) - 1:-1]
    logprobs = torch.log_softmax(logits, -1)
    return logprobs.gather(1, torch.tensor(tokens)[:, None])[:, 0], -(logprobs.exp() * logprobs).sum(-1)


def relative(rewards):
    return (rewards - rewards.mean(0)) / (rewards.std(0) + 1e-4)


def model_loss(kind, model, groups):
    total, rows = 0.0, len(groups) * GROUP_SIZE
    for group in groups:
        rewards = torch.tensor([c["rewards"] for c in group["completions"]], dtype=torch.float64)
        advantages = relative(rewards.sum(1)) if kind == "grpo" else relative(rewards)
        for completion, advantage in zip(group["completions"], advantages):
            logp, entropy = score(model, group["prompt"], completion["tokens"])
            old = torch.tensor(completion["sampled_logps"], dtype=torch.float64)
            q = torch.tensor(completion["ref_logps"], dtype=torch.float64) - logp
            rest = BETA * (q.exp() - q - 1) - ENTROPY_WEIGHT * entropy

            def surrogate(ratio, a):
                return torch.min(ratio * a, ratio.clamp(1 - EPSILON_LOW, 1 + EPSILON_HIGH) * a)

            if kind == "grpo":  # (1/B) sum_i (1/T_i) sum_t
                total = total + (-surrogate((logp - old).exp(), advantage) + rest).mean() / rows
                continue
            # (1/(B N)) sum over ranks, and the end token as a unit of its own with no advantage.
            ranks = torch.tensor(completion["ranks"])
            for rank in range(NUM_RANKS):
                in_rank = ranks == rank
                ratio = (logp - old)[in_rank].mean().exp()
                total = total + (-surrogate(ratio, advantage[rank]) + rest[in_rank].mean()) / (rows * NUM_RANKS)
            total = total + rest[-1] / (rows * NUM_RANKS)
    return total


def make_model():
    generator = torch.Generator().manual_seed(11)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        HERE / "model" / "llama", attn_implementation="eager").double().eval()
    groups = make_groups(generator)
    with torch.no_grad():
        for group in groups:
            for completion in group["completions"]:
                logp, _ = score(model, group["prompt"], completion["tokens"])
                count = len(completion["tokens"])
                completion["sampled_logps"] = (logp + 0.15 * randn(generator, count)).clamp(max=0).float().tolist()
                completion["ref_logps"] = (logp + 0.3 * randn(generator, count)).float().tolist()
    result = dict(num_ranks=NUM_RANKS, clip_low=EPSILON_LOW, clip_high=EPSILON_HIGH, kl_beta=BETA,
                  entropy_weight=ENTROPY_WEIGHT, groups=groups, losses={})
    gradients = {}
    for kind in ("grpo", "rank_grpo"):
        model.zero_grad()
        loss = model_loss(kind, model, groups)
        loss.backward()
        result["losses"][kind] = loss.item()
        for name, parameter in model.named_parameters():
            gradients[f"{kind}.{name}"] = parameter.grad.float().contiguous()
    return result, gradients


# --- Files --------------------------------------------------------------------------------------


def differences(expected, actual, tolerance, place=""):
    if isinstance(expected, dict):
        if expected.keys() != actual.keys():
            return [place + " has other keys"]
        return [d for key in expected for d in differences(expected[key], actual[key], tolerance, f"{place}.{key}")]
    if isinstance(expected, list):
        if len(expected) != len(actual):
            return [place + " has another length"]
        return [d for i in range(len(expected))
                for d in differences(expected[i], actual[i], tolerance, f"{place}[{i}]")]
    if isinstance(expected, float) and isinstance(actual, float):
        return [] if abs(expected - actual) <= tolerance else [f"{place}: {expected} and {actual}"]
    return [] if expected == actual else [f"{place}: {expected} and {actual}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    trl = make_trl()
    model, gradients = make_model()
    if not check:
        LOSS.mkdir(exist_ok=True)
        (LOSS / "trl_grpo.json").write_text(json.dumps(trl) + "\n")
        (LOSS / "llama_grpo.json").write_text(json.dumps(model) + "\n")
        save_file(gradients, LOSS / "llama_grpo.safetensors")
        return
    found = differences(json.loads((LOSS / "trl_grpo.json").read_text()), trl, 1e-12, "trl_grpo")
    found += differences(json.loads((LOSS / "llama_grpo.json").read_text()), model, 1e-6, "llama_grpo")
    for name, tensor in load_file(LOSS / "llama_grpo.safetensors").items():
        if not torch.allclose(tensor, gradients[name], rtol=1e-5, atol=1e-7):
            found.append(f"{name}: another gradient")
    if found:
        sys.exit("\n".join(found[:20]))
    print(f"{len(trl['variants'])} losses of TRL and {len(model['losses'])} of a whole model are as committed")


if __name__ == "__main__":
    main()
