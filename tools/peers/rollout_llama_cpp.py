#!/usr/bin/env python3
"""Tokens per second of llama.cpp: rollout_llama_cpp.py GGUF PROMPTS PROMPT_TOKENS SIBLINGS NEW_TOKENS [REPEATS].

Each prompt is decoded once and copied to its siblings' sequences. Then every sequence gets one token
per step, drawn by llama.cpp's own sampler at temperature 1. `--quantize TYPE IN OUT` makes a GGUF of
another type.
"""
import ctypes
import json
import os
import random
import statistics
import sys
import time

import llama_cpp as lc

lc.llama_backend_init()
if sys.argv[1] == "--quantize":
    kind, source, target = sys.argv[2:5]
    params = lc.llama_model_quantize_default_params()
    params.ftype = {"f16": lc.LLAMA_FTYPE_MOSTLY_F16, "q8_0": lc.LLAMA_FTYPE_MOSTLY_Q8_0}[kind]
    params.allow_requantize = True
    sys.exit(lc.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(params)))

prompts, prompt_tokens, siblings, new_tokens = (int(x) for x in sys.argv[2:6])
repeats = int(sys.argv[6]) if len(sys.argv) > 6 else 1
threads = len(os.sched_getaffinity(0))
model_params = lc.llama_model_default_params()
model = lc.llama_model_load_from_file(sys.argv[1].encode(), model_params)
assert model, "the model cannot be loaded"
vocab_size = lc.llama_vocab_n_tokens(lc.llama_model_get_vocab(model))
rows = prompts * siblings
params = lc.llama_context_default_params()
params.n_ctx = prompts * prompt_tokens + rows * new_tokens + 256
params.n_batch = params.n_ubatch = max(512, rows)
params.n_seq_max = rows
params.n_threads = params.n_threads_batch = threads
params.kv_unified = True   # Copied sequences share the cells of their prompt.
context = lc.llama_init_from_model(model, params)
assert context, "no context"
memory = lc.llama_get_memory(context)
sampler = lc.llama_sampler_init_dist(1)
batch = lc.llama_batch_init(params.n_batch, 0, 1)


def put(i, token, position, sequence, wants_logits):
    batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
    batch.seq_id[i][0] = sequence
    batch.logits[i] = wants_logits


def decode(count):
    batch.n_tokens = count
    code = lc.llama_decode(context, batch)
    assert code == 0, f"llama_decode gives {code}"


def run(count):
    lc.llama_memory_clear(memory, True)
    start = time.perf_counter()
    # All prompt tokens, as many at a time as fit; siblings draw their first tokens from the prompt's last row.
    next_tokens = [0] * rows
    entries = [(p, t) for p in range(prompts) for t in range(prompt_tokens)]
    for begin in range(0, len(entries), params.n_batch):
        chunk = entries[begin:begin + params.n_batch]
        for i, (p, t) in enumerate(chunk):
            put(i, random.randrange(vocab_size), t, p * siblings, t == prompt_tokens - 1)
        decode(len(chunk))
        for i, (p, t) in enumerate(chunk):
            if t == prompt_tokens - 1:
                for s in range(siblings):
                    next_tokens[p * siblings + s] = lc.llama_sampler_sample(sampler, context, i)
    for p in range(prompts):
        for s in range(1, siblings):
            lc.llama_memory_seq_cp(memory, p * siblings, p * siblings + s, -1, -1)
    for step in range(count - 1):
        for row in range(rows):
            put(row, next_tokens[row], prompt_tokens + step, row, True)
        decode(rows)
        for row in range(rows):
            next_tokens[row] = lc.llama_sampler_sample(sampler, context, row)
    return time.perf_counter() - start


run(4)
seconds = statistics.median(run(new_tokens) for _ in range(repeats))
print(json.dumps({"tokens_per_second": rows * new_tokens / seconds, "seconds": seconds}))
