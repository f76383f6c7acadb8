"""Makes and checks the tokenizer fixtures in tests/golden/tokenizer.

The Python package `tokenizers` is the reference for ids, `jinja2` for chat templates.

  pip install tokenizers jinja2            (in a virtual environment of your own)
  make_tokenizer_golden.py                 writes the fixtures anew
  make_tokenizer_golden.py --check         makes them in memory, compares with the committed ones,
                                           and compares the C++ tokenizer with `tokenizers` on
                                           random text; exits with 1 at a difference
    --tokenize PATH          the C++ program `tokenize` (default: build*/bin/tokenize)
    --chat-templates DIR     also renders every published DIR/*.jinja both ways
    --seed N --texts N       of the random text
  CONVREC_SMOLLM2=DIR        --check also compares this model directory
"""

import argparse
import copy
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import jinja2
import jinja2.sandbox
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIXTURES = os.path.join(HERE, "tokenizer")

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

TRAINING = [
    "USER: I loved Heat (1995), The Matrix (1999) and Alien (1979). Can you suggest some crime films?",
    "Here are twenty films you might enjoy:\n1. The Godfather (1972)\n2. Goodfellas (1990)\n3. Se7en (1995)\n",
    "4. L.A. Confidential (1997)\n5. Chinatown (1974)\n6. Fargo (1996)\n7. Amélie (2001)\n8. Das Boot (1981)\n",
    "The quick brown fox jumps over the lazy dog. It's what they'd said; we've, I'm, you're, she'll.",
    "def main(argv):\n    for i in range(10):\n\tprint(f\"{i:>4} {argv[i % 3]!r}\")  # comment\n    return 0\n",
    "#include <vector>\nint main() { std::vector<int> v{1, 2, 3}; return v.size() == 3 ? 0 : 1; }\r\n",
    "Der Fluß fließt über Straßen; çà et là, déjà vu, garçon, naïve, œuvre, Ærøskøbing, Łódź, žluťoučký kůň.",
    "Быстрая коричневая лиса прыгает через ленивую собаку. Привет, мир! Ёлка и ёж.",
    "こんにちは世界。カタカナとひらがなと漢字。東京都に住んでいます。",
    "안녕하세요 세계. 한국어 텍스트입니다.",
    "مرحبا بالعالم، كيف حالك؟ ١٢٣٤٥",
    "שלום עולם, מה שלומך? נִקּוּד",
    "नमस्ते दुनिया, आप कैसे हैं? १२३",
    "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง",
    "Γειά σου Κόσμε, τι κάνεις; Ἑλληνικά",
    "\U0001F469\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466 \U0001F44D\U0001F3FD \U0001F1E9\U0001F1EA \u2764\uFE0F ok",
    "    indented   with   runs\n\n\n\tof\t\tspace   \n",
    "3.14159 1,000,000 0xDEADBEEF 1e-9 2024-07-26 12:34:56 ½ ² ₃ Ⅷ",
]

