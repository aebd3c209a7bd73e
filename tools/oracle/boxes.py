"""What the references read from answers that hold boxes, in pixels of the picture.

Usage: python boxes.py MIRRORS, a folder with bare clones of haotian-liu/LLaVA and THUDM/CogVLM
(`haotian-liu+LLaVA/repo`, `THUDM+CogVLM/repo`), whose functions run here and are not copied.
"""

import ast
import random
import re
import subprocess
import sys
from pathlib import Path

import torch
from PIL import Image
from transformers.models.florence2.processing_florence2 import Florence2PostProcessor
from transformers.models.kosmos2.processing_kosmos2 import clean_text_and_extract_entities_with_bboxes
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

from paths import ORACLE, write_json

SIZES = [(640, 480), (333, 500), (1000, 1000), (101, 50), (1, 7)]
LABELS = ["cat", "a red car", "两只猫", "left-most  cup "]


def function_of(mirror: Path, path: str, name: str, **names):
    """A function of a file in a bare clone, compiled alone."""
    source = subprocess.run(["git", "-C", mirror / "repo", "show", f"HEAD:{path}"], capture_output=True, check=True, text=True).stdout
    found = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == name)
    exec(compile(ast.Module([found], []), path, "exec"), names)
    return names[name]


def ordered(draw: random.Random, high: int) -> list[int]:
    (x1, x2), (y1, y2) = (sorted(draw.sample(range(high + 1), 2)) for _ in range(2))
    return [x1, y1, x2, y2]


def scaled(box, divisor: float, size) -> list[float]:
    return [number / divisor * size[axis % 2] for axis, number in enumerate(box)]


def qwen_vl_chat(draw, size):
    """`tokenization_qwen.py` of Qwen/Qwen-VL-Chat, draw_bbox_on_latest_picture, before its int()."""
    label, box = draw.choice(LABELS), ordered(draw, 999)
    return "<ref>%s</ref><box>(%d,%d),(%d,%d)</box>" % (label, *box), [(label.strip(), scaled(box, 1000, size))]


def minigpt_v2(draw, size):
    """Vision-CAIR/MiniGPT-4 `eval_scripts/eval_ref.py`, from the answer to `pred_bbox`."""
    box = ordered(draw, 100)
    text = draw.choice(["{<%d><%d><%d><%d>}", " {<%d> <%d><%d><%d>} ", "{<%d><%d><unk><%d><%d>}"]) % tuple(box)
    answer = text.replace("<unk>", "").replace(" ", "").strip()
    assert re.match(r"\{<\d{1,3}><\d{1,3}><\d{1,3}><\d{1,3}>\}", answer)
    return text, [(None, scaled([int(digits) for digits in re.findall(r"\d+", answer)], 100, size))]


def qwen3_vl(draw, size):
    """QwenLM/Qwen3-VL `evaluation/ODinW-13/run_odinw.py` with is_rel=1."""
    label, box = draw.choice(LABELS), ordered(draw, 1000)
    return '```json\n[{"bbox_2d": %s, "label": "%s"}]\n```' % (box, label), [(label.strip(), scaled(box, 1000, size))]


def qwen2_5_vl(draw, size):
    """The same without is_rel: pixels of what smart_resize made of the picture."""
    resized = tuple(reversed(smart_resize(size[1], size[0], factor=28)))
    label = draw.choice(LABELS)
    (x1, x2), (y1, y2) = (sorted(draw.sample(range(side + 1), 2)) for side in resized)
    box = [x1, y1, x2, y2]
    pixels = [number / resized[axis % 2] * size[axis % 2] for axis, number in enumerate(box)]
    return '[{"bbox_2d": %s, "label": "%s"}]' % (box, label), [(label.strip(), pixels)], resized


def kosmos2(draw, size):
    """transformers, `models/kosmos2/processing_kosmos2.py`."""
    pairs = [sorted(draw.sample(range(1024), 2)) for _ in range(draw.randint(1, 3))]
    pairs.append([draw.choice([5, 37, 1023])] * 2)
    written = "</delimiter_of_multi_objects/>".join("<patch_index_%04d><patch_index_%04d>" % tuple(pair) for pair in pairs)
    text = f"<grounding> There is<phrase> {draw.choice(LABELS)}</phrase><object>{written}</object> here."
    _, entities = clean_text_and_extract_entities_with_bboxes(text)
    return text, [(label, scaled(box, 1, size)) for label, _, boxes in entities for box in boxes]


