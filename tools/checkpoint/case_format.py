"""Writes eval cases as RON, and judges answers roughly as eyechart does, to know which weaknesses are real."""

import json
import re
from dataclasses import dataclass, field

from evaluate import boxes_of, iou
from scenes import Scene, Thing


@dataclass
class Raw:
    """A RON expression as it stands, with the Python test that it means."""

    ron: str
    accepts: object

    def __str__(self) -> str:
        return self.ron


@dataclass
class Case:
    folder: str
    name: str
    images: list[str]
    expect: Raw | None
    prompt: str | None = None
    turns: list[tuple[str, str]] = field(default_factory=list)
    system: str | None = None
    tokens: int | None = None
    weakness: str | None = None
    tags: tuple = ()

    def ron(self, model: str) -> str:
        lines = [f"images: [{', '.join(map(text, self.images))}]"]
        if self.system:
            lines.append(f"system: {text(self.system)}")
        if self.turns:
            lines.append(f"turns: [{', '.join(f'{role}({text(said)})' for role, said in self.turns)}]")
        else:
            lines.append(f"prompt: {text(self.prompt)}")
        if self.expect:
            lines.append(f"expect: {self.expect}")
        if self.tokens:
            lines.append(f"generation: (max_new_tokens: {self.tokens})")
        if self.weakness:
            lines.append(f"xfail: {{{text(model)}: {text(self.weakness)}}}")
        if self.tags:
            lines.append(f"tags: [{', '.join(map(text, self.tags))}]")
        return "(\n" + "".join(f"    {line},\n" for line in lines) + ")\n"


def text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def plain(answer: str) -> str:
    return re.sub(r"[\s.。,，!！?？]", "", answer.lower()).removeprefix("the").removeprefix("a ")


def listed(values) -> str:
    return "[" + ", ".join(map(text, values)) + "]"


def exact(value: str) -> Raw:
    return Raw(f"Exact({text(value)})", lambda answer: answer == value)


def any_of(*values: str) -> Raw:
    return Raw(f"AnyOf({listed(values)})", lambda answer: plain(answer) in map(plain, values))


def contains(value: str) -> Raw:
    return Raw(f"Contains({text(value)})", lambda answer: value in answer)


def regex(pattern: str) -> Raw:
    return Raw(f"Regex({text(pattern)})", lambda answer: re.search(pattern, answer) is not None)


def number(value: int) -> Raw:
    return Raw(f"Number(value: {value})", lambda answer: answer.strip() == str(value))


def yes_no(yes: bool) -> Raw:
    words = ("yes", "是", "有") if yes else ("no", "否", "没有")
    return Raw(f"YesNo({'Yes' if yes else 'No'})", lambda answer: plain(answer) in words)


def choice(options, answer: str) -> Raw:
    return Raw(f"Choice(options: {listed(options)}, answer: {text(answer)})", lambda said: said.strip() == answer)


def all_of(*parts: Raw) -> Raw:
    return Raw(f"All([{', '.join(map(str, parts))}])", lambda answer: all(part.accepts(answer) for part in parts))


def either(*parts: Raw) -> Raw:
    return Raw(f"Any([{', '.join(map(str, parts))}])", lambda answer: any(part.accepts(answer) for part in parts))


def negated(part: Raw) -> Raw:
    return Raw(f"Not({part})", lambda answer: not part.accepts(answer))


def facts(*wanted, forbidden=(), minimum: float = 4.0) -> Raw:
    """`wanted` are (words, weight); all weigh in for five points, and a forbidden word costs one."""
    rows = ", ".join(f"(any: {listed(words)}, weight: {weight:.1f})" for words, weight in wanted)
    banned = ", ".join(f"(any: {listed(words)}, cost: 1.0)" for words in forbidden)
    tail = f", forbidden: [{banned}]" if forbidden else ""

    def accepts(answer: str) -> bool:
        got = sum(weight for words, weight in wanted if any(w.lower() in answer.lower() for w in words))
        cost = sum(any(w.lower() in answer.lower() for w in words) for words in forbidden)
        return 5 * got / sum(weight for _, weight in wanted) - cost >= minimum

    return Raw(f"Facts(facts: [{rows}]{tail}, min: {minimum:.1f})", accepts)


def boxes(scene: Scene, things: list[Thing], label: str, min_iou: float = 0.5) -> Raw:
    """Boxes in pixels of the picture as it is stored."""
    rows = ", ".join(f"(label: {text(label)}, xyxy: {thing.box})" for thing in things)

    def accepts(answer: str) -> bool:
        scale = (scene.width / 1000, scene.height / 1000) * 2
        found = [[x * s for x, s in zip(box, scale)] for box in boxes_of(answer)]
        return len(found) == len(things) and all(max(iou(t.box, f) for f in found) >= min_iou for t in things)

    return Raw(f"Boxes(truth: [{rows}], min_iou: {min_iou})", accepts)
