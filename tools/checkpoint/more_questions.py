"""Short factual questions, choices between options, and questions over two pictures."""

import random

from questions import (
    YES_NO,
    Question,
    ask_caption,
    ask_colour,
    ask_count,
    ask_exist,
    ask_ground,
    in_order,
    matching,
    noun,
    nouns,
    pick,
    short,
)
from scenes import Scene, make_scene
from words import COLOURED_KINDS, COLOURS, KINDS, PET_KINDS, article, colour_zh

END = {
    "left": {
        "en": ("What is on the far left?", "What is the leftmost object?", "What is the leftmost object in the {pic}?"),
        "zh": ("最左边是什么？", "{pic}中最左边的是什么？", "最左侧的物体是什么？"),
    },
    "right": {
        "en": (
            "What is on the far right?",
            "What is the rightmost object?",
            "What is the rightmost object in the {pic}?",
        ),
        "zh": ("最右边是什么？", "{pic}中最右边的是什么？", "最右侧的物体是什么？"),
    },
}
NEXT = {
    "left": {
        "en": ("What is to the left of {the}?", "What is directly to the left of {the}?"),
        "zh": ("{n}的左边是什么？", "紧挨着{n}左侧的是什么？"),
    },
    "right": {
        "en": ("What is to the right of {the}?", "What is directly to the right of {the}?"),
        "zh": ("{n}的右边是什么？", "紧挨着{n}右侧的是什么？"),
    },
}
CHOOSE = {
    "en": (
        "{q}\n{options}\nAnswer with the option's letter from the given choices directly.",
        "Question: {q}\nOptions:\n{options}\nPlease select the correct answer from the options above.",
        "{q}\n{options}\nAnswer with the letter.",
    ),
    "zh": ("{q}\n{options}\n请直接回答选项字母。", "问题：{q}\n选项：\n{options}\n请选择正确答案。"),
}


