"""Questions about one scene without any family's words around them: what is asked, and what is true.

Run with `PYTHONPATH=..`: the scenes and their questions are those of the tiny Qwen3-VL.
"""

import random
from dataclasses import dataclass, field

from more_questions import ask_choice, ask_place, ask_theme
from questions import GROUND, SHORT, ask_caption, ask_colour, ask_count, ask_exist, describe_unique, pick
from scenes import Scene, Thing
from words import COLOURS, colour_zh

# One question in three is Chinese.
LANGUAGES, SHARES = ("en", "zh"), (2, 1)
UNPROMPTED = 0.2


@dataclass
class Asked:
    """A question; a caption may be asked for without words, a choice has options, a box has a thing."""

    task: str
    lang: str
    prompt: str | None
    answer: str
    options: list[str] = field(default_factory=list)
    thing: Thing | None = None
    size: tuple[int, int] = (0, 0)
    written: bool = False
    """Whether the prompt is the whole question as somebody wrote it, without a preset's words."""


def without_wish(prompt: str, lang: str) -> str:
    """The question alone: how a short answer is wished for is the family's."""
    for wish in filter(None, SHORT[lang]):
        prompt = prompt.removesuffix(wish)
    return prompt


def plain(ask):
    def asker(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
        question = ask(scene, rng, lang)
        return question and Asked(question.task, lang, without_wish(question.prompt, lang), question.answer)

    return asker


def caption(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
    question = ask_caption(scene, rng, lang)
    silent = lang == "en" and rng.random() < UNPROMPTED
    return question and Asked("caption", lang, None if silent else question.prompt, question.answer)


def fact(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
    return plain(ask_theme if scene.facts and rng.random() < 0.6 else ask_place)(scene, rng, lang)


def choice(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
    """A colour or a count among three or four options; the answer is a letter from A on."""
    base = plain(ask_colour if rng.random() < 0.6 else ask_count)(scene, rng, lang)
    if base is None:
        return None
    colours = [c if lang == "en" else colour_zh(c) for c in COLOURS]
    pool = colours if base.task == "colour" else [str(n) for n in range(7)]
    options = rng.sample([p for p in pool if p != base.answer], rng.choice((2, 3))) + [base.answer]
    rng.shuffle(options)
    return Asked("choice", lang, base.prompt, "ABCD"[options.index(base.answer)], options)


def box(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
    """A description that fits one thing."""
    if not scene.things:
        return None
    thing = rng.choice(scene.things)
    child = thing.kind in ("boy", "girl")
    colour = None if child or rng.random() < 0.25 else thing.colour
    words = describe_unique(scene, rng, lang, thing, colour, rng.choice(("left", "right", None)))
    if words and rng.random() < 0.4:
        words = words.removeprefix("the ")
    return words and Asked("box", lang, words, "", thing=thing, size=(scene.width, scene.height))


def written(ask):
    """The question of `ask` with its own wish for a short answer, or none."""

    def asker(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
        question = ask(scene, rng, lang)
        return question and Asked(question.task, lang, question.prompt, question.answer, written=True)

    return asker


def written_choice(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
    question = ask_choice(scene, rng, lang)
    return question and Asked("choice", lang, question.prompt, question.answer, written=True)


def written_box(scene: Scene, rng: random.Random, lang: str) -> Asked | None:
    """The one thing of `box`, in the words of anybody; the answer is in the family's notation all the same."""
    asked = box(scene, rng, lang)
    if asked:
        asked.prompt = pick(rng, GROUND, lang, ref=asked.prompt, bare=asked.prompt.removeprefix("the "))
        asked.written = True
    return asked


WRITTEN = "-written"
ASKERS = {
    "caption": caption,
    "exist": plain(ask_exist),
    "colour": plain(ask_colour),
    "count": plain(ask_count),
    "fact": fact,
    "choice": choice,
    "box": box,
}
ASKERS |= {
    "caption-written": written(ask_caption),
    "exist-written": written(ask_exist),
    "colour-written": written(ask_colour),
    "count-written": written(ask_count),
    "fact-written": lambda s, r, l: written(ask_theme if s.facts and r.random() < 0.6 else ask_place)(s, r, l),
    "choice-written": written_choice,
    "box-written": written_box,
}
MIX = {"caption": 0.2, "exist": 0.15, "colour": 0.16, "count": 0.27, "fact": 0.12, "choice": 0.1}

MIX_WRITTEN = {f"{task}{WRITTEN}": share for task, share in MIX.items()}


def draw(scene: Scene, rng: random.Random, tasks: dict, count: int) -> list[Asked]:
    """Up to `count` questions that differ."""
    found, seen = [], set()
    for _ in range(count + 6):
        lang = rng.choices(LANGUAGES, SHARES)[0]
        asked = ASKERS[rng.choices(tuple(tasks), tuple(tasks.values()))[0]](scene, rng, lang)
        if asked and (asked.task, asked.prompt, lang) not in seen and len(found) < count:
            seen.add((asked.task, asked.prompt, lang))
            found.append(asked)
    return found
