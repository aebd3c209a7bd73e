/*!
The words around a question: `vicuna_v1` of haotian-liu/LLaVA `llava/conversation.py`, with which
LLaVA-1.5 was trained and measured.
*/

use crate::request::{Conversation, Part, Role, Turn};

/// What stands where a picture is shown.
pub(super) const PLACEHOLDER: &str = "<image>";

const SYSTEM: &str = "A chat between a curious user and an artificial intelligence assistant. \
                      The assistant gives helpful, detailed, and polite answers to the user's \
                      questions.";

/// The prompt for the model's next turn. A turn's pictures stand before its words. A system prompt
/// that is empty is left out, which is what the hub's chat template does with none.
pub(super) fn render(conversation: &Conversation) -> String {
    let mut prompt = match conversation.system.as_deref().unwrap_or(SYSTEM) {
        "" => String::new(),
        system => format!("{system} "),
    };
    for turn in &conversation.turns {
        match turn.role {
            Role::User => prompt += &format!("USER: {}{} ", pictures(turn), words(turn)),
            Role::Assistant => prompt += &format!("ASSISTANT: {}</s>", words(turn)),
        }
    }
    prompt + "ASSISTANT:"
}

fn pictures(turn: &Turn) -> String {
    let shown = turn.parts.iter().filter(|part| matches!(part, Part::Image(_)));
    shown.map(|_| format!("{PLACEHOLDER}\n")).collect()
}

fn words(turn: &Turn) -> String {
    let texts = turn.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}
