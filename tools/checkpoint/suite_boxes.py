"""The cases of grounding."""

from case_format import Case, boxes
from gallery import Gallery, unique
from questions import in_order, matching, outermost
from words import noun


def grounding(gallery: Gallery) -> list[Case]:
    scenes = gallery.scenes
    traffic, table, beach, garden, football, cat, bowl = (
        scenes[f"{n}.png"]
        for n in ("traffic", "table", "beach", "garden", "football_in_the_park", "cat_on_sofa", "empty_cat_bowl")
    )
    street = gallery.first(
        "street",
        "traffic",
        lambda s: len(matching(s, "car")) == 2 and outermost(s, matching(s, "car"), "right") and matching(s, "tree"),
    )
    crowd = gallery.first(
        "crowded_floor",
        "mixed",
        lambda s: s.place == "floor" and len(s.things) == 5 and unique(s) and s.width > s.height,
    )
    case = lambda name, image, prompt, truth, label, **more: Case(
        "grounding", name, [f"{image}.png"], boxes(scenes[f"{image}.png"], truth, label), prompt, **more
    )
    report = (
        'Locate every object that matches the description "{}" in the image. Report bbox coordinates in JSON format.'
    )
    red = matching(traffic, "car", "red")
    left, right = outermost(traffic, red, "left"), outermost(traffic, red, "right")
    one, other, busy = unique(garden)[0], unique(table)[-1], unique(crowd)[0]
    child, ball = matching(football, football.facts["child"])[0], matching(football, "football")[0]
    pictured = in_order(beach)[0]
    return [
        case("red_car_left_chinese", "traffic", "框出左侧的红色汽车", [left], "red car", tags=("chinese",)),
        case("red_car_left", "traffic", report.format("the red car on the left"), [left], "red car"),
        case("red_car_right", "traffic", "Draw a box around the red car on the right.", [right], "red car"),
        case(
            "right_car_chinese",
            "street",
            "框出右边的汽车。",
            [outermost(street, matching(street, "car"), "right")],
            "car",
            tags=("chinese",),
        ),
        case(
            "all_cars",
            "street",
            "Locate every instance that belongs to the following categories: 'car'. Report bbox coordinates in JSON format.",
            matching(street, "car"),
            "car",
            tokens=192,
        ),
        case(
            "thing_in_the_garden",
            "garden",
            report.format(noun("en", one.kind, one.colour)),
            [one],
            noun("en", one.kind, one.colour),
        ),
        case(
            "thing_on_the_table_chinese",
            "table",
            f"请给出{noun('zh', other.kind, other.colour)}的边界框。",
            [other],
            noun("zh", other.kind, other.colour),
            tags=("chinese",),
        ),
        case(
            "thing_on_the_beach",
            "beach",
            f"Locate the {noun('en', pictured.kind, pictured.colour)} in the picture and report its bbox coordinates in JSON format.",
            matching(beach, pictured.kind, pictured.colour),
            noun("en", pictured.kind, pictured.colour),
        ),
        case(
            "football",
            "football_in_the_park",
            "Where is the football? Report bbox coordinates in JSON format.",
            [ball],
            "football",
        ),
        case("child_chinese", "football_in_the_park", "框出小孩", [child], "小孩", tags=("chinese",)),
        case("cat", "cat_on_sofa", "Give the bounding box of the cat.", matching(cat, "cat"), "cat"),
        case("bowl_chinese", "empty_cat_bowl", "找出碗的位置。", matching(bowl, "bowl"), "碗", tags=("chinese",)),
        case(
            "crowded_floor",
            "crowded_floor",
            f"Find the {noun('en', busy.kind, busy.colour)} in the image.",
            [busy],
            noun("en", busy.kind, busy.colour),
        ),
    ]
