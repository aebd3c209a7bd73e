"""Random tiny BLIP-2 and InstructBLIP checkpoints in the published folder layouts, with numbers that differ from the defaults."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import Blip2Config, Blip2ForConditionalGeneration, InstructBlipConfig, InstructBlipForConditionalGeneration

from paths import write_json

IMAGE = "<image>"

CORPUS = [
    "a photo of a red car. a photo of two dogs on the grass, and a cat",
    "Question: how many cars are there? Answer: two. Question: what color is the car? Short answer: red",
    "A short image caption. A short image description: Write a detailed description.",
    "What is unusual about this image? There isn't one; it's the man's car, he's said. They've seen that we're here!",
    "one two three four five six seven eight nine ten left right above below blue green yellow white black",
]

# Each differs from the published sizes in another way. "layout" is that of transformers before or since 4.47.
CHECKPOINTS = {
    "blip2/opt": {
        "seed": 11, "end": 1.5, "family": "blip2", "layout": "new", "shards": 1, "queries": 5, "clean_up": True,
        "vision": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 3, "image_size": 42, "patch_size": 14},
        "qformer": {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40, "cross_attention_frequency": 2},
        "text": {"model_type": "opt", "hidden_size": 40, "num_hidden_layers": 2, "ffn_dim": 56, "max_position_embeddings": 300, "num_attention_heads": 5},
    },
    "blip2/t5": {
        "seed": 12, "end": 2.6, "family": "blip2", "layout": "old", "shards": 2, "queries": 3, "clean_up": False,
        "vision": {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 32, "patch_size": 8,
                   "layer_norm_eps": 1e-5},
        "qformer": {"hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 56, "cross_attention_frequency": 3},
        "text": {"model_type": "t5", "d_model": 32, "d_kv": 12, "d_ff": 48, "num_layers": 3, "num_decoder_layers": 2, "num_heads": 3,
                 "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "feed_forward_proj": "gated-gelu",
                 "dense_act_fn": "gelu", "bos_token_id": 1, "decoder_start_token_id": 0, "tie_word_embeddings": False},
    },
    "instruct_blip/vicuna": {
        "seed": 13, "end": 1.6, "family": "instruct_blip", "layout": "new", "shards": 2, "queries": 4, "clean_up": False,
        "vision": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 42, "patch_size": 14},
        "qformer": {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48, "cross_attention_frequency": 2,
                    "max_position_embeddings": 130},
        "text": {"model_type": "llama", "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 6,
                 "num_key_value_heads": 3, "max_position_embeddings": 400, "rms_norm_eps": 1e-6, "bos_token_id": 1, "eos_token_id": 2},
    },
    "instruct_blip/t5": {
        "seed": 14, "end": 2.6, "family": "instruct_blip", "layout": "old", "shards": 1, "queries": 6, "clean_up": False,
        "vision": {"hidden_size": 20, "intermediate_size": 36, "num_hidden_layers": 3, "num_attention_heads": 5, "image_size": 28, "patch_size": 7},
        "qformer": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40, "cross_attention_frequency": 2,
                    "max_position_embeddings": 130},
        "text": {"model_type": "t5", "d_model": 40, "d_kv": 10, "d_ff": 56, "num_layers": 3, "num_heads": 4, "feed_forward_proj": "gated-gelu",
                 "bos_token_id": 1, "decoder_start_token_id": 5, "tie_word_embeddings": True},
    },
}


def special(*tokens: str) -> list[AddedToken]:
    return [AddedToken(token, normalized=False, special=True) for token in tokens]


def opt_tokenizer() -> tuple[Tokenizer, dict]:
    """GPT-2's BPE with OPT's special tokens; `</s>` is put before a text."""
    result = Tokenizer(models.BPE())
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    names = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special(*names), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    result.train_from_iterator(CORPUS, trainer)
    result.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    return result, {"tokenizer_class": "GPT2Tokenizer", "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>", "add_bos_token": True}


def t5_tokenizer() -> tuple[Tokenizer, dict]:
    """A unigram model; `</s>` is put behind a text."""
    result = Tokenizer(models.Unigram())
    result.normalizer = normalizers.NFKC()
    result.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")])
    result.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    trainer = trainers.UnigramTrainer(vocab_size=180, special_tokens=special("<pad>", "</s>", "<unk>"), unk_token="<unk>", show_progress=False)
    result.train_from_iterator(CORPUS, trainer)
    extra = [f"<extra_id_{index}>" for index in range(3)]
    result.add_special_tokens(special(*extra))
    result.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return result, {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 3,
                    "additional_special_tokens": extra}


def vicuna_tokenizer() -> tuple[Tokenizer, dict]:
    """Llama's BPE with byte fallback. The file marks beginnings with `<s>`, but tokenizer_config.json, which decides, with `</s>`."""
    result = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    result.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    result.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never")
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    result.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=380, special_tokens=names, show_progress=False))
    raw = json.loads(result.to_str())
    raw["added_tokens"] = [token for token in raw["added_tokens"] if token["id"] < 3]
    raw["pre_tokenizer"] = None
    result = Tokenizer.from_str(json.dumps(raw))
    result.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    result.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    result.add_special_tokens(special("[PAD]"))
    return result, {"tokenizer_class": "LlamaTokenizer", "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "[PAD]",
                    "add_bos_token": True, "add_eos_token": False, "legacy": True}


