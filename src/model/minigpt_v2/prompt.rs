/*!
The words around a question, and where the reference cuts them before it makes tokens: each piece
gets a space before it.

Follows Vision-CAIR/MiniGPT-4: `minigpt4/conversation/conversation.py` (`CONV_VISION_minigptv2`),
`minigpt4/common/eval_utils.py` (`prepare_texts`) and, for earlier turns, the form of training,
`minigpt4/models/minigpt_base.py` (`tokenize_conversation`): an answer ends with `</s>`, and the next
question begins with `<s>`.
*/

use crate::request::{Conversation, Part, Role, Turn};

/// What stands where a picture is shown.
pub(super) const PLACEHOLDER: &str = "<ImageHere>";

/// The prompt in the pieces that become tokens by themselves; placeholders stand inside of them.
pub(super) fn pieces(conversation: &Conversation) -> Vec<String> {
    let system = conversation.system.as_deref().unwrap_or_default();
    let mut pieces: Vec<String> = conversation.turns.iter().map(piece).collect();
    if let Some(first) = pieces.first_mut() {
        first.insert_str(0, system);
    }
    pieces
}

fn piece(turn: &Turn) -> String {
    match turn.role {
        Role::User => format!("<s>[INST] {}{} [/INST]", pictures(turn), words(turn)),
        Role::Assistant => format!("{}</s>", words(turn)),
    }
}

fn pictures(turn: &Turn) -> String {
    let shown = turn.parts.iter().filter(|part| matches!(part, Part::Image(_)));
    shown.map(|_| format!("<Img>{PLACEHOLDER}</Img> ")).collect()
}

fn words(turn: &Turn) -> String {
    let texts = turn.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}
