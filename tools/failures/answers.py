"""The tables of `make.py`: name of the folder, title, what goes wrong, rows, source.

A row is a case, its expectation, the recorded answer, the outcome that it must have (or several, between slashes), why,
and how the answer ended if not by itself. Outcomes follow from plain reading."""

COLOURS = 'Choice(options: ["red", "blue", "dark red", "green"], answer: "B")'
YES, NO = "YesNo(Yes)", "YesNo(No)"


def number(value):
    return f"Number(value: {value})"


CHOICES = [
    ("boxed", COLOURS, "The colour is blue, hence $\\boxed{B}$.", "ok", "the boxed letter"),
    ("bold", COLOURS, "**Answer: B**\n\nThe square is blue, not red (A).", "ok", "announced in bold, A denied"),
    ("json", COLOURS, '{"answer": "B", "reason": "A and C are red."}', "ok/unread", "the field says B; never A or C"),
    ("corrected", COLOURS, "A. Wait, no: the square is blue, so the answer is B.", "ok/unread", "it corrects itself to B"),
    ("eliminated", COLOURS, "It cannot be A, C or D, so it must be B.", "ok/unread", "only B is left"),
    ("none_of_them", COLOURS, "None of the options is right.", "unread", "it chooses none"),
    ("all_of_them", COLOURS, "A, B, C and D are all possible.", "unread", "it chooses all"),
    ("between", COLOURS, "It is either B or D.", "unread", "two are left"),
    ("longer_option", COLOURS, "dark red", "FAILED", "option C word for word, not A"),
    ("option_within", 'Choice(options: ["red", "dark red"], answer: "A")', "It is dark red.", "FAILED/unread",
     "it names B, although A's text is in it"),
    ("lower_case", COLOURS, "b", "ok", "the letter alone"),
    ("full_width", COLOURS, "Ｂ", "ok", "the full-width letter"),
    ("article", 'Choice(options: ["a cat", "a dog"], answer: "B")', "A dog.", "ok/unread", "the article is no letter"),
    ("chinese", COLOURS, "答案是B，因为A是红色的。", "ok", "the announced answer is B"),
    ("chinese_denied", COLOURS, "不是A，应该选B。", "ok", "A denied, B chosen"),
    ("chinese_not_sure", COLOURS, "可能是A，也可能是B。", "unread", "it cannot decide"),
    ("refused", COLOURS, "I'm sorry, but I can't help with identifying A or B.", "unread", "it refuses"),
    ("repeats", COLOURS, "Options: A. red B. blue C. dark red D. green. Answer: B", "ok", "the announced answer after the list"),
    ("asks_back", COLOURS, "Do you mean option B?", "unread", "a question is no answer"),
]

NUMBERS = [
    ("power", number(1000000), "10^6", "ok/unread", "ten to the sixth; never 10 or 6"),
    ("power_is_ten", number(10), "10^6", "FAILED", "it says a million"),
    ("superscript_is_ten", number(10), "about 10⁶ cells", "FAILED", "it says a million"),
    ("scientific", number(2500), "2.5 × 10^3", "ok/unread", "2,500"),
    ("scientific_is_mantissa", number(2.5), "2.5 × 10^3", "FAILED", "it says 2,500"),
    ("range", number(3), "3-4", "unread", "two numbers"),
    ("range_words", number(3), "between 3 and 5", "unread", "a range"),
    ("either", number(3), "3 or 4", "unread", "two numbers"),
    ("either_chinese", number(3), "三四个", "unread", "three or four"),
    ("more_than", number(5), "more than 5", "unread/ok", "a bound"),
    ("dozen", number(12), "a dozen", "ok/unread", "twelve"),
    ("dozens", number(2), "two dozen", "FAILED", "it says 24"),
    ("half", number(2), "two and a half", "FAILED", "it says 2.5"),
    ("fraction", number(4), "4½", "FAILED", "it says 4.5"),
    ("hundreds", number(3), "three hundred", "FAILED", "it says 300"),
    ("chinese_hundreds", number(305), "三百零五", "ok/unread", "305"),
    ("negative_word", number(5), "negative five", "FAILED", "it says -5"),
    ("chinese_negative", number(5), "零下5度", "FAILED", "five below zero"),
    ("year_and_count", number(3), "In 2019 there were 3.", "unread/ok", "two numbers; never 2019"),
    ("year_is_the_count", number(2019), "In 2019 there were 3.", "FAILED", "the count is 3"),
    ("thousands", number(1234567), "1,234,567", "ok", "separators of thousands"),
    ("thousands_space", number(1234), "1 234", "ok/unread", "a space as separator"),
    ("boxed", number(7), "The result is $\\boxed{7}$.", "ok", "the boxed number"),
    ("no_number", number(0), "I cannot count them.", "unread", "it says no number"),
    ("thousandfold", number(5), "5 thousand", "FAILED", "it says 5,000"),
    ("qian", number(5), "5千", "FAILED", "it says 5,000"),
    ("none", number(0), "None.", "ok/unread", "zero"),
    ("plain", number(3), "There are 3 cats.", "ok", "three"),
    ("plain_word", number(3), "three", "ok", "three"),
]