AWKWARD = [
    "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", " \n", "\n ", " \n \n ", "a\n\n b", "a \n",
    "\u00a0", "a\u00a0b", "\u3000全角\u3000", "\u200b", "a\u200bb", "\u2028", "a\u2028b", "\u0085", "a\u0085 b",
    "\u180e", "a\u180e\u180eb", "x\u1680y", "a\u200a\u2009b", "\ufeffBOM", "\x1c\x1d\x1e\x1f", "a\x1cb", "\x0b\x0c",
    "\x00", "a\x00b", "\x00\x00\x00", "\x01\x02\x03\x7f", "\ufffd", "\ufffd\ufffd", "\ufffe", "\U0010ffff", "\ue000",
    "hello", " hello", "  hello", "hello ", "hello  ", "Hello World", "HELLO WORLD", "hello\tworld",
    "it's IT'S It's 'tis 'S 'T 'RE 'VE 'M 'LL 'D", "they'll they'Ll THEY'LL", "'\u017f '\u212a x'\u017fy", "''s 's's", "don\u2019t",
    "1", "12", "123", "1234", "12345", "123456", "1234567", "a1b2c3", "1a 2b", " 1 22 333 4444", "٣٤٥٦ १२३४ ①②③ ⅣⅤ ½¼ ²³",
    "3.14", "-1", "+1", "1,234.50", "1e10", "0x1F", "2024-01-31T12:00:00Z", "(1999)", " (1999)\n", "Heat (1995)\n",
    "1. Heat (1995)\n2. Alien (1979)\n", "1. Heat (1995)\r\n2. Alien (1979)\r\n", "\n\n1. Heat\n\n\n2. Alien\n\n",
    "!", "!!", "!?", "...", "…", "--", "—", "a-b", "a--b", "a - b", "(a)", "[a]", "{a}", "<a>", "a.b.c", "a/b\\c", "@#$%^&*()",
    "~`|\\", "\"quoted\"", "\u201cquoted\u201d", "\u00abq\u00bb", "$100", "€100", "100%", "№5", "©®™", "→←", "∑∫", "a_b __init__",
    "e\u0301", "\u00e9", "cafe\u0301", "café", "A\u030a", "\u212b", "n\u0303", "o\u0302\u0323", "o\u0323\u0302", "ệ", "\u0301", " \u0301a",
    "\u1100\u1161\u11a8", "각", "각", "ﬁ ﬂ ﬃ ﬆ ﬅ", "ǆ Ǆ ǅ", "ß ẞ", "İ ı", "ŉ", "\u0344", "\u0958", "\u2126 \u2f00", "\uf900",
    "नमस्ते", "क्षत्रिय", "สวัสดี", "ภาษาไทย", "မြန်မာ", "ខ្មែរ", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "සිංහල", "ລາວ", "བོད་ཡིག",
    "مرحبا", "שָׁלוֹם", "Привет", "Ελληνικά", "Հայերեն", "ქართული", "አማርኛ", "ᏣᎳᎩ", "ᚠᚢᚦ", "𐍈𐌰", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𝟏𝟐𝟑", "𠮷野家", "漢字かな交じり文",
    "\U0001F600", "\U0001F600\U0001F600", "a\U0001F600b", " \U0001F600", "\U0001F469\u200D\U0001F4BB", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466",
    "\U0001F44D\U0001F3FF", "\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7", "\u2764\ufe0f", "1\ufe0f\u20e3", "\U000E0067\U000E0062", "\U0001F3F4\U000E0067\U000E0062\U000E007F",
    "x" * 300, "ab" * 200, "é" * 150, "1" * 100, " " * 100, "\n" * 50, " \n" * 40, "!" * 100, "a b " * 60, "漢" * 80,
    "supercalifragilisticexpialidocious", "Donaudampfschifffahrtsgesellschaftskapitän", "pneumonoultramicroscopicsilicovolcanoconiosis" * 3,
    "def f(x):\n    return x**2  # square\n\n\nclass A:\n\tpass\n", "if (a && b || !c) { x->y++; }", "https://example.org/a?b=c&d=%20#e",
    "SELECT * FROM t WHERE a = 'b';", "<html><body class=\"x\">&amp;</body></html>", "{\"a\": [1, 2, {\"b\": null}]}", "C:\\path\\file.txt", "user@example.org",
    "\\u0041 \\n \\x00", "%C3%A9", "Ã©", "â‚¬", "Ġhello Ċ", "<0x0A>", "\u0120the\u010a", "[UNK] <unk> <pad>",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>", "<|im_start|><|im_start|>", "a<|im_end|>b", " <|im_end|> ", "<|im_end|", "<|im_<|im_end|>",
    "<|endoftext|>", "<|begin_of_text|>hi", "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>", "<tool_call>x</tool_call>", "<tool_call", "text <tool_call> text",
    "<|IM_START|>", "&lt;|im_start|&gt;", "\n<|im_end|>\n", "é<|im_end|>e\u0301", "<|im_end|>\u0301",
]

