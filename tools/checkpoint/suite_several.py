"""The cases over several pictures, and those that were added after the others."""

from case_format import Case, all_of, any_of, boxes, contains, exact, facts, number, regex, yes_no
from gallery import Gallery, clear
from questions import caption_text, in_order, matching
from words import colour_zh, noun


def several_images(gallery: Gallery) -> list[Case]:
    gallery.first("full_dog_bowl", "bowl", lambda s: s.facts["species"] == "dog" and s.facts["full"])
    gallery.pair(
        ("cars_here", "cars_there"), "count", lambda a, b: len(matching(a, "car")) == len(matching(b, "car")) == 3
    )
    gallery.pair(
        ("flowers_few", "flowers_many"),
        "count",
        lambda a, b: 1 <= len(matching(a, "flower")) < len(matching(b, "flower")) - 1,
    )
    tint = gallery.pair(
        ("chair_before", "chair_after"),
        "colour",
        lambda a, b: (
            len(matching(a, "chair")) == len(matching(b, "chair")) == 1
            and matching(a, "chair")[0].colour != matching(b, "chair")[0].colour
        ),
    )
    case = lambda name, images, prompt, expect, **rest: Case(
        "several_images", name, [f"{image}.png" for image in images], expect, prompt, **rest
    )
    before, after = (matching(scene, "chair")[0].colour for scene in tint)
    hungry = facts((("猫粮", "食物", "food"), 2.0), (("空", "empty"), 1.0), forbidden=(("狗", "dog"),))
    return [
        case("hungry_pet_chinese", ("cat_on_sofa", "empty_cat_bowl"), "宠物可能需要什么？", hungry, tags=("chinese",)),
        case("hungry_pet", ("cat_on_sofa", "empty_cat_bowl"), "What might the pet need?", hungry),
        case(
            "hungry_pet_bowl_first",
            ("empty_cat_bowl", "cat_on_sofa"),
            "Looking at both pictures, what might the pet need?",
            facts((("cat",), 1.0), (("empty",), 2.0), (("needs food", "cat food"), 2.0)),
        ),
        case(
            "fed_dog_chinese",
            ("dog_on_sofa", "full_dog_bowl"),
            "宠物可能需要什么？",
            all_of(contains("狗"), contains("不需要")),
            tags=("chinese",),
        ),
        case(
            "fed_dog",
            ("dog_on_sofa", "full_dog_bowl"),
            "What does the pet need?",
            all_of(contains("full"), contains("does not need")),
        ),
        case(
            "same_number_of_cars",
            ("cars_here", "cars_there"),
            "Do the two pictures show the same number of cars?",
            yes_no(True),
        ),
        case(
            "same_number_of_flowers_chinese",
            ("flowers_few", "flowers_many"),
            "两张图中的花数量相同吗？",
            yes_no(False),
            tags=("chinese",),
        ),
        case("more_flowers", ("flowers_few", "flowers_many"), "Which picture shows more flowers?", contains("second")),
        case(
            "more_flowers_chinese",
            ("flowers_few", "flowers_many"),
            "哪张图中的花更多？",
            any_of("第二张图"),
            tags=("chinese",),
        ),
        case(
            "chair_colour_changed",
            ("chair_before", "chair_after"),
            "Is the chair the same colour in both pictures?",
            yes_no(False),
        ),
        case(
            "second_chair_chinese",
            ("chair_before", "chair_after"),
            "看第二张图：椅子是什么颜色的？",
            any_of(colour_zh(after)),
            tags=("chinese",),
        ),
        case(
            "first_chair",
            ("chair_before", "chair_after"),
            "Look at the first picture. What colour is the chair?",
            any_of(before),
        ),
        case("cat_is_in_one", ("dog_on_sofa", "cat_on_sofa"), "Which picture shows a cat?", regex("(?i)second")),
        case(
            "three_pictures",
            ("beach", "cat_on_sofa", "traffic"),
            "Which picture shows a cat?",
            regex("(?i)second"),
        ),
    ]


def more(gallery: Gallery) -> list[Case]:
    """Added later, so that the seeds of the scenes above stayed as they were."""
    plain = gallery.first("plain_background", "mixed", lambda s: s.place is None and clear(s, 3) and s.height > s.width)
    gallery.pair(
        ("hat_here", "hat_there"),
        "colour",
        lambda a, b: (
            len(matching(a, "hat")) == len(matching(b, "hat")) == 1
            and matching(a, "hat")[0].colour == matching(b, "hat")[0].colour
        ),
    )
    swing = gallery.first("play_equipment", "park", lambda s: s.facts["equipment"] and not s.facts["trees"])
    equipment = next(t for t in swing.things if t.kind in ("slide", "swing"))
    things = in_order(plain)
    first, last = (noun("en", t.kind, t.colour) for t in (things[0], things[-1]))
    return [
        Case(
            "description",
            "plain_background_chinese",
            ["plain_background.png"],
            exact(caption_text(plain, "zh")),
            "用一句话说明图片。",
            tags=("chinese",),
        ),
        Case(
            "grounding",
            "thing_on_plain_background",
            ["plain_background.png"],
            boxes(plain, [things[1]], noun("en", things[1].kind, things[1].colour), 0.75),
            f"Locate the {noun('en', things[1].kind, things[1].colour)}.",
        ),
        Case(
            "question_answering",
            "left_and_right",
            ["plain_background.png"],
            any_of(last),
            turns=[("User", "What is on the far left?"), ("Assistant", first), ("User", "What is on the far right?")],
            tags=("turns",),
        ),
        Case(
            "grounding",
            "play_equipment_chinese",
            ["play_equipment.png"],
            boxes(swing, [equipment], noun("zh", equipment.kind)),
            f"框出{noun('zh', equipment.kind)}。",
            tags=("chinese",),
        ),
        Case("question_answering", "no_trees", ["play_equipment.png"], number(0), "How many trees are there?"),
        Case(
            "several_images",
            "same_hat_colour_chinese",
            ["hat_here.png", "hat_there.png"],
            yes_no(True),
            "两张图中的帽子颜色相同吗？",
            tags=("chinese",),
        ),
        Case(
            "several_images",
            "hats_without_expectation",
            ["hat_here.png", "hat_there.png"],
            None,
            "Is the number of hats the same in both pictures?",
        ),
    ]