def ask_fact(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    draw = rng.random()
    if draw < 0.35:
        return ask_choice(scene, rng, lang)
    if scene.facts and draw < 0.85:
        return ask_theme(scene, rng, lang)
    return ask_place(scene, rng, lang)


def ask_place(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    """What stands at one end, or beside a thing that is the only one of its name."""
    things = in_order(scene)
    if things is None or len(things) < 2 or scene.theme in ("park", "pet", "bowl"):
        return None
    side = rng.choice(("left", "right"))
    if side == "right":
        things = things[::-1]
    if rng.random() < 0.5:
        found, prompt = things[0], pick(rng, END[side], lang)
    else:
        i = rng.randrange(1, len(things))
        found, anchor = things[i - 1], things[i]
        if len(matching(scene, anchor.kind, anchor.colour)) > 1:
            return None
        name = noun(lang, anchor.kind, anchor.colour)
        prompt = pick(rng, NEXT[side], lang, the=f"the {name}", n=name)
    return Question("fact", lang, short(rng, lang, prompt), noun(lang, found.kind, found.colour))


def ask_theme(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    """What a child or a pet does, whose bowl it is and whether it is empty."""
    facts = scene.facts
    if scene.theme == "park":
        child = rng.choice(((facts["child"], KINDS[facts["child"]].zh), ("child", "小孩")))
        prompt = {"en": f"What is the {child[0]} doing?", "zh": f"{child[1]}在做什么？"}[lang]
        answer = {
            "en": {"football": "playing football", "kite": "flying a kite"},
            "zh": {"football": "踢足球", "kite": "放风筝"},
        }[lang][facts["action"]]
    elif scene.theme == "pet":
        pet = KINDS[facts["species"]]
        if rng.random() < 0.5:
            prompt = {"en": "What animal is on the sofa?", "zh": "沙发上是什么动物？"}[lang]
            answer = pet.en if lang == "en" else pet.zh
        else:
            prompt = {"en": f"What is the {pet.en} doing?", "zh": f"{pet.zh}在做什么？"}[lang]
            answer = facts["pose"] if lang == "en" else {"resting": "休息", "sitting": "坐着"}[facts["pose"]]
    elif rng.random() < 0.6:
        prompt = {"en": "Is the bowl full or empty?", "zh": "碗是满的还是空的？"}[lang]
        answer = {"en": ("empty", "full"), "zh": ("空的", "满的")}[lang][facts["full"]]
    else:
        prompt = {"en": "Which animal is the bowl for?", "zh": "这是什么动物的碗？"}[lang]
        answer = facts["species"] if lang == "en" else KINDS[facts["species"]].zh
    return Question("fact", lang, short(rng, lang, prompt), answer)


def ask_choice(scene: Scene, rng: random.Random, lang: str) -> Question | None:
    """A colour or a count to choose among three or four lettered options."""
    base = ask_colour(scene, rng, lang) if rng.random() < 0.6 else ask_count(scene, rng, lang)
    if base is None:
        return None
    if base.task == "colour":
        pool = [c if lang == "en" else colour_zh(c) for c in COLOURS]
    else:
        pool = [str(n) for n in range(7)]
    others = rng.sample([p for p in pool if p != base.answer], rng.choice((2, 3)))
    options = others + [base.answer]
    rng.shuffle(options)
    letters = "ABCD"
    question = base.prompt.split("\n")[0]
    for tail in ("Answer with one word.", "Answer briefly.", "请用一个词回答。", "请简短回答。"):
        question = question.replace(tail, "").rstrip()
    listing = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, options))
    prompt = rng.choice(CHOOSE[lang]).format(q=question, options=listing)
    return Question("fact", lang, prompt, letters[options.index(base.answer)])


# Two pictures.

ORDINAL = {"en": ("first", "second"), "zh": ("第一张图", "第二张图")}
SAME_COUNT = {
    "en": (
        "Do the two pictures show the same number of {ns}?",
        "Are there as many {ns} in the first picture as in the second?",
        "Is the number of {ns} the same in both pictures?",
    ),
    "zh": ("两张图中的{n}数量相同吗？", "两张图里{n}的数量一样吗？", "两张图片中{n}的数量是否相同？"),
}
SAME_COLOUR = {
    "en": (
        "Is the {kind} the same colour in both pictures?",
        "Do the two {ns} have the same colour?",
        "Is the {kind} the same color in both images?",
    ),
    "zh": ("两张图中的{n}颜色相同吗？", "两张图里{n}的颜色一样吗？", "两张图片中{n}的颜色是否相同？"),
}
WHICH = {
    "en": ("Which picture shows {a}?", "In which picture is there {a}?", "Which image has {a}?"),
    "zh": ("哪张图中有{n}？", "哪一张图里有{n}？", "{n}在哪张图中？"),
}
MORE = {
    "en": ("Which picture shows more {ns}?", "Which picture has more {ns}?", "In which picture are there more {ns}?"),
    "zh": ("哪张图中的{n}更多？", "哪一张图里{n}更多？", "哪张图片的{n}多？"),
}
NEED = {
    "en": (
        "What might the pet need?",
        "What does the pet need?",
        "What could the pet need?",
        "Looking at both pictures, what might the pet need?",
    ),
    "zh": ("宠物可能需要什么？", "宠物需要什么？", "这只宠物可能需要什么？", "根据两张图，宠物可能需要什么？"),
}
PAIR_TASKS = ("same_count", "same_colour", "which", "more", "nth_colour", "nth_count", "nth_caption", "need")


def make_pair(seed: int, relation: str | None = None) -> tuple[Scene, Scene]:
    """Two scenes that can be compared: by count, by colour, freely, or a pet and a bowl."""
    rng = random.Random(f"pair/{seed}")
    drawn = rng.choices(("count", "colour", "pet", "free"), (0.3, 0.27, 0.28, 0.15))[0]
    relation = relation or drawn
    first, second = 2 * seed, 2 * seed + 1
    kind = rng.choice(COLOURED_KINDS + PET_KINDS)
    if relation == "count":
        a = rng.randint(1, 6)
        b = a if rng.random() < 0.5 else rng.randint(1, 6)
        return make_scene(first, "count", kind=kind, count=a), make_scene(second, "count", kind=kind, count=b)
    if relation == "colour":
        palette = ("orange", "white", "black") if kind in PET_KINDS else tuple(COLOURS)
        a = rng.choice(palette)
        b = a if rng.random() < 0.5 else rng.choice(palette)
        return tuple(make_scene(s, "mixed", specs=[(kind, c)], without=[kind]) for s, c in ((first, a), (second, b)))
    if relation == "pet":
        species = rng.choice(PET_KINDS)
        pair = make_scene(first, "pet", species=species), make_scene(second, "bowl", species=species)
        return pair if rng.random() < 0.65 else pair[::-1]
    return make_scene(first), make_scene(second)


def ask_pair(pair: tuple[Scene, Scene], rng: random.Random, lang: str, task: str | None = None) -> Question | None:
    """A question over both pictures; `need` comes first where the pair is a pet and its bowl."""
    petlike = {pair[0].theme, pair[1].theme} == {"pet", "bowl"}
    task = task or ("need" if petlike and rng.random() < 0.7 else rng.choice(PAIR_TASKS[:7]))
    question = PAIR_ASKERS[task](pair, rng, lang)
    if question:
        question.task = "pair"
    return question


def shared_kind(pair, rng):
    kinds = sorted({t.kind for t in pair[0].things} & {t.kind for t in pair[1].things} - {"boy", "girl"})
    return rng.choice(kinds) if kinds else None


def pair_same_count(pair, rng, lang):
    kind = shared_kind(pair, rng)
    if kind is None:
        return None
    a, b = (len(matching(scene, kind)) for scene in pair)
    prompt = pick(rng, SAME_COUNT, lang, ns=nouns(lang, kind), n=noun(lang, kind))
    return Question("pair", lang, short(rng, lang, prompt), YES_NO[lang][a != b])


def pair_same_colour(pair, rng, lang):
    kind = shared_kind(pair, rng)
    if kind is None or KINDS[kind].en in ("tree", "football"):
        return None
    found = [matching(scene, kind) for scene in pair]
    if any(len(things) != 1 for things in found):
        return None
    prompt = pick(rng, SAME_COLOUR, lang, kind=kind, ns=nouns(lang, kind), n=noun(lang, kind))
    return Question("pair", lang, short(rng, lang, prompt), YES_NO[lang][found[0][0].colour != found[1][0].colour])


def nth_answer(lang, index):
    return f"The {ORDINAL['en'][index]} picture." if lang == "en" else ORDINAL["zh"][index]


def pair_which(pair, rng, lang):
    index = rng.randrange(2)
    if not pair[index].things:
        return None
    thing = rng.choice(pair[index].things)
    colour = thing.colour if rng.random() < 0.6 and thing.kind not in ("boy", "girl") else None
    if matching(pair[1 - index], thing.kind, colour):
        return None
    name = noun(lang, thing.kind, colour)
    prompt = pick(rng, WHICH, lang, a=article(name), n=name)
    return Question("pair", lang, prompt, nth_answer(lang, index))


def pair_more(pair, rng, lang):
    kind = shared_kind(pair, rng)
    if kind is None:
        return None
    a, b = (len(matching(scene, kind)) for scene in pair)
    if a == b:
        return None
    prompt = pick(rng, MORE, lang, ns=nouns(lang, kind), n=noun(lang, kind))
    return Question("pair", lang, prompt, nth_answer(lang, int(b > a)))


def pair_nth(ask):
    """A question of one picture, asked of the first or the second."""

    def asker(pair, rng, lang):
        index = rng.randrange(2)
        question = ask(pair[index], rng, lang)
        if question is None:
            return None
        where = ORDINAL[lang][index]
        prompt = question.prompt
        if lang == "en":
            question.prompt = (
                f"In the {where} picture: {prompt}" if rng.random() < 0.5 else f"Look at the {where} picture. {prompt}"
            )
        else:
            question.prompt = f"看{where}：{prompt}" if rng.random() < 0.5 else f"关于{where}：{prompt}"
        return question

    return asker


def pair_need(pair, rng, lang):
    pet, bowl = (scene.facts for scene in (pair if pair[0].theme == "pet" else pair[::-1]))
    if {pair[0].theme, pair[1].theme} != {"pet", "bowl"} or not pet or not bowl:
        return None
    pet_first = pair[0].theme == "pet"
    return Question("pair", lang, pick(rng, NEED, lang), need_text(pet, bowl, pet_first, lang))


def need_text(pet, bowl, pet_first, lang):
    kind = KINDS[pet["species"]]
    if lang == "zh":
        doing = "在休息" if pet["pose"] == "resting" else "坐着"
        state = "已空" if not bowl["full"] else "是满的"
        advice = f"建议添加{kind.zh}粮" if not bowl["full"] else f"暂时不需要添加{kind.zh}粮"
        see, show = ("一", "二") if pet_first else ("二", "一")
        return f"根据第{see}张图看到{kind.zh}{doing}，第{show}张图显示{kind.zh}粮碗{state}，{advice}。"
    seen = f"a {kind.en} {pet['pose']}"
    shown = f"{'a full' if bowl['full'] else 'an empty'} {kind.en} food bowl"
    a, b = (seen, shown) if pet_first else (shown, seen)
    advice = "does not need food now" if bowl["full"] else "needs food"
    return f"The first picture shows {a} and the second picture shows {b}, so the {kind.en} {advice}."


PAIR_ASKERS = {
    "same_count": pair_same_count,
    "same_colour": pair_same_colour,
    "which": pair_which,
    "more": pair_more,
    "nth_colour": pair_nth(ask_colour),
    "nth_count": pair_nth(ask_count),
    "nth_caption": pair_nth(ask_caption),
    "need": pair_need,
}
ASKERS = {
    "caption": ask_caption,
    "exist": ask_exist,
    "colour": ask_colour,
    "count": ask_count,
    "ground": ask_ground,
    "fact": ask_fact,
}