FAMILIES = {
    "smollm2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"],
    "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "llama3": ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
}
CONFIGS = {
    "smollm2": {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"},
    "qwen2": {"bos_token": None, "eos_token": {"content": "<|im_end|>", "special": True}},
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
}
VOCAB_SIZES = {"smollm2": 1000, "qwen2": 1300, "llama3": 1600}


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train(family):
    special = FAMILIES[family]
    tokenizer = Tokenizer(models.BPE(ignore_merges=family == "llama3"))
    if family == "smollm2":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False)])
    elif family == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = split_then_bytes(QWEN2)
    else:
        tokenizer.pre_tokenizer = split_then_bytes(LLAMA3)
    tokenizer.decoder = decoders.ByteLevel()
    # SmolLM2 has its special tokens in front, the other families behind the vocabulary. SmolLM2 also
    # lacks some bytes.
    in_front = special if family == "smollm2" else []
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    if family == "smollm2":
        missing = {chr(c) for c in (0xC0, 0xC1, 0xF1, 0xF2, 0xF5, 0x104, 0x106, 0x113)}
        alphabet = [c for c in alphabet if c not in missing]
    trainer = trainers.BpeTrainer(vocab_size=VOCAB_SIZES[family], special_tokens=in_front,
                                  initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TRAINING, trainer)
    if not in_front:
        tokenizer.add_special_tokens(special)
    if family == "qwen2":
        tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False, special=False),
                              AddedToken("</tool_call>", normalized=False, special=False)])
    if family == "llama3":
        bos = special[0]
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1",
                                          special_tokens=[(bos, tokenizer.token_to_id(bos))])])
    else:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def byte_level(add_prefix_space, use_regex):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": True,
            "use_regex": use_regex}


