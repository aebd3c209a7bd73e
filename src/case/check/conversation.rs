//! Checks of what is asked.

use super::super::defaults::Defaults;
use super::super::error::{CaseError, Problem};
use super::super::place::Place;
use super::super::schema::RawTurn;
use crate::request::{Conversation, Part, Role, Task, Turn};

/// Where a picture stands in the text.
const MARKER: &str = "<image>";

/// As the user wrote it.
pub(super) struct Asked {
    pub(super) prompt: Option<String>,
    pub(super) turns: Option<Vec<RawTurn>>,
    pub(super) system: Option<String>,
    pub(super) preset: Option<Task>,
}

/// The conversation of a case with so many pictures.
///
/// Without a marker in any text the pictures stand before the user's first words; with markers
/// they stand there, in order. The texts are kept to the letter.
pub(super) fn check(
    asked: Asked,
    defaults: &Defaults,
    images: usize,
    place: Place<'_>,
) -> Result<Conversation, CaseError> {
    let system = match asked.system {
        Some(text) => Some(system(text, place.field("system"))?),
        None => defaults.system.clone(),
    };
    let (texts, place) = match (asked.prompt, asked.turns) {
        (Some(_), Some(_)) => return Err(place.field("turns").key_error(Problem::PromptAndTurns)),
        (None, None) if asked.preset == Some(Task::Description) => {
            return Ok(Conversation { system, turns: vec![shown_only(images)] });
        }
        (None, None) => return Err(place.error(Problem::NoPrompt)),
        (Some(prompt), None) => {
            (prompt_text(prompt, place.field("prompt"))?, place.field("prompt"))
        }
        (None, Some(turns)) => (turn_texts(turns, place.field("turns"))?, place.field("turns")),
    };
    let markers = texts.iter().map(|(_, text)| text.matches(MARKER).count()).sum();
    let turns = match markers {
        0 => leading_images(texts, images),
        markers if markers == images => marked_images(texts),
        markers => return Err(place.error(Problem::MarkerCount { markers, images })),
    };
    Ok(Conversation { system, turns })
}

/// A turn that leaves it to the family what to ask.
fn shown_only(images: usize) -> Turn {
    Turn { role: Role::User, parts: (0..images).map(Part::Image).collect() }
}

/// A system prompt that says something, or an empty one, which asks for none where there would be one
/// otherwise: the family's own, or that of the folder.
pub(super) fn system(text: String, place: Place<'_>) -> Result<String, CaseError> {
    if text.trim().is_empty() && !text.is_empty() {
        let remedy = "write \"\" for none at all, or leave it out";
        return Err(place.error(Problem::Empty { what: "`system`", remedy }));
    }
    Ok(text)
}

/// One question about so many pictures, as a prompt of these words asks it; the number of markers
/// if it is not that of the pictures.
pub(crate) fn ask(
    system: Option<String>,
    prompt: String,
    images: usize,
) -> Result<Conversation, usize> {
    let markers = prompt.matches(MARKER).count();
    let texts = vec![(Role::User, prompt)];
    let turns = match markers {
        0 => leading_images(texts, images),
        markers if markers == images => marked_images(texts),
        markers => return Err(markers),
    };
    Ok(Conversation { system, turns })
}

type Texts = Vec<(Role, String)>;

fn prompt_text(prompt: String, place: Place<'_>) -> Result<Texts, CaseError> {
    check_text(&prompt, place)?;
    Ok(vec![(Role::User, prompt)])
}

fn turn_texts(turns: Vec<RawTurn>, place: Place<'_>) -> Result<Texts, CaseError> {
    if turns.is_empty() {
        let remedy = "write at least [User(\"..\")]";
        return Err(place.error(Problem::Empty { what: "`turns`", remedy }));
    }
    let last = turns.len() - 1;
    let check = |(index, turn): (usize, RawTurn)| {
        let place = place.item(index);
        let (role, text) = match turn {
            RawTurn::User(text) => (Role::User, text),
            RawTurn::Assistant(text) => (Role::Assistant, text),
        };
        check_order(role, index, place)?;
        if index == last && role == Role::Assistant {
            return Err(place.error(Problem::LastTurn));
        }
        if role == Role::Assistant && text.contains(MARKER) {
            return Err(place.item(0).error(Problem::MarkerInAnswer));
        }
        check_text(&text, place.item(0))?;
        Ok((role, text))
    };
    turns.into_iter().enumerate().map(check).collect()
}

fn check_order(role: Role, index: usize, place: Place<'_>) -> Result<(), CaseError> {
    let expected = if index.is_multiple_of(2) { Role::User } else { Role::Assistant };
    if role == expected {
        return Ok(());
    }
    let (found, expected) = (whose(role), whose(expected));
    Err(place.error(Problem::TurnOrder { number: index + 1, found, expected }))
}

fn whose(role: Role) -> &'static str {
    match role {
        Role::User => "the user's",
        Role::Assistant => "the assistant's",
    }
}

fn check_text(text: &str, place: Place<'_>) -> Result<(), CaseError> {
    if text.replace(MARKER, "").trim().is_empty() {
        return Err(place.error(Problem::Empty { what: "the text", remedy: "ask something" }));
    }
    Ok(())
}

fn leading_images(texts: Texts, images: usize) -> Vec<Turn> {
    let mut images: Vec<Part> = (0..images).map(Part::Image).collect();
    let mut turn = |(role, text)| {
        let mut parts = std::mem::take(&mut images);
        parts.push(Part::Text(text));
        Turn { role, parts }
    };
    texts.into_iter().map(&mut turn).collect()
}

fn marked_images(texts: Texts) -> Vec<Turn> {
    let mut next = 0;
    let mut turn = |(role, text): (Role, String)| {
        let mut parts = Vec::new();
        for (index, piece) in text.split(MARKER).enumerate() {
            if index > 0 {
                parts.push(Part::Image(next));
                next += 1;
            }
            if !piece.is_empty() {
                parts.push(Part::Text(piece.to_owned()));
            }
        }
        Turn { role, parts }
    };
    texts.into_iter().map(&mut turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> (Role, String) {
        (Role::User, text.to_owned())
    }

    #[test]
    fn pictures_stand_first_without_markers() {
        let turns = leading_images(vec![user("a"), (Role::Assistant, "b".into()), user("c")], 2);
        assert_eq!(turns[0].parts, [Part::Image(0), Part::Image(1), Part::Text("a".into())]);
        assert_eq!(turns[2].parts, [Part::Text("c".into())]);
    }

    #[test]
    fn pictures_stand_where_the_markers_do() {
        let turns = marked_images(vec![user("<image>\nand <image>?"), user("x<image>")]);
        assert_eq!(
            turns[0].parts,
            [Part::Image(0), Part::Text("\nand ".into()), Part::Image(1), Part::Text("?".into())]
        );
        assert_eq!(turns[1].parts, [Part::Text("x".into()), Part::Image(2)]);
    }
}
