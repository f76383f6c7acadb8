"""Makes and checks the fixtures of tokenizers of the SentencePiece kind in tests/golden/tokenizer.

Small tokenizers in the shapes that Llama-2 and TinyLlama, Mistral, Gemma and older files have: BPE over
characters, bytes as "<0x0A>" where a character has no token, "▁" for a space. Their vocabularies are
trained here; ids and decoded texts are those of the Python package `tokenizers`.

  make_sentencepiece_golden.py             writes tests/golden/tokenizer/sentencepiece.json
  make_sentencepiece_golden.py --check     makes it in memory and compares, then compares the C++ tokenizer
                                           with `tokenizers` on random text; exits with 1 at a difference
    --tokenize PATH, --seed N, --texts N   as make_tokenizer_golden.py
"""

import argparse
import collections
import glob
import json
import os
import random
import sys
import tempfile

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from transformers.tokenization_utils_base import generate_merges

import make_tokenizer_golden as byte_level

PATH = os.path.join(byte_level.FIXTURES, "sentencepiece.json")
SPACE = "\u2581"
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
FAMILIES = ["llama2", "mistral", "gemma"]
# The other shapes get these only.
VARIANT_TEXTS = byte_level.VARIANT_TEXTS + [
    "<s>Hi</s>", "<s> Hi </s> there", "</s>", "a</s>b", "</s> b", "<s>", " <s>", "\u2581", "\u2581\u2581x", "a\u2581b",
    "<0x41>", "<0x0A>\n", "x <0x41>", "[INST] Hi [/INST] Hello </s><s>[INST] More [/INST]", "\U0001F980 \U0001F980\U0001F980x",
    "The Matrix (1999)\nHeat (1995)\n", "  two  spaces  ", "\n\nnew\n", "<start_of_turn>user\nHi<end_of_turn>\n",
    "Привет мир", "東京都", "a\x00b\x01", "hello", " hello", "é \U0001F469\u200D\U0001F4BB", "x\u1680y",
]
TEXTS = VARIANT_TEXTS + byte_level.AWKWARD + byte_level.TRAINING


def vocabulary():
    """Tokens and merges of a character BPE with the bytes behind the special tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    counts = collections.Counter("".join(byte_level.TRAINING).replace(" ", SPACE))
    alphabet = sorted(counts, key=lambda c: (-counts[c], c))[:180]
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=SPECIAL + BYTES, show_progress=False,
                                  initial_alphabet=alphabet, limit_alphabet=len(alphabet))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(SPACE, "merged_with_next")
    tokenizer.train_from_iterator(byte_level.TRAINING, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [list(merge) for merge in model["merges"]]


def strip_decoder():
    return {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}


def metaspace(**fields):
    return {"type": "Metaspace", "replacement": SPACE, **fields}


def replace_space():
    return {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}


def template(bos):
    return {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {bos: {"id": bos, "ids": [SPECIAL.index(bos)], "tokens": [bos]}}}


def added(id_, content, special=True, **flags):
    return {"id": id_, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special, **flags}


def tokenizer_json(vocab, merges):
    """The base file: the shape of Llama-2."""
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(i, token) for i, token in enumerate(SPECIAL)],
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": SPACE}, replace_space()]},
            "pre_tokenizer": None, "post_processor": template("<s>"), "decoder": strip_decoder(),
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                      "vocab": vocab, "merges": merges}}


def shapes(base):
    """Changes of the base file's top fields, by name."""
    size = len(base["model"]["vocab"])
    gemma_tokens = base["added_tokens"] + [
        added(base["model"]["vocab"].get(token, size + i), token, special=token.startswith("<"))
        for i, token in enumerate(["<start_of_turn>", "<end_of_turn>", SPACE * 2, "\n\n", SPACE * 4])]
    gemma_decoder = {"type": "Sequence", "decoders": strip_decoder()["decoders"][:3]}
    no_fallback = {**base["model"], "byte_fallback": False}
    few_bytes = {**base["model"], "vocab": {t: i for t, i in base["model"]["vocab"].items()
                                            if not (t.startswith("<0xF") or t == "<0x00>")}}
    return {
        "llama2": {},
        "mistral": {"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme="first", split=False)},
        "gemma": {"normalizer": replace_space(), "added_tokens": gemma_tokens, "decoder": gemma_decoder,
                  "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
                                    "invert": False}},
        "old_metaspace": {"normalizer": None, "pre_tokenizer": metaspace(str_rep=SPACE, add_prefix_space=True),
                          "decoder": metaspace(str_rep=SPACE, add_prefix_space=True)},
        "metaspace_never": {"normalizer": None, "pre_tokenizer": metaspace(prepend_scheme="never", split=True)},
        "metaspace_always": {"normalizer": {"type": "NFKC"},
                             "pre_tokenizer": metaspace(prepend_scheme="always", split=False)},
        "metaspace_digits": {"normalizer": None, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            metaspace(prepend_scheme="first", split=True), {"type": "Digits", "individual_digits": True}]}},
        "digits_metaspace": {"normalizer": None, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True}, metaspace(prepend_scheme="first", split=True)]}},
        "added_normalized": {"added_tokens": base["added_tokens"] + [
            added(size, "film", special=False, normalized=True), added(size + 1, "<mark>", special=False, rstrip=True)]},
        "unknown_fused": {"model": no_fallback},
        "unknown_each": {"model": {**no_fallback, "fuse_unk": False}},
        "unknown_dropped": {"model": {**no_fallback, "unk_token": None}},
        "some_bytes": {"model": few_bytes},
        "some_bytes_each": {"model": {**few_bytes, "fuse_unk": False}},
        "ignore_merges": {"model": {**base["model"], "ignore_merges": True}, "normalizer": None,
                          "pre_tokenizer": metaspace(prepend_scheme="first", split=True)},
        "replace_regex": {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"Regex": r"[ \t]+"}, "content": " "}, replace_space()]}},
        # Added tokens are in the vocabulary: the package numbers others anew, whatever their ids in the file.
        "holes": {"model": {**base["model"], "vocab": {t: i + 5 * (i > 300) for t, i in base["model"]["vocab"].items()}}},
    }


