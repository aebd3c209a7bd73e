"""The vocabulary of the scenes: kinds of things, colours and places, in English and Chinese."""

from dataclasses import dataclass

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Kind:
    """How one kind of thing is called; `measure` is its Chinese measure word."""

    en: str
    plural: str
    zh: str
    measure: str


KINDS = {
    kind.en: kind
    for kind in [
        Kind("car", "cars", "汽车", "辆"),
        Kind("bus", "buses", "公交车", "辆"),
        Kind("boat", "boats", "小船", "艘"),
        Kind("ball", "balls", "球", "个"),
        Kind("cup", "cups", "杯子", "个"),
        Kind("house", "houses", "房子", "座"),
        Kind("flower", "flowers", "花", "朵"),
        Kind("bird", "birds", "鸟", "只"),
        Kind("fish", "fish", "鱼", "条"),
        Kind("umbrella", "umbrellas", "雨伞", "把"),
        Kind("chair", "chairs", "椅子", "把"),
        Kind("hat", "hats", "帽子", "顶"),
        Kind("cat", "cats", "猫", "只"),
        Kind("dog", "dogs", "狗", "只"),
        Kind("tree", "trees", "树", "棵"),
        Kind("boy", "boys", "男孩", "个"),
        Kind("girl", "girls", "女孩", "个"),
        Kind("football", "footballs", "足球", "个"),
        Kind("kite", "kites", "风筝", "只"),
        Kind("slide", "slides", "滑梯", "个"),
        Kind("swing", "swings", "秋千", "个"),
        Kind("sofa", "sofas", "沙发", "张"),
        Kind("bowl", "bowls", "碗", "个"),
    ]
}

# The kinds that appear in any colour in mixed scenes.
COLOURED_KINDS = (
    "car",
    "bus",
    "boat",
    "ball",
    "cup",
    "house",
    "flower",
    "bird",
    "fish",
    "umbrella",
    "chair",
    "hat",
)
PET_KINDS = ("cat", "dog")

COLOURS = {
    "red": ("红色", (214, 40, 40)),
    "blue": ("蓝色", (40, 90, 210)),
    "green": ("绿色", (45, 150, 60)),
    "yellow": ("黄色", (246, 214, 50)),
    "orange": ("橙色", (240, 130, 25)),
    "purple": ("紫色", (135, 60, 170)),
    "white": ("白色", (244, 244, 244)),
    "black": ("黑色", (38, 38, 42)),
}
PET_COLOURS = ("orange", "white", "black")

# Never used in training: what the model says about them is a known weakness.
UNSEEN_COLOURS = {"pink": ("粉色", (250, 150, 190)), "brown": ("棕色", (120, 72, 35))}

PLACES = {
    "grass": ("on the grass", "草地上"),
    "road": ("on the road", "路上"),
    "floor": ("on the floor", "地板上"),
    "sand": ("on the sand", "沙滩上"),
    "table": ("on the table", "桌子上"),
}

NUMBERS_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven")
NUMBERS_ZH = ("零", "一", "两", "三", "四", "五", "六", "七")


def colour_zh(colour: str) -> str:
    return (COLOURS.get(colour) or UNSEEN_COLOURS[colour])[0]


def article(words: str) -> str:
    """`words` with the article that its first letter asks for."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def noun(lang: str, kind: str, colour: str | None = None) -> str:
    """The short name of a thing, which is also its label in a grounding answer."""
    if lang == "en":
        return f"{colour} {kind}" if colour else kind
    return f"{colour_zh(colour)}{KINDS[kind].zh}" if colour else KINDS[kind].zh


def nouns(lang: str, kind: str, colour: str | None = None) -> str:
    """The plural of `noun`."""
    if lang == "en":
        return f"{colour} {KINDS[kind].plural}" if colour else KINDS[kind].plural
    return noun(lang, kind, colour)


def counted(lang: str, count: int, kind: str, colour: str | None) -> str:
    """A counted group of equal things, such as `two red cars` or `两辆红色的汽车`."""
    if lang == "en":
        one = article(noun("en", kind, colour))
        return one if count == 1 else f"{NUMBERS_EN[count]} {nouns('en', kind, colour)}"
    tint = f"{colour_zh(colour)}的" if colour else ""
    return f"{NUMBERS_ZH[count]}{KINDS[kind].measure}{tint}{KINDS[kind].zh}"


def listing(lang: str, parts: list[str]) -> str:
    """`a, b and c`, or `a、b和c`."""
    comma, last = (", ", " and ") if lang == "en" else ("、", "和")
    return parts[0] if len(parts) == 1 else comma.join(parts[:-1]) + last + parts[-1]
