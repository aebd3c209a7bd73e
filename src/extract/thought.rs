/*!
The part of a text that is the answer: what a model thinks before it is not.

Chat models mark their thoughts by tags of their families, which stay in the text. What counts is what
follows the last closing mark, whether or not its opening one was written (many templates put that into
the prompt). A thought that was opened last and never closed means that there is no answer yet.
Knows no reader.
*/

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::answer::Answer;

/// The marks of a thought, as public models write them; case does not matter.
struct Marks {
    opening: &'static str,
    closing: &'static str,
}

/// Sources: the chat templates and model cards of the families named.
const THOUGHTS: [Marks; 17] = [
    // Qwen3(-VL), DeepSeek-R1, GLM-4.1V and 4.5V, MiMo, InternVL3.5, Skywork-R1V, Hunyuan.
    Marks { opening: "<think>", closing: "</think>" },
    Marks { opening: "<thinking>", closing: "</thinking>" },
    // EXAONE-Deep.
    Marks { opening: "<thought>", closing: "</thought>" },
    Marks { opening: "<thoughts>", closing: "</thoughts>" },
    Marks { opening: "<reasoning>", closing: "</reasoning>" },
    Marks { opening: "<reason>", closing: "</reason>" },
    Marks { opening: "<reflection>", closing: "</reflection>" },
    Marks { opening: "<analysis>", closing: "</analysis>" },
    Marks { opening: "<scratchpad>", closing: "</scratchpad>" },
    // Seed-OSS.
    Marks { opening: "<seed:think>", closing: "</seed:think>" },
    // Kimi-VL-Thinking.
    Marks { opening: "◁think▷", closing: "◁/think▷" },
    // Magistral.
    Marks { opening: "[THINK]", closing: "[/THINK]" },
    // Command A Reasoning.
    Marks { opening: "<|START_THINKING|>", closing: "<|END_THINKING|>" },
    // Sky-T1, OpenThinker.
    Marks { opening: "<|begin_of_thought|>", closing: "<|end_of_thought|>" },
    // gpt-oss: every channel but the final one.
    Marks { opening: "<|channel|>analysis", closing: "<|channel|>final<|message|>" },
    // Gemma 4.
    Marks { opening: "<|channel>thought", closing: "<channel|>" },
    // MedGemma.
    Marks { opening: "<unused94>", closing: "<unused95>" },
];

/// Opening marks with a closing one of the list above: gpt-oss's second channel, LLaVA-CoT's stages.
const FURTHER_OPENINGS: [&str; 3] = ["<|channel|>commentary", "<SUMMARY>", "<CAPTION>"];

/// Granite 3.2 writes its marks in words, gpt-oss without its special tokens as one word.
const IN_WORDS: [Marks; 2] = [
    Marks { opening: "Here is my thought process:", closing: "Here is my response:" },
    Marks { opening: "analysis", closing: "assistantfinal" },
];

/// Tags that hold an answer, or that a model may put around it.
const ANSWERS: [Marks; 6] = [
    Marks { opening: "<answer>", closing: "</answer>" },
    // GLM-4.1V and 4.5V.
    Marks { opening: "<|begin_of_box|>", closing: "<|end_of_box|>" },
    Marks { opening: "<|begin_of_solution|>", closing: "<|end_of_solution|>" },
    Marks { opening: "<|START_RESPONSE|>", closing: "<|END_RESPONSE|>" },
    // LLaVA-CoT.
    Marks { opening: "<CONCLUSION>", closing: "</CONCLUSION>" },
    Marks { opening: "<response>", closing: "</response>" },
];

/// There is no answer: the text ends within a thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text ends within a thought, before the answer")]
pub struct Unfinished;

/// What follows a text's thoughts; the whole text if it has none.
///
/// ```
/// use eyechart::extract::{Unfinished, after_thought};
/// assert_eq!(after_thought("Is it A? No.\n</think>\n\nB"), Ok("B"));
/// assert_eq!(after_thought("<think>Is it A? Let me"), Err(Unfinished));
/// assert_eq!(after_thought("B"), Ok("B"));
/// ```
///
/// # Errors
/// The last thought is not closed.
pub fn after_thought(text: &str) -> Result<&str, Unfinished> {
    if let Some(answer) = after_thought_in_words(text) {
        return answer;
    }
    let (mut answer_start, mut opened) = (None, None);
    for mark in THOUGHT_MARK.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        match (mark.name("opening"), mark.name("closing")) {
            (Some(opening), _) => opened = opened.or(Some(opening.start())),
            (None, Some(closing)) => {
                answer_start = Some(closing.end());
                opened = None;
            }
            (None, None) => {}
        }
    }
    match (opened, answer_start) {
        (Some(_), _) => Err(Unfinished),
        (None, Some(start)) => Ok(text[start..].trim()),
        (None, None) => Ok(text),
    }
}

fn after_thought_in_words(text: &str) -> Option<Result<&str, Unfinished>> {
    let start = text.trim_start();
    let [granite, channels] = &IN_WORDS;
    let marks = match start.strip_prefix(channels.opening) {
        // The word "analysis" itself is followed by a space.
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_uppercase()) => channels,
        _ if start.starts_with(granite.opening) => granite,
        _ => return None,
    };
    let answer = start.rfind(marks.closing).map(|at| start[at + marks.closing.len()..].trim());
    Some(answer.ok_or(Unfinished))
}

