"""Writes fixtures/oracle/minigpt_v2: random tiny MiniGPT-v2 parts as they are published, and what the reference gives.

Usage: python minigpt_v2.py MINIGPT4    (MINIGPT4: a copy of https://github.com/Vision-CAIR/MiniGPT-4, whose tower,
prompt code and picture processor are run; its Llama is transformers' with the same interface)
"""

import copy
import importlib
import sys
import types
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

import llama_tokenizer
from checkpoints import randomise
from llava import save_shards
from make import assistant, case, user
from paths import ORACLE, PICTURES, write_json
from recording import Prepared, cast, frequent, record

OUT = ORACLE / "minigpt_v2"
IMAGE, STORED = 56, 28
VIT = {"patch_size": 7, "embed_dim": 24, "depth": 3, "num_heads": 3}
MLP_RATIO = 2.5
TEXT = {"hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
        "max_position_embeddings": 4096, "vocab_size": 470, "bos_token_id": 1, "eos_token_id": 2}
RANK, ALPHA = 6, 9

# Both share the language model and the tower of `published`.
CHECKPOINTS = {
    "published": {"seed": 31, "adapter": "", "norm": False, "bos": None},
    "later": {"seed": 32, "adapter": ".default", "norm": True, "bos": 1},
}


def stub(name: str, **content) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module


def package(name: str, folder: Path) -> None:
    stub(name, __path__=[str(folder)])


class Absent:
    """Stands for classes that are imported but not used."""


def reference_code(root: Path):
    """The reference's modules, without what their packages import beside (data sets, training, peft)."""
    for name in ("minigpt4", "minigpt4.common", "minigpt4.models", "minigpt4.conversation", "minigpt4.processors"):
        package(name, root / name.replace(".", "/"))
    stub("omegaconf", OmegaConf=Absent)
    stub("peft", LoraConfig=Absent, get_peft_model=None, prepare_model_for_int8_training=None)
    stub("timm"), stub("timm.models")
    stub("timm.models.layers", drop_path=None, to_2tuple=lambda x: (x, x), trunc_normal_=nn.init.trunc_normal_)
    stub("timm.models.registry", register_model=lambda function: function)
    stub("minigpt4.common.dist_utils", download_cached_file=None)
    stub("minigpt4.common.utils", get_abs_path=None, is_url=None)
    stub("minigpt4.models.modeling_llama", LlamaForCausalLM=LlamaForCausalLM)
    stub("minigpt4.models.Qformer", BertConfig=Absent, BertLMHeadModel=Absent)
    stub("minigpt4.processors.randaugment", RandomAugment=Absent)
    load = lambda name: importlib.import_module(f"minigpt4.{name}")
    # Their registry looks for these in the packages.
    sys.modules["minigpt4.models"].BaseModel = load("models.base_model").BaseModel
    sys.modules["minigpt4.processors"].BaseProcessor = load("processors.base_processor").BaseProcessor
    return [load(name) for name in ("models.eva_vit", "models.base_model", "models.minigpt_v2", "conversation.conversation", "processors.blip_processors")]


class LoraLinear(nn.Module):
    """A map with its low-rank change beside it, as peft runs it (it is not merged)."""

    def __init__(self, base: nn.Linear, generator):
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(RANK, base.in_features, generator=generator) / base.in_features ** 0.5)
        self.up = nn.Parameter(torch.randn(base.out_features, RANK, generator=generator) * 0.5)

    def forward(self, x):
        return self.base(x) + nn.functional.linear(nn.functional.linear(x, self.down), self.up) * (ALPHA / RANK)


class Tokenizer:
    """The slow tokenizer as in transformers 4.30; decodes with the fast one, which differs where bytes are no UTF-8."""

    def __init__(self, folder: Path):
        self.slow = llama_tokenizer.slow(folder, legacy=True)
        self.fast = llama_tokenizer.fast(folder, legacy=True)
        self.slow.pad_token = "$$"

    def __call__(self, *args, **options):
        return self.slow(*args, **options)

    def decode(self, ids, **options):
        return self.fast.decode(ids, **options)

    def __deepcopy__(self, _):
        return self

    def __getattr__(self, name):
        return getattr(self.slow, name)


