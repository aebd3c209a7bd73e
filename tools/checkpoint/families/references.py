"""Answers the questions of `held_out.py` with the reference implementations, greedily, in f32.

Usage: PYTHONPATH=..:.:../../oracle python references.py FAMILY MODELS PROJECT OUT.json [MINIGPT4]
(transformers 4.57.3; MINIGPT4: a copy of https://github.com/Vision-CAIR/MiniGPT-4, for MiniGPT-v2)
"""

import json
import sys
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoTokenizer, Blip2ForConditionalGeneration, BlipImageProcessor, CLIPImageProcessor
from transformers import InstructBlipForConditionalGeneration, LlamaConfig, LlamaForCausalLM, LlavaForConditionalGeneration

import scoring
import wording
from squares import padded

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 64 if DEVICE == "cuda" else 8


class Transformers:
    """LLaVA, BLIP-2 and InstructBLIP: prompts padded on the left, pictures by the processors in Pillow's variant."""

    CLASSES = {
        "llava": LlavaForConditionalGeneration,
        "blip2": Blip2ForConditionalGeneration,
        "instructblip": InstructBlipForConditionalGeneration,
    }

    def __init__(self, family: str, folder: Path):
        self.family = family
        options = {"dtype": torch.float32, "attn_implementation": "eager"}
        self.model = self.CLASSES[family].from_pretrained(folder, **options).eval().to(DEVICE)
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.images = (CLIPImageProcessor if family == "llava" else BlipImageProcessor).from_pretrained(folder)
        self.connector = None
        if family == "instructblip":
            self.connector = AutoTokenizer.from_pretrained(folder, subfolder="qformer_tokenizer")

    def text(self, behind: str) -> str:
        """The prompt with a placeholder for each visual token."""
        if self.family == "llava":
            vision = self.model.config.vision_config
            return wording.BEFORE["llava"] + "<image>" * (vision.image_size // vision.patch_size) ** 2 + behind
        return behind

    def ids(self, texts: list[str]) -> dict:
        found = self.tokenizer(texts, padding=True, return_tensors="pt")
        if self.family == "llava":
            return {"input_ids": found.input_ids, "attention_mask": found.attention_mask}
        # The queries stand before everything, the padding of shorter prompts included: it is masked.
        count = self.model.config.num_query_tokens
        ones = torch.ones(len(texts), count, dtype=torch.long)
        placeholders = torch.full_like(ones, self.model.config.image_token_index)
        return {
            "input_ids": torch.cat((placeholders, found.input_ids), dim=1),
            "attention_mask": torch.cat((ones, found.attention_mask), dim=1),
        }

    @torch.no_grad()
    def answer(self, images: list[Image.Image], behind: list[str], longest: int) -> list[str]:
        if self.family == "llava":
            images = [padded(image) for image in images]
        inputs = self.ids([self.text(text) for text in behind])
        inputs["pixel_values"] = self.images(images, return_tensors="pt").pixel_values
        if self.connector:
            read = self.connector(behind, padding=True, return_tensors="pt")
            inputs |= {"qformer_input_ids": read.input_ids, "qformer_attention_mask": read.attention_mask}
        inputs = {name: value.to(DEVICE) for name, value in inputs.items()}
        ids = self.model.generate(**inputs, max_new_tokens=longest, do_sample=False, num_beams=1)
        ids = ids[:, inputs["input_ids"].shape[1] :]
        return [text.strip() for text in self.tokenizer.batch_decode(ids, skip_special_tokens=True)]


class MiniGpt:
    """The reference's own tower, prompt wrapping and `generate`; LoRA is run beside the maps."""

    def __init__(self, folder: Path, root: Path):
        import minigpt_v2 as oracle

        torch.set_num_threads(4)
        code = oracle.reference_code(root)
        config = json.loads((folder / "config.json").read_text())
        vit = config["vit_config"]
        eva = code[0].VisionTransformer(
            img_size=config["image_size"], patch_size=vit["patch_size"], embed_dim=vit["embed_dim"], depth=vit["depth"],
            num_heads=vit["num_heads"], mlp_ratio=vit["mlp_dim"] / vit["embed_dim"], use_mean_pooling=False,
            qkv_bias=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        )  # fmt: skip
        oracle.RANK, oracle.ALPHA, oracle.IMAGE = config["lora_r"], config["lora_alpha"], config["image_size"]
        oracle.VIT = {"embed_dim": vit["embed_dim"]}
        eva.load_state_dict({k: v.float() for k, v in torch.load(folder / "eva_vit_g.pth").items()}, strict=False)
        options = {"dtype": torch.float32, "attn_implementation": "eager"}
        llama = LlamaForCausalLM.from_pretrained(folder / "llama", **options)
        oracle.TEXT = {"hidden_size": llama.config.hidden_size}
        tokenizer = oracle.Tokenizer(folder / "llama")
        spec = {"seed": 0, "norm": False, "bos": None, "stop": [2]}
        self.model = oracle.whole_model(code, spec, eva, llama, tokenizer)
        self.load(torch.load(folder / config["ckpt"])["model"])
        self.model.eval()
        self.processor = code[4].Blip2ImageEvalProcessor(image_size=config["image_size"])

    def load(self, trained: dict) -> None:
        project = {k.removeprefix("llama_proj."): v.float() for k, v in trained.items() if k.startswith("llama_proj.")}
        self.model.llama_proj.load_state_dict(project)
        for index, layer in enumerate(self.model.llama_model.model.layers):
            for name in ("q_proj", "v_proj"):
                place = f"llama_model.base_model.model.model.layers.{index}.self_attn.{name}"
                change = getattr(layer.self_attn, name)
                change.down.data = trained[f"{place}.lora_A.weight"].float()
                change.up.data = trained[f"{place}.lora_B.weight"].float()

    @torch.no_grad()
    def answer(self, images: list[Image.Image], behind: list[str], longest: int) -> list[str]:
        pixels = torch.stack([self.processor(image) for image in images])
        texts = [f"{wording.BEFORE['minigpt-v2']}<ImageHere>{text}" for text in behind]
        answers = self.model.generate(pixels, texts, max_new_tokens=longest, do_sample=False, num_beams=1, min_length=0)
        return [answer.strip() for answer in answers]


def main(family: str, models: Path, project: Path, out: Path, root: Path | None = None) -> None:
    folder = models / f"{family}-tiny"
    reference = MiniGpt(folder, root) if family == "minigpt-v2" else Transformers(family, folder)
    answers, groups = {}, {}
    for question in json.loads((project / "questions.json").read_text()):
        if question["task"] not in scoring.BOX_TASKS or family in wording.WITH_BOXES:
            groups.setdefault((question["task"], question["lang"]), []).append(question)
    for (task, lang), questions in groups.items():
        for i in range(0, len(questions), BATCH):
            some = questions[i : i + BATCH]
            images = [Image.open(project / "cases" / "pictures" / q["picture"]).convert("RGB") for q in some]
            behind = [wording.behind(family, scoring.question_of(task, lang, q["seed"])[1]) for q in some]
            found = reference.answer(images, behind, scoring.LONGEST.get(task, 10))
            answers |= {q["name"]: answer for q, answer in zip(some, found)}
        out.write_text(json.dumps(answers, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    family, *paths = sys.argv[1:]
    main(family, *map(Path, paths))
