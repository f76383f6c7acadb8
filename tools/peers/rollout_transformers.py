#!/usr/bin/env python3
"""Tokens per second of transformers' generate: rollout_transformers.py MODEL PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS."""
import json
import statistics
import sys
import time

import torch
from transformers import AutoModelForCausalLM

model_dir = sys.argv[1]
prompts, prompt_tokens, siblings, new_tokens = (int(x) for x in sys.argv[2:6])
repeats = int(sys.argv[6]) if len(sys.argv) > 6 else 1
torch.manual_seed(1)
model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32).eval()


def run(count):
    ids = torch.randint(0, model.config.vocab_size, (prompts, prompt_tokens))
    start = time.perf_counter()
    with torch.inference_mode():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0,
                             num_return_sequences=siblings, max_new_tokens=count, min_new_tokens=count, pad_token_id=0)
    assert out.shape == (prompts * siblings, prompt_tokens + count)
    return time.perf_counter() - start


run(2)
seconds = statistics.median(run(new_tokens) for _ in range(repeats))
print(json.dumps({"tokens_per_second": prompts * siblings * new_tokens / seconds, "seconds": seconds}))