IDIOMS = [
    ("no_problem", YES, "No problem, there is a dog in the picture.", "ok/unread", "no problem is no denial"),
    ("no_wonder", YES, "No question about it: yes.", "ok/unread", "it affirms"),
    ("fails", NO, "The image fails to show a dog.", "ok/unread", "it denies"),
    ("lacks", NO, "The picture lacks any dog.", "ok/unread", "it denies"),
    ("no_sign", NO, "There is no sign of a dog.", "ok", "it denies"),
    ("no_sign_passes", YES, "There is no sign of a dog.", "FAILED", "it denies"),
    ("instead", NO, "There is a cat instead of a dog.", "ok/unread", "a cat, not a dog"),
    ("far_denial", NO, "A dog, as far as I can see in this rather crowded picture, is not there.", "ok/unread", "it denies at the end"),
    ("yes_but", YES, "Yes, although it is not easy to see.", "ok", "it opens with yes"),
    ("no_but", NO, "No, but there is a cat.", "ok", "it opens with no"),
    ("both_words", YES, "Yes and no.", "unread", "both"),
    ("asked_back", YES, "Is there a dog?", "unread", "a question is no answer"),
    ("conditional", YES, "If there is a dog, it is hidden.", "unread", "it says nothing"),
    ("double_negation", YES, "It is not true that there is no dog.", "ok/unread", "two denials"),
    ("hardly", NO, "There is hardly any chance that this is a dog.", "ok/unread", "it denies"),
    ("zh_seen", YES, "图中可以看到一只狗。", "ok", "a dog can be seen"),
    ("zh_not_seen", NO, "图中没有看到狗。", "ok", "no dog was seen"),
    ("zh_not_seen_passes", YES, "图中看不到狗。", "FAILED", "a dog cannot be seen"),
    ("zh_by_no_means", NO, "图中并没有狗。", "ok", "it denies"),
    ("zh_double", YES, "不是没有狗。", "ok/unread", "not without a dog"),
    ("zh_no_mistake", YES, "没错，有一只狗。", "ok", "no mistake: yes"),
    ("zh_traditional", NO, "圖中沒有狗。", "ok", "in traditional characters"),
    ("zh_of_course_not", NO, "当然不是。", "ok", "of course not"),
    ("zh_cannot_say", YES, "无法判断是否有狗。", "unread", "it cannot be told"),
    ("json", NO, '{"answer": "no"}', "ok/unread", "the field says no"),
    ("bold", NO, "**No**", "ok", "no in bold"),
]

FACTS = 'Facts(facts: [(any: ["dog"]), (any: ["ball"])], forbidden: [(any: ["cat"], cost: 1.0)], min: 4.0)'
STATED = [
    ("stated", FACTS, "A dog plays with a ball.", "ok", "both are stated"),
    ("one_denied", FACTS, "A dog plays, but there is no ball.", "FAILED/unread", "the ball is denied"),
    ("denied_far", FACTS, "The picture does not contain a dog or a ball.", "FAILED/unread", "both are denied"),
    ("absence", FACTS, "A dog is there, the ball is missing.", "FAILED/unread", "the ball is missing"),
    ("forbidden_denied", FACTS, "A dog plays with a ball. There is no cat.", "ok", "the cat is denied, both facts stated"),
    ("instead_of", FACTS, "A dog with a ball instead of a cat.", "ok/unread", "the cat is not there"),
    ("within_a_word", FACTS, "A dogma and a balloon.", "FAILED", "neither word is there"),
    ("zh_denied", 'Facts(facts: [(any: ["狗"]), (any: ["球"])], min: 4.0)', "图中有狗，但没有看到球。", "FAILED/unread", "no ball was seen"),
    ("zh_stated", 'Facts(facts: [(any: ["狗"]), (any: ["球"])], min: 4.0)', "图中有一只狗和一个球。", "ok", "both are stated"),
    ("zh_neither", 'Facts(facts: [(any: ["狗"]), (any: ["球"])], min: 4.0)', "图中既没有狗也没有球。", "FAILED/unread", "both are denied"),
]

