#!/usr/bin/env python3
"""Makes tests/field/models_expected.json: what the Python packages `tokenizers` and `gguf` make of the inputs
in tests/field/models and tests/field/gguf.

  make_models_expected.py            writes the file
  make_models_expected.py --check    makes it in memory and compares; exits with 1 at a difference
"""

import json
import pathlib
import sys

import gguf
import numpy as np
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).resolve().parent
TEXTS = ["", "x", "the other thing", " the", "  two  spaces  ", "Heat (1995)\nThe Matrix (1999)\n", "Amélie", "東京",
         "\U0001F980", "<s>hi</s> there", "a\tb\x00c", "\u2581x", "line\n\n\nline", "thethethe her other"]


def spm():
    tokenizer = Tokenizer.from_file(str(HERE / "models" / "spm_metaspace" / "tokenizer.json"))
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    return {"texts": TEXTS, "ids": ids, "decoded": [tokenizer.decode(i) for i in ids]}


def tensors(*names):
    """The first four values of every tensor and the sum of all, in float64."""
    found = {}
    for name in names:
        for tensor in gguf.GGUFReader(HERE / "gguf" / name).tensors:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float64).ravel()
            found[tensor.name] = {"type": tensor.tensor_type.name, "first": values[:4].tolist(),
                                  "sum": float(values.sum())}
    return found


def make():
    expected = {"spm_metaspace": spm(),
                "gguf": {"q4_k_m.gguf": tensors("q4_k_m.gguf"), "q4_0_head_q6k.gguf": tensors("q4_0_head_q6k.gguf"),
                         "split-00001-of-00002.gguf": tensors("split-00001-of-00002.gguf",
                                                              "split-00002-of-00002.gguf")}}
    return json.dumps(expected, indent=1) + "\n"


def main():
    path = HERE / "models_expected.json"
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if path.read_text() == make() else "models_expected.json differs")
    path.write_text(make())


if __name__ == "__main__":
    main()
