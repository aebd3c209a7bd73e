"""Questions about one scene, with their exact answers, in English and Chinese.

Every function takes the scene's truth and returns a `Question`, or None where the scene leaves the answer open.
"""

import random
from dataclasses import dataclass, field

from scenes import Scene, Thing
from words import COLOURED_KINDS, COLOURS, KINDS, PLACES, article, colour_zh, counted, listing, noun, nouns

SHORT = {
    "en": ("",) * 3
    + ("\nAnswer the question using a single word or phrase.", " Answer with one word.", " Answer briefly."),
    "zh": ("",) * 3 + ("\n请用一个词或短语回答。", "请用一个词回答。", "请简短回答。"),
}
PICTURE = {
    "en": ("picture", "picture", "image", "image", "photo"),
    "zh": ("图片", "图", "图中", "图像", "照片", "画面"),
}
YES_NO = {"en": ("Yes", "No"), "zh": ("是", "否")}
HAS = {"en": ("Yes", "No"), "zh": ("有", "没有")}
SIDES = {
    "left": {"en": ("the {} on the left", "the left {}", "the {} on the left side"), "zh": ("左侧的{}", "左边的{}")},
    "right": {
        "en": ("the {} on the right", "the right {}", "the {} on the right side"),
        "zh": ("右侧的{}", "右边的{}"),
    },
}


@dataclass
class Question:
    task: str
    lang: str
    prompt: str
    answer: str
    things: list[Thing] = field(default_factory=list)


def pick(rng: random.Random, templates: dict, lang: str, **parts) -> str:
    """One of the templates of `lang`, filled in, with a random word for the picture."""
    picture = rng.choice(PICTURE[lang])
    if lang == "zh":
        picture = picture.rstrip("中")
    return rng.choice(templates[lang]).format(pic=picture, **parts)


def short(rng: random.Random, lang: str, prompt: str) -> str:
    """A question with or without the wish for a short answer, now and then without its mark."""
    if rng.random() < 0.08:
        prompt = prompt.rstrip("?？")
    return prompt + rng.choice(SHORT[lang])


def in_order(scene: Scene) -> list[Thing] | None:
    """The things from left to right, or None where that order is open to argument."""
    things = sorted(scene.things, key=lambda thing: thing.middle)
    gaps = (b.middle - a.middle for a, b in zip(things, things[1:]))
    return things if things and all(gap >= 0.045 * scene.width for gap in gaps) else None


def matching(scene: Scene, kind: str | None = None, colour: str | None = None) -> list[Thing]:
    return [t for t in scene.things if (kind is None or t.kind == kind) and (colour is None or t.colour == colour)]


def outermost(scene: Scene, things: list[Thing], side: str) -> Thing | None:
    """The thing that is plainly furthest to one side of its like."""
    ordered = sorted(things, key=lambda thing: thing.middle, reverse=side == "right")
    if len(ordered) < 2 or abs(ordered[0].middle - ordered[1].middle) < 0.1 * scene.width:
        return None
    return ordered[0]


# Captions.

CAPTION = {
    "en": (
        "Provide a one-sentence caption for the provided {pic}.",
        "Describe the {pic}.",
        "Describe this {pic} in one sentence.",
        "What does the {pic} show?",
        "Describe what you see from left to right.",
        "Write a caption for this {pic}.",
        "What is in the {pic}?",
        "Caption this {pic}.",
        "Please describe the {pic} briefly.",
    ),
    "zh": (
        "描述这张{pic}。",
        "请用一句话描述这张{pic}。",
        "{pic}里有什么？",
        "请描述{pic}的内容。",
        "从左到右描述{pic}中的物体。",
        "给这张{pic}写一句说明。",
        "用一句话说明{pic}。",
        "这张{pic}展示了什么？",
    ),
}


