"""A small tokenizer of Llama's kind: sentencepiece BPE with byte fallback, slow (`tokenizer.model`) and fast."""

import io
from pathlib import Path

import sentencepiece
from transformers import AddedToken, LlamaTokenizer, LlamaTokenizerFast

from paths import write_json

CORPUS = [
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers.",
    "USER: Describe the picture. ASSISTANT: What is in the image? How many red cars are there on the left? In the middle of the picture.",
    "The user asks the assistant; the assistant answers in a single word or phrase. Please give me the location of the red car.",
    "[INST] <Img></Img> [vqa] Based on the image, respond to this question with a short answer: [/INST] [refer] [caption] [grounding]",
    "one two three four five six seven eight nine ten 0 1 2 3 4 5 6 7 8 9 {<12><34><56><78>} [0.12, 0.34, 0.56, 0.78] <p> </p>",
    "图片里有什么？请描述这张图片。左侧的红色汽车在哪里？",
]


def train(folder: Path, vocabulary: int = 470) -> None:
    """Writes `tokenizer.model` with the settings of Llama's own."""
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 3), model_writer=content, vocab_size=vocabulary, model_type="bpe", byte_fallback=True,
        character_coverage=0.995, split_digits=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(content.getvalue())


def slow(folder: Path, legacy: bool) -> LlamaTokenizer:
    return LlamaTokenizer(str(folder / "tokenizer.model"), legacy=legacy)


def fast(folder: Path, legacy: bool) -> LlamaTokenizerFast:
    """As transformers converts it. Without `add_prefix_space` it forgets the space before the first word."""
    return LlamaTokenizerFast(str(folder / "tokenizer.model"), legacy=legacy, from_slow=True, add_prefix_space=True)


def save_fast(folder: Path, legacy: bool, added: list[str]) -> None:
    """Writes `tokenizer.json`, with tokens behind the vocabulary, and removes `tokenizer.model`."""
    tokenizer = fast(folder, legacy)
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in added], special_tokens=True)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer.model").unlink()


def save_settings(folder: Path, legacy: bool) -> None:
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>",
        "legacy": legacy, "model_max_length": 2048, "pad_token": None, "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>",
    })
