//! Whether an answer declines to answer.

use super::text::normalize;

/// Openings of a refusal, normalised. Only openings: a later "sorry" may belong to the answer.
const OPENINGS: [&str; 26] = [
    "i cannot",
    "i cant",
    "i can not",
    "i am unable",
    "im unable",
    "i am not able",
    "im not able",
    "i wont",
    "i will not",
    "i must decline",
    "sorry",
    "im sorry",
    "i am sorry",
    "i apologize",
    "as ai",
    "unfortunately i",
    "抱歉",
    "很抱歉",
    "对不起",
    "不好意思",
    "我无法",
    "我不能",
    "无法回答",
    "我没有办法",
    "作为人工智能",
    "作为1个",
];

/// Whether the answer opens as a refusal does. Ask only where nothing of the expected kind was
/// found: "Sorry, I miscounted: three" is an answer.
pub fn is_refusal(text: &str) -> bool {
    let text = normalize(text);
    OPENINGS.iter().any(|opening| text.starts_with(opening))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_both_languages() {
        for text in [
            "I cannot help with that.",
            "I can’t see the image",
            "I'm sorry, but I am unable to...",
            "As an AI language model, I",
            "抱歉，我无法查看图片。",
            "很抱歉",
            "作为一个人工智能，我不能",
        ] {
            assert!(is_refusal(text), "{text}");
        }
        for text in ["A cat", "有人在说抱歉", "The sign says sorry", ""] {
            assert!(!is_refusal(text), "{text}");
        }
    }
}