class Reference:
    def __init__(self, code, model, spec: dict):
        _, _, _, self.conversation, processors = code
        self.images = processors.Blip2ImageEvalProcessor(image_size=IMAGE)
        self.whole, self.model, self.spec = model.eval(), model.llama_model, spec
        self.stop = spec["stop"]

    def decode(self, ids):
        """What the reference's `generate` makes of these ids."""
        real = self.model.generate
        self.model.generate = lambda **_: torch.tensor([ids])
        text = self.whole.generate(torch.zeros(1, 3, IMAGE, IMAGE), ["<ImageHere>"])[0]
        self.model.generate = real
        return text

    def cast(self, dtype):
        other = copy.copy(self)
        other.whole = cast(self.whole, dtype)
        # In f32 whatever the type of the rest.
        other.whole.ln_vision.float()
        other.model = other.whole.llama_model
        return other

    def first_prompt(self, conversation: dict) -> str:
        """The first question as in `eval_utils.prepare_texts`; without a picture, without its words."""
        turn = conversation["turns"][0]
        text = " ".join(part["Text"] for part in turn["parts"] if "Text" in part)
        pictures = "".join("<Img><ImageHere></Img> " for part in turn["parts"] if "Image" in part)
        conv = self.conversation.CONV_VISION_minigptv2.copy()
        conv.system = conversation["system"] or ""
        conv.append_message(conv.roles[0], pictures + text)
        conv.append_message(conv.roles[1], None)
        return conv.get_prompt()

    def later_ids(self, conversation: dict) -> tuple[str, list[int]]:
        """Earlier answers and later questions as in training."""
        texts = [" ".join(part["Text"] for part in turn["parts"]) for turn in conversation["turns"][1:]]
        if not texts:
            return "", []
        answers, questions = texts[0::2], ["[INST] {} [/INST]".format(text) for text in texts[1::2]]
        end = "stop"
        ids, _, _ = self.whole.tokenize_conversation([["", *questions]], [[*answers, end]])
        count = len(self.whole.llama_tokenizer(end + "</s>", add_special_tokens=False).input_ids)
        rendered = "".join(f"{answer}</s><s>{question}" for answer, question in zip(answers, questions))
        return rendered, ids[0, :-count].tolist()

    @torch.no_grad()
    def prepare(self, case: dict, pictures: Path) -> Prepared:
        conversation = case["conversation"]
        shown = [part["Image"] for turn in conversation["turns"] for part in turn["parts"] if "Image" in part]
        pixels = [self.images(Image.open(pictures / case["images"][index]).convert("RGB")) for index in shown]
        features = [self.whole.encode_img(p[None].to(self.model.dtype))[0] for p in pixels]
        prompt = self.first_prompt(conversation)
        # What is embedded is what was tokenised.
        told, embed = [], self.whole.embed_tokens
        self.whole.embed_tokens = lambda ids: told.append(ids) or embed(ids)
        if not features:
            one = self.whole.llama_tokenizer(prompt, return_tensors="pt", add_special_tokens=self.spec["bos"] is None).input_ids
            embeds = self.whole.embed_tokens(one)
        elif self.spec["bos"] is None:
            embeds = self.whole.get_context_emb(prompt, features)
        else:
            embeds, _ = self.whole.prompt_wrap(torch.stack([torch.cat([f[0] for f in features])]), None, [prompt])
        del self.whole.embed_tokens
        segments = [ids[0].tolist() for ids in told if ids.dim() == 2]
        count = features[0].shape[1] if features else 0
        ids = list(segments[0])
        for segment in segments[1:]:
            ids += [TEXT["vocab_size"]] * count + segment
        rendered, later = self.later_ids(conversation)
        embeds = torch.cat([embeds, embed(torch.tensor([later], dtype=torch.long))], dim=1)
        side = IMAGE // VIT["patch_size"]
        return Prepared(prompt + rendered, ids + later, embeds, [], pixels, (side, side), [f[0] for f in features])


