/*!
Each family's own prompts for the tasks that cases name, as data (`presets.ron`).

A case that says `preset: ShortAnswer` asks every family in the words that its authors used for it,
and with their way of generating; what the case says of generation counts over that. Knows nothing
of how prompts are rendered or answers are made.
*/

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::case::GenerationOverrides;
use crate::request::{Conversation, GenerationOptions, Part, Sampling, Task};

mod wording;

use wording::{OptionList, QuestionTreatment};

/// How a family is asked for one kind of answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    wording: String,
    #[serde(default)]
    unprompted: Option<String>,
    #[serde(default)]
    options: Option<OptionList>,
    #[serde(default)]
    question: QuestionTreatment,
    #[serde(default)]
    generation: GenerationOverrides,
    source: String,
}

/// The preset of a family for a task, if it has one. `language_model` (`opt`, `t5`, ..) tells
/// variants of a family apart that are asked differently.
pub fn find(family: &str, language_model: Option<&str>, task: Task) -> Option<&'static Preset> {
    static TABLE: LazyLock<BTreeMap<String, BTreeMap<Task, Preset>>> = LazyLock::new(|| {
        ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(include_str!("presets.ron"))
            .expect("the table of presets is valid")
    });
    let of = |name: &str| TABLE.get(name)?.get(&task);
    let variant = language_model.map(|language| format!("{family} on {language}"));
    variant.and_then(|name| of(&name)).or_else(|| of(family))
}

impl Preset {
    /// How to generate: as the authors do for this task, with what the case states in place of
    /// theirs. What it states does not make the rest of the preset impossible: drawing drops their
    /// beams, and a lower limit of tokens their minimum.
    pub fn options(&self, stated: &GenerationOverrides) -> GenerationOptions {
        let mut options = stated.apply(self.generation.apply(GenerationOptions::default()));
        if stated.num_beams.is_none() && options.sampling != Sampling::Greedy {
            options.num_beams = 1;
        }
        if stated.min_new_tokens.is_none() {
            options.min_new_tokens = options.min_new_tokens.min(options.max_new_tokens);
        }
        options
    }

    /// Where wording and generation come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The conversation with its last turn in the family's words: around what the user says there,
    /// or, where that is nothing, in its place. `options` are those of a choice.
    pub fn word(&self, mut conversation: Conversation, options: &[String]) -> Conversation {
        if let Some(turn) = conversation.turns.last_mut() {
            turn.parts = self.parts(std::mem::take(&mut turn.parts), options);
        }
        conversation
    }

