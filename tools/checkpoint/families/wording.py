"""How each family is asked and answers: src/preset/presets.ron and src/model/*/prompt.rs, in Python.

A prompt is what stands before the picture and what stands behind it.
"""

from asking import Asked

FAMILIES = ("llava", "blip2", "instructblip", "minigpt-v2")
WITH_BOXES = ("llava", "minigpt-v2")
SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)
UNPROMPTED = {
    "llava": "Provide a one-sentence caption for the provided image.",
    "blip2": "a photo of",
    "instructblip": "A short image caption.",
    "minigpt-v2": "[caption] please describe this image?",
}
CAPTION = {"llava": "{p}", "blip2": "Question: {p} Answer:", "instructblip": "{p}", "minigpt-v2": "[caption] {p}"}
SHORT = {
    "llava": "{p}\nAnswer the question using a single word or phrase.",
    "blip2": "Question: {p} Short answer:",
    "instructblip": "Question: {p} Short Answer:",
    "minigpt-v2": "[vqa] Based on the image, respond to this question with a short answer: {p}",
}
CHOICE = {
    "llava": "{p}\n{o}\nAnswer with the option's letter from the given choices directly.",
    "blip2": "Question: {p} Options: {o}. Short answer:",
    "instructblip": "Question: {p} Options: {o}. Short answer:",
    "minigpt-v2": "[vqa] Based on the image, respond to this question with a short answer: {p}\n{o}",
}
BOX = {
    "llava": "Please provide the bounding box coordinate of the region this sentence describes: {p}.",
    "minigpt-v2": "[refer] give me the location of {p}",
}
BEFORE = {"llava": f"{SYSTEM} USER: ", "blip2": "", "instructblip": "", "minigpt-v2": "<s>[INST] <Img>"}
BEHIND = {
    "llava": "\n{q} ASSISTANT:",
    "blip2": "{q}",
    "instructblip": "{q}",
    "minigpt-v2": "</Img> {q} [/INST]",
}


def lavis(question: str) -> str:
    """BLIP-2's treatment of a short question (`QuestionTreatment::Lavis`)."""
    kept = "".join(c for c in question.lower() if c not in '.!"()*#:;~')
    return " ".join(kept.rstrip(" ").split(" ")[:50])


def listed(family: str, options: list[str]) -> str:
    if family in ("llava", "minigpt-v2"):
        return "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options))
    return " ".join(f"({letter}) {option}" for letter, option in zip("abcd", options))


def question(family: str, asked: Asked) -> str:
    """The words of the task's preset."""
    if asked.prompt is None:
        return UNPROMPTED[family]
    if asked.written:
        return asked.prompt
    if asked.task == "caption":
        return CAPTION[family].format(p=asked.prompt)
    if asked.task == "choice":
        return CHOICE[family].format(p=asked.prompt, o=listed(family, asked.options))
    if asked.task == "box":
        return BOX[family].format(p=asked.prompt)
    return SHORT[family].format(p=lavis(asked.prompt) if family == "blip2" else asked.prompt)


def behind(family: str, asked: Asked) -> str:
    return BEHIND[family].format(q=question(family, asked))


def answer(family: str, asked: Asked) -> str:
    if asked.task == "box":
        return BOXES[family](asked.thing.box, asked.size)
    if asked.task == "choice" and not asked.written and family in ("blip2", "instructblip"):
        return asked.answer.lower()
    return asked.answer


def llava_box(box, size) -> str:
    """Shares of the padded square, two decimals."""
    side = max(size)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    shares = [(value + (top if i % 2 else left)) / side for i, value in enumerate(box)]
    return "[" + ", ".join(f"{share:.2f}" for share in shares) + "]"


def minigpt_box(box, size) -> str:
    """Hundredths of the width and the height."""
    return "{" + "".join(f"<{round(100 * value / size[i % 2])}>" for i, value in enumerate(box)) + "}"


BOXES = {"llava": llava_box, "minigpt-v2": minigpt_box}


def box_of(family: str, text: str, size) -> list[float] | None:
    """The box of an answer in pixels."""
    try:
        if family == "llava":
            side = max(size)
            left, top = (side - size[0]) // 2, (side - size[1]) // 2
            values = [float(part) * side for part in text.strip("[]").split(",")]
            found = [value - (top if i % 2 else left) for i, value in enumerate(values)]
        else:
            values = [float(part) for part in text.strip("{}").strip("<>").split("><")]
            found = [value / 100 * size[i % 2] for i, value in enumerate(values)]
        return found if len(found) == 4 else None
    except ValueError:
        return None