def split(pattern, behavior, invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def variants(base):
    """JSON merge patches of the smollm2 tokenizer.json, one feature each."""
    def added(**flags):
        fields = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        fields.update(flags)
        next_id = max(max(base["model"]["vocab"].values()), max(t["id"] for t in base["added_tokens"])) + 1
        tokens = copy.deepcopy(base["added_tokens"])
        for i, content in enumerate(["<mark>", "film", "<mark>x", "e\u0301t\u00e9", "naïve ", "\u00c9 \u0301"]):
            tokens.append({"id": next_id + i, "content": content, **fields})
        return {"added_tokens": tokens}

    patches = {
        "prefix_space": {"pre_tokenizer": byte_level(True, True)},
        "prefix_space_each_piece": {"pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": False}, byte_level(True, True))},
        "bytes_only": {"pre_tokenizer": byte_level(False, False)},
        "digits_contiguous": {"pre_tokenizer": sequence(
            {"type": "Digits", "individual_digits": False}, byte_level(False, False))},
        "added_plain": added(),
        "added_lstrip": added(lstrip=True),
        "added_rstrip": added(rstrip=True),
        "added_both_strips": added(lstrip=True, rstrip=True),
        "added_single_word": added(single_word=True),
        "added_special": added(special=True, single_word=True, lstrip=True),
        "added_normalized": {**added(normalized=True), "normalizer": {"type": "NFC"}},
        "added_raw_nfd": {**added(), "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}]}},
        "nfkc": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "NFC"}]}},
        "unknown_token": {"model": {"unk_token": "<repo_name>"}},
        "unknown_fused": {"model": {"unk_token": "<repo_name>", "fuse_unk": True}},
        "ignore_merges": {"model": {"ignore_merges": True}, "pre_tokenizer": byte_level(False, True)},
        "titles": {"pre_tokenizer": sequence(
            split({"Regex": r" \([0-9]{4}\)\n|[^\n]+?(?= \([0-9]{4}\)\n)"}, "Isolated"), byte_level(False, False))},
        "empty_matches": {"pre_tokenizer": sequence(split({"Regex": "x*"}, "Isolated"), byte_level(False, False))},
        "word_classes": {"pre_tokenizer": sequence(
            split({"Regex": r"\w+|\h|[^\w\s]+|^a|b$"}, "Isolated"), byte_level(False, False))},
        "gguf_default": {"pre_tokenizer": sequence(
            split({"Regex": r"[\p{P}\$\+<=>\^~\|]+"}, "Isolated"),
            split({"Regex": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"}, "Isolated"),
            split({"Regex": r"\p{N}+"}, "Isolated"), split({"Regex": "[0-9][0-9][0-9]"}, "Isolated"),
            byte_level(False, False))},
    }
    for behavior in ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            name = f"split_{behavior.lower()}" + ("_inverted" if invert else "")
            patches[name] = {"pre_tokenizer": sequence(split({"Regex": r"[a-e]|-"}, behavior, invert),
                                                       byte_level(False, False))}
        patches[f"split_string_{behavior.lower()}"] = {"pre_tokenizer": sequence(
            split({"String": "."}, behavior), byte_level(False, False))}
    return patches


VARIANT_TEXTS = [
    "a film and a <mark> film", "film", "film, film-film filmed afilm film", "<mark><mark>x <mark>  x", "  <mark>  ", "\u00a0<mark>\u2003\n",
    "<mark> film <mark>", "film film  film", "été naïve É e\u0301te\u0301 E\u0301 nai\u0308ve x", "_film film_ 1film film1 filmé éfilm", "fil\u200dm film\u200d",
    "a-b--c.d..e", "abc-xyz", "...", "-.-", "xxabxx x", "aaaa", "bdbd xyz bd", "2024 12 ab12cd345 ١٢", " 1 a", "1", "Heat (1995)\n1. The Matrix (1999)\nx (19)\n",
    "a\nb\nab", "\u017f \u212a \ufb01 \u2460 ½", "bytes \U00050000 \U00090000\U00090000 \x04\x06 x\x13", "don't WE'LL 's", "", " ", "\n", "a_b\u203fc \u0301x deadBEEF g",
    "<|im_end|> film<|im_end|>film", "the", " the", "The Godfather (1972)", "films you might enjoy", "f\nfilm\n", "a½b² x③y Ⓐz",
]

# What chats without tools reach of the templates that the families' models are published with.
CHAT_TEMPLATES = {
    "smollm2": ("smollm2", "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"),
    "chatml": ("smollm2", "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"),
    "qwen2.5": ("qwen2", r"""{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
{%- else %}
    {{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) or message.role == "assistant" %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"""),
    "qwen2.5-math": ("qwen2", r"""{%- if messages[0]['role'] != 'system' %}{{- '<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n' }}{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"""),
    "qwen3": ("qwen2", r"""{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- set ns = namespace(searching=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- if ns.searching and message.role == "user" and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.searching = false %}
        {%- set ns.last_query_index = messages|length - 1 - loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning_content = '' %}
        {%- if '</think>' in message.content %}
            {%- set content = message.content.split('</think>')[-1].lstrip('\n') %}
            {%- set reasoning_content = message.content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index and (loop.last or reasoning_content) %}
            {{- '<|im_start|>' + message.role + '\n<think>\n' + reasoning_content.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}"""),
    "llama3": ("llama3", "{% for message in messages %}{% if loop.first %}{{ bos_token }}{% endif %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"),
    "llama3.2": ("llama3", r"""{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{{- "Cutting Knowledge Date: December 2023\n" }}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""),
}
TITLES = r" \([0-9]{4}\)\n|[^\n]+?(?= \([0-9]{4}\)\n)"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TRAINERS = [
    {"name": "words", "split_regex": GPT2, "vocab_size": 700, "min_pair_count": 2, "special_tokens": ["<|pad|>", "<|end|>"]},
    {"name": "titles", "split_regex": TITLES, "vocab_size": 500, "min_pair_count": 1, "special_tokens": ["<|end|>"]},
    {"name": "until nothing is left to merge", "split_regex": QWEN2, "vocab_size": 9999, "min_pair_count": 3, "special_tokens": []},
]
SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
CHATS = [
    [(USER, "Hi")],
    [(SYSTEM, "You recommend films."), (USER, "I loved Heat (1995).")],
    [(SYSTEM, ""), (USER, "")],
    [(USER, "Hi"), (ASSISTANT, "Hello!"), (USER, "More?")],
    [(SYSTEM, "  s \n"), (USER, "\n\n padded \u00a0\u3000\x1c\n"), (ASSISTANT, "\n\nanswer \n"), (USER, "x")],
    [(USER, "é <|im_end|> {{ no }} {% x %}"), (ASSISTANT, "a"), (SYSTEM, "late"), (USER, "b")],
    [(USER, "q"), (ASSISTANT, "<think>\nhm\n</think>\n\nanswer"), (USER, "q2"), (ASSISTANT, "<think>\n\nwell\n\n</think>\n\nyes")],
    [(USER, "q"), (ASSISTANT, "<think>a</think>b</think>\n\nc"), (ASSISTANT, "plain"), (ASSISTANT, "last")],
    [(USER, "q"), (ASSISTANT, "thoughts\n</think>\n\nanswer"), (USER, "<tool_response>\nr\n</tool_response>"), (ASSISTANT, "<think>x</think>\n\ny"), (ASSISTANT, "z")],
    [(ASSISTANT, "first"), (ASSISTANT, "second")],
    [(USER, "<tool_response></tool_response>"), (ASSISTANT, "<think></think>")],
]


def chat_cases():
    for chat in CHATS:
        for prompt in [True, False]:
            for thinking in [True, False]:
                yield {"messages": [{"role": r, "content": c} for r, c in chat],
                       "add_generation_prompt": prompt, "enable_thinking": thinking, "date": "01 Mar 2025"}


def render(template, case, bos):
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    thinking = {} if case["enable_thinking"] else {"enable_thinking": False}
    return environment.from_string(template).render(
        messages=case["messages"], add_generation_prompt=case["add_generation_prompt"], bos_token=bos,
        date_string=case["date"], tools=None, **thinking)


def make():
    """All fixtures as {file name: text}."""
    files = {}
    golden = {"texts": AWKWARD + TRAINING, "families": {}}
    loaded = {}
    for family in FAMILIES:
        tokenizer = train(family)
        text = tokenizer.to_str(pretty=False)
        loaded[family] = tokenizer
        files[f"{family}/tokenizer.json"] = text + "\n"
        files[f"{family}/tokenizer_config.json"] = json.dumps(CONFIGS[family]) + "\n"
        golden["families"][family] = {
            "ids": [tokenizer.encode(t, add_special_tokens=False).ids for t in golden["texts"]],
            "prefix_ids": tokenizer.encode("", add_special_tokens=True).ids,
            "decoded": [tokenizer.decode(tokenizer.encode(t, add_special_tokens=False).ids) for t in golden["texts"]]}
    base = json.loads(files["smollm2/tokenizer.json"])
    golden["variants"] = {"texts": VARIANT_TEXTS, "cases": [
        {"name": name, "patch": patch, "ids": [
            Tokenizer.from_str(json.dumps(merge_patch(base, patch))).encode(t, add_special_tokens=False).ids for t in VARIANT_TEXTS]}
        for name, patch in variants(base).items()]}
    golden["chats"] = []
    for name, (family, template) in CHAT_TEMPLATES.items():
        cases = []
        for case in chat_cases():
            text = render(template, case, CONFIGS[family]["bos_token"])
            cases.append({**case, "text": text})
        golden["chats"].append({"name": name, "family": family, "template": template, "cases": cases})
    golden["trainers"] = [train_case(case, golden["texts"]) for case in TRAINERS]
    # One long line per case keeps differences readable without a line per number.
    files["cases.json"] = dump_rows(golden)
    return files


def train_case(case, texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split_then_bytes(case["split_regex"])
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=case["vocab_size"], min_frequency=case["min_pair_count"], special_tokens=case["special_tokens"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    trained = json.loads(tokenizer.to_str())["model"]
    return {**case, "tokens": sorted(trained["vocab"], key=trained["vocab"].get),
            "merges": [" ".join(m) for m in trained["merges"]]}


def dump_rows(golden):
    def rows(values):
        return "[\n" + ",\n".join(json.dumps(v) for v in values) + "\n]"
    families = ",\n".join(
        f"{json.dumps(name)}: {{\"prefix_ids\": {json.dumps(f['prefix_ids'])},\n\"ids\": {rows(f['ids'])},\n\"decoded\": {rows(f['decoded'])}}}"
        for name, f in golden["families"].items())
    return ("{\"texts\": " + rows(golden["texts"]) + ",\n\"families\": {\n" + families + "},\n\"variants\": {\"texts\": " +
            rows(golden["variants"]["texts"]) + ",\n\"cases\": " + rows(golden["variants"]["cases"]) + "},\n\"chats\": " +
            rows(golden["chats"]) + ",\n\"trainers\": " + rows(golden["trainers"]) + "}\n")


def merge_patch(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def random_text(rng):
    alphabets = [
        "abcdefghij", "ABC", " ", "  ", "\n", "\r\n", "\t", "0123456789", "'sStTdDmMlLvVeErR", ".,;:!?-_()[]{}<>|/\\\"'`~@#$%^&*+=",
        "äöüéèçñ", "\u0301\u0308\u0323\u0342", "абвгд", "漢字かな", "한국", "ابت", "กขค", "\u00a0\u2003\u3000\u200b\u200d\u2028\u0085",
        "\U0001F600\U0001F469\U0001F3FD\ufe0f", "①½²Ⅷ٣१", "\x00\x01\x1c\x7f", "\ufffd\ue000\U0010ffff"]
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.12:
            parts.append(rng.choice(["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<mark>", "film", "<tool_call>", "É", "e\u0301t\u00e9"]))
        elif kind < 0.3:
            words = rng.choice(TRAINING).split(" ")
            parts.append(" ".join(words[:rng.randint(1, 6)]))
        elif kind < 0.4:
            code_point = rng.choice([rng.randrange(0x20, 0x3000), rng.randrange(0x3000, 0x20000), rng.randrange(0x20000, 0x110000)])
            # Characters that every Unicode version of the last twenty years knows: younger ones have
            # classes that depend on the version of a library.
            known = unicodedata.ucd_3_2_0.category(chr(code_point)) not in ("Cn", "Cs")
            parts.append(chr(code_point) if known else "")
        else:
            alphabet = rng.choice(alphabets)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 8))))
        if rng.random() < 0.4:
            parts.append(" ")
    return "".join(parts)


def run_tokenize(program, command, directory, lines, *flags):
    result = subprocess.run([program, command, directory, *flags], input="".join(json.dumps(l) + "\n" for l in lines),
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{program} {command} {directory}: {result.stderr}")
    return [json.loads(line) for line in result.stdout.split("\n") if line]


def report(name, texts, expected, found):
    bad = [(t, e, f) for t, e, f in zip(texts, expected, found) if e != f]
    for text, e, f in bad[:5]:
        print(f"  {text!r}\n    reference {e}\n    ours      {f}")
    ok = not bad and len(expected) == len(found)
    print(f"{'equal    ' if ok else 'DIFFERENT'} {name}: {len(expected) - len(bad)} of {len(expected)}")
    return ok


def check_live(program, directory, name, texts, decodes_alike=True):
    with open(os.path.join(directory, "tokenizer.json"), encoding="utf-8") as f:
        reference = Tokenizer.from_str(f.read())
    ids = [reference.encode(t, add_special_tokens=False).ids for t in texts]
    ok = report(f"{name} ids", texts, ids, run_tokenize(program, "encode", directory, texts))
    with_special = [reference.encode(t).ids for t in texts[:50]]
    ok &= report(f"{name} ids with special tokens", texts, with_special,
                 run_tokenize(program, "encode", directory, texts[:50], "--add-special-tokens"))
    reference.encode_special_tokens = True
    as_text = [reference.encode(t, add_special_tokens=False).ids for t in texts[:500]]
    ok &= report(f"{name} ids with special tokens as text", texts, as_text,
                 run_tokenize(program, "encode", directory, texts[:500], "--leave-special-tokens"))
    if not decodes_alike:
        return ok
    decoded = [reference.decode(i) for i in ids]
    ok &= report(f"{name} decoded", ids, decoded, run_tokenize(program, "decode", directory, ids))
    return ok


def check_chats(program, templates_directory):
    ok = True
    for path in sorted(glob.glob(os.path.join(templates_directory, "*.jinja"))):
        with open(path, encoding="utf-8") as f:
            template = f.read()
        family = "llama3" if "<|start_header_id|>" in template else "qwen2"
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy(os.path.join(FIXTURES, family, "tokenizer.json"), directory)
            with open(os.path.join(directory, "tokenizer_config.json"), "w", encoding="utf-8") as f:
                json.dump({**CONFIGS[family], "chat_template": template}, f)
            cases = list(chat_cases())
            expected = [render(template, c, CONFIGS[family]["bos_token"]) for c in cases]
            lines = [{**c, "arguments": {} if c["enable_thinking"] else {"enable_thinking": False}} for c in cases]
            found = [r["text"] for r in run_tokenize(program, "chat", directory, lines)]
            ok &= report(f"chat template {os.path.basename(path)}", cases, expected, found)
    return ok


def check(args, files):
    ok = True
    for name, text in files.items():
        with open(os.path.join(FIXTURES, name), encoding="utf-8") as f:
            equal = f.read() == text
        print(f"{'equal    ' if equal else 'DIFFERENT'} committed {name}")
        ok &= equal
    program = args.tokenize or next(iter(sorted(glob.glob(os.path.join(ROOT, "build*/bin/tokenize")))), None)
    if not program:
        raise SystemExit("the program `tokenize` is not built: build it, or name it with --tokenize")
    rng = random.Random(args.seed)
    texts = AWKWARD + [random_text(rng) for _ in range(args.texts)]
    for family in FAMILIES:
        ok &= check_live(program, os.path.join(FIXTURES, family), family, texts)
    base = json.loads(files["smollm2/tokenizer.json"])
    for name, patch in variants(base).items():
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "tokenizer.json"), "w", encoding="utf-8") as f:
                json.dump(merge_patch(base, patch), f)
            # `tokenizers` decodes an added token whose normal form is Latin-1 as if it were bytes.
            ok &= check_live(program, directory, name, VARIANT_TEXTS + texts[:2000],
                             decodes_alike=name != "added_normalized")
    if os.environ.get("CONVREC_SMOLLM2"):
        ok &= check_live(program, os.environ["CONVREC_SMOLLM2"], "CONVREC_SMOLLM2", texts)
    if args.chat_templates:
        ok &= check_chats(program, args.chat_templates)
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--tokenize")
    parser.add_argument("--chat-templates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts", type=int, default=3000)
    args = parser.parse_args()
    files = make()
    if args.check:
        sys.exit(0 if check(args, files) else 1)
    for name, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(FIXTURES, name)), exist_ok=True)
        with open(os.path.join(FIXTURES, name), "w", encoding="utf-8") as f:
            f.write(text)
    print(f"wrote {len(files)} files, {sum(len(t.encode()) for t in files.values())} bytes, to {FIXTURES}")


if __name__ == "__main__":
    main()
