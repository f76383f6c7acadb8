#!/usr/bin/env python3
"""Holds `convrec serve` against the official openai client; run by tests/e2e/openai_client.

  openai_client.py BIN     BIN is the folder with convrec, convrec-serve and make_tiny_model
"""

import asyncio
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import openai

KEY = "test-key"
MESSAGES = [{"role": "system", "content": "You recommend films."},
            {"role": "user", "content": "I like Alien and Heat."}]


class Server:
    """A running convrec serve; `port` is the one it bound."""

    def __init__(self, binaries, model, *options):
        self.process = subprocess.Popen(
            [binaries / "convrec", "serve", "--model", model, "--listen", "127.0.0.1:0",
             "--threads", "1", "--api-key", KEY, *options],
            stderr=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"on port (\d+)", line):
                self.port = int(found.group(1))
                return
        raise RuntimeError("convrec serve ended: " + "".join(self.lines))

    def options(self):
        return dict(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=KEY, max_retries=0,
                    timeout=120)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()
        return self.process.returncode


class OpenAiClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.binaries = pathlib.Path(sys.argv[1])
        cls.model = pathlib.Path(cls.folder.name) / "tiny"
        subprocess.run([cls.binaries / "make_tiny_model", cls.model], check=True)
        cls.server = Server(cls.binaries, cls.model)
        cls.client = openai.OpenAI(**cls.server.options())

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        code = cls.server.stop()
        cls.folder.cleanup()
        if code != 0:
            raise AssertionError(f"convrec serve ended with {code}")

    def chat(self, **fields):
        return self.client.chat.completions.create(
            **{"model": "tiny", "messages": MESSAGES, "max_tokens": 24, "seed": 3, **fields})

    def text(self, **fields):
        return self.client.completions.create(
            **{"model": "tiny", "prompt": "Films like Alien:", "max_tokens": 24, "seed": 3, **fields})

    def test_models_are_listed(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["tiny"])
        self.assertEqual(self.client.models.retrieve("tiny").owned_by, "convrec")

    def test_a_chat_is_answered(self):
        answer = self.chat(n=3)
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual([choice.index for choice in answer.choices], [0, 1, 2])
        for choice in answer.choices:
            self.assertEqual(choice.message.role, "assistant")
            self.assertIn(choice.finish_reason, ("stop", "length"))
        self.assertEqual(len({choice.message.content for choice in answer.choices}), 3)
        usage = answer.usage
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
        self.assertLessEqual(usage.completion_tokens, 3 * 24)

    def test_the_same_seed_gives_the_same_text(self):
        first, second = (self.chat(temperature=0.8, top_p=0.9).choices[0].message.content
                         for _ in range(2))
        self.assertEqual(first, second)

    def test_a_conversation_goes_on_with_its_own_answer(self):
        message = self.chat().choices[0].message
        answer = self.client.chat.completions.create(
            model="tiny", max_tokens=4,
            messages=[*MESSAGES, message, {"role": "user", "content": "More?"}])
        self.assertEqual(len(answer.choices), 1)

    def test_a_stream_gives_the_text_of_the_whole_answer(self):
        whole = self.chat(n=2)
        texts, reasons, usage = ["", ""], [None, None], None
        for chunk in self.chat(n=2, stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                texts[choice.index] += choice.delta.content or ""
                reasons[choice.index] = choice.finish_reason or reasons[choice.index]
        self.assertEqual(texts, [choice.message.content for choice in whole.choices])
        self.assertEqual(reasons, [choice.finish_reason for choice in whole.choices])
        self.assertEqual(usage, whole.usage)

    def test_the_stream_helper_accumulates(self):
        with self.client.chat.completions.stream(model="tiny", messages=MESSAGES, max_tokens=24,
                                                 seed=3) as stream:
            for _ in stream:
                pass
            final = stream.current_completion_snapshot
        self.assertEqual(final.choices[0].message.content, self.chat().choices[0].message.content)

    def test_logprobs_of_a_chat(self):
        choice = self.chat(temperature=0, logprobs=True, top_logprobs=2).choices[0]
        tokens = choice.logprobs.content
        joined = b"".join(bytes(token.bytes or []) for token in tokens)
        self.assertEqual(joined.decode("utf-8", "replace"), choice.message.content)
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 2)
            self.assertEqual(token.top_logprobs[0].bytes, token.bytes)
            self.assertLessEqual(token.logprob, 0)

    def test_logprobs_of_a_text(self):
        choice = self.text(logprobs=2).choices[0]
        logprobs = choice.logprobs
        self.assertEqual(len(logprobs.tokens), len(logprobs.token_logprobs))
        for offset, token in zip(logprobs.text_offset, logprobs.tokens):
            if not token.startswith(("bytes:", "<|")):  # These stand for no text of their own.
                self.assertTrue(choice.text[offset:].startswith(token), (offset, token, choice.text))

    def test_several_prompts_and_echo(self):
        answer = self.text(prompt=["One", "Two"], echo=True, n=2)
        starts = [choice.text[:3] for choice in answer.choices]
        self.assertEqual(starts, ["One", "One", "Two", "Two"])

    def test_a_streamed_text(self):
        whole = self.text()
        streamed = "".join(chunk.choices[0].text for chunk in self.text(stream=True))
        self.assertEqual(streamed, whole.choices[0].text)

    def test_stop_strings_cut_across_tokens(self):
        text = self.chat(max_tokens=60).choices[0].message.content
        stop = text[5:8]
        choice = self.chat(max_tokens=60, stop=stop).choices[0]
        self.assertEqual(choice.message.content, text[:text.index(stop)])
        self.assertEqual(choice.finish_reason, "stop")

    def test_extension_fields(self):
        greedy = self.chat(temperature=0).choices[0].message.content
        for extension in ({"top_k": 1}, {"min_p": 1.0}):
            self.assertEqual(self.chat(extra_body=extension).choices[0].message.content, greedy)

    def test_names_of_messages_are_taken(self):
        named = [{"role": "user", "content": "I like Alien.", "name": "Ann"}]
        self.assertEqual(len(self.chat(messages=named).choices), 1)

    def test_a_tiny_temperature_is_greedy(self):
        greedy = self.chat(temperature=0).choices[0].message.content
        self.assertEqual(self.chat(temperature=1e-9).choices[0].message.content, greedy)

    def test_a_limit_beyond_the_context_is_the_limits_fault(self):
        for field in ("max_tokens", "max_completion_tokens"):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.client.chat.completions.create(model="tiny", messages=MESSAGES,
                                                    **{field: 5000})
            self.assertEqual(caught.exception.code, "context_length_exceeded")
            self.assertEqual(caught.exception.param, field)

    def test_a_name_with_a_slash(self):
        server = Server(self.binaries, self.model, "--name", "org/tiny")
        with openai.OpenAI(**server.options()) as client:
            self.assertEqual(client.models.retrieve("org/tiny").id, "org/tiny")
            answer = client.chat.completions.create(model="org/tiny", messages=MESSAGES,
                                                    max_tokens=2)
            self.assertEqual(answer.model, "org/tiny")
        self.assertEqual(server.stop(), 0)

    def test_errors_have_their_types(self):
        with self.assertRaises(openai.NotFoundError) as caught:
            self.chat(model="other")
        self.assertEqual(caught.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(messages=[{"role": "user", "content": "x" * 5000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        for fields in ({"frequency_penalty": 1}, {"response_format": {"type": "json_object"}},
                       {"tools": [{"type": "function", "function": {"name": "f"}}]}, {"n": 0},
                       {"extra_body": {"no_such_field": 1}}):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.chat(**fields)
            name = next(iter(fields.get("extra_body", fields)))
            self.assertEqual(caught.exception.param, name)
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(**{**self.server.options(), "api_key": "wrong"}).models.list()

    def test_many_requests_at_once(self):
        async def run():
            async with openai.AsyncOpenAI(**self.server.options()) as client:
                return await asyncio.gather(*(
                    client.chat.completions.create(model="tiny", messages=MESSAGES, seed=seed % 4,
                                                   max_tokens=20)
                    for seed in range(40)))
        answers = asyncio.run(run())
        by_seed = {}
        for seed, answer in enumerate(answers):
            by_seed.setdefault(seed % 4, set()).add(answer.choices[0].message.content)
        self.assertEqual([len(texts) for texts in by_seed.values()], [1, 1, 1, 1])

    def test_overload_is_a_rate_limit_error_and_retries_succeed(self):
        server = Server(self.binaries, self.model, "--max-sequences", "2", "--max-waiting", "0")

        async def run(max_retries):
            options = {**server.options(), "max_retries": max_retries}
            async with openai.AsyncOpenAI(**options) as client:
                return await asyncio.gather(*(
                    client.chat.completions.create(model="tiny", messages=MESSAGES, n=2,
                                                   max_tokens=150)
                    for _ in range(4)), return_exceptions=True)
        outcomes = asyncio.run(run(0))
        self.assertTrue(any(isinstance(outcome, openai.RateLimitError) for outcome in outcomes),
                        outcomes)
        outcomes = asyncio.run(run(20))
        self.assertFalse([outcome for outcome in outcomes if isinstance(outcome, Exception)])
        self.assertEqual(server.stop(), 0)

    def test_a_closed_stream_frees_its_place(self):
        server = Server(self.binaries, self.model, "--max-sequences", "1", "--max-waiting", "0")
        with openai.OpenAI(**{**server.options(), "max_retries": 20}) as client:
            for _ in range(3):
                stream = client.chat.completions.create(model="tiny", messages=MESSAGES,
                                                        max_tokens=180, stream=True)
                next(iter(stream))
                stream.close()
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    unittest.main(argv=sys.argv[:1], verbosity=2)