    fn parts(&self, mut parts: Vec<Part>, options: &[String]) -> Vec<Part> {
        let is_text = |part: &Part| matches!(part, Part::Text(_));
        let Some(first) = parts.iter().position(is_text) else {
            let said = self.unprompted.as_deref().unwrap_or(&self.wording);
            parts.push(Part::Text(said.replace("{prompt}", "")));
            return parts;
        };
        let options = self.options.map(|list| list.write(options)).unwrap_or_default();
        let wording = self.wording.replace("{options}", &options);
        let (before, after) = wording.split_once("{prompt}").unwrap_or((&wording, ""));
        for part in &mut parts {
            if let Part::Text(text) = part {
                *text = self.question.treat(text);
            }
        }
        if let Some(Part::Text(text)) = parts.iter_mut().rfind(|part| is_text(part)) {
            text.push_str(after);
        }
        if let Part::Text(text) = &mut parts[first] {
            text.insert_str(0, before);
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    fn said(family: &str, task: Task, prompt: &str) -> String {
        let preset = find(family, None, task).unwrap();
        let options = ["red", "blue"].map(String::from);
        let mut asked = preset.word(Conversation::ask(1, prompt), &options);
        match asked.turns.remove(0).parts.pop() {
            Some(Part::Text(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    const FAMILIES: [&str; 5] = ["Qwen3-VL", "LLaVA-1.5", "BLIP-2", "InstructBLIP", "MiniGPT-v2"];

    #[test]
    fn every_family_has_its_own_words() {
        let mut shown = String::new();
        for family in FAMILIES {
            for task in Task::ALL.into_iter().filter(|task| find(family, None, *task).is_some()) {
                let said = said(family, task, "What colour?");
                shown.push_str(&format!("{family}, {task:?}: {said:?}\n"));
            }
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn only_families_without_boxes_lack_a_preset() {
        for family in FAMILIES {
            for task in Task::ALL {
                let lacks = task == Task::Grounding && ["BLIP-2", "InstructBLIP"].contains(&family);
                let preset = find(family, None, task);
                assert_eq!(preset.is_none(), lacks, "{family} {task:?}");
                assert!(preset.is_none_or(|preset| !preset.source().is_empty()));
                let lists = |preset: &Preset| preset.wording.contains("{options}");
                assert_eq!(preset.is_some_and(lists), task == Task::Choice, "{family} {task:?}");
            }
        }
    }

    #[test]
    fn the_families_that_can_be_loaded_have_presets() {
        for family in model::known_family_names() {
            assert!(find(family, None, Task::Description).is_some(), "{family}");
        }
    }

    #[test]
    fn without_a_prompt_the_family_asks_by_itself() {
        for family in FAMILIES {
            let preset = find(family, None, Task::Description).unwrap();
            assert!(preset.unprompted.is_some(), "{family}");
        }
        let preset = find("BLIP-2", Some("opt"), Task::Description).unwrap();
        let mut asked = Conversation::ask(1, "");
        asked.turns[0].parts.pop();
        let parts = [Part::Image(0), Part::Text("a photo of".into())];
        assert_eq!(preset.word(asked, &[]).turns[0].parts, parts);
    }

    #[test]
    fn the_words_stand_around_all_the_user_says_last() {
        let preset = find("LLaVA-1.5", None, Task::Grounding).unwrap();
        let mut asked = Conversation::ask(1, "Hello.");
        let text = |text: &str| Part::Text(text.to_owned());
        let mut last = asked.turns[0].clone();
        last.parts = vec![Part::Image(1), text("the cat of "), Part::Image(2), text(" here")];
        asked.turns.push(last);
        let worded = preset.word(asked.clone(), &[]);
        assert_eq!(worded.turns[0], asked.turns[0]);
        let before = "Please provide the bounding box coordinate of the region this sentence \
                      describes: the cat of ";
        let expected = [Part::Image(1), text(before), Part::Image(2), text(" here.")];
        assert_eq!(worded.turns[1].parts, expected);
    }

    #[test]
    fn the_case_counts_over_the_preset() {
        let preset = find("BLIP-2", Some("opt"), Task::Description).unwrap();
        let ours = preset.options(&GenerationOverrides::default());
        assert_eq!((ours.num_beams, ours.max_new_tokens, ours.min_new_tokens), (5, 30, 8));
        let short = GenerationOverrides { max_new_tokens: Some(3), ..Default::default() };
        let short = preset.options(&short);
        assert_eq!((short.num_beams, short.max_new_tokens, short.min_new_tokens), (5, 3, 3));
        let drawn = GenerationOverrides { temperature: Some(0.5), ..Default::default() };
        assert_eq!(preset.options(&drawn).num_beams, 1);
        let wide = GenerationOverrides { num_beams: Some(2), ..Default::default() };
        assert_eq!(preset.options(&wide).num_beams, 2);
    }

    #[test]
    fn a_prompt_with_braces_is_left_alone() {
        assert!(
            said("LLaVA-1.5", Task::Choice, "{options} {prompt}")
                .starts_with("{options} {prompt}\nA. red")
        );
    }

    #[test]
    fn variants_of_a_family_fall_back_to_it() {
        let of = |language| find("BLIP-2", Some(language), Task::ShortAnswer).unwrap().source();
        assert!(of("t5").contains("blip2_t5.py") && of("opt").contains("blip2_opt.py"));
        assert!(find("BLIP-2", Some("t5"), Task::Choice).is_some());
        assert!(find("BLIP-3", None, Task::Choice).is_none());
    }
}
