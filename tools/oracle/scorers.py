"""Writes fixtures/oracle/scorers: random tiny CLIP and BERT checkpoints, and what transformers and sentence-transformers give.

Usage: python scorers.py    (needs sentence-transformers==5.1.2 beside requirements.txt)
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizerFast
from transformers.models.gpt2.tokenization_gpt2 import bytes_to_unicode

from paths import ORACLE, PICTURES, write_json

FOLDER = ORACLE / "scorers"
SHOWN = ["square.png", "tall.png", "wide.png", "edges.png", "grey.png", "speck.png", "alpha.png"]
LONG = "a red car stands on the left of a blue one, and behind them there are two trees and a small house with a green door " * 3
TEXTS = ["A photo depicts a red car.", "A photo depicts two dogs", "THE Dog's   ball, it's 123!", "图片里有一辆红色汽车", "é e\u0301 😀", "", LONG]
CAPTIONS = {
    "square.png": ("a red car", ["a red car on a road", "two dogs"]), "tall.png": ("two dogs", ["a dog and a cat", "three cats", "dogs"]),
    "wide.png": ("a very long street with cars", ["a street"]), "edges.png": (LONG, ["black and white squares", LONG]),
}
SENTENCES = ["A red car.", "the car is red", "two dogs play on the grass", "  padded with spaces \n", "UPPER and lower", "unknownwordthatisnothere", LONG]
PAIRS = [("A red car.", ["the car is red", "two dogs"]), ("two dogs play", ["dogs on the grass"]), (LONG, ["a house", "a red car and trees", LONG])]
WORDS = "a the red blue car cars dog dogs two three is on left right of and behind them there are tree ##s small house with green door grass play it ' s . , !".split()

CLIPS = {
    "clip": {"seed": 41, "end": 2, "sizes": "numbers", "projection_dim": 24,
             "text": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 77},
             "vision": {"hidden_size": 40, "intermediate_size": 56, "num_hidden_layers": 2, "num_attention_heads": 5, "image_size": 32, "patch_size": 8}},
    "clip_recent": {"seed": 42, "end": None, "sizes": "objects", "projection_dim": 16,
                    "text": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3, "max_position_embeddings": 20},
                    "vision": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 28, "patch_size": 7}},
    # As LAION's: GELU, and the older sections beside the newer ones, which they overrule.
    "clip_gelu": {"seed": 46, "end": 2, "sizes": "objects", "projection_dim": 16, "act": "gelu", "older_sections": True,
                  "text": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 24},
                  "vision": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 32, "patch_size": 16}},
}
BERTS = {
    "sentences": {"seed": 43, "pooling": "mean", "normalize": True, "max_seq_length": 16, "act": "gelu", "prefix": ""},
    "sentences_first": {"seed": 44, "pooling": "cls", "normalize": False, "max_seq_length": None, "act": "gelu_new", "prefix": ""},
    "plain_bert": {"seed": 45, "pooling": None, "normalize": False, "max_seq_length": None, "act": "relu", "prefix": "bert."},
}


def clip_tokenizer(folder: Path) -> CLIPTokenizerFast:
    letters = list(bytes_to_unicode().values())
    merges = ["r e", "re d</w>", "c a", "ca r</w>", "d o", "do g", "p h", "o t", "ph ot", "phot o</w>", "t h", "th e</w>"]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    raw = folder / "raw"
    raw.mkdir()
    (raw / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}))
    (raw / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    tokenizer = CLIPTokenizerFast(str(raw / "vocab.json"), str(raw / "merges.txt"))
    shutil.rmtree(raw)
    return tokenizer


@torch.no_grad()
def randomised(model, seed: int):
    """Weights that keep activations near one."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name.lower() and name.endswith("weight"):
            value.copy_(1 + 0.2 * noise)
        elif name.endswith("bias"):
            value.copy_(0.1 * noise)
        elif "embed" in name and "patch" not in name:
            value.copy_(0.6 * noise)
        elif value.dim() > 1:
            value.copy_(1.4 * noise / value[0].numel() ** 0.5)
    return model.eval()


def fresh(name: str) -> Path:
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def with_older_sections(folder: Path) -> CLIPModel:
    """Puts what is true into `text_config_dict` and `vision_config_dict`, and another activation into the newer sections."""
    config = json.loads((folder / "config.json").read_text())
    for section in ("text_config", "vision_config"):
        config[section + "_dict"] = dict(config[section])
        config[section]["hidden_act"] = "quick_gelu"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = CLIPModel.from_pretrained(folder).eval()
    assert model.config.text_config.hidden_act == model.config.vision_config.hidden_act == config["text_config_dict"]["hidden_act"] != "quick_gelu"
    return model