BOX = 'Boxes(truth: [(label: "red square", xyxy: (10, 20, 30, 40))], min_iou: 0.5)'
GOOD = '{"bbox_2d": [100, 200, 300, 400], "label": "red square"}'
BOXES = [
    ("alone", BOX, GOOD, "ok", "thousandths of 100 pixels: (10, 20, 30, 40)"),
    ("fenced", BOX, f"```json\n[{GOOD}]\n```", "ok", "the same in a fence"),
    ("three_numbers_first", BOX, f'[{{"bbox_2d": [1, 2, 3], "label": "red square"}}, {GOOD}]', "FAILED",
     "the first box cannot be read; the second one is not the first"),
    ("words_first", BOX, f'[{{"bbox_2d": ["left", "top", "right", "bottom"]}}, {GOOD}]', "FAILED", "likewise"),
    ("beyond_first", BOX, f'[{{"bbox_2d": [100, 200, 3000, 4000]}}, {GOOD}]', "FAILED", "the first box is beyond the picture"),
    ("reversed_first", BOX, f'[{{"bbox_2d": [300, 400, 100, 200]}}, {GOOD}]', "FAILED", "the first box is inverted"),
    ("wrong_first", BOX, f'[{{"bbox_2d": [600, 600, 900, 900]}}, {GOOD}]', "FAILED", "the first box is another place"),
    ("cut_off", BOX, '[{"bbox_2d": [100, 200, 300', "FAILED", "three numbers, then cut off", "length"),
    ("no_box", BOX, "The red square is at the upper left.", "unread", "there is no box"),
]

THOUGHTS = [
    ("thinking_tag", COLOURS, "<thinking>A is red, so it may be A.</thinking>\nB", "ok/unread", "the answer follows the thought"),
    ("thinking_tag_passes", 'Contains("red")', "<thinking>Is it red?</thinking>\nblue", "FAILED", "the answer is blue"),
    ("kimi", COLOURS, "◁think▷Is it A? No.◁/think▷B", "ok/unread", "Kimi-VL's marks"),
    ("upper_case", COLOURS, "<THINK>A?</THINK>B", "ok/unread", "marks in capitals"),
    ("two_thoughts", COLOURS, "<think>A?</think>Let me look again.<think>No, B.</think>B", "ok", "the answer follows the last thought"),
    ("empty_thought", COLOURS, "<think>\n\n</think>\n\nB", "ok", "Qwen3 without thinking writes this"),
    ("nothing_after", COLOURS, "<think>It is B.</think>", "unread", "no answer follows"),
    ("opened_at_the_end", COLOURS, "B\n<think>or A", "ok/unread", "an answer, then a thought that never ended", "length"),
    ("zh_thought", YES, "<think>没有猫，但是有狗。</think>\n是的。", "ok", "the answer is yes"),
    ("cut_off_contains", 'Contains("red")', "<think>The square is red, I should", "unread", "the thought was cut off", "length"),
    ("cut_off_not", 'Not(Contains("red"))', "<think>The square is blue, I should", "FAILED", "no answer came: nothing can pass", "length"),
    ("cut_off_metric", 'Metric(name: anls, answers: ["red"])', "<think>red", "FAILED", "no answer came", "length"),
]

FOLDERS = [
    ("own-choice-decided", "An option is chosen by its last word, or by a word that rejects it",
     "Answers that decide, correct, reject, box or quote options, as chat models write them.", CHOICES,
     "ways of answering collected in open-compass/VLMEvalKit pull request 1552 and EleutherAI/lm-evaluation-harness 1647."),
    ("own-number-forms", "A number's power, range or scale is dropped",
     "Powers, ranges, fractions, scale words and separators change a number's value.", NUMBERS,
     "kin of open-compass/VLMEvalKit's reports on ChartQA and MathVista answers; written by hand."),
    ("own-yes-no-idioms", "Idioms of yes and no, near and far denials",
     "Sentences whose words of denial deny nothing, and sentences that deny without them.", IDIOMS,
     "kin of AoiDragon/POPE 19; written by hand."),
    ("own-facts-denied", "A fact that is denied counts as stated",
     "`Facts` gives marks for what an answer states; what it denies is the opposite.", STATED,
     "descriptions in bradyfu's MME reports of hallucination; written by hand."),
    ("own-first-box", "An unreadable first box is passed over for a later one",
     "The first box that a model writes is its answer; one that cannot be read does not make the second one the first.", BOXES,
     "QwenLM/Qwen3-VL 1352 and kin (boxes cut off, inverted, out of range); written by hand."),
    ("own-thoughts", "Thoughts of other models, empty ones, and those without an answer",
     "Models mark thoughts in several ways; some never come to an answer.", THOUGHTS,
     "MoonshotAI/Kimi-VL's model card (marks), QwenLM/Qwen3 (empty thoughts); written by hand."),
]
