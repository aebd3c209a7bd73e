"""The tokenizer: byte-level BPE with Qwen's splitting rule and special tokens, trained on the questions.

Usage: python tokenizer.py FOLDER
"""

import json
import random
import re
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from more_questions import ASKERS, ask_pair, make_pair
from scenes import HELD_OUT_SEEDS, make_scene
from words import COLOURS, KINDS, LANGUAGES

VOCABULARY = 1024
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
# As published with Qwen2 and Qwen3: contractions, words, single digits, punctuation, line ends, spaces.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Prompts people are likely to write beyond the templates; they only shape the merges.
EXTRA_TEXT = (
    "You are a helpful assistant.",
    "You answer questions about pictures.",
    "Picture 1: Picture 2: ",
    "system\n user\n assistant\n",
    "Please answer in English.",
    "请用中文回答。",
    "你是一个有用的助手。",
    "What is happening here?",
    "What can you see in these two pictures?",
    "Tell me about the scene, the people and the animals.",
    "这两张图片有什么不同？",
    "图片中的人在做什么？",
    "公园里小孩踢足球",
    "显示已空，建议添加，暂时不需要添加，是满的，坐着",
)


def corpus(count: int = 12000):
    """Question and answer texts of training scenes."""
    rng = random.Random("tokenizer")
    for i in range(count):
        scene = make_scene(HELD_OUT_SEEDS + i)
        pair = make_pair(HELD_OUT_SEEDS + i) if i % 4 == 0 else None
        for lang in LANGUAGES:
            questions = [ask(scene, rng, lang) for ask in ASKERS.values()]
            if pair:
                questions.append(ask_pair(pair, rng, lang))
            for question in filter(None, questions):
                yield question.prompt
                yield question.answer
    for _ in range(1500):
        yield from EXTRA_TEXT


# Common Chinese words that become one token; every other character stays on its own.
WORDS_ZH = (
    "图片",
    "图中",
    "图里",
    "照片",
    "画面",
    "图像",
    "什么",
    "颜色",
    "多少",
    "一张",
    "第一",
    "第二",
    "两张",
    "左侧",
    "右侧",
    "左边",
    "右边",
    "一个",
    "一辆",
    "一只",
    "物体",
    "框出",
    "定位",
    "休息",
    "宠物",
    "需要",
    "远处",
    "树木",
    "游乐",
    "设施",
)


def training_pieces():
    """The corpus with Chinese runs cut into words and characters.

    Left whole, a run of Chinese would be one "word" to BPE, whose merges would then cross words and even the
    bytes of characters, and bind the model to the exact wording of the templates.
    """
    names = [kind.zh for kind in KINDS.values()] + [zh for zh, _ in COLOURS.values()]
    words = sorted({*names, *WORDS_ZH}, key=len, reverse=True)
    piece = re.compile("|".join(words) + r"|[\u3000-\u9fff\uff00-\uffef]|[^\u3000-\u9fff\uff00-\uffef]+")
    for text in corpus():
        yield from piece.findall(text)


def train() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_pieces(), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """The files of a published Qwen tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    content = json.loads((folder / "tokenizer.json").read_text())
    dump = lambda name, value: (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    dump("vocab.json", content["model"]["vocab"])
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in content["model"]["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    dump("tokenizer_config.json", tokenizer_config(content))


def tokenizer_config(content: dict) -> dict:
    keys = ("content", "lstrip", "normalized", "rstrip", "single_word", "special")
    return {
        "add_prefix_space": False,
        "added_tokens_decoder": {str(t["id"]): {key: t[key] for key in keys} for t in content["added_tokens"]},
        "additional_special_tokens": list(SPECIAL[1:]),
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 4096,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


if __name__ == "__main__":
    save(train(), Path(sys.argv[1]))