def bert_tokenizer() -> Tokenizer:
    result = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    result.normalizer = normalizers.BertNormalizer(lowercase=True)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    result.decoder = decoders.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    result.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=150, special_tokens=special(*names), show_progress=False))
    cls, sep = (result.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    result.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    result.add_special_tokens(special("[DEC]"))
    return result


TOKENIZERS = {"opt": opt_tokenizer, "t5": t5_tokenizer, "llama": vicuna_tokenizer}


@torch.no_grad()
def randomise(model, generator) -> None:
    """Weights that keep activations near one and make logits differ clearly."""
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name.lower() and name.endswith("weight"):
            value.copy_(1 + 0.2 * noise)
        elif name.endswith("bias"):
            value.copy_(0.1 * noise)
        elif "embed" in name and "patch" not in name or "shared" in name or "query_tokens" in name or "relative_attention" in name:
            value.copy_(0.6 * noise)
        elif name.endswith("lm_head.weight"):
            value.copy_(0.6 * noise)
        else:
            value.copy_(1.6 * noise / value[0].numel() ** 0.5)
        if name.endswith("Attention.q.weight"):
            # T5 does not scale its scores.
            value.mul_(0.4)


def save_weights(folder: Path, model, spec: dict) -> None:
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"):
        tensors.pop(f"language_model.{name}", None)
    if spec["text"]["model_type"] == "opt" or spec["text"].get("tie_word_embeddings"):
        tensors.pop("language_model.lm_head.weight")
    if spec["layout"] == "old":
        # Buffers that old versions stored.
        tensors["qformer.embeddings.position_ids"] = torch.arange(8)[None]
    if spec["text"]["model_type"] == "llama":
        tensors["language_model.model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    if spec["shards"] == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, weight_map = sorted(tensors), {}
    for shard in range(spec["shards"]):
        file = f"model-{shard + 1:05}-of-{spec['shards']:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::spec["shards"]]}
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map |= {name: file for name in part}
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": weight_map})


def save_tokenizers(folder: Path, spec: dict) -> tuple[Tokenizer, dict, int]:
    """The language model's tokenizer, the text fields that depend on it, and the size of the Q-Former's vocabulary."""
    kind = spec["text"]["model_type"]
    tokens, settings = TOKENIZERS[kind]()
    if spec["layout"] == "new":
        tokens.add_special_tokens(special(IMAGE, "<video>") if spec["family"] == "instruct_blip" else special(IMAGE))
    tokens.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {**settings, "clean_up_tokenization_spaces": spec["clean_up"], "model_max_length": 2048})
    # More embeddings than tokens, as in the published checkpoints.
    text = {"vocab_size": tokens.get_vocab_size() + 7}
    if kind == "opt":
        text |= {"bos_token_id": 2, "pad_token_id": 1, "eos_token_id": tokens.token_to_id("Ċ")}
    words = 0
    if spec["family"] == "instruct_blip":
        bert = bert_tokenizer()
        (folder / "qformer_tokenizer").mkdir(exist_ok=True)
        bert.save(str(folder / "qformer_tokenizer" / "tokenizer.json"), pretty=False)
        write_json(folder / "qformer_tokenizer" / "tokenizer_config.json", {
            "tokenizer_class": "BertTokenizer", "do_lower_case": True, "bos_token": "[DEC]", "cls_token": "[CLS]", "sep_token": "[SEP]",
            "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]", "model_max_length": 512, "truncation_side": "left"})
        words = bert.get_vocab_size()
    return tokens, text, words


def build(name: str, folder: Path) -> None:
    spec = CHECKPOINTS[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokens, text, words = save_tokenizers(folder, spec)
    instruct = spec["family"] == "instruct_blip"
    config_class, model_class, prefix = ((InstructBlipConfig, InstructBlipForConditionalGeneration, "InstructBlip") if instruct
                                         else (Blip2Config, Blip2ForConditionalGeneration, "Blip2"))
    config = config_class(vision_config=spec["vision"], qformer_config=spec["qformer"] | ({"vocab_size": words} if words else {}),
                          text_config=spec["text"] | text, num_query_tokens=spec["queries"])
    model = model_class(config)
    randomise(model, torch.Generator().manual_seed(spec["seed"]))
    model.tie_weights()
    with torch.no_grad():
        # Answers that end by themselves.
        model.language_model.get_output_embeddings().weight[model.config.text_config.eos_token_id] *= spec["end"]
    raw = json.loads(model.config.to_json_string())
    raw |= {"architectures": [model_class.__name__], "dtype": "float32"}
    raw["text_config"] |= spec["text"] | text
    if spec["layout"] == "new":
        raw["image_token_index"] = tokens.token_to_id(IMAGE)
        write_json(folder / "processor_config.json", {"num_query_tokens": spec["queries"], "processor_class": f"{prefix}Processor"})
    else:
        raw.pop("image_token_index", None)
        # Old files leave out what equals a default.
        raw["qformer_config"].pop("use_qformer_text_input", None)
    if spec["text"]["model_type"] == "t5" and "dense_act_fn" not in spec["text"]:
        raw["text_config"].pop("dense_act_fn", None)
    write_json(folder / "config.json", raw)
    save_weights(folder, model, spec)
    side = spec["vision"]["image_size"]
    write_json(folder / "preprocessor_config.json", {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_processor_type": "BlipImageProcessor", "image_std": [0.26862954, 0.26130258, 0.27577711], "processor_class": f"{prefix}Processor",
        "resample": 3, "rescale_factor": 0.00392156862745098, "size": {"height": side, "width": side}})
    write_json(folder / "generation_config.json", {"_from_model_config": True, "transformers_version": "4.57.3"})
