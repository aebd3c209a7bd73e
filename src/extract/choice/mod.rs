/*!
Which of the lettered options an answer names.

Everything in the answer that could name an option is a [mention](mention::Mention): a letter, or the
text of an option, with its place, how strongly it is put forward, and what its clause does to it. The
decision is made at the end, over all of them: never by the first that fits.
*/

mod letter;
mod mention;
mod tokens;

use super::Extraction;
use super::clause::fold;
use super::final_answer::boxed;
use super::thought::answer_of;
use mention::{Force, Mention, Mentions};

/// The index of the option that the answer names.
///
/// Of the mentions that are not denied, doubted or asked about, the strongest decide:
/// 1. *declared* ones: the answer is the option and no more ("b", "(B)", "dark red"), opens or ends with
///    it on a line of its own or as a heading ("B. red"), announces it ("The answer is B", 选B, "B is
///    correct"), or has it in a box or an answer's tag;
/// 2. headings of other lines;
/// 3. letters within sentences ("I think (B)"), and the texts of options ("The car is dark red").
///
/// A letter within the text of an option ("Vitamin C") is a part of that text; the words "A" and "I" of a
/// sentence are no letters; an option's text within that of a longer one ("red" in "dark red") does not
/// count there. If the strongest mentions name more than one option, or an opening letter stands before
/// another option's text ("A. blue" where blue is B), the answer is ambiguous; where all are denied, it
/// is that. A correction ("no, wait") takes back what stood before it. None is ever drawn at random.
pub fn choice(text: &str, options: &[String]) -> Extraction<usize> {
    let folded = fold(answer_of(text));
    match boxed(&folded).map(|inside| read(inside, options)) {
        None | Some(Extraction::Absent) => read(&folded, options),
        Some(found) => found,
    }
}

fn read(folded: &str, options: &[String]) -> Extraction<usize> {
    let mentions = Mentions::of(folded, options);
    if let Some(named) = mentions.nothing_else() {
        return Extraction::from_candidates(named);
    }
    let counted = mentions.since_correction();
    let asserted: Vec<&Mention> = counted.iter().filter(|one| one.is_asserted()).collect();
    let strongest = asserted.iter().map(|one| one.force).max();
    match strongest {
        None => denied(counted),
        Some(Force::Plain) => plain(&asserted),
        Some(force) => {
            let strong = asserted.iter().filter(|one| one.force == force);
            let named = strong.flat_map(|one| [Some(one.option), one.contradicted_by]);
            Extraction::from_candidates(named.flatten())
        }
    }
}

/// Letters and texts within sentences: they must agree.
fn plain(asserted: &[&Mention]) -> Extraction<usize> {
    let mut named: Vec<usize> = asserted.iter().map(|one| one.option).collect();
    if asserted.iter().all(|one| !one.is_letter) {
        named.sort_unstable();
    }
    Extraction::from_candidates(named)
}

fn denied(mentions: &[Mention]) -> Extraction<usize> {
    let denied = mentions.iter().filter(|one| one.is_denied()).map(|one| one.option);
    Extraction::all_denied(denied)
}

#[cfg(test)]
mod tests {
    use super::{Extraction, choice};
    use Extraction::{Absent, Ambiguous, Found};

    fn read(text: &str) -> Extraction<usize> {
        choice(text, &["red", "blue", "dark red", "绿色"].map(String::from))
    }

    #[test]
    fn letters() {
        for text in ["B", "b", "(B)", "(b)", "B.", "B) blue", "B: it is", "Ｂ。", "**B**", "[B]"]
        {
            assert_eq!(read(text), Found(1), "of {text:?}");
        }
        for text in [
            "The answer is B",
            "Answer: B",
            "the answer is **B**.",
            "答案是B",
            "选B",
            "我选 B。",
            "I think (B)",
            "Option B is right",
            "the answer is b",
            "It is B",
            "The answer is B because A is wrong",
        ] {
            assert_eq!(read(text), Found(1), "of {text:?}");
        }
    }

    #[test]
    fn texts() {
        assert_eq!(read("blue"), Found(1));
        assert_eq!(read("The car is blue."), Found(1));
        assert_eq!(read("dark red"), Found(2));
        assert_eq!(read("A red car"), Found(0));
        assert_eq!(read("绿色的"), Found(3));
        assert_eq!(read("I'm sure it is blue"), Found(1));
    }