def cases() -> list[dict]:
    return [
        case("vqa", ["square.png"], user(0, "[vqa] Based on the image, respond to this question with a short answer: What is it?"), beams=True),
        case("refer", ["wide.png"], user(0, "[refer] give me the location of the red car"), count=20, beams=True),
        case("caption", ["tall.png"], user(0, "[caption] please describe this image?"), beams=True),
        case("identify", ["palette.png"], user(0, "[identify] what is this {<12><34><56><78>}"), count=12),
        case("chat", ["grey.png"], user(0, "How many?"), count=20, beams=True),
        case("chinese", ["speck.png"], user(0, "图片里有什么？é 😀"), count=12),
        case("turns", ["square.png"], user(0, "What is it?"), assistant("A red car."), user("Sure?"), assistant("Yes."), user("Why?"), count=12),
        case("system", ["edges.png"], user(0, "Describe it."), system="Be brief. ", count=12),
        case("text_only", [], user("one two three"), count=20),
        case("spaces", ["small.bmp"], user(0, "  leading,\n\n many   spaces \t 12345  "), count=12),
        case("long", ["square.png"], user(0, "The red car is on the left of the picture, and the blue one is behind it. " * 12), count=12),
        case("penalty", ["square.png"], user(0, "Say it again."), count=24, repetition_penalty=1.05),
    ]


def vision_tower(code, generator):
    """The reference's ViT at `IMAGE`, and its file: made for `STORED`, with a block that is left out."""
    eva_vit = code[0]
    options = {"use_mean_pooling": False, "qkv_bias": True, "mlp_ratio": MLP_RATIO, "norm_layer": partial(nn.LayerNorm, eps=1e-6)}
    stored = eva_vit.VisionTransformer(img_size=STORED, **VIT | {"depth": VIT["depth"] + 1}, **options)
    randomise(stored, generator)
    with torch.no_grad():
        for value in (stored.pos_embed, stored.cls_token):
            value.copy_(0.5 * torch.randn(value.shape, generator=generator))
    file = {name: value.half() for name, value in stored.state_dict().items()} | {"head.weight": torch.ones(4, 24).half(), "norm.weight": torch.ones(24).half()}
    tower = eva_vit.VisionTransformer(img_size=IMAGE, **VIT, **options)
    content = {name: value.float() for name, value in file.items()}
    eva_vit.interpolate_pos_embed(tower, content)
    tower.load_state_dict(content, strict=False)
    return tower, file


def language_model(generator):
    config = LlamaConfig(**TEXT)
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config)
    randomise(model, generator)
    for value in model.parameters():
        value.data = value.data.half().float()
    return model


def whole_model(code, spec: dict, tower, llama, tokenizer):
    _, base_model, minigpt_v2, _, _ = code
    generator = torch.Generator().manual_seed(spec["seed"])
    model = minigpt_v2.MiniGPTv2.__new__(minigpt_v2.MiniGPTv2)
    nn.Module.__init__(model)
    model.llama_tokenizer, model.max_context_len, model.max_txt_len, model.end_sym = tokenizer, 3800, 500, "</s>"
    model.visual_encoder, model.ln_vision = tower, base_model.LayerNorm(VIT["embed_dim"])
    model.llama_proj = nn.Linear(4 * VIT["embed_dim"], TEXT["hidden_size"])
    randomise(model.llama_proj, generator)
    if spec["norm"]:
        randomise(nn.ModuleDict({"norm": model.ln_vision}), generator)
    for layer in llama.model.layers:
        attention = layer.self_attn
        # The second checkpoint has changes of its own.
        for name in ("q_proj", "v_proj"):
            base = getattr(attention, name)
            setattr(attention, name, LoraLinear(base.base if isinstance(base, LoraLinear) else base, generator))
    model.llama_model = llama
    return model