@torch.no_grad()
def clip(name: str, spec: dict) -> None:
    folder = fresh(name)
    tokenizer = clip_tokenizer(folder)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    end = tokenizer.eos_token_id if spec["end"] is None else spec["end"]
    text = {**spec["text"], "vocab_size": len(tokenizer), "eos_token_id": end, "bos_token_id": tokenizer.bos_token_id}
    text["hidden_act"] = spec.get("act", "quick_gelu")
    config = CLIPConfig(text_config=text, vision_config={**spec["vision"], "hidden_act": text["hidden_act"]}, projection_dim=spec["projection_dim"])
    model = randomised(CLIPModel(config), spec["seed"])
    model.save_pretrained(folder)
    if spec.get("older_sections"):
        model = with_older_sections(folder)
    side = spec["vision"]["image_size"]
    sizes = {"size": side, "crop_size": side} if spec["sizes"] == "numbers" else {"size": {"shortest_edge": side + 4}, "crop_size": {"height": side, "width": side}}
    images = CLIPImageProcessor(**sizes)
    (folder / "preprocessor_config.json").write_text(json.dumps({**sizes, "do_resize": True, "resample": 3, "image_mean": images.image_mean, "image_std": images.image_std}))
    longest = text["max_position_embeddings"]

    def text_features(text: str) -> np.ndarray:
        ids = tokenizer([text], truncation=True, max_length=longest, padding="max_length", return_tensors="pt")
        return model.get_text_features(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"])[0].numpy()

    def ids(text: str) -> list[int]:
        return tokenizer(text, truncation=True, max_length=longest)["input_ids"]

    def picture(file: str) -> np.ndarray:
        return model.get_image_features(images(Image.open(PICTURES / file).convert("RGB"), return_tensors="pt")["pixel_values"])[0].numpy()

    def unit(features: np.ndarray) -> np.ndarray:
        return features / np.sqrt(np.sum(features**2, axis=-1, keepdims=True))

    def scores(file: str, caption: str, references: list[str]) -> dict:
        """`get_clip_score` and `get_refonlyclipscore` of jmhessel/clipscore at 1036465, on these features."""
        caption = unit(text_features("A photo depicts " + caption))
        score = 2.5 * np.clip(np.sum(unit(picture(file)) * caption), 0, None)
        best = max(float(caption.dot(unit(text_features("A photo depicts " + one)))) for one in references)
        return {"clip_score": float(score), "ref_clip_score": float(2 * score * best / (score + best))}

    write_json(folder / "oracle.json", {
        "images": [{"file": file, "features": picture(file).tolist()} for file in SHOWN],
        "texts": [{"text": text, "ids": ids(text), "features": text_features(text).tolist()} for text in TEXTS],
        "scores": [{"file": file, "caption": caption, "references": references, **scores(file, caption, references)} for file, (caption, references) in CAPTIONS.items()],
    })


def bert(name: str, spec: dict) -> None:
    folder = fresh(name)
    letters = [f"{before}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for before in ("", "##")]
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(WORDS + letters)]) + "\n")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True, model_max_length=40)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=40,
                        hidden_act=spec["act"])
    model = randomised(BertModel(config), spec["seed"])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if spec["pooling"] is None:
        sentences = SentenceTransformer(str(folder), device="cpu")
    else:
        transformer = Transformer(str(folder), max_seq_length=spec["max_seq_length"])
        modules = [transformer, Pooling(config.hidden_size, pooling_mode=spec["pooling"])] + [Normalize()] * spec["normalize"]
        sentences = SentenceTransformer(modules=modules, device="cpu")
        made = fresh(name + "_made")
        sentences.save(str(made), create_model_card=False)
        shutil.rmtree(folder)
        made.rename(folder)
        sentences = SentenceTransformer(str(folder), device="cpu")
    if spec["prefix"]:
        tensors = load_file(folder / "model.safetensors")
        rename = lambda key: spec["prefix"] + key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        save_file({rename(key): tensor for key, tensor in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    embed = lambda text: sentences.encode(text, convert_to_numpy=True)
    cosine = lambda one, other: float(sentences.similarity(embed(one), embed(other)))
    write_json(folder / "oracle.json", {
        "sentences": [{"text": text, "embedding": embed(text).tolist()} for text in SENTENCES],
        "pairs": [{"text": text, "references": references, "similarity": max(cosine(text, one) for one in references)} for text, references in PAIRS],
    })
    for extra in ("vocab.txt", "special_tokens_map.json", "tokenizer_config.json", "README.md"):
        (folder / extra).unlink(missing_ok=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, spec in CLIPS.items():
        clip(name, spec)
    for name, spec in BERTS.items():
        bert(name, spec)