def scored(base):
    """The vocabulary with scores, as sentencepiece and GGUF files have it, and the ids by the merges that
    `transformers` makes of them."""
    vocab = base["model"]["vocab"]
    # Merged tokens in the order of their merges, two of a score now and then.
    scores = {token: 0.0 if i < len(SPECIAL + BYTES) else -float(i // 3) for token, i in vocab.items()}
    merges = generate_merges(vocab, scores, skip_tokens=SPECIAL + BYTES)
    tokenizer = Tokenizer.from_str(json.dumps({**base, "model": {**base["model"], "merges": merges}}))
    return {"tokens": list(vocab), "scores": list(scores.values()), "merges": merges,
            "ids": [tokenizer.encode(t).ids for t in VARIANT_TEXTS]}


def make():
    vocab, merges = vocabulary()
    base = tokenizer_json(vocab, merges)
    cases = []
    for name, change in shapes(base).items():
        tokenizer = Tokenizer.from_str(json.dumps({**base, **change}))
        texts = TEXTS if name in FAMILIES else VARIANT_TEXTS
        ids = [tokenizer.encode(t, add_special_tokens=False).ids for t in texts]
        cases.append({"name": name, "change": change, "prefix_ids": tokenizer.encode("", add_special_tokens=True).ids,
                      "ids": ids, "decoded": [tokenizer.decode(i) for i in ids]})
    rows = ",\n".join(json.dumps(case) for case in cases)
    return (f"{{\"texts\": {json.dumps(TEXTS)},\n\"base\": {json.dumps(base)},\n"
            f"\"scored\": {json.dumps(scored(base))},\n\"cases\": [\n{rows}\n]}}\n")


def check(args, text):
    with open(PATH, encoding="utf-8") as f:
        ok = f.read() == text
    print(f"{'equal    ' if ok else 'DIFFERENT'} committed sentencepiece.json")
    program = args.tokenize or next(
        iter(sorted(glob.glob(os.path.join(byte_level.ROOT, "build*/bin/tokenize")))), None)
    if not program:
        raise SystemExit("the program `tokenize` is not built: build it, or name it with --tokenize")
    rng = random.Random(args.seed)
    texts = TEXTS + [byte_level.random_text(rng) for _ in range(args.texts)]
    golden = json.loads(text)
    for case in golden["cases"]:
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "tokenizer.json"), "w", encoding="utf-8") as f:
                json.dump({**golden["base"], **case["change"]}, f)
            ok &= byte_level.check_live(program, directory, case["name"], texts)
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--tokenize")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts", type=int, default=2000)
    args = parser.parse_args()
    text = make()
    if args.check:
        sys.exit(0 if check(args, text) else 1)
    with open(PATH, "w", encoding="utf-8") as f:
        f.write(text)
    print(f"wrote {len(text.encode())} bytes to {PATH}")


if __name__ == "__main__":
    main()
