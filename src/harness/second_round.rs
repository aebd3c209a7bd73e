//! The second round of a run: networks that are asked about answers, each loaded once, after all
//! models have answered.
//!
//! A reply about whose answer another network is asked is held back until that has spoken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use crate::case::Case;
use crate::engine::{self, Engine, EngineError, EngineSettings, Fleet, ScorerInUse, ToJudge};
use crate::extract::said;
use crate::opinion::{Inquiry, Matter, Said};
use crate::registry::Registry;
use crate::score::advised::inquiries;

use super::notices;
use super::records::question;
use super::say;
use super::worker::Reply;

/// The replies that wait for opinions.
#[derive(Default)]
pub(super) struct SecondRound {
    held: Vec<Held>,
}

struct Held {
    case: Arc<Case>,
    receiver: SyncSender<Reply>,
    reply: Reply,
    inquiries: Vec<Inquiry>,
}

/// The place of an inquiry: that of its reply, and its own among that one's.
type At = (usize, usize);

/// Who is asked, and where its inquiries are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Adviser {
    Judge(String),
    Scorer(String),
}

impl SecondRound {
    /// Sends a reply, or holds it back if other networks are to be asked about its answer.
    pub(super) fn pass_on(&mut self, case: &Arc<Case>, receiver: SyncSender<Reply>, reply: Reply) {
        let inquiries = match (&case.expectation, &reply.answered) {
            (Some(expectation), Ok(answered)) => {
                inquiries(expectation, &question(case), &said(&answered.answer))
            }
            _ => Vec::new(),
        };
        match inquiries.is_empty() {
            true => send(&receiver, reply),
            false => {
                self.held.push(Held { case: Arc::clone(case), receiver, reply, inquiries });
            }
        }
    }

    /// Asks everybody and sends what was held back.
    pub(super) fn serve(mut self, registry: &Registry, settings: &EngineSettings) {
        for (adviser, places) in self.by_adviser() {
            let said = match adviser {
                Adviser::Judge(name) => match load_judge(&name, registry, settings) {
                    Ok(fleet) => self.ask_judge(fleet, &places),
                    Err(reason) => nothing(&places, &reason),
                },
                Adviser::Scorer(name) => match load_scorer(&name, registry, settings) {
                    Ok(scorer) => self.ask_scorer(&name, scorer, &places),
                    Err(reason) => nothing(&places, &reason),
                },
            };
            for ((held, inquiry), said) in places.into_iter().zip(said) {
                let Held { reply, inquiries, .. } = &mut self.held[held];
                if let Ok(answered) = &mut reply.answered {
                    answered.opinions.push(inquiries[inquiry].answered(said));
                }
            }
        }
        for Held { receiver, reply, .. } in self.held {
            send(&receiver, reply);
        }
    }

    fn by_adviser(&self) -> BTreeMap<Adviser, Vec<At>> {
        let mut groups: BTreeMap<Adviser, Vec<At>> = BTreeMap::new();
        for (held, one) in self.held.iter().enumerate() {
            for (place, inquiry) in one.inquiries.iter().enumerate() {
                let name = inquiry.adviser.clone();
                let adviser = match inquiry.matter {
                    Matter::Mark { .. } | Matter::Preference { .. } => Adviser::Judge(name),
                    Matter::ClipScore { .. } | Matter::Similarity { .. } => Adviser::Scorer(name),
                };
                groups.entry(adviser).or_default().push((held, place));
            }
        }
        groups
    }

    fn ask_judge(&self, mut fleet: Fleet, places: &[At]) -> Vec<Said> {
        let descriptions: Vec<_> = fleet.engines().iter().map(Engine::description).collect();
        let nouns = ("answer to judge", "answers to judge");
        say(&notices::loaded(&descriptions, nouns, places.len()));
        let asked = places.iter().map(|(held, place)| {
            let Held { case, inquiries, .. } = &self.held[*held];
            ToJudge {
                matter: &inquiries[*place].matter,
                images: &case.images,
                orientation: case.orientation,
            }
        });
        engine::ask_judge(&mut fleet, &asked.collect::<Vec<_>>(), &mut |event| {
            let case = |index: &usize| self.held[places[*index].0].case.name.as_str();
            let cases: Vec<&str> = event.requests.iter().map(case).collect();
            say(&notices::out_of_memory(event, &cases));
        })
    }

    fn ask_scorer(&self, name: &str, mut scorer: ScorerInUse, places: &[At]) -> Vec<Said> {
        let noun = if places.len() == 1 { "answer" } else { "answers" };
        say(&format!("eyechart: {} {noun} scored by {name}", places.len()));
        let score = |(held, place): &At| {
            let Held { case, inquiries, .. } = &self.held[*held];
            let said = scorer.score(&inquiries[*place].matter, &case.images, case.orientation);
            said.unwrap_or_else(|error: EngineError| Said::Nothing(error.to_string()))
        };
        places.iter().map(score).collect()
    }
}

fn load_judge(name: &str, registry: &Registry, settings: &EngineSettings) -> Result<Fleet, String> {
    let entry = registry.model(name);
    let entry = entry.ok_or_else(|| format!("eyechart.ron has no model {name:?}"))?;
    let loaded = Fleet::load(entry, settings).map_err(|error| error.to_string());
    loaded.map(|(fleet, _)| fleet)
}

fn load_scorer(
    name: &str,
    registry: &Registry,
    settings: &EngineSettings,
) -> Result<ScorerInUse, String> {
    let entry = registry.scorers().iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| format!("eyechart.ron has no scorer {name:?}"))?;
    ScorerInUse::load(entry, settings).map_err(|error| error.to_string())
}

fn nothing(places: &[At], reason: &str) -> Vec<Said> {
    places.iter().map(|_| Said::Nothing(reason.to_owned())).collect()
}

fn send(receiver: &SyncSender<Reply>, reply: Reply) {
    // The receiver is gone only if its trial was dropped unrun.
    let _ = receiver.send(reply);
}
