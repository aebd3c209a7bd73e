"""Writes the rule-made part of the corpus of answers: fixtures/readers/NAME.jsonl.

Plain Python 3.8 or newer, no packages, seeded: the same files every time.

    python3 tools/readers/make_corpus.py

A *rule* is a sentence with gaps for which the right reading is known whatever stands in the gaps.
Its name is the `source` of its entries. What is written by hand (NAME.hand.jsonl) is never touched.
"""

import json
import random
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "readers"
SEED = 20261201
UNREAD = "unread"


class Corpus:
    """The entries of one reader, without repetition."""

    def __init__(self, reader):
        self.reader = reader
        self.entries = []
        self.seen = set()
        self.random = random.Random(f"{SEED} {reader}")

    def add(self, context, answer, reading, rule, **more):
        """Appends an entry, unless the same answer is there in the same context."""
        key = json.dumps([context, answer], ensure_ascii=False, sort_keys=True)
        if key in self.seen:
            return
        self.seen.add(key)
        name, language, style = rule
        entry = {"id": f"{self.reader}-rule-{len(self.entries) + 1:03}", **context, "answer": answer}
        if "finish" in more:
            entry["finish"] = more.pop("finish")
        entry["reading"] = reading
        entry.update({key: value for key, value in more.items() if value})
        entry.update(language=language, style=style, source=f"rule:{name}")
        self.entries.append(entry)

    def write(self):
        lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.entries]
        (FOLDER / f"{self.reader}.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"{self.reader}: {len(lines)}")


def fill(template, **gaps):
    """Puts values into the gaps `«name»`, so that braces of JSON and LaTeX stay."""
    for name, value in gaps.items():
        template = template.replace(f"«{name}»", str(value))
    assert "«" not in template, template
    return template


# ---------------------------------------------------------------------------------------- choice

OPTIONS = {
    "en": [
        ["apple", "banana", "cherry", "grape"],
        ["bus", "train", "bicycle", "lorry"],
        ["a kitchen", "a garden", "a station", "a school"],
        ["happy", "angry", "tired", "surprised"],
        ["wood", "metal", "glass", "stone", "paper"],
        ["Paris", "London", "Tokyo", "Cairo"],
        ["swimming", "cooking", "reading", "painting"],
        ["circle", "square", "triangle"],
    ],
    "zh": [
        ["苹果", "香蕉", "樱桃", "葡萄"],
        ["公交车", "火车", "自行车", "卡车"],
        ["厨房", "花园", "车站", "学校"],
        ["高兴", "生气", "疲惫", "惊讶"],
        ["木头", "金属", "玻璃", "石头", "纸"],
        ["巴黎", "伦敦", "东京", "开罗"],
        ["游泳", "做饭", "读书", "画画"],
        ["圆形", "方形", "三角形"],
    ],
}

# L and T are letter and text of the right option, W and X those of a wrong one.
CHOICE = [
    # (rule, language, style, template)
    ("letter", "en", "terse", "«L»"),
    ("letter", "en", "terse", "(«L»)"),
    ("letter", "en", "terse", "«L»."),
    ("letter", "en", "terse", "«l»"),
    ("text", "en", "terse", "«T»"),
    ("letter-text", "en", "terse", "«L». «T»"),
    ("letter-text", "en", "terse", "(«L») «T»"),
    ("letter-text", "en", "terse", "«L»: «T»"),
    ("announced", "en", "chatty", "The answer is «L»."),
    ("announced", "en", "chatty", "The correct answer is («L») «T»."),
    ("announced", "en", "chatty", "Based on the image, the correct option is «L»."),
    ("announced", "en", "chatty", "Sure, I'd be happy to help! The answer is «L»: «T»."),
    ("announced", "en", "chatty", "I choose option «L»."),
    ("sentence", "en", "chatty", "It shows «T»."),
    ("markdown", "en", "markdown", "**«L»**"),
    ("markdown", "en", "markdown", "**«L». «T»**"),
    ("markdown", "en", "markdown", "**Answer: «L»**"),
    ("markdown", "en", "markdown", "## Answer\n\n**«L»**\n"),
    ("markdown", "en", "markdown", "The correct answer is **«L»**."),
    ("json", "en", "json", '{"answer": "«L»"}'),
    ("json", "en", "json", '```json\n{\n  "answer": "«L»"\n}\n```'),
    ("json", "en", "json", '{"answer": "«T»"}'),
    ("latex", "en", "latex", "\\boxed{«L»}"),
    ("latex", "en", "latex", "Therefore, the final answer is $\\boxed{\\text{«L»}}$."),
    ("explained", "en", "explained", "The answer is «L». Option «W» is wrong because the picture does not show it."),
    ("explained", "en", "explained", "«L»\n\n«W» is wrong."),
    ("explained", "en", "explained", "«L», since nothing in the picture suggests «X»."),
    ("explained", "en", "explained", "Let's go through the options. «W» does not fit. So the answer is «L»."),
    ("explained", "en", "explained", "First I look at option «W». It does not match. The correct answer is «L»."),
    ("not-but", "en", "denied", "Not «W». The correct answer is «L»."),
    ("not-but", "en", "denied", "The answer is not «W», the answer is «L»."),
    ("thinking", "en", "thinking", "<think>Is it «W»? It looks like «X».</think>\n\n«L»"),
    ("thinking", "en", "thinking", "<think>\nThe answer is «W»? Let me look again.\n</think>\n\nThe answer is «L»."),
    ("thinking-closed-only", "en", "thinking", "Option «W» says «X». That is wrong.\n</think>\n\n«L»"),
    ("repeated", "en", "repeated", "What is shown in the picture? Answer: «L»"),
    ("end-token", "en", "terse", "«L»<|im_end|>"),
    ("answer-tag", "en", "terse", "<answer>«L»</answer>"),
    ("letter", "zh", "terse", "«L»"),
    ("letter", "zh", "terse", "（«L»）"),
    ("letter", "zh", "terse", "«L»。"),
    ("text", "zh", "terse", "«T»"),
    ("text", "zh", "terse", "«T»。"),
    ("letter-text", "zh", "terse", "«L». «T»"),
    ("letter-text", "zh", "terse", "«L»、«T»"),
    ("letter-text", "zh", "terse", "«L»：«T»"),
    ("announced", "zh", "chatty", "答案是«L»。"),
    ("announced", "zh", "chatty", "正确答案是«L»，«T»。"),
    ("announced", "zh", "chatty", "根据图片，正确选项是«L»。"),
    ("announced", "zh", "terse", "选«L»"),
    ("announced", "zh", "terse", "故选«L»。"),
    ("announced", "zh", "chatty", "好的，我选择«L»。"),
    ("announced", "zh", "terse", "答案：«L»"),
    ("announced", "zh", "terse", "【答案】«L»"),
    ("sentence", "zh", "chatty", "图中的是«T»。"),
    ("markdown", "zh", "markdown", "**«L»**"),
    ("markdown", "zh", "markdown", "**答案：«L»**"),
    ("markdown", "zh", "markdown", "### 答案\n\n«L». «T»"),
    ("json", "zh", "json", '{"答案": "«L»"}'),
    ("json", "zh", "json", '```json\n{"answer": "«L»"}\n```'),
    ("latex", "zh", "latex", "所以最终答案是$\\boxed{«L»}$。"),
    ("explained", "zh", "explained", "答案是«L»。«W»选项是错误的，因为图中没有«X»。"),
    ("explained", "zh", "explained", "首先看«W»，不符合。所以答案是«L»。"),
    ("explained", "zh", "explained", "«L»\n\n解析：«W»不正确。"),
    ("not-but", "zh", "denied", "不是«W»，而是«L»。"),
    ("not-but", "zh", "denied", "答案不是«W»，正确答案是«L»。"),
    ("thinking", "zh", "thinking", "<think>是«W»吗？看起来像«X»。</think>\n\n«L»"),
    ("thinking", "zh", "thinking", "<think>\n答案是«W»？再看一下。\n</think>\n\n答案是«L»。"),
    ("thinking-closed-only", "zh", "thinking", "«W»是«X»，不对。\n</think>\n\n«L»"),
    ("repeated", "zh", "repeated", "问题：图中是什么？答案：«L»"),
]

CHOICE_UNREAD = [
    # (rule, language, style, why, finish, template)
    ("either", "en", "ambiguous", "ambiguous", None, "«L» or «W»"),
    ("either", "en", "ambiguous", "ambiguous", None, "The answer is either «L» or «W»."),
    ("either", "en", "ambiguous", "ambiguous", None, "«L» and «W»"),
    ("either", "en", "ambiguous", "ambiguous", None, "It is «T» or «X»."),
    ("two-announced", "en", "ambiguous", "ambiguous", None, "The answer is «L». The answer is «W»."),
    ("contradiction", "en", "ambiguous", "ambiguous", None, "«L». «X»"),
    ("denied", "en", "denied", "denied", None, "Not «L»."),
    ("denied", "en", "denied", "denied", None, "The answer is not «L»."),
    ("denied", "en", "denied", "denied", None, "Option «L» is incorrect."),
    ("denied", "en", "denied", "denied", None, "It is not «T»."),
    ("thought-cut", "en", "thinking", "truncated", "length", "<think>The answer is «L»? Let me check «W»"),
    ("refused", "en", "refusing", "refused", None, "I'm sorry, but I cannot tell whether it is «L» or «W»."),
    ("either", "zh", "ambiguous", "ambiguous", None, "«L»或«W»"),
    ("either", "zh", "ambiguous", "ambiguous", None, "答案是«L»或者«W»。"),
    ("either", "zh", "ambiguous", "ambiguous", None, "是«T»或«X»。"),
    ("contradiction", "zh", "ambiguous", "ambiguous", None, "«L». «X»"),
    ("denied", "zh", "denied", "denied", None, "不是«L»。"),
    ("denied", "zh", "denied", "denied", None, "答案不是«L»。"),
    ("denied", "zh", "denied", "denied", None, "«L»选项是错误的。"),
    ("denied", "zh", "denied", "denied", None, "图中的不是«T»。"),
    ("thought-cut", "zh", "thinking", "truncated", "length", "<think>答案是«L»吗？再看看«W»"),
]


def choice():
    corpus = Corpus("choice")

    def draw(language):
        options = corpus.random.choice(OPTIONS[language])
        right, wrong = corpus.random.sample(range(len(options)), 2)
        letters = "ABCDE"
        gaps = dict(
            L=letters[right], l=letters[right].lower(), T=options[right], W=letters[wrong], X=options[wrong]
        )
        return options, gaps

    for name, language, style, template in CHOICE:
        for _ in range(3):
            options, gaps = draw(language)
            answer = fill(template, **gaps)
            corpus.add({"options": options}, answer, gaps["L"], (name, language, style))
    for name, language, style, why, finish, template in CHOICE_UNREAD:
        for _ in range(3):
            options, gaps = draw(language)
            more = {"finish": finish} if finish else {}
            answer = fill(template, **gaps)
            corpus.add({"options": options}, answer, UNREAD, (name, language, style), why=why, **more)
    corpus.write()


# ---------------------------------------------------------------------------------------- yes, no

THINGS = {
    "en": ["dog", "bicycle", "traffic light", "person", "boat", "cup", "horse", "bench"],
    "zh": ["狗", "自行车", "红绿灯", "人", "船", "杯子", "马", "长椅"],
}

# (rule, language, style, reading, also unread, template); N is the thing, M another one.
YES_NO = [
    ("word", "en", "terse", "yes", False, "Yes, «N»."),
    ("word-stated", "en", "chatty", "yes", False, "Yes, there is a «N» in the image."),
    ("word-stated", "en", "chatty", "no", False, "No, there is no «N» in the image."),
    ("word-other", "en", "explained", "yes", False, "Yes, there is a «N», but there is no «M»."),
    ("word-other", "en", "explained", "no", False, "No, there is a «M», not a «N»."),
    ("word-other", "en", "explained", "yes", False, "Yes. There is a «N». I do not see a «M»."),
    ("announced", "en", "chatty", "yes", False, "The answer is yes, there is a «N»."),
    ("announced", "en", "chatty", "no", False, "The answer is no. There is no «N»."),
    ("stated", "en", "chatty", "yes", False, "There is a «N» in the picture."),
    ("stated", "en", "chatty", "yes", True, "The image shows a «N»."),
    ("stated", "en", "chatty", "yes", True, "I can see a «N» on the left."),
    ("stated", "en", "chatty", "no", False, "There is no «N» in the picture."),
    ("denied-near", "en", "denied", "no", False, "There isn't a «N» in the image."),
    ("denied-near", "en", "denied", "no", False, "The image does not contain a «N»."),
    ("denied-near", "en", "denied", "no", False, "I do not see a «N»."),
    ("denied-far", "en", "denied", "no", False, "I don't think there is a «N» in the image."),
    ("denied-far", "en", "denied", "no", False, "I do not believe that there is a «N»."),
    ("denied-far", "en", "denied", "no", False, "There is neither a «N» nor a «M»."),
    ("denied-far", "en", "denied", "no", True, "There is no sign of a «N»."),
    ("denied-far", "en", "denied", "no", True, "It is not true that there is a «N»."),
    ("denied-far", "en", "denied", "no", True, "It is wrong to say that there is a «N»."),
    ("idiom", "en", "idiom", "yes", True, "There is no doubt that there is a «N»."),
    ("idiom", "en", "idiom", "yes", True, "There is not only a «N» but also a «M»."),
    ("idiom", "en", "idiom", "yes", True, "No problem, there is a «N»."),
    ("markdown", "en", "markdown", "yes", False, "**Yes**, there is a «N»."),
    ("markdown", "en", "markdown", "no", False, "**No**\n\nThere is no «N»."),
    ("json", "en", "json", "no", False, '{"question": "Is there a «N»?", "answer": "no"}'),
    ("thinking", "en", "thinking", "no", False, "<think>Yes, something like a «N». No, a «M».</think>\n\nNo"),
    ("thinking-closed-only", "en", "thinking", "yes", False, "There is no «M», so no?\n</think>\n\nYes, a «N»."),
    ("repeated", "en", "repeated", "yes", False, "Is there a «N» in the image? Yes."),
    ("cut", "en", "cut", "no", False, "No, there is no «N» in the ima"),
    ("word", "zh", "terse", "yes", False, "有，«N»。"),
    ("word-stated", "zh", "chatty", "yes", False, "是的，图中有«N»。"),
    ("word-stated", "zh", "chatty", "no", False, "没有，图中没有«N»。"),
    ("word-stated", "zh", "chatty", "no", False, "不，图中没有«N»。"),
    ("word-other", "zh", "explained", "yes", False, "是的，图中有«N»，但没有«M»。"),
    ("word-other", "zh", "explained", "no", False, "没有，图中只有«M»。"),
    ("announced", "zh", "chatty", "yes", False, "答案是：是，图中有«N»。"),
    ("announced", "zh", "chatty", "no", False, "答案：否，图中没有«N»。"),
    ("stated", "zh", "chatty", "yes", False, "图中有«N»。"),
    ("stated", "zh", "chatty", "yes", True, "可以看到图中有«N»。"),
    ("stated", "zh", "chatty", "no", False, "图中没有«N»。"),
    ("denied-near", "zh", "denied", "no", False, "图片中并没有«N»。"),
    ("denied-near", "zh", "denied", "no", False, "我没有看到«N»。"),
    ("denied-near", "zh", "denied", "no", False, "图中看不到«N»。"),
    ("denied-far", "zh", "denied", "no", False, "未发现图中有«N»。"),
    ("denied-far", "zh", "denied", "no", True, "我不认为图中有«N»。"),
    ("denied-far", "zh", "denied", "no", True, "没有任何迹象表明图中有«N»。"),
    ("denied-far", "zh", "denied", "no", True, "说图中有«N»是不对的。"),
    ("idiom", "zh", "idiom", "yes", True, "没错，图中有«N»。"),
    ("idiom", "zh", "idiom", "yes", True, "不仅有«N»，还有«M»。"),
    ("idiom", "zh", "idiom", "yes", True, "无疑，图中有«N»。"),
    ("idiom", "zh", "idiom", "yes", True, "毫无疑问，图中有«N»。"),
    ("markdown", "zh", "markdown", "yes", False, "**是的**，图中有«N»。"),
    ("markdown", "zh", "markdown", "no", False, "**没有**\n\n图中没有«N»。"),
    ("json", "zh", "json", "no", False, '{"问题": "图中有«N»吗？", "答案": "没有"}'),
    ("thinking", "zh", "thinking", "no", False, "<think>是的，像是«N»。不对，是«M»。</think>\n\n没有"),
    ("thinking-closed-only", "zh", "thinking", "yes", False, "没有«M»，那么没有？\n</think>\n\n是的，有«N»。"),
    ("repeated", "zh", "repeated", "yes", False, "图中有«N»吗？有。"),
    ("cut", "zh", "cut", "no", False, "没有，图中没有«N»，只"),
]

YES_NO_UNREAD = [
    ("unsure", "en", "hedged", "hedged", None, "I am not sure whether there is a «N»."),
    ("unsure", "en", "hedged", "hedged", None, "It is unclear if there is a «N» in the image."),
    ("asked-back", "en", "repeated", "unparsable", None, "Is there a «N» in the image?"),
    ("both", "en", "ambiguous", "ambiguous", None, "Yes or no: I cannot decide about the «N»."),
    ("thought-cut", "en", "thinking", "truncated", "length", "<think>Yes, I think there is a «N», but"),
    ("refused", "en", "refusing", "refused", None, "I'm sorry, I cannot say whether there is a «N»."),
    ("unsure", "zh", "hedged", "hedged", None, "我不确定图中是否有«N»。"),
    ("unsure", "zh", "hedged", "hedged", None, "无法判断有没有«N»。"),
    ("asked-back", "zh", "repeated", "unparsable", None, "图中有没有«N»？"),
    ("thought-cut", "zh", "thinking", "truncated", "length", "<think>是的，好像有«N»，不过"),
    ("refused", "zh", "refusing", "refused", None, "抱歉，我无法看到图片，不知道有没有«N»。"),
]


def yes_no():
    corpus = Corpus("yes_no")

    def draw(language):
        thing, other = corpus.random.sample(THINGS[language], 2)
        question = f"Is there a {thing} in the image?" if language == "en" else f"图中有{thing}吗？"
        return {"question": question}, dict(N=thing, M=other)

    for name, language, style, reading, may_stay_unread, template in YES_NO:
        for _ in range(3):
            context, gaps = draw(language)
            more = {"finish": "length"} if style == "cut" else {}
            also = [UNREAD] if may_stay_unread else None
            answer = fill(template, **gaps)
            corpus.add(context, answer, reading, (name, language, style), also=also, **more)
    for name, language, style, why, finish, template in YES_NO_UNREAD:
        for _ in range(2):
            context, gaps = draw(language)
            more = {"finish": finish} if finish else {}
            answer = fill(template, **gaps)
            corpus.add(context, answer, UNREAD, (name, language, style), why=why, **more)
    corpus.write()


# ---------------------------------------------------------------------------------------- number

WORDS = {
    2: ("two", "两"),
    3: ("three", "三"),
    4: ("four", "四"),
    5: ("five", "五"),
    6: ("six", "六"),
    7: ("seven", "七"),
    8: ("eight", "八"),
    9: ("nine", "九"),
    11: ("eleven", "十一"),
    12: ("twelve", "十二"),
    16: ("sixteen", "十六"),
    20: ("twenty", "二十"),
    34: ("thirty-four", "三十四"),
    57: ("fifty-seven", "五十七"),
}

# D are the digits, E and C the words, O another number (in digits).
NUMBER = [
    ("digits", "en", "terse", False, "«D»"),
    ("digits", "en", "terse", False, "«D»."),
    ("words", "en", "terse", False, "«E»"),
    ("sentence", "en", "chatty", False, "There are «D» apples in the picture."),
    ("sentence", "en", "chatty", False, "There are «E» apples in the picture."),
    ("sentence", "en", "chatty", False, "I can see «E» people."),
    ("announced", "en", "chatty", False, "The answer is «D»."),
    ("announced", "en", "chatty", False, "Sure! The total number is «D»."),
    ("unit", "en", "units", False, "«D» km"),
    ("unit", "en", "units", False, "«D» kg"),
    ("unit", "en", "units", False, "«D» metres"),
    ("unit", "en", "units", False, "«D»cm"),
    ("sign", "en", "terse", False, "-«D»"),
    ("sign", "en", "units", True, "minus «D» degrees"),
    ("scale", "en", "scale", True, "«D» million"),
    ("scale", "en", "scale", True, "about «D» thousand people"),
    ("scale", "en", "scale", True, "«D»k"),
    ("separator", "en", "separators", False, "«D»,000"),
    ("markdown", "en", "markdown", False, "**«D»**"),
    ("markdown", "en", "markdown", False, "**Answer:** «D»"),
    ("json", "en", "json", False, '{"answer": «D»}'),
    ("json", "en", "json", False, '```json\n{"count": «D»}\n```'),
    ("latex", "en", "latex", False, "\\boxed{«D»}"),
    ("latex", "en", "latex", False, "The final answer is $\\boxed{«D»}$."),
    ("thinking", "en", "thinking", False, "<think>«O» on the left. Is that all?</think>\n\n«D»"),
    ("thinking-closed-only", "en", "thinking", False, "I count «O» first.\n</think>\n\nThere are «D» apples."),
    ("not-but", "en", "denied", True, "Not «O» but «D»."),
    ("explained", "en", "explained", True, "The answer is «D», not «O»."),
    ("cut", "en", "cut", False, "There are «D» apples, all of them gre"),
    ("digits", "zh", "terse", False, "«D»"),
    ("digits", "zh", "terse", False, "«D»个"),
    ("words", "zh", "terse", False, "«C»个"),
    ("words", "zh", "terse", False, "«C»只猫"),
    ("sentence", "zh", "chatty", False, "图中有«D»个苹果。"),
    ("sentence", "zh", "chatty", False, "图中有«C»个苹果。"),
    ("sentence", "zh", "chatty", False, "图片中一共有«C»个人。"),
    ("announced", "zh", "chatty", False, "答案是«D»。"),
    ("announced", "zh", "terse", False, "答案：«D»"),
    ("unit", "zh", "units", False, "«D»公里"),
    ("unit", "zh", "units", False, "«D»元"),
    ("scale", "zh", "scale", True, "«D»万"),
    ("scale", "zh", "scale", True, "约«D»亿人"),
    ("sign", "zh", "units", True, "零下«D»度"),
    ("markdown", "zh", "markdown", False, "**«D»**"),
    ("markdown", "zh", "markdown", False, "**答案：** «D»个"),
    ("json", "zh", "json", False, '{"答案": «D»}'),
    ("latex", "zh", "latex", False, "所以答案是$\\boxed{«D»}$。"),
    ("thinking", "zh", "thinking", False, "<think>左边«O»个，还有吗？</think>\n\n«D»个"),
    ("thinking-closed-only", "zh", "thinking", False, "先数到«O»个。\n</think>\n\n图中有«D»个苹果。"),
    ("not-but", "zh", "denied", True, "不是«O»个，而是«D»个。"),
    ("cut", "zh", "cut", False, "图中有«D»个苹果，都是绿"),
]

FACTORS = {
    "«D» million": 10**6,
    "about «D» thousand people": 1000,
    "«D»k": 1000,
    "«D»,000": 1000,
    "«D»万": 10**4,
    "约«D»亿人": 10**8,
    "-«D»": -1,
    "minus «D» degrees": -1,
    "零下«D»度": -1,
}

NUMBER_UNREAD = [
    ("either", "en", "ambiguous", "ambiguous", None, "«D» or «O»"),
    ("either", "en", "ambiguous", "ambiguous", None, "There are «D» or «O» apples."),
    ("range", "en", "ambiguous", "ambiguous", None, "between «D» and «O»"),
    ("range", "en", "ambiguous", "ambiguous", None, "«D» to «O» apples"),
    ("two-things", "en", "ambiguous", "ambiguous", None, "«D» apples and «O» pears"),
    ("denied", "en", "denied", "denied", None, "It is not «D»."),
    ("denied", "en", "denied", "denied", None, "There are not «D» apples."),
    ("bound", "en", "range", "range", None, "more than «D»"),
    ("thought-cut", "en", "thinking", "truncated", "length", "<think>I count «D», but let me"),
    ("refused", "en", "refusing", "refused", None, "I'm sorry, I cannot count the apples."),
    ("either", "zh", "ambiguous", "ambiguous", None, "«D»或«O»"),
    ("either", "zh", "ambiguous", "ambiguous", None, "«D»个或者«O»个"),
    ("range", "zh", "ambiguous", "ambiguous", None, "«D»到«O»个"),
    ("two-things", "zh", "ambiguous", "ambiguous", None, "«D»个苹果和«O»个梨"),
    ("denied", "zh", "denied", "denied", None, "不是«D»个。"),
    ("bound", "zh", "range", "range", None, "超过«D»个"),
    ("thought-cut", "zh", "thinking", "truncated", "length", "<think>数到«D»个，再看"),
]


def number():
    corpus = Corpus("number")
    questions = {"en": "How many?", "zh": "有多少个？"}

    def draw():
        value, other = sorted(corpus.random.sample(sorted(WORDS), 2))
        english, chinese = WORDS[value]
        return value, dict(D=value, E=english, C=chinese, O=other)

    for name, language, style, may_stay_unread, template in NUMBER:
        for _ in range(3):
            value, gaps = draw()
            more = {"finish": "length"} if style == "cut" else {}
            also = [UNREAD] if may_stay_unread else None
            answer = fill(template, **gaps)
            reading = value * FACTORS.get(template, 1)
            context = {"question": questions[language]}
            corpus.add(context, answer, reading, (name, language, style), also=also, **more)
    for name, language, style, why, finish, template in NUMBER_UNREAD:
        for _ in range(2):
            _, gaps = draw()
            more = {"finish": finish} if finish else {}
            context = {"question": questions[language]}
            answer = fill(template, **gaps)
            corpus.add(context, answer, UNREAD, (name, language, style), why=why, **more)
    corpus.write()


# ---------------------------------------------------------------------------------------- facts

FACTS = [
    # (rule, language, style, reading, also the other, template)
    ("stated", "en", "chatty", "stated", False, "There is a «N» in the picture."),
    ("stated", "en", "chatty", "stated", False, "The picture shows a «N» beside a «M»."),
    ("stated", "en", "terse", "stated", False, "«N»"),
    ("list", "en", "markdown", "stated", False, "- «M»\n- **«N»**"),
    ("list", "en", "json", "stated", False, '{"objects": ["«M»", "«N»"]}'),
    ("other-denied", "en", "denied", "stated", False, "There is no «M», but there is a «N»."),
    ("other-denied", "en", "denied", "stated", False, "It shows a «N», not a «M»."),
    ("denied-near", "en", "denied", "absent", False, "There is no «N» in the picture."),
    ("denied-near", "en", "denied", "absent", False, "There isn't a «N»."),
    ("denied-near", "en", "denied", "absent", False, "A «M» without a «N»."),
    ("denied-far", "en", "denied", "absent", False, "The picture does not contain a «N»."),
    ("denied-far", "en", "denied", "absent", False, "I don't see a «N» in the picture."),
    ("denied-far", "en", "denied", "absent", False, "There is no sign of a «N»."),
    ("denied-far", "en", "denied", "absent", False, "There is neither a «M» nor a «N»."),
    ("denied-far", "en", "denied", "absent", False, "I don't think this is a «N»."),
    ("denied-after", "en", "denied", "absent", False, "A «N» is not in the picture."),
    ("unsure", "en", "hedged", "absent", False, "I cannot tell whether there is a «N»."),
    ("idiom", "en", "idiom", "stated", True, "There is no doubt that there is a «N»."),
    ("idiom", "en", "idiom", "stated", True, "There is not only a «M» but also a «N»."),
    ("thinking", "en", "thinking", "absent", False, "<think>A «N»? No.</think>\n\nA «M»."),
    ("thinking", "en", "thinking", "stated", False, "<think>A «M»? No.</think>\n\nA «N»."),
    ("other", "en", "chatty", "absent", False, "There is a «M» in the picture."),
    ("stated", "zh", "chatty", "stated", False, "图中有«N»。"),
    ("stated", "zh", "chatty", "stated", False, "图片里有«M»和«N»。"),
    ("list", "zh", "markdown", "stated", False, "- «M»\n- **«N»**"),
    ("other-denied", "zh", "denied", "stated", False, "图中没有«M»，只有«N»。"),
    ("other-denied", "zh", "denied", "stated", False, "不是«M»，而是«N»。"),
    ("denied-near", "zh", "denied", "absent", False, "图中没有«N»。"),
    ("denied-near", "zh", "denied", "absent", False, "图中没有任何«N»。"),
    ("denied-far", "zh", "denied", "absent", False, "我没有看到«N»。"),
    ("denied-far", "zh", "denied", "absent", False, "图中看不到«N»。"),
    ("denied-far", "zh", "denied", "absent", False, "我不认为图中有«N»。"),
    ("denied-far", "zh", "denied", "absent", False, "未发现图中有«N»。"),
    ("denied-far", "zh", "denied", "absent", False, "图中既没有«M»，也没有«N»。"),
    ("unsure", "zh", "hedged", "absent", False, "不确定图中是否有«N»。"),
    ("idiom", "zh", "idiom", "stated", True, "不仅有«M»，还有«N»。"),
    ("idiom", "zh", "idiom", "stated", True, "没错，图中有«N»。"),
    ("thinking", "zh", "thinking", "absent", False, "<think>是«N»吗？不是。</think>\n\n是«M»。"),
    ("other", "zh", "chatty", "absent", False, "图中有«M»。"),
]


def facts():
    corpus = Corpus("facts")
    things = {
        "en": ["dog", "bicycle", "traffic light", "boat", "cup", "horse", "bench", "lamp"],
        "zh": ["狗", "自行车", "红绿灯", "船", "杯子", "白马", "长椅", "雨伞"],
    }
    for name, language, style, reading, either, template in FACTS:
        for _ in range(3):
            thing, other = corpus.random.sample(things[language], 2)
            also = [{"stated": "absent", "absent": "stated"}[reading]] if either else None
            answer = fill(template, N=thing, M=other)
            corpus.add({"wordings": [thing]}, answer, reading, (name, language, style), also=also)
    corpus.write()


# ---------------------------------------------------------------------------------------- boxes


class Notation:
    """How a family writes a box whose edges are at these pixels of its picture."""

    def __init__(self, name, picture, write, first_broken, beyond, resized=None):
        self.name, self.picture, self.resized = name, picture, resized
        self.write, self.first_broken, self.beyond = write, first_broken, beyond

    def context(self):
        context = {"notation": self.name, "picture": self.picture}
        return {**context, "resized": self.resized} if self.resized else context


def whole(value):
    assert value == int(value), value
    return int(value)


# Each picture has such a size that whole pixels are whole numbers of the frame; sources of the
# frames are those of src/extract/boxes/notation.rs. A box is drawn on a grid of `STEP` pixels.
def json_box(scale_x, scale_y):
    def write(box, label):
        numbers = [whole(edge * scale) for edge, scale in zip(box, [scale_x, scale_y] * 2)]
        return json.dumps({"bbox_2d": numbers, "label": label}, ensure_ascii=False)

    return write


def qwen_vl_chat(box, label):
    x1, y1, x2, y2 = [whole(edge) for edge in box]
    return f"<ref>{label}</ref><box>({x1},{y1 * 2}),({x2},{y2 * 2})</box>"


def llava(box, label):
    x1, y1, x2, y2 = box
    return "[" + ", ".join(f"{edge / 1000:.2f}" for edge in (x1, y1 + 250, x2, y2 + 250)) + "]"


def minigpt(box, label):
    x1, y1, x2, y2 = box
    edges = "".join(f"<{whole(edge)}>" for edge in (x1 / 10, y1 / 5, x2 / 10, y2 / 5))
    return f"<p>{label}</p> {{{edges}}}"


def cogvlm(box, label):
    x1, y1, x2, y2 = [whole(edge) for edge in box]
    return f"{label}[[{x1:03},{2 * y1:03},{x2:03},{2 * y2:03}]]"


def kosmos(box, label):
    cells = [whole(edge / size - 0.5) for edge, size in zip(box, [20, 10, 20, 10])]
    first, last = cells[0] + 32 * cells[1], cells[2] + 32 * cells[3]
    return f"<phrase>{label}</phrase><object><patch_index_{first:04}><patch_index_{last:04}></object>"


def paligemma(box, label):
    x1, y1, x2, y2 = [whole(edge) for edge in box]
    return "".join(f"<loc{edge:04}>" for edge in (2 * y1, x1, 2 * y2, x2)) + f" {label}"


def florence(box, label):
    edges = [whole(edge * scale - 0.5) for edge, scale in zip(box, [1, 2, 1, 2])]
    return label + "".join(f"<loc_{edge}>" for edge in edges)


NOTATIONS = [
    Notation("Qwen3Vl", [1000, 500], json_box(1, 2), '{"bbox_2d": [10, 20, 30], "label": "x"}',
             '{"bbox_2d": [10, 20, 1030, 40]}'),
    Notation("Qwen2_5Vl", [1120, 560], json_box(0.5, 0.5), '{"bbox_2d": [10, 20, null, 40]}',
             '{"bbox_2d": [10, 20, 570, 40]}', resized=[560, 280]),
    Notation("QwenVlChat", [1000, 500], qwen_vl_chat, "<ref>x</ref><box>(10,20),(30)</box>",
             "<ref>x</ref><box>(10,20),(1030,40)</box>"),
    Notation("Llava", [1000, 500], llava, "[0.10, 0.30, 0.40]", "[0.10, 0.30, 1.40, 0.50]"),
    Notation("MiniGptV2", [1000, 500], minigpt, "<p>x</p> {<10><20><30>}", "<p>x</p> {<10><20><130><40>}"),
    Notation("CogVlm", [1000, 500], cogvlm, "x[[010,020,030]]", "x[[010,020,1030,040]]"),
    Notation("Kosmos2", [640, 320], kosmos, "<phrase>x</phrase><object><patch_index_0036></object>",
             "<phrase>x</phrase><object><patch_index_0036><patch_index_1030></object>"),
    Notation("PaliGemma", [1024, 512], paligemma, "<loc0010><loc0020><loc0030> x",
             "<loc0010><loc0020><loc0030><loc1040> x"),
    Notation("Florence2", [1000, 500], florence, "x<loc_10><loc_20><loc_30>",
             "x<loc_10><loc_20><loc_1030><loc_40>"),
]

LABELS = {"en": ["car", "dog", "red square", "person"], "zh": ["汽车", "狗", "红色方块", "行人"]}


def a_box(corpus, notation):
    """A box on the notation's own raster, in pixels."""
    draw = corpus.random.randrange
    left, top = draw(1, 15), draw(1, 15)
    right, bottom = left + draw(2, 15), top + draw(2, 15)
    if notation.name == "Kosmos2":  # the middles of cells of 20 x 10 pixels
        return [left * 20 + 10, top * 10 + 5, right * 20 + 10, bottom * 10 + 5]
    if notation.name == "Florence2":  # the middles of bins of 1 x 0.5 pixels
        return [left * 30 + 0.5, top * 15 + 0.25, right * 30 + 0.5, bottom * 15 + 0.25]
    if notation.name == "Qwen2_5Vl":
        return [left * 34, top * 18, right * 34, bottom * 18]
    return [left * 30, top * 10, right * 30, bottom * 10]


def boxes():
    corpus = Corpus("boxes")
    for notation in NOTATIONS:
        joint = {"PaliGemma": " ; ", "Llava": ", "}.get(notation.name, "\n")

        def add(rule, answer, reading, **more):
            corpus.add(notation.context(), answer, reading, rule, **more)

        def draw(language):
            box = a_box(corpus, notation)
            return box, notation.write(box, corpus.random.choice(LABELS[language]))

        for language in ["en", "zh"]:
            box, text = draw(language)
            add(("one", language, "terse"), text, [box])
            box, text = draw(language)
            around = {"en": f"Here is what you asked for:\n{text}\nLet me know if you need more.",
                      "zh": f"好的，结果如下：\n{text}\n如有需要请告诉我。"}
            add(("prose-around", language, "chatty"), around[language], [box])
            (first, one), (second, two) = draw(language), draw(language)
            add(("several", language, "terse"), one + joint + two, [first, second])
            (_, one), (box, two) = draw(language), draw(language)
            thought = {"en": f"<think>Perhaps {one}? No.</think>\n", "zh": f"<think>也许是{one}？不是。</think>\n"}
            add(("thinking", language, "thinking"), thought[language] + two, [box])
            _, text = draw(language)
            cut = {"en": f"<think>It is {text}, but", "zh": f"<think>应该是{text}，不过"}
            add(("thought-cut", language, "thinking"), cut[language], UNREAD, why="truncated", finish="length")
            said = {"en": "I cannot find such an object in the picture.", "zh": "图中没有这个物体。"}
            add(("none", language, "denied"), said[language], UNREAD, why="unparsable")
            _, text = draw(language)
            add(("first-broken", language, "terse"), notation.first_broken + joint + text, UNREAD, why="unparsable")
            _, text = draw(language)
            add(("first-beyond", language, "terse"), notation.beyond + joint + text, UNREAD, why="out_of_range")
            box = a_box(corpus, notation)
            turned = notation.write(box[2:] + box[:2], LABELS[language][0])
            add(("reversed", language, "terse"), turned, UNREAD, why="reversed")
    corpus.write()


# ---------------------------------------------------------------------------------------- judges

MARKS = [0, 1, 2, 3, 3.5, 4, 4.5, 5]

SCORE = [
    ("named", "en", "terse", "Score: «S»"),
    ("named", "en", "markdown", "**Score: «S»**"),
    ("named", "en", "json", '{"score": «S»}'),
    ("out-of-five", "en", "terse", "Score: «S»/5"),
    ("bare", "en", "terse", "«S»"),
    ("reason-after", "en", "explained", "Score: «S»\nThe answer names 2 of 3 objects."),
    ("reason-before", "en", "explained", "The answer names 2 of 3 objects and is brief.\n\nScore: «S»"),
    ("thinking", "en", "thinking", "<think>Score: «O»? Too strict.</think>\n\nScore: «S»"),
    ("named", "zh", "terse", "得分：«S»"),
    ("named", "zh", "terse", "评分：«S»分"),
    ("bare", "zh", "terse", "«S»分"),
    ("reason-after", "zh", "explained", "得分：«S»\n回答说出了3个物体中的2个。"),
    ("thinking", "zh", "thinking", "<think>得分：«O»？太低了。</think>\n得分：«S»"),
]

SCORE_UNREAD = [
    ("either", "en", "ambiguous", "ambiguous", "Score: «S» or «O»"),
    ("two", "en", "ambiguous", "ambiguous", "Score: «S»\nScore: «O»"),
    ("range", "en", "ambiguous", "ambiguous", "Score: between «S» and «O»"),
    ("either", "zh", "ambiguous", "ambiguous", "得分：«S»或«O»"),
    ("two", "zh", "ambiguous", "ambiguous", "得分：«S»\n得分：«O»"),
]

BETTER = [
    ("named", "en", "terse", "Better: «P»"),
    ("named", "en", "markdown", "**Better:** «P»"),
    ("named", "en", "json", '{"better": "«P»"}'),
    ("reason-after", "en", "explained", "Better: «P». It names the animal and its colour."),
    ("reason-before", "en", "explained", "Both answers name the animal, one names its colour.\n\nBetter: «P»"),
    ("thinking", "en", "thinking", "<think>Better: «Q»? No.</think>\n\nBetter: «P»"),
    ("named", "zh", "terse", "Better：«P»"),
    ("reason-after", "zh", "explained", "Better: «P»\n它说出了动物和颜色。"),
    ("reason-before", "zh", "explained", "两个回答都说出了动物，其中一个还说出了颜色。\nBetter: «P»"),
    ("thinking", "zh", "thinking", "<think>Better: «Q»？不是。</think>\nBetter: «P»"),
]

BETTER_UNREAD = [
    ("either", "en", "ambiguous", "ambiguous", "Better: «P» or «Q»"),
    ("two", "en", "ambiguous", "ambiguous", "Better: «P»\nBetter: «Q»"),
    ("denied", "en", "denied", "denied", "Better: not «P»"),
    ("either", "zh", "ambiguous", "ambiguous", "Better: «P»或«Q»"),
]


def judge():
    corpus = Corpus("judge")
    for name, language, style, template in SCORE:
        for _ in range(3):
            mark, other = corpus.random.sample(MARKS, 2)
            answer = fill(template, S=mark, O=other)
            corpus.add({"kind": "score"}, answer, mark, (name, language, style))
    for name, language, style, why, template in SCORE_UNREAD:
        for _ in range(2):
            low, high = sorted(corpus.random.sample(MARKS, 2))
            answer = fill(template, S=low, O=high)
            corpus.add({"kind": "score"}, answer, UNREAD, (name, language, style), why=why)
    for name, language, style, template in BETTER:
        for best, other in [("A", "B"), ("B", "A")]:
            answer = fill(template, P=best, Q=other)
            corpus.add({"kind": "better"}, answer, best, (name, language, style))
    for name, language, style, why, template in BETTER_UNREAD:
        for best, other in [("A", "B"), ("B", "A")]:
            answer = fill(template, P=best, Q=other)
            corpus.add({"kind": "better"}, answer, UNREAD, (name, language, style), why=why)
    corpus.write()


if __name__ == "__main__":
    for make in [choice, yes_no, number, facts, boxes, judge]:
        make()
