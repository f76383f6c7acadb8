"""Makes and checks the fixtures of the template language in tests/golden/jinja.

The reference is what transformers' apply_chat_template renders.

  pip install transformers jinja2          (in a virtual environment of your own)
  make_jinja_golden.py                     writes the fixtures anew
  make_jinja_golden.py --check             makes them in memory, compares with the committed ones, and
                                           compares the C++ programs with transformers on random chats;
                                           exits with 1 at a difference
    --render PATH            the C++ program `render_template` (default: build*/bin)
    --templates DIR          also renders every DIR/*.jinja, and the templates of every
                             DIR/*.json (as tokenizer_config.json), both ways
    --chats N --seed N       how many random chats, and which

jinja_cases.py holds the small templates, chat_families.py those in the shape of model families and
the random chats.
"""

import argparse
import collections
import datetime
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

import transformers
import transformers.utils.chat_template_utils as reference
from tokenizers import Tokenizer, models

import chat_families
import jinja_cases

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIXTURES = os.path.join(HERE, "jinja")
NOW = datetime.datetime(2025, 3, 1, 12, 30, 5)
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(*NOW.timetuple()[:6])


reference.datetime = FixedTime


def render(template, variables):
    """("text", text), or ("load" or "render", what was wrong)."""
    try:
        compiled = reference._compile_jinja_template(template)
    except Exception as error:  # jinja2 lets Python's own errors through.
        return "load", repr(error)
    try:
        return "text", compiled.render(**variables)
    except Exception as error:
        return "render", repr(error)


TOKENIZER = transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **SPECIAL)


def render_chat(template, messages, arguments):
    """As render(), by transformers' own apply_chat_template."""
    kind, result = render(template, {})
    if kind == "load":
        return kind, result
    try:
        return "text", TOKENIZER.apply_chat_template(messages, chat_template=template, tokenize=False, **arguments)
    except Exception as error:
        return "render", repr(error)


def chat_variables(messages, arguments):
    """What apply_chat_template gives to a template, as libs/tokenizer/chat_template.h does."""
    messages = [{key: value for key, value in message.items() if value is not None} for message in messages]
    for i, message in enumerate(messages):
        thoughts = next((message[key] for key in ["reasoning_content", "thinking", "reasoning"] if key in message), None)
        if thoughts is not None:
            messages[i] = {"thinking": thoughts, **message, "reasoning_content": thoughts}
    return {**SPECIAL, "tools": None, "documents": None, "add_generation_prompt": False, **arguments, "messages": messages}


def case(group, template, variables):
    kind, result = render(template, variables)
    return {"group": group, "template": template, **({"text": result} if kind == "text" else {"error": kind})}


def make():
    """All fixtures as {file name: text}."""
    language = {"now": NOW.isoformat(), "variables": jinja_cases.V,
                "cases": [case(group, template, jinja_cases.V) for group, template in jinja_cases.cases()]}
    families = {"now": NOW.isoformat(), "special": SPECIAL, "families": []}
    for name, template in chat_families.TEMPLATES.items():
        rows = []
        for messages, arguments in chat_families.committed_chats():
            kind, result = render_chat(template, messages, arguments)
            rows.append({"messages": messages, "arguments": arguments,
                         **({"text": result} if kind == "text" else {"error": kind})})
        families["families"].append({"name": name, "template": template, "cases": rows})
    return {"language.json": dump(language, "cases"), "families.json": dump(families, "families")}


def dump(golden, rows):
    """One line per row, so that differences stay readable."""
    head = {key: value for key, value in golden.items() if key != rows}
    lines = []
    for row in golden[rows]:
        if "cases" in row:
            rest = {key: value for key, value in row.items() if key != "cases"}
            lines.append(json.dumps(rest)[:-1] + ', "cases": [\n' + ",\n".join(json.dumps(c) for c in row["cases"]) + "]}")
        else:
            lines.append(json.dumps(row))
    return json.dumps(head)[:-1] + f', "{rows}": [\n' + ",\n".join(lines) + "\n]}\n"


def ours(program, requests):
    with tempfile.TemporaryFile("w+") as file:
        for template, variables in requests:
            file.write(json.dumps({"template": template, "variables": variables, "now": NOW.isoformat()}) + "\n")
        file.seek(0)
        run = subprocess.run([program], stdin=file, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def user_templates(folder):
    for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
        with open(path, encoding="utf-8") as f:
            yield os.path.basename(path), f.read()
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        with open(path, encoding="utf-8") as f:
            found = json.load(f).get("chat_template", [])
        for entry in [{"name": "default", "template": found}] if isinstance(found, str) else found:
            yield f"{os.path.basename(path)}:{entry['name']}", entry["template"]


def compare(program, templates, chats):
    """Renders every chat by every template both ways; True when all are equal."""
    requests, wanted = [], []
    for name, template in templates:
        for i, (messages, arguments) in enumerate(chats):
            requests.append((template, chat_variables(messages, arguments)))
            wanted.append((name, i, *render_chat(template, messages, arguments)))
    answers = ours(program, requests)
    assert len(answers) == len(wanted), "render_template stopped"
    counts = collections.defaultdict(collections.Counter)
    for (name, i, kind, result), answer in zip(wanted, answers):
        is_equal = answer.get("text") == result if kind == "text" else "text" not in answer
        outcome = ("equal" if kind == "text" else "both refuse") if is_equal else "different"
        counts[name][outcome] += 1
        if not is_equal and counts[name][outcome] <= 2:
            print(f"{name}, chat {i}: transformers {kind} {result[:300]!r}, here {answer}", file=sys.stderr)
    total = sum(counts.values(), collections.Counter())
    num_equal = sum(1 for c in counts.values() if not c["different"])
    print(f"{num_equal} of {len(counts)} templates are equal on all of {len(chats)} chats; renderings: {dict(total)}")
    return not total["different"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--render", default=next(iter(glob.glob(os.path.join(ROOT, "build*/bin/render_template"))), ""))
    parser.add_argument("--templates", default=os.environ.get("CONVREC_CHAT_TEMPLATES", ""))
    parser.add_argument("--chats", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    files = make()
    if not args.check:
        for name, text in files.items():
            with open(os.path.join(FIXTURES, name), "w", encoding="utf-8") as f:
                f.write(text)
        return 0
    ok = True
    for name, text in files.items():
        with open(os.path.join(FIXTURES, name), encoding="utf-8") as f:
            if f.read() != text:
                print(f"{name} differs from what is made now", file=sys.stderr)
                ok = False
    chats = chat_families.random_chats(args.chats, random.Random(args.seed))
    ok &= compare(args.render, list(chat_families.TEMPLATES.items()), chats)
    if args.templates:
        ok &= compare(args.render, list(user_templates(args.templates)), chats)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
