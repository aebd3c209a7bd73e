"""The cases of description and question answering."""

from case_format import Case, all_of, any_of, choice, contains, either, exact, facts, negated, number, regex, yes_no
from gallery import Gallery, clear, two_red_cars, unique
from questions import caption_text, in_order, matching
from words import KINDS, colour_zh, noun


def description(gallery: Gallery) -> list[Case]:
    gallery.first(
        "football_in_the_park",
        "park",
        lambda s: (
            s.facts["action"] == "football" and s.facts["trees"] and s.facts["equipment"] and s.facts["child"] == "boy"
        ),
    )
    kite = gallery.first("girl_with_kite", "park", lambda s: s.facts["action"] == "kite" and s.facts["child"] == "girl")
    gallery.first("traffic", "traffic", two_red_cars)
    cat = gallery.first("cat_on_sofa", "pet", lambda s: s.facts["species"] == "cat" and s.facts["pose"] == "resting")
    gallery.first("dog_on_sofa", "pet", lambda s: s.facts["species"] == "dog" and s.facts["pose"] == "sitting")
    beach = gallery.first("beach", "mixed", lambda s: s.place == "sand" and clear(s, 3) and s.height > s.width)
    table = gallery.first("table", "mixed", lambda s: s.place == "table" and clear(s, 4) and len(unique(s)) >= 3)
    bowl = gallery.first("empty_cat_bowl", "bowl", lambda s: s.facts["species"] == "cat" and not s.facts["full"])
    case = lambda name, image, prompt, expect, **more: Case(
        "description", name, [f"{image}.png"], expect, prompt, **more
    )
    named = lambda scene, lang: [
        (
            (
                noun(lang, t.kind, t.colour),
                *([] if lang == "en" else [f"{colour_zh(t.colour)}的{KINDS[t.kind].zh}"] if t.colour else []),
            ),
            1.0,
        )
        for t in scene.things
    ]
    return [
        case(
            "football_in_the_park",
            "football_in_the_park",
            "Provide a one-sentence caption for the provided image.",
            facts(
                (("boy", "child"), 1.0),
                (("football", "soccer"), 2.0),
                (("trees",), 1.0),
                (("play equipment", "playground"), 1.0),
                forbidden=(("kite",),),
            ),
        ),
        case(
            "football_in_the_park_chinese",
            "football_in_the_park",
            "请用一句话描述这张图片。",
            facts(
                (("男孩", "小孩"), 1.0),
                (("踢足球",), 2.0),
                (("树",), 1.0),
                (("游乐设施",), 1.0),
                forbidden=(("风筝",),),
            ),
            tags=("chinese",),
        ),
        case(
            "girl_with_kite",
            "girl_with_kite",
            "Describe this picture in one sentence.",
            exact(caption_text(kite, "en")),
        ),
        case(
            "girl_with_kite_chinese",
            "girl_with_kite",
            "描述这张图片。",
            all_of(contains("女孩"), contains("放风筝"), negated(contains("足球"))),
            tags=("chinese",),
        ),
        case("traffic", "traffic", "Describe the picture.", all_of(contains("car"), regex("red car"))),
        case("cat_on_sofa", "cat_on_sofa", "What does the image show?", exact(caption_text(cat, "en"))),
        case("cat_on_sofa_chinese", "cat_on_sofa", "图片里有什么？", exact(caption_text(cat, "zh")), tags=("chinese",)),
        case(
            "dog_on_sofa",
            "dog_on_sofa",
            "Write a caption for this photo.",
            facts((("dog",), 2.0), (("sitting",), 1.0), (("sofa", "couch"), 2.0), forbidden=(("cat",),)),
        ),
        case("beach", "beach", "Describe what you see from left to right.", exact(caption_text(beach, "en"))),
        case(
            "beach_chinese", "beach", "从左到右描述图片中的物体。", exact(caption_text(beach, "zh")), tags=("chinese",)
        ),
        case("things_on_a_table", "table", "Please describe the image briefly.", facts(*named(table, "en"))),
        case("empty_bowl", "empty_cat_bowl", "Describe the image.", all_of(contains("empty"), contains("bowl"))),
        case(
            "empty_bowl_chinese",
            "empty_cat_bowl",
            "请描述图片的内容。",
            exact(caption_text(bowl, "zh")),
            tags=("chinese",),
        ),
        case("football_free_text", "football_in_the_park", "Caption this image.", None, tokens=48),
    ]


