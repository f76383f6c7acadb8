"""Writes line_cases.jsonl: random list lines and what the line grammar makes of them.

A second implementation of the grammar documented in libs/lists/README.md, by regular expressions over
Python text, to compare libs/lists/list_parser.cc with. Run: python3 line_cases.py > line_cases.jsonl
"""
import json
import random
import re

MARKS = r"[*_\-#]+"


def unformat(text):
    text = text.strip()
    while True:
        before = text
        text = re.sub("^" + MARKS, "", text).strip()
        text = re.sub(MARKS + r"\Z", "", text).strip()
        text = re.sub(r"^(?:" + MARKS + r"\s+|\d+\s*[.)、\-—–]\s+)", "", text).strip()
        text = re.sub(r"^#+\s*", "", text)
        if text == before:
            return text


def unquote(text):
    for quote in "\"'":
        if text.startswith(quote) and text.endswith(quote):
            return text[1:-1]
    return text


def fold(text):
    return re.sub(r"\s+", " ", text.strip())


def unparen(text):
    return re.sub(r"\([^()]*\)", "", text.strip())


def parse(line):
    line = unquote(unformat(fold(line)))
    match = re.match(r"(.+?)\s+\((\d{4})\)", line)
    if match is None:
        return None
    title = match.group(1)
    while True:
        cleaned = unquote(unformat(fold(unparen(title))))
        if cleaned == title:
            return [title, int(match.group(2))]
        title = cleaned


PIECES = (["(1999)", "(2001)", "(１９７５)", "(19)", "(20011)", " ", " ", " ", " ", "(", ")", "'", '"', "\t", "\r",
           "*", "**", "_", "-", "#", "–", "—", "、", ".", "1", "23", "４", "A", "Heat", "é", "ß", "(x)", "“", "”",
           "\u3000", "\u00a0", "\u2028", "\x1f", "\ufffd", "٣", "²", "²."])


def main():
    rng = random.Random(20251020)
    for _ in range(3000):
        line = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 14)))
        if rng.random() < 0.7:
            line = line + rng.choice([" (1999)", "  (2001) ", " (1984)**", ' (1990)"'])
        print(json.dumps({"line": line, "item": parse(line)}, ensure_ascii=False))


if __name__ == "__main__":
    main()
