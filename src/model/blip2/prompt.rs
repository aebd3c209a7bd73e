/*!
From a conversation to the one prompt that BLIP-2 and InstructBLIP take: a picture, then a text.

Neither has a chat template, and neither was trained on conversations, so nothing is made up here:
earlier turns and a system prompt are refused. Who wants to show earlier questions writes them into
the prompt, as the model card does: `Question: {q1} Answer: {a1}. Question: {q2} Answer:`.
*/

use crate::model::ModelError;
use crate::request::{Conversation, Part};

/// The conversation's picture and text; an empty text is fine.
pub(super) fn picture_and_text(
    conversation: &Conversation,
    family: &'static str,
) -> Result<(usize, String), ModelError> {
    let refuse = |reason: &str| ModelError::Conversation { family, reason: reason.to_owned() };
    if conversation.system.as_deref().is_some_and(|system| !system.is_empty()) {
        return Err(refuse("it has no place for a system prompt; write it into the question"));
    }
    let [turn] = conversation.turns.as_slice() else {
        return Err(refuse(
            "it answers one turn; write earlier ones into the prompt, as in `Question: .. Answer: \
             ... Question: .. Answer:`",
        ));
    };
    let Some((Part::Image(index), rest)) = turn.parts.split_first() else {
        return Err(refuse("a turn starts with the picture, which stands before all text"));
    };
    let mut text = String::new();
    for part in rest {
        match part {
            Part::Text(words) => text.push_str(words),
            Part::Image(_) => return Err(refuse("it sees one picture, not several")),
        }
    }
    Ok((*index, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Role, Turn};

    #[test]
    fn a_picture_and_a_text_are_found() {
        let asked = picture_and_text(&Conversation::ask(1, "a photo of"), "BLIP-2").unwrap();
        assert_eq!(asked, (0, "a photo of".to_owned()));
    }

    #[test]
    fn what_it_was_not_made_for_is_refused() {
        let text = |words: &str| Part::Text(words.to_owned());
        let turn = |parts| Turn { role: Role::User, parts };
        let talk = |turns| Conversation { system: None, turns };
        let with_system =
            Conversation { system: Some("Be brief.".into()), ..Conversation::ask(1, "What?") };
        let answered = Turn { role: Role::Assistant, parts: vec![text("A dog.")] };
        let asked = turn(vec![Part::Image(0), text("What?")]);
        for (conversation, word) in [
            (with_system, "system prompt"),
            (Conversation::ask(0, "What?"), "starts with the picture"),
            (Conversation::ask(2, "What?"), "one picture"),
            (talk(vec![turn(vec![text("What is"), Part::Image(0)])]), "starts with the picture"),
            (talk(vec![asked.clone(), answered, asked]), "one turn"),
        ] {
            let error = picture_and_text(&conversation, "BLIP-2").unwrap_err().to_string();
            assert!(error.starts_with("BLIP-2 cannot take"), "{error}");
            assert!(error.contains(word), "{error}");
        }
    }
}