def question_answering(gallery: Gallery) -> list[Case]:
    scenes = gallery.scenes
    traffic, table, beach, kite = (scenes[f"{name}.png"] for name in ("traffic", "table", "beach", "girl_with_kite"))
    birds = gallery.first("birds", "count", lambda s: len(s.things) > 4, kind="bird", count=4)
    gallery.first("boats", "count", lambda s: len(matching(s, "boat")) == 6, kind="boat", count=6)
    cups = gallery.first(
        "cups", "count", lambda s: len({t.colour for t in matching(s, "cup")}) > 1, kind="cup", count=5
    )
    garden = gallery.first("garden", "mixed", lambda s: s.place == "grass" and clear(s, 4) and len(unique(s)) >= 2)
    nine = gallery.first("nine_balls", "count", lambda s: len(matching(s, "ball")) == 9, kind="ball", count=9)
    pink = gallery.first(
        "pink_hat", "count", lambda s: len(matching(s, "hat")) == 1, kind="hat", count=1, colour="pink"
    )
    ask = lambda name, image, prompt, expect, **more: Case(
        "question_answering", name, [f"{image}.png"], expect, prompt, **more
    )
    only, ends = unique(table)[0], in_order(garden)
    single = "\nAnswer the question using a single word or phrase."
    options = [c for c in ("red", "blue", "green", "yellow", "white") if c != only.colour][:2] + [only.colour]
    return [
        ask(
            "colour_of_one_thing",
            "table",
            f"What colour is the {only.kind}?{single}",
            any_of(only.colour, colour_zh(only.colour)),
        ),
        ask(
            "colour_of_one_thing_chinese",
            "table",
            f"{noun('zh', only.kind)}是什么颜色的？",
            any_of(colour_zh(only.colour)),
            tags=("chinese",),
        ),
        ask(
            "colour_by_letter",
            "table",
            f"What colour is the {only.kind}?\nA. {options[0]}\nB. {options[1]}\nC. {options[2]}\nAnswer with the option's letter from the given choices directly.",
            choice(options, "C"),
        ),
        ask("red_cars", "traffic", "How many red cars are there?", number(2)),
        ask("all_cars_chinese", "traffic", "图片中有几辆汽车？", number(3), tags=("chinese",)),
        ask("birds", "birds", "How many birds are there in the picture?", number(len(matching(birds, "bird")))),
        ask(
            "boats_chinese",
            "boats",
            "数一数图中有几艘小船。",
            number(6),
            tags=("chinese",),
        ),
        ask("cups", "cups", f"How many cups can you see?{single}", number(len(matching(cups, "cup")))),
        ask("no_fish", "traffic", "Is there a fish in the picture?", yes_no(False)),
        ask("a_red_car_chinese", "traffic", "图片中有红色汽车吗？", yes_no(True), tags=("chinese",)),
        ask("bowl_is_empty", "empty_cat_bowl", "Is the bowl full or empty?", any_of("empty")),
        ask("bowl_is_full_chinese", "empty_cat_bowl", "碗是满的吗？", yes_no(False), tags=("chinese",)),
        ask(
            "what_the_boy_does",
            "football_in_the_park",
            "What is the child doing?",
            regex("(?i)play.* (football|soccer)"),
        ),
        ask("what_the_girl_does_chinese", "girl_with_kite", "女孩在做什么？", contains("风筝"), tags=("chinese",)),
        ask("animal_on_the_sofa", "dog_on_sofa", "What animal is on the sofa?", any_of("dog", "a dog")),
        ask(
            "leftmost_thing", "garden", "What is the leftmost object?", any_of(noun("en", ends[0].kind, ends[0].colour))
        ),
        ask(
            "rightmost_thing_chinese",
            "garden",
            "最右边是什么？",
            any_of(noun("zh", ends[-1].kind, ends[-1].colour)),
            tags=("chinese",),
        ),
        ask("dress", "girl_with_kite", "What colour is the girl's dress?", any_of(kite.facts["shirt"])),
        Case(
            "question_answering",
            "follow_up",
            ["cat_on_sofa.png"],
            yes_no(True),
            turns=[("User", "What animal is on the sofa?"), ("Assistant", "cat"), ("User", "Is the cat resting?")],
            tags=("turns",),
        ),
        ask(
            "with_system_prompt",
            "dog_on_sofa",
            "Is the dog sitting?",
            yes_no(True),
            system="You are a helpful assistant.",
        ),
        ask(
            "nine_balls",
            "nine_balls",
            "How many balls are there?",
            number(len(matching(nine, "ball"))),
            weakness="learned to count to six only",
        ),
        ask(
            "pink_hat",
            "pink_hat",
            f"What colour is the {pink.things[0].kind}?",
            any_of("pink"),
            weakness="has never seen pink",
        ),
        ask(
            "weather",
            "beach",
            "What is the weather like?",
            either(contains("sunny"), contains("clear"), contains("cloudy")),
            weakness="was never asked about the weather",
        ),
    ]
