//! What a case asks of a model that its family cannot do.

use crate::case::Demands;
use crate::model::{Identity, Support};
use crate::preset;
use crate::request::Task;

/// Why a case is not put to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsupported {
    /// The model sees one picture at a time.
    #[error("unsupported: the case shows {shown} pictures, models of this family see one")]
    SeveralImages {
        /// Pictures of the case's conversation.
        shown: usize,
    },
    /// Boxes are expected, and the model writes none.
    #[error(
        "unsupported: the case expects boxes, models of this family write none (`boxes` of an \
         entry of eyechart.ron can say otherwise)"
    )]
    Boxes,
    /// The family has no words of its own for what the case wants to ask.
    #[error("unsupported: {family} has no preset for {task:?}")]
    Preset {
        /// The family's name.
        family: &'static str,
        /// What it would be asked for.
        task: Task,
    },
}

/// The first thing that a case asks for and the model cannot do.
pub(super) fn unsupported(demands: &Demands, model: &Identity) -> Option<Unsupported> {
    let Identity { family, language_model, capabilities } = model;
    let Demands { pictures: shown, boxes, preset } = *demands;
    if shown > 1 && capabilities.several_images == Support::Unsupported {
        return Some(Unsupported::SeveralImages { shown });
    }
    if boxes && capabilities.boxes.is_none() {
        return Some(Unsupported::Boxes);
    }
    let task = preset?;
    let words = preset::find(family, language_model.as_deref(), task);
    words.is_none().then_some(Unsupported::Preset { family, task })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Checks, Discovered, KnownNames, discover};
    use crate::extract::BoxNotation;
    use crate::model::Capabilities;

    const NOTHING: Capabilities =
        Capabilities { several_images: Support::Unsupported, boxes: None };

    fn outcome(fields: &str, capabilities: Capabilities) -> Option<Unsupported> {
        let folder = tempfile::tempdir().unwrap();
        let picture = ::image::RgbImage::new(4, 4);
        picture.save(folder.path().join("a.png")).unwrap();
        std::fs::write(folder.path().join("case.ron"), format!("({fields}, prompt: \"?\")"))
            .unwrap();
        let found = discover(folder.path(), &KnownNames::default(), Checks::Everything).unwrap();
        match &found[..] {
            [Discovered::Case(case)] => {
                let family = "BLIP-2";
                unsupported(
                    &case.traits.demands,
                    &Identity { family, language_model: None, capabilities },
                )
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn several_pictures_need_a_family_that_sees_them() {
        let two = r#"images: ["a.png", "a.png"], expect: Exact("a")"#;
        assert_eq!(outcome(two, NOTHING), Some(Unsupported::SeveralImages { shown: 2 }));
        let able = Capabilities { several_images: Support::Supported, ..NOTHING };
        assert_eq!(outcome(two, able), None);
        assert_eq!(outcome(r#"images: ["a.png"], expect: Exact("a")"#, NOTHING), None);
    }

    #[test]
    fn a_preset_needs_words_of_the_family() {
        let fields = |preset| format!(r#"images: ["a.png"], preset: {preset}"#);
        let (family, task) = ("BLIP-2", Task::Grounding);
        let expected = Some(Unsupported::Preset { family, task });
        assert_eq!(outcome(&fields("Grounding"), NOTHING), expected);
        assert_eq!(outcome(&fields("ShortAnswer"), NOTHING), None);
        assert_eq!(outcome(&fields("AsWritten"), NOTHING), None);
    }

    #[test]
    fn boxes_need_a_notation_wherever_nothing_else_will_do() {
        let boxes = r#"Boxes(truth: [(label: "a", xyxy: (0, 0, 2, 2))])"#;
        for (expectation, expected) in [
            (boxes.to_owned(), Some(Unsupported::Boxes)),
            (format!(r#"All([Contains("a"), {boxes}])"#), Some(Unsupported::Boxes)),
            (format!("Not({boxes})"), Some(Unsupported::Boxes)),
            (format!(r#"Any([Contains("a"), {boxes}])"#), None),
        ] {
            let fields = format!("images: [\"a.png\"], expect: {expectation}");
            assert_eq!(outcome(&fields, NOTHING), expected, "{fields}");
            let able = Capabilities { boxes: Some(BoxNotation::Kosmos2), ..NOTHING };
            assert_eq!(outcome(&fields, able), None, "{fields}");
        }
    }
}
