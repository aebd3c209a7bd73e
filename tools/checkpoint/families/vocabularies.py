"""The four tokenizers of the published kinds, trained on what the families are asked and answer.

Usage: python vocabularies.py MODELS    (MODELS: the folder of the checkpoints; needs transformers 4.57 and sentencepiece)

LLaVA, InstructBLIP and MiniGPT-v2 share one sentencepiece model of Llama's kind, BLIP-2 has GPT-2's BPE
with OPT's special tokens, and InstructBLIP's Q-Former BERT's word pieces.
"""

import io
import json
import random
import re
import sys
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaTokenizerFast

import asking
import wording
from scenes import HELD_OUT_SEEDS, make_scene
from tokenizer import WORDS_ZH
from words import COLOURS, KINDS

LLAMA, OPT, BERT = 1000, 960, 520
SCENES = 2500


def texts(families) -> list[str]:
    """What stands behind pictures, and the answers, about training scenes; the fixed words once in twenty."""
    rng, found = random.Random("vocabularies"), []
    for i in range(SCENES):
        scene = make_scene(HELD_OUT_SEEDS + i)
        for asked in asking.draw(scene, rng, asking.MIX | {"box": 0.15}, 5):
            family = rng.choice(families)
            if asked.task == "box" and family not in wording.WITH_BOXES:
                continue
            bare = asked.prompt is None or rng.random() > 0.05
            found.append(asked.prompt or "" if bare else wording.behind(family, asked))
            found.append(wording.answer(family, asked))
    forms = (wording.BEFORE, wording.UNPROMPTED, wording.SHORT, wording.CHOICE, wording.BOX)
    fixed = [form[family].format(p="", o="") for form in forms for family in families if family in form]
    return [text for text in found + fixed * 250 if text]


def chinese_words(lines: list[str]) -> list[str]:
    """Chinese runs cut into words and characters, so that merges of bytes do not cross them."""
    names = [kind.zh for kind in KINDS.values()] + [zh for zh, _ in COLOURS.values()]
    words = sorted({*names, *WORDS_ZH}, key=len, reverse=True)
    piece = re.compile("|".join(words) + r"|[\u3000-\u9fff\uff00-\uffef]|[^\u3000-\u9fff\uff00-\uffef]+")
    return [part for line in lines for part in piece.findall(line)]


def special(*tokens: str) -> list[AddedToken]:
    return [AddedToken(token, normalized=False, special=True) for token in tokens]


def sentencepiece_model(path: Path) -> None:
    """With the settings of Llama's own."""
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts(("llava", "instructblip", "minigpt-v2"))), model_writer=content, vocab_size=LLAMA,
        model_type="bpe", byte_fallback=True, character_coverage=1.0, split_digits=True, num_threads=1, minloglevel=2,
        normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
    )  # fmt: skip
    path.write_bytes(content.getvalue())


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def llama_settings(begin: str, more: dict) -> dict:
    return {
        "add_bos_token": True, "add_eos_token": False, "bos_token": begin, "clean_up_tokenization_spaces": False,
        "eos_token": "</s>", "legacy": True, "model_max_length": 2048, "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>", "pad_token": None, **more,
    }  # fmt: skip


def save_llama_fast(model: Path, folder: Path, added: list[str], begin: str, more: dict) -> None:
    """`tokenizer.json` as transformers converts it, with tokens behind the vocabulary."""
    fast = LlamaTokenizerFast(str(model), legacy=True, from_slow=True, add_prefix_space=True)
    fast.add_tokens(special(*added), special_tokens=True)
    inner = fast.backend_tokenizer
    inner.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, inner.token_to_id(begin))]
    )
    inner.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", llama_settings(begin, more))


def save_opt(folder: Path) -> None:
    result = Tokenizer(models.BPE())
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=OPT, special_tokens=special("<s>", "<pad>", "</s>", "<unk>"), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    result.train_from_iterator(chinese_words([f" {text}" for text in texts(("blip2",))]), trainer)
    result.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    result.add_special_tokens(special("<image>"))
    result.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "GPT2Tokenizer", "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>",
        "pad_token": "<pad>", "add_bos_token": True, "clean_up_tokenization_spaces": False, "model_max_length": 2048,
    })  # fmt: skip


def save_bert(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    result = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    result.normalizer = normalizers.BertNormalizer(lowercase=True)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    result.decoder = decoders.WordPiece()
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    trainer = trainers.WordPieceTrainer(vocab_size=BERT, special_tokens=special(*names), show_progress=False)
    result.train_from_iterator(texts(("instructblip",)), trainer)
    ends = [(token, result.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    result.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    result.add_special_tokens(special("[DEC]"))
    result.save(str(folder / "tokenizer.json"), pretty=False)
    vocabulary = sorted(result.get_vocab(), key=result.get_vocab().get)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "bos_token": "[DEC]", "cls_token": "[CLS]",
        "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]",
        "model_max_length": 512, "truncation_side": "left",
    })  # fmt: skip


def main(models_folder: Path) -> None:
    folders = {family: models_folder / f"{family}-tiny" for family in wording.FAMILIES}
    llama = folders["minigpt-v2"] / "llama"
    for folder in (*folders.values(), llama):
        folder.mkdir(parents=True, exist_ok=True)
    sentencepiece_model(llama / "tokenizer.model")
    write_json(llama / "tokenizer_config.json", llama_settings("<s>", {"legacy": False}))
    save_llama_fast(llama / "tokenizer.model", folders["llava"], ["<image>", "<pad>"], "<s>", {"pad_token": "<pad>"})
    added = {"unk_token": "</s>", "pad_token": "[PAD]"}
    save_llama_fast(llama / "tokenizer.model", folders["instructblip"], ["[PAD]", "<image>"], "</s>", added)
    save_opt(folders["blip2"])
    save_bert(folders["instructblip"] / "qformer_tokenizer")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