def save_trained(path: Path, spec: dict, model) -> None:
    """As `runner_base.py` saves it: what was trained and buffers, the optimizer's state, the configuration."""
    tensors = {f"llama_proj.{name}": value.data.clone() for name, value in model.llama_proj.named_parameters()}
    for index, layer in enumerate(model.llama_model.model.layers):
        place = f"llama_model.base_model.model.model.layers.{index}.self_attn"
        tensors[f"{place}.rotary_emb.inv_freq"] = torch.ones(4)
        for name in ("q_proj", "v_proj"):
            change = getattr(layer.self_attn, name)
            tensors[f"{place}.{name}.lora_A{spec['adapter']}.weight"] = change.down.data.clone()
            tensors[f"{place}.{name}.lora_B{spec['adapter']}.weight"] = change.up.data.clone()
    if spec["norm"]:
        tensors |= {f"ln_vision.{name}": value.data.clone() for name, value in model.ln_vision.named_parameters()}
    parameter = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([parameter], lr=1e-5)
    parameter.sum().backward()
    optimizer.step()
    torch.save({"model": tensors, "optimizer": optimizer.state_dict(), "config": {"run": {"seed": 42, "lr": 1e-5}, "model": {"arch": "minigpt_v2"}},
                "scaler": {"scale": 65536.0, "growth_interval": 2000}, "epoch": 49}, path)


def save_parts(folder: Path, llama, file: dict) -> None:
    save_shards(folder / "llama", {name: value.half() for name, value in llama.state_dict().items()}, 2)
    write_json(folder / "llama" / "config.json", {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **TEXT, "torch_dtype": "float16"})
    llama_tokenizer.save_settings(folder / "llama", legacy=False)
    torch.save(file, folder / "eva_vit_g.pth")


def main(root: str) -> None:
    code = reference_code(Path(root))
    generator = torch.Generator().manual_seed(30)
    parts = OUT / "published"
    (parts / "llama").mkdir(parents=True, exist_ok=True)
    llama_tokenizer.train(parts / "llama")
    tokenizer = Tokenizer(parts / "llama")
    tower, file = vision_tower(code, generator)
    llama = language_model(generator)
    save_parts(parts, llama, file)
    stop = [2]
    for name, spec in CHECKPOINTS.items():
        folder, place = OUT / name, "" if name == "published" else "../published/"
        folder.mkdir(exist_ok=True)
        model = whole_model(code, spec, tower, llama, tokenizer)
        save_trained(folder / "minigptv2_checkpoint.pth", spec, model)
        vit = VIT | {"mlp_dim": int(VIT["embed_dim"] * MLP_RATIO), "stored_image_size": STORED}
        bos = {} if spec["bos"] is None else {"prompt_bos": spec["bos"]}
        write_json(folder / "config.json", {
            "model_type": "minigpt_v2", "llama_model": f"{place}llama", "vit_model": f"{place}eva_vit_g.pth", "ckpt": "minigptv2_checkpoint.pth",
            "image_size": IMAGE, "lora_r": RANK, "lora_alpha": ALPHA, "vit_config": vit, **bos,
        })
        reference = Reference(code, model, spec | {"stop": stop})
        if name == "published":
            # A random checkpoint hardly ever stops.
            stop += frequent(reference, cases()[:6], PICTURES, 3)
        record(reference, cases(), PICTURES, folder)
    write_json(parts / "llama" / "generation_config.json", {"bos_token_id": 1, "eos_token_id": stop, "pad_token_id": 0, "do_sample": True, "temperature": 0.6, "top_p": 0.9})


if __name__ == "__main__":
    main(*sys.argv[1:])
