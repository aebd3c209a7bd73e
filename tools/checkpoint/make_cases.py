"""Writes the starter suite: pictures of held-out scenes and cases with the exact truth about them.

Usage: python make_cases.py CASES [--check MODEL_FOLDER]
Every scene is the first of its own range of seeds whose truth fits the case; no model has a say in that. With
--check, transformers answers all cases and the wrong ones are printed: those are fixed by an honest `xfail` below.
"""

import sys
from pathlib import Path

from case_format import Case
from gallery import Gallery
from suite_answers import description, question_answering
from suite_boxes import grounding
from suite_several import more, several_images

TINY = "qwen3-vl-tiny"
DIMENSIONS = {
    "description": "Description",
    "question_answering": "QuestionAnswering",
    "grounding": "Grounding",
    "several_images": "SeveralImages",
}


def write(folder: Path, gallery: Gallery, cases: list[Case]) -> None:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, scene in gallery.scenes.items():
        scene.render().save(folder / "images" / name, optimize=True)
    for part, dimension in DIMENSIONS.items():
        (folder / part).mkdir(exist_ok=True)
        (folder / part / "defaults.ron").write_text(f'(image_folder: "../images", dimension: {dimension})\n')
    for case in cases:
        (folder / case.folder / f"{case.name}.ron").write_text(case.ron(TINY))


def check(folder: Path, model: str, cases: list[Case]) -> None:
    """Lets transformers answer, and prints where that disagrees with the suite.

    The margin is the smallest lead of a chosen token over the next: a case with a small one may turn out
    otherwise in another precision.
    """
    import torch
    from PIL import Image
    from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

    network, processor = (
        Qwen3VLForConditionalGeneration.from_pretrained(model, dtype=torch.float32),
        AutoProcessor.from_pretrained(model),
    )
    for case in cases:
        turns = case.turns or [("User", case.prompt)]
        messages = [{"role": role.lower(), "content": [{"type": "text", "text": said}]} for role, said in turns]
        messages[0]["content"] = [
            {"type": "image", "image": Image.open(folder / "images" / name)} for name in case.images
        ] + messages[0]["content"]
        if case.system:
            messages.insert(0, {"role": "system", "content": [{"type": "text", "text": case.system}]})
        inputs = processor.apply_chat_template(
            messages, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True
        )
        out = network.generate(
            **inputs,
            max_new_tokens=case.tokens or 128,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        ids = out.sequences[0, inputs["input_ids"].shape[1] :]
        top = torch.stack([row[0].topk(2).values for row in out.logits])
        answer = processor.tokenizer.decode(ids, skip_special_tokens=True)
        passed = case.expect is None or case.expect.accepts(answer)
        verdict = {
            (True, False): "ok",
            (False, True): "xfail",
            (False, False): "WRONG",
            (True, True): "UNEXPECTED PASS",
        }[passed, bool(case.weakness)]
        print(
            f"{verdict:16} margin {(top[:, 0] - top[:, 1]).min():5.2f}  {case.folder}/{case.name}: {answer!r}",
            flush=True,
        )


def main() -> None:
    folder, gallery = Path(sys.argv[1]), Gallery()
    cases = [
        case for part in (description, question_answering, grounding, several_images, more) for case in part(gallery)
    ]
    write(folder, gallery, cases)
    print(f"{len(gallery.scenes)} pictures, {len(cases)} cases")
    if "--check" in sys.argv:
        check(folder, sys.argv[sys.argv.index("--check") + 1], cases)


if __name__ == "__main__":
    main()