def caption_text(scene: Scene, lang: str) -> str | None:
    if scene.theme in ("park", "pet", "bowl"):
        return FIXED_CAPTIONS[scene.theme](scene.facts, lang) if scene.facts else None
    things = in_order(scene)
    if things is None or len(things) > 6:
        return None
    groups: list[list] = []
    for thing in things:
        if groups and groups[-1][0] == (thing.kind, thing.colour):
            groups[-1][1] += 1
        else:
            groups.append([(thing.kind, thing.colour), 1])
    parts = listing(lang, [counted(lang, count, *name) for name, count in groups])
    if lang == "en":
        where = f" {PLACES[scene.place][0]}" if scene.place else ""
        return f"{parts[0].upper()}{parts[1:]}{where}."
    return f"{PLACES[scene.place][1] if scene.place else '图中'}有{parts}。"


def park_caption(facts: dict, lang: str) -> str:
    trees, equipment = facts["trees"], facts["equipment"]
    if lang == "en":
        doing = {"football": "playing football", "kite": "flying a kite"}[facts["action"]]
        behind = [name for name, there in (("trees", trees), ("play equipment", equipment)) if there]
        tail = f", with {' and '.join(behind)} in the distance" if behind else ""
        return f"A {facts['child']} is {doing} on the grass{tail}."
    doing = {"football": "踢足球", "kite": "放风筝"}[facts["action"]]
    behind = [name for name, there in (("树木", trees), ("游乐设施", equipment)) if there]
    tail = f"，远处有{'和'.join(behind)}" if behind else ""
    return f"一个{KINDS[facts['child']].zh}在草地上{doing}{tail}。"


def pet_caption(facts: dict, lang: str) -> str:
    pet, sofa, pose = facts["species"], facts["sofa"], facts["pose"]
    if lang == "en":
        return f"A {pet} is {pose} on {'an' if sofa == 'orange' else 'a'} {sofa} sofa."
    where = f"{colour_zh(sofa)}的沙发上"
    return f"一只{KINDS[pet].zh}在{where}休息。" if pose == "resting" else f"一只{KINDS[pet].zh}坐在{where}。"


def bowl_caption(facts: dict, lang: str) -> str:
    species, colour = facts["species"], facts["bowl"]
    if lang == "en":
        state = "full" if facts["full"] else "empty"
        return f"{'A' if facts['full'] else 'An'} {state} {colour} {species} food bowl is on the floor."
    owner = KINDS[species].zh
    return f"地板上有一个{'装满' + owner + '粮' if facts['full'] else '空'}的{colour_zh(colour)}{owner}粮碗。"


FIXED_CAPTIONS = {"park": park_caption, "pet": pet_caption, "bowl": bowl_caption}