    #[test]
    fn several_options_are_ambiguous() {
        assert_eq!(read("A or B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("A and B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("A, B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("(A) (C)"), Ambiguous(vec![0, 2]));
        assert_eq!(read("A和B"), Ambiguous(vec![0, 1]));
        assert_eq!(read("red or blue"), Ambiguous(vec![0, 1]));
        assert_eq!(read("dark red and red"), Ambiguous(vec![0, 2]));
        assert_eq!(read("A. blue"), Ambiguous(vec![0, 1]));
    }

    #[test]
    fn nothing_is_drawn_at_random() {
        for text in [
            "",
            "E",
            "A cat sat on the mat",
            "I see nothing",
            "reddish",
            "a dog",
            "the answer is a dog",
        ] {
            assert_eq!(read(text), Absent, "of {text:?}");
        }
    }

    fn of(text: &str, options: &[&str]) -> Extraction<usize> {
        let options: Vec<String> = options.iter().map(|one| (*one).to_owned()).collect();
        choice(text, &options)
    }

    #[test]
    fn an_explanation_does_not_change_the_answer() {
        for text in [
            "The correct answer is B. Option A is wrong because it is not red.",
            "First I look at option A, then at option C. The answer is B.",
            "B\n\nA is wrong.",
            "Not A. The correct option is B.",
            "The answer is B because A is wrong",
            "(A) is not correct. (B) is.",
            "A) red is wrong, B) blue is right",
            "The square is not red, it is blue.",
            "B, not A",
            "B rather than A",
            "It is B instead of C.",
            "Option B is correct, while option C is incorrect.",
            "It cannot be A, so the answer is B.",
            "The answer is blue, since a red car would be darker.",
            "Answer: B\nExplanation: option A is too bright.",
            "A is wrong. C is wrong. The answer is B.",
            "{\"answer\": \"B\", \"explanation\": \"not A\"}",
            "选B，因为A不对。",
            "不是A，而是B。",
            "答案是B，A错误。",
            "答案是A，不对，应该是B。",
            "B. Correction: B",
            "A. No, wait, B",
            "$\\boxed{B}$",
            "<answer>B</answer>",
            "The answer is A? No.\n</think>\n\nB",
            "I'm not completely sure, but I think it's B.",
            "There is no doubt that B is correct.",
        ] {
            assert_eq!(read(text), Found(1), "of {text:?}");
        }
    }

    #[test]
    fn letters_within_texts_belong_to_the_texts() {
        let vitamins = ["Vitamin A", "Vitamin C", "Vitamin D"];
        assert_eq!(of("Vitamin C", &vitamins), Found(1));
        assert_eq!(of("It contains Vitamin C.", &vitamins), Found(1));
        assert_eq!(of("B", &vitamins), Found(1));
        assert_eq!(of("B. Vitamin C", &vitamins), Found(1));
        assert_eq!(of("The answer is C", &vitamins), Found(2));
        assert_eq!(of("A. Vitamin C", &vitamins), Ambiguous(vec![0, 1]));
        assert_eq!(of("Hepatitis A", &["Hepatitis B", "Hepatitis A", "Hepatitis C"]), Found(1));
        assert_eq!(of("C major", &["C major", "A minor", "G major", "D minor"]), Found(0));
        assert_eq!(of("∠C", &["∠C", "∠B", "∠A"]), Found(0));
        assert_eq!(of("USB C", &["USB C", "HDMI", "VGA"]), Found(0));
        let sections = ["Section D", "Section C", "Section B", "Section A"];
        assert_eq!(of("The stairs are in Section D.", &sections), Found(0));
        assert_eq!(of("C#", &["C", "C++", "C#", "D"]), Found(2));
        let people = ["W. E. Du Bois", "I. Newton", "B. Franklin", "A. Lincoln"];
        assert_eq!(of("B. Franklin", &people), Found(2));
        assert_eq!(of("It has vitamin C in it", &["iron", "zinc", "orange"]), Absent);
    }

    #[test]
    fn what_names_two_or_none_is_unread() {
        for text in [
            "The answer is A. The answer is B.",
            "A or B",
            "The answer is A or B",
            "It could be red or blue.",
            "I am not sure whether it is A or B.",
            "Neither A nor B",
            "It is not A.",
            "Is it B?",
            "B. Wait, no.",
            "A. red\nB. blue\nC. dark red",
            "<think>The answer is B",
            "None of the options is right",
            "没有一个选项符合图片。",
            "答案可能是A，也可能是B。",
        ] {
            assert!(!matches!(read(text), Found(_)), "of {text:?}: {:?}", read(text));
        }
    }

    /// Where VLMEvalKit infers an option, we find the same one or say that it is ambiguous; where
    /// we find one and it does not, we must have read a text or a lower-case letter.
    #[test]
    fn never_contradicts_vlmevalkit() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../fixtures/golden/mmbench.json")).unwrap();
        let mut agreed = 0;
        for row in golden["matching"].as_array().unwrap() {
            let options: Vec<String> = row["choices"]
                .as_object()
                .unwrap()
                .values()
                .map(|v| v.as_str().unwrap().to_owned())
                .collect();
            let text = row["prediction"].as_str().unwrap();
            let Some(theirs) = row["can_infer"].as_str().filter(|letter| *letter != "Z") else {
                continue;
            };
            let theirs = usize::from(theirs.as_bytes()[0] - b'A');
            match choice(text, &options) {
                Found(ours) => {
                    assert_eq!(ours, theirs, "of {text:?} with {options:?}");
                    agreed += 1;
                }
                other => eprintln!("{text:?}: {other:?}, theirs {theirs}"),
            }
        }
        assert!(agreed > 20, "only {agreed}");
    }
}