def paligemma(draw, size):
    """Top, left, bottom, right of 1024, as in the Hugging Face hub's demonstration of the authors."""
    label, (x1, y1, x2, y2) = draw.choice(LABELS), ordered(draw, 1023)
    return "<loc%04d><loc%04d><loc%04d><loc%04d> %s" % (y1, x1, y2, x2, label), [(label.strip(), scaled([x1, y1, x2, y2], 1024, size))]


class NoTokenizer:
    all_special_tokens: list[str] = []


class Unrounded(Florence2PostProcessor):
    """The post-processor in doubles and without the cut to whole pixels at the end of `dequantize`."""

    def dequantize(self, locations, size):
        whole = super().dequantize(locations, size)
        bins = torch.tensor(self.quantize_bins * 2, dtype=torch.float64)
        exact = (locations.double() + 0.5) * (torch.tensor(size * 2, dtype=torch.float64) / bins)
        assert (whole - exact).abs().max() < 1.001
        return exact


def florence2(draw, size):
    """transformers, `models/florence2/processing_florence2.py`, description_with_bboxes."""
    text = "</s><s>"
    for label in draw.sample(LABELS[:2] + LABELS[3:], 2):
        text += label + "".join("<loc_%d>" % number for _ in range(draw.randint(1, 2)) for number in ordered(draw, 999))
    found = Unrounded({}, NoTokenizer()).parse_description_with_bboxes_from_text_and_spans(text + "</s>", image_size=size)
    return text + "</s>", [(one["cat_name"], one["bbox"]) for one in found]


def cogvlm(boxstr_to_boxes):
    """THUDM/CogVLM `utils/utils/grounding_parser.py`, boxstr_to_boxes."""

    def read(draw, size):
        inner = ";".join("%03d,%03d,%03d,%03d" % tuple(ordered(draw, 999)) for _ in range(draw.randint(1, 3)))
        return f"A cat [[{inner}]] is here.", [(None, scaled(box, 1, size)) for box in boxstr_to_boxes(inner)]

    return read


def llava(expand2square):
    """haotian-liu/LLaVA `llava/mm_utils.py`, expand2square: where the picture lands in the square."""

    def read(draw, size):
        square = expand2square(Image.new("L", size, 255), 0)
        left, top, right, bottom = square.getbbox()
        assert (right - left, bottom - top) == size
        box = [number / 1000 for number in ordered(draw, 1000)]
        moved = [number * square.width - offset for number, offset in zip(box, (left, top, left, top))]
        cut = [min(max(number, 0), size[axis % 2]) for axis, number in enumerate(moved)]
        return str(box), [(None, cut)]

    return read


def main(mirrors: Path) -> None:
    boxstr_to_boxes = function_of(mirrors / "THUDM+CogVLM", "utils/utils/grounding_parser.py", "boxstr_to_boxes")
    expand2square = function_of(mirrors / "haotian-liu+LLaVA", "llava/mm_utils.py", "expand2square", Image=Image)
    readers = {
        "Qwen3Vl": qwen3_vl, "Qwen2_5Vl": qwen2_5_vl, "QwenVlChat": qwen_vl_chat, "Llava": llava(expand2square),
        "MiniGptV2": minigpt_v2, "CogVlm": cogvlm(boxstr_to_boxes), "Kosmos2": kosmos2, "PaliGemma": paligemma, "Florence2": florence2,
    }
    draw, entries = random.Random(23), []
    for notation, read in readers.items():
        for size in SIZES * 4:
            if notation == "Qwen2_5Vl" and size[1] < 10:
                continue
            text, boxes, *resized = read(draw, size)
            boxes = [{"label": label, "pixels": [float(number) for number in box]} for label, box in boxes]
            entries.append({"notation": notation, "size": size, "resized": resized[0] if resized else None, "text": text, "boxes": boxes})
    write_json(ORACLE / "boxes.json", entries)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