def ask_caption(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    text = caption_text(scene, lang)
    return Question("caption", lang, pick(rng, CAPTION, lang), text) if text else None


# Yes or no.

EXIST = {
    "en": (
        "Is there {a} in the {pic}?",
        "Is there {a} in this {pic}?",
        "Does the {pic} show {a}?",
        "Can you see {a}?",
        "Does the {pic} contain {a}?",
    ),
    "zh": ("{pic}中有{n}吗？", "{pic}里有{n}吗？", "{pic}里有没有{n}？", "{pic}中有没有{n}？", "你能看到{n}吗？"),
}


def ask_exist(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    if scene.facts and rng.random() < 0.5:
        return ask_state(scene, rng, lang)
    there = rng.random() < 0.5
    names = [(t.kind, t.colour if rng.random() < 0.65 else None) for t in scene.things]
    if there:
        kind, colour = rng.choice(names) if names else (None, None)
    else:
        kind, colour = absent(scene, rng)
    if kind is None or bool(matching(scene, kind, colour)) != there:
        return None
    name = noun(lang, kind, colour)
    prompt = pick(rng, EXIST, lang, a=article(name), n=name)
    return Question("exist", lang, short(rng, lang, prompt), HAS[lang][not there])


def absent(scene: Scene, rng: random.Random):
    """A thing that is not there, most often one that shares its kind or its colour with one that is."""
    known = rng.choice(scene.things) if scene.things and rng.random() < 0.75 else None
    if known and known.colour and rng.random() < 0.6:
        return known.kind, rng.choice(tuple(COLOURS))
    kind = rng.choice(COLOURED_KINDS + ("tree", "cat", "dog"))
    colour = known.colour if known else (rng.choice(tuple(COLOURS)) if rng.random() < 0.5 else None)
    return kind, None if kind == "tree" else colour


def ask_state(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    facts, yes = scene.facts, rng.random() < 0.5
    if scene.theme == "bowl":
        full = facts["full"] == yes
        prompt = {"en": f"Is the bowl {'full' if full else 'empty'}?", "zh": f"碗是{'满' if full else '空'}的吗？"}[
            lang
        ]
    elif scene.theme == "pet":
        resting = (facts["pose"] == "resting") == yes
        pet = facts["species"]
        prompt = {
            "en": f"Is the {pet} {'resting' if resting else 'sitting'}?",
            "zh": f"{KINDS[pet].zh}是在休息吗？" if resting else f"{KINDS[pet].zh}是坐着的吗？",
        }[lang]
    else:
        football = (facts["action"] == "football") == yes
        en, zh = ("playing football", "踢足球") if football else ("flying a kite", "放风筝")
        child = rng.choice(((facts["child"], KINDS[facts["child"]].zh), ("child", "小孩")))
        prompt = {"en": f"Is the {child[0]} {en}?", "zh": f"{child[1]}是在{zh}吗？"}[lang]
    return Question("exist", lang, short(rng, lang, prompt), YES_NO[lang][not yes])


# Colours.

COLOUR = {
    "en": (
        "What colour is {the}?",
        "What color is {the}?",
        "Which colour is {the}?",
        "What is the colour of {the}?",
        "What colour is {the} in the {pic}?",
        "What color is {the} in the {pic}?",
    ),
    "zh": (
        "{n}是什么颜色的？",
        "{n}是什么颜色？",
        "{pic}中{n}是什么颜色的？",
        "{n}的颜色是什么？",
        "{pic}里的{n}是什么颜色？",
    ),
}


def ask_colour(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    coloured = [t for t in scene.things if t.colour]
    if not coloured:
        return None
    thing = rng.choice(coloured)
    side = rng.choice(("left", "right", None))
    if thing.kind in ("boy", "girl"):
        the, name = (
            f"the {thing.kind}'s {rng.choice(('shirt', 'clothes'))}" if thing.kind == "boy" else "the girl's dress",
            ("男孩的衣服" if thing.kind == "boy" else "女孩的裙子"),
        )
    else:
        one = describe_unique(scene, rng, lang, thing, None, side)
        if one is None:
            return None
        the = name = one
    prompt = pick(rng, COLOUR, lang, the=the, n=name)
    return Question("colour", lang, short(rng, lang, prompt), thing.colour if lang == "en" else colour_zh(thing.colour))


def describe_unique(scene, rng, lang, thing, colour, side) -> str | None:
    """Words that fit `thing` alone: its kind, its colour if given, and a side if given."""
    alike = matching(scene, thing.kind, colour)
    name = noun(lang, thing.kind, colour)
    if len(alike) == 1 and side is None:
        return f"the {name}" if lang == "en" else name
    if len(alike) == 1:
        on_side = thing.middle < 0.42 * scene.width if side == "left" else thing.middle > 0.58 * scene.width
        return rng.choice(SIDES[side][lang]).format(name) if on_side else None
    if side and outermost(scene, alike, side) is thing:
        return rng.choice(SIDES[side][lang]).format(name)
    return None


# Counts.

COUNT = {
    "en": (
        "How many {ns} are there?",
        "How many {ns} are there in the {pic}?",
        "How many {ns} are in the {pic}?",
        "Count the {ns} in the {pic}.",
        "How many {ns} can you see?",
    ),
    "zh": (
        "{pic}中有几{m}{n}？",
        "{pic}里有几{m}{n}？",
        "有几{m}{n}？",
        "{pic}中有多少{m}{n}？",
        "数一数{pic}中有几{m}{n}。",
    ),
}


def ask_count(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    if scene.things and rng.random() < 0.9:
        thing = rng.choice(scene.things)
        kind, colour = thing.kind, thing.colour if rng.random() < 0.4 else None
    else:
        kind, colour = absent(scene, rng)
    if kind in ("boy", "girl") and colour:
        colour = None
    count = len(matching(scene, kind, colour))
    prompt = pick(rng, COUNT, lang, ns=nouns(lang, kind, colour), n=noun(lang, kind, colour), m=KINDS[kind].measure)
    return Question("count", lang, short(rng, lang, prompt), str(count))


# Boxes.

GROUND = {
    "en": (
        'Locate every object that matches the description "{bare}" in the image. Report bbox coordinates in JSON format.',
        'Locate every object that matches the description "{ref}" in the image. Report bbox coordinates in JSON format.',
        "Locate {ref} in the {pic} and report its bbox coordinates in JSON format.",
        "Draw a box around {ref}.",
        "Box {ref}.",
        "Locate {ref}.",
        "Where is {ref}? Report bbox coordinates in JSON format.",
        "Find {ref} in the {pic}.",
        "Give the bounding box of {ref}.",
        "Detect {ref} in the {pic}.",
    ),
    "zh": (
        "框出{ref}",
        "框出{ref}。",
        "请框出{pic}中{ref}",
        "在{pic}中定位{ref}，以JSON格式输出bbox坐标。",
        "找出{ref}的位置。",
        "请给出{ref}的边界框。",
        "{ref}在哪里？以JSON格式输出bbox坐标。",
        "检测{pic}中的{ref}。",
    ),
}
DETECT = {
    "en": (
        "Locate every instance that belongs to the following categories: '{kind}'. Report bbox coordinates in JSON format.",
        "Locate all the {ns} in the {pic}.",
        "Box every {kind}.",
        "Find all {ns} in the {pic}.",
        "Draw boxes around all {ns}.",
        'Locate every object that matches the description "{kind}" in the image. Report bbox coordinates in JSON format.',
    ),
    "zh": (
        "框出所有的{kind}。",
        "框出{pic}中所有{kind}",
        "找出{pic}中所有的{kind}。",
        "定位所有{kind}，以JSON格式输出bbox坐标。",
        "检测所有{kind}。",
    ),
}


def thousandths(scene: Scene, box) -> list[int]:
    x0, y0, x1, y1 = box
    return [
        round(x * 1000 / scene.width) if i % 2 == 0 else round(x * 1000 / scene.height)
        for i, x in enumerate((x0, y0, x1, y1))
    ]


def boxes_json(scene: Scene, things: list[Thing], label: str) -> str:
    rows = [f'{{"bbox_2d": {thousandths(scene, t.box)}, "label": "{label}"}}' for t in things]
    return "```json\n[" + ", ".join(rows) + "]\n```"


def ask_ground(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    if not scene.things:
        return None
    if rng.random() < 0.25:
        return ask_detect(scene, rng, lang)
    thing = rng.choice(scene.things)
    child = thing.kind in ("boy", "girl")
    colour = None if child or rng.random() < 0.25 else thing.colour
    ref = describe_unique(scene, rng, lang, thing, colour, rng.choice(("left", "right", None)))
    if ref is None:
        return None
    label = noun(lang, thing.kind, colour)
    if child and rng.random() < 0.3:
        general = "child" if lang == "en" else "小孩"
        ref, label = ref.replace(label, general), general
    prompt = pick(rng, GROUND, lang, ref=ref, bare=ref.removeprefix("the "))
    return Question("ground", lang, prompt, boxes_json(scene, [thing], label), [thing])


def ask_detect(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    thing = rng.choice(scene.things)
    colour = thing.colour if rng.random() < 0.3 and thing.kind not in ("boy", "girl") else None
    things = sorted(matching(scene, thing.kind, colour), key=lambda t: t.middle)
    apart = all(b.middle - a.middle >= 0.03 * scene.width for a, b in zip(things, things[1:]))
    if len(things) > 4 or not apart:
        return None
    name = noun(lang, thing.kind, colour)
    prompt = pick(rng, DETECT, lang, kind=name, ns=nouns(lang, thing.kind, colour))
    return Question("ground", lang, prompt, boxes_json(scene, things, name), things)