/// The opening mark of a thought that a prompt ends with, as the templates of models that always think
/// do: what is generated begins within it.
pub fn thought_opened_by(prompt: &str) -> Option<&'static str> {
    let prompt = prompt.trim_end();
    THOUGHTS.iter().map(|marks| marks.opening).find(|opening| prompt.ends_with(opening))
}

/// A generated text with the opening mark that its prompt wrote.
pub fn with_opened_thought<'t>(prompt: &str, text: &'t str) -> Cow<'t, str> {
    match thought_opened_by(prompt) {
        Some(opening) => format!("{opening}{text}").into(),
        None => text.into(),
    }
}

/// All that a model said: its text, with the opening mark of a thought that its prompt wrote.
pub fn said(answer: &Answer) -> Cow<'_, str> {
    with_opened_thought(&answer.input.rendered_prompt, &answer.text)
}

/// The inside of the one tag that holds the answer (`<answer>B</answer>`); the whole text if there is
/// none, or several.
pub fn inside_answer_tag(text: &str) -> &str {
    let mut opened = None;
    let mut inside: Option<&str> = None;
    for mark in ANSWER_MARK.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        match (mark.name("opening"), mark.name("closing"), opened) {
            (Some(opening), ..) => opened = Some(opening.end()),
            (None, Some(closing), Some(start)) => {
                let found = text[start..closing.start()].trim();
                if inside.is_some_and(|earlier| earlier != found) {
                    return text;
                }
                (inside, opened) = (Some(found), None);
            }
            _ => {}
        }
    }
    match (inside, opened) {
        (Some(inside), None) => inside,
        (None, Some(start)) => text[start..].trim(),
        _ => text,
    }
}

/// The answer that a text gives: after its thoughts, out of its tag.
pub fn answer_of(text: &str) -> &str {
    after_thought(text).map_or("", inside_answer_tag)
}

static THOUGHT_MARK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let openings = THOUGHTS.iter().map(|marks| marks.opening).chain(FURTHER_OPENINGS);
    pattern_of(openings, THOUGHTS.iter().map(|marks| marks.closing))
});

static ANSWER_MARK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern_of(ANSWERS.iter().map(|marks| marks.opening), ANSWERS.iter().map(|marks| marks.closing))
});

fn pattern_of(
    openings: impl Iterator<Item = &'static str>,
    closings: impl Iterator<Item = &'static str>,
) -> Option<Regex> {
    let openings: Vec<String> = openings.map(regex::escape).collect();
    let closings: Vec<String> = closings.map(regex::escape).collect();
    let (openings, closings) = (openings.join("|"), closings.join("|"));
    Regex::new(&format!("(?i)(?P<closing>{closings})|(?P<opening>{openings})")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_last_thought_is_the_answer() {
        for text in [
            "B",
            "<think>A?</think>B",
            "A?</think>\n\nB",
            "<think>a</think> <think>c</think> B",
            "<THINK>A?</Think> B",
            "<thinking>A</thinking>\nB",
            "<thought>A</thought>B",
            "<reasoning>A</reasoning>B",
            "◁think▷A◁/think▷B",
            "[THINK]A[/THINK]B",
            "<seed:think>A</seed:think>B",
            "<|START_THINKING|>A<|END_THINKING|>B",
            "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B",
            "<|channel>thought\nA<channel|>B",
            "<unused94>thought\nA<unused95>B",
            "analysisWe look at A.assistantfinalB",
            "Here is my thought process: A. Here is my response: B",
            "<SUMMARY>s</SUMMARY><CAPTION>c</CAPTION><REASONING>r</REASONING>B",
        ] {
            assert_eq!(after_thought(text), Ok("B"), "of {text:?}");
        }
    }

    #[test]
    fn a_thought_without_an_end_is_no_answer() {
        for text in [
            "<think>The answer is B? Let me",
            "<think>a</think> <think>B",
            "◁think▷B",
            "<|channel|>analysis<|message|>B",
            "<|channel|>analysis<|message|>A<|end|><|start|>assistant<|channel|>commentary B",
            "analysisWe need B",
            "Here is my thought process: B",
            "<SUMMARY>B",
        ] {
            assert_eq!(after_thought(text), Err(Unfinished), "of {text:?}");
        }
        assert_eq!(after_thought("<think>B</think>"), Ok(""));
        assert_eq!(after_thought("analysis of the picture"), Ok("analysis of the picture"));
    }

    #[test]
    fn a_prompt_may_open_the_thought() {
        let text = with_opened_thought("<|im_start|>assistant\n<think>\n", "It is B");
        assert_eq!(after_thought(&text), Err(Unfinished));
        let text = with_opened_thought("assistant\n<think>\n\n</think>\n\n", "B");
        assert_eq!(after_thought(&text), Ok("B"));
    }

    #[test]
    fn the_tag_of_an_answer_is_no_part_of_it() {
        for text in [
            "<answer>B</answer>",
            "It is <|begin_of_box|>B<|end_of_box|>.",
            "<answer> B",
            "<CONCLUSION>B</CONCLUSION>",
            "<answer>B</answer><answer>B</answer>",
        ] {
            assert_eq!(inside_answer_tag(text), "B", "of {text:?}");
        }
        let two = "<answer>A</answer> <answer>B</answer>";
        assert_eq!(inside_answer_tag(two), two);
    }
}
