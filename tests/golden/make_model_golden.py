#!/usr/bin/env python3
"""Makes the golden files of libs/model from PyTorch, transformers and gguf.

Needs torch 2.11, transformers 5.23, peft 0.21, safetensors, gguf 0.19 and numpy. The weights are drawn with
fixed seeds, so a second run writes the same files.

  make_model_golden.py              writes tests/golden/model/
  make_model_golden.py --check BIN  runs the test binary BIN, which saves what it loaded, and holds
                                    transformers' logits on the saved directories against the golden
                                    ones, and PEFT's on saved adapters against the binary's; nothing
                                    is written into the tree
  make_model_golden.py --smollm2 D  compares greedy text on the imported directory D with the golden
                                    ids; with --write makes them anew
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent / "model"
SHAPE = dict(vocab_size=48, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
             num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
             bos_token_id=None, eos_token_id=None, pad_token_id=None)
NUM_SEQUENCES, NUM_TOKENS = 2, 40


def make_configs():
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=32, rope_theta=100.0)
    return {
        "llama": transformers.LlamaConfig(**SHAPE, rms_norm_eps=1e-5, tie_word_embeddings=False,
                                          rope_parameters=llama3),
        "qwen2": transformers.Qwen2Config(**SHAPE, rms_norm_eps=1e-6, tie_word_embeddings=True,
                                          rope_parameters=dict(rope_type="default", rope_theta=1e6)),
        "qwen3": transformers.Qwen3Config(**SHAPE, head_dim=12, rms_norm_eps=1e-6,
                                          tie_word_embeddings=False,
                                          rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    }


def randomize(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * values if "norm" in name else 0.2 * values)


def expected_of(model, tokens):
    """Logits, and the gradient of the summed log-probabilities of every next token."""
    model.zero_grad()
    logits = model(tokens).logits
    logprobs = torch.log_softmax(logits[:, :-1], -1).gather(-1, tokens[:, 1:, None])
    logprobs.sum().backward()
    result = {"tokens": tokens, "logits": logits.detach(), "logprobs": logprobs.detach()[..., 0]}
    for name, parameter in model.named_parameters():
        result["gradient." + name] = parameter.grad
    return {name: tensor.contiguous() for name, tensor in result.items()}


def make_models():
    for seed, (name, config) in enumerate(make_configs().items()):
        config._attn_implementation = "eager"
        model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
        randomize(model, seed)
        tokens = torch.randint(0, config.vocab_size, (NUM_SEQUENCES, NUM_TOKENS),
                               generator=torch.Generator().manual_seed(100 + seed))
        folder = HERE / name
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        save_file(expected_of(model, tokens), folder / "expected.safetensors")
        write_gguf(model, config, HERE / "gguf" / f"{name}.gguf")
        if name == "llama":
            write_gguf(model, config, HERE / "gguf" / "llama_sentencepiece.gguf", add_sentencepiece_tokens, np.float16)


def make_rope():
    """The llama model with other rotary scalings: frequencies, their scale, and logits."""
    scalings = {
        "linear": dict(rope_type="linear", factor=4.0),
        "dynamic": dict(rope_type="dynamic", factor=2.0),
        "yarn": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32),
        "yarn_bounds": dict(rope_type="yarn", factor=8.0, original_max_position_embeddings=16, beta_fast=4.0,
                            beta_slow=0.5, truncate=False, mscale=1.2, mscale_all_dim=0.8),
        "yarn_attention": dict(rope_type="yarn", factor=2.0, original_max_position_embeddings=128,
                               attention_factor=1.3),
    }
    state = load_file(HERE / "llama" / "model.safetensors")
    tokens = load_file(HERE / "llama" / "expected.safetensors")["tokens"][:1]
    facts, logits = {}, {}
    for name, scaling in scalings.items():
        config = transformers.LlamaConfig(**SHAPE, rms_norm_eps=1e-5, tie_word_embeddings=False,
                                          rope_parameters=dict(scaling, rope_theta=100.0))
        config._attn_implementation = "eager"
        model = transformers.LlamaForCausalLM(config).float().eval()
        model.load_state_dict(state)
        rotary = model.model.rotary_emb
        facts[name] = {"rope_scaling": scaling, "rope_theta": 100.0, "scale": rotary.attention_scaling,
                       "frequencies": rotary.inv_freq.tolist()}
        with torch.no_grad():
            logits[name] = model(tokens).logits.contiguous()
    (HERE / "rope.json").write_text(json.dumps(facts, indent=1) + "\n")
    save_file(logits, HERE / "rope.expected.safetensors")


# --- GGUF ---------------------------------------------------------------------------------------

def permute(weight, heads):
    """Row order of q and k in "llama" files: the two rotary halves of a head interleaved."""
    return (weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
            .swapaxes(1, 2).reshape(weight.shape))


def gguf_name(name):
    fixed = {"model.embed_tokens.weight": "token_embd.weight",
             "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in fixed:
        return fixed[name]
    _, _, layer, rest = name.split(".", 3)
    parts = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
             "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
             "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
             "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
    module, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{parts[module]}.{kind}"


def byte_tokens(count):
    """`count` tokens of the byte-level alphabet: three control tokens, bytes, one merged pair."""
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return control + [chr(33 + i) for i in range(count - 4)] + [chr(33) + chr(34)]


def add_byte_level_tokens(writer, config):
    tokens = byte_tokens(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if config.model_type != "llama" else "llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * (len(tokens) - 3))
    writer.add_token_merges([chr(33) + " " + chr(34)])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)


def add_sentencepiece_tokens(writer, config):
    """Special tokens, a byte, characters, merged tokens by falling score; the rest is unused."""
    tokens = [("<unk>", 2, 0), ("<s>", 3, 0), ("</s>", 3, 0), ("<0x0A>", 6, 0), ("\u2581", 1, -9), ("a", 1, -9),
              ("b", 1, -9), ("c", 1, -9), ("\u2581a", 1, -1), ("ab", 1, -2), ("\u2581ab", 1, -3)]
    tokens += [(f"<unused{i}>", 5, 0) for i in range(len(tokens), config.vocab_size)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token for token, _, _ in tokens])
    writer.add_token_types([kind for _, kind, _ in tokens])
    writer.add_token_scores([float(score) for _, _, score in tokens])


def write_gguf(model, config, path, add_tokens=add_byte_level_tokens, dtype=np.float32):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, config.model_type)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    head_dim = getattr(config, "head_dim", None)
    if config.model_type == "qwen3":
        writer.add_key_length(head_dim)
        writer.add_value_length(head_dim)
    add_tokens(writer, config)
    for name, parameter in model.named_parameters():
        values = parameter.detach().numpy()
        if config.model_type == "llama" and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            values = permute(values, heads)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(values).astype(dtype))
    if config.model_type == "llama":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama3_factors(config):
    """What the files say instead of naming the scaling: original frequency / scaled frequency."""
    rope = config.rope_parameters
    dim = config.hidden_size // config.num_attention_heads
    factors = []
    for frequency in 1.0 / rope["rope_theta"] ** (np.arange(0, dim, 2) / dim):
        wavelength = 2 * np.pi / frequency
        context = rope["original_max_position_embeddings"]
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        smooth = np.clip((context / wavelength - low) / (high - low), 0, 1)
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def make_gguf_types():
    """One small tensor per storage type, all metadata types, and the values they stand for."""
    generator = np.random.default_rng(7)
    types = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16,
             "bf16": gguf.GGMLQuantizationType.BF16, "q8_0": gguf.GGMLQuantizationType.Q8_0,
             "q4_0": gguf.GGMLQuantizationType.Q4_0, "q4_1": gguf.GGMLQuantizationType.Q4_1}
    writer = gguf.GGUFWriter(HERE / "gguf" / "types.gguf", "test")
    kind = gguf.GGUFValueType
    for name, value, value_type in [
            ("u8", 200, kind.UINT8), ("i8", -100, kind.INT8), ("u16", 60000, kind.UINT16),
            ("i16", -30000, kind.INT16), ("u32", 4000000000, kind.UINT32),
            ("i32", -2000000000, kind.INT32), ("f32", 0.5, kind.FLOAT32), ("bool", True, kind.BOOL),
            ("string", "Zoë", kind.STRING), ("u64", 2**63 + 1, kind.UINT64),
            ("i64", -(2**62), kind.INT64), ("f64", 1e-300, kind.FLOAT64)]:
        writer.add_key_value("test." + name, value, value_type)
    writer.add_array("test.array", ["a", "", "bc"])
    writer.add_array("test.numbers", [1, -2, 3])
    expected = {}
    for name, type_ in types.items():
        values = generator.standard_normal((3, 64)).astype(np.float32)
        data = gguf.quants.quantize(values, type_)
        raw_dtype = type_ if data.dtype == np.uint8 else None
        writer.add_tensor(name, data, raw_dtype=raw_dtype)
        expected[name] = torch.from_numpy(gguf.quants.dequantize(data, type_).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(expected, HERE / "gguf" / "types.expected.safetensors")


def make_gguf_blocks():
    """Random blocks of every quantized type, also of those that the package cannot make itself, and the
    values that it reads from them. Only the float16 scales are drawn so that they are ordinary numbers."""
    scales_at = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
                 "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}
    generator = np.random.default_rng(8)
    writer = gguf.GGUFWriter(HERE / "gguf" / "blocks.gguf", "test")
    expected = {}
    for name, places in scales_at.items():
        type_ = gguf.GGMLQuantizationType[name]
        block_size, block_bytes = gguf.constants.GGML_QUANT_SIZES[type_]
        num_blocks = 512 // block_size
        data = generator.integers(0, 256, (2, num_blocks, block_bytes), dtype=np.uint8)
        for place in places:
            scales = generator.standard_normal((2, num_blocks, 1)).astype(np.float16)
            data[:, :, place:place + 2] = scales.view(np.uint8)
        data = data.reshape(2, num_blocks * block_bytes)
        writer.add_tensor(name, data, raw_dtype=type_)
        values = gguf.quants.dequantize(data, type_).astype(np.float32)
        expected[name] = torch.from_numpy(np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(expected, HERE / "gguf" / "blocks.expected.safetensors")


def make_gguf_split():
    """Three tensors in two files, the metadata in the first, as llama.cpp splits a model."""
    for number, values in enumerate([[1.0, 2.0], [3.0]]):
        path = HERE / "gguf" / f"split-{number + 1:05}-of-00002.gguf"
        writer = gguf.GGUFWriter(path, "test")
        if number > 0:
            writer.kv_data[0].clear()
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", 2)
        writer.add_int32("split.tensors.count", 3)
        for value in values:
            writer.add_tensor(f"t{value:.0f}", np.array([value], dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


# --- Checks -------------------------------------------------------------------------------------

def check_saved(binary):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([binary, "--gtest_filter=*SavesWhatTransformersLoads*:*SavesAnAdapterThat*"], check=True,
                       env=dict(os.environ, CONVREC_SAVED_MODELS=folder))
        for name in make_configs():
            expected = load_file(HERE / name / "expected.safetensors")
            for dtype, bound in (("F32", 1e-4), ("BF16", 0.2)):
                model, info = transformers.AutoModelForCausalLM.from_pretrained(
                    pathlib.Path(folder) / f"{name}-{dtype}", dtype=torch.float32,
                    output_loading_info=True)
                problems = {k: v for k, v in info.items() if v}
                with torch.no_grad():
                    logits = model(expected["tokens"]).logits
                difference = (logits - expected["logits"]).abs().max().item()
                print(f"{name} {dtype}: largest difference of logits {difference:.2e} {problems}")
                if problems or difference > bound:
                    sys.exit(f"{name}: transformers does not read the saved directory alike")
            check_adapter(pathlib.Path(folder) / f"{name}-adapter", name, expected["tokens"])


def check_adapter(folder, name, tokens):
    model = peft.AutoPeftModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    missing = [key for key, value in model.named_parameters()
               if "lora_B" in key and not value.abs().max() > 0]
    with torch.no_grad():
        logits = model(tokens).logits.flatten(0, 1)
        merged = model.merge_and_unload()(tokens).logits.flatten(0, 1)
    expected = load_file(folder / "logits.safetensors")["logits"]
    differences = [(x - expected).abs().max().item() for x in (logits, merged)]
    print(f"{name} adapter: largest difference of logits {differences[0]:.2e}, merged {differences[1]:.2e}")
    if missing or max(differences) > 1e-4:
        sys.exit(f"{name}: PEFT does not read the saved adapter alike {missing}")


SMOLLM2_QUESTION = "Can you recommend three science fiction films from the 1980s?"
SMOLLM2_STEPS = 40


def smollm2(folder, write):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": SMOLLM2_QUESTION}],
                                           add_generation_prompt=True, tokenize=False)
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        output = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=SMOLLM2_STEPS,
                                repetition_penalty=1.0)[0, len(ids):].tolist()
        logits = model(torch.tensor([ids])).logits[0, -1]
    print(tokenizer.decode(output))
    golden = {"prompt": prompt, "prompt_ids": ids, "greedy_ids": output,
              "text": tokenizer.decode(output),
              "first_logits": [round(x, 6) for x in logits[:64].tolist()]}
    path = HERE / "smollm2.json"
    if write:
        path.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
    elif json.loads(path.read_text())["greedy_ids"] != output:
        sys.exit("greedy ids differ from the golden ones")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="BIN")
    parser.add_argument("--smollm2", metavar="DIRECTORY")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check:
        check_saved(arguments.check)
    elif arguments.smollm2:
        smollm2(arguments.smollm2, arguments.write)
    else:
        make_models()
        make_rope()
        make_gguf_types()
        make_gguf_blocks()
        make_gguf_split()


if __name__ == "__main__":
    main()
