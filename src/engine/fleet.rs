//! One model on several devices: an engine on each, and the requests spread over them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::channel;

use super::{DeviceChoice, Engine, EngineError, EngineSettings, Event, TrialRequest};
use crate::registry::ModelEntry;

/// The engines of one model; at least one.
pub struct Fleet {
    engines: Vec<Engine>,
}

impl Fleet {
    /// Loads a registry entry onto all devices at once. Devices that cannot be had are left out, and
    /// told of.
    ///
    /// # Errors
    /// None can be had; the error is the first one's.
    pub fn load(
        entry: &ModelEntry,
        settings: &EngineSettings,
    ) -> Result<(Self, Vec<(DeviceChoice, EngineError)>), EngineError> {
        let choices = settings.devices.choices()?;
        let load = |device| Engine::load(entry, device, settings);
        let loaded: Vec<_> = std::thread::scope(|scope| {
            let threads = choices.iter().map(|device| scope.spawn(move || load(*device)));
            let threads: Vec<_> = threads.collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or(Err(EngineError::Lost)))
                .collect()
        });
        let (mut engines, mut missing) = (Vec::new(), Vec::new());
        for (device, engine) in choices.into_iter().zip(loaded) {
            match engine {
                Ok(engine) => engines.push(engine),
                Err(error) => missing.push((device, error)),
            }
        }
        match (engines.is_empty(), missing.first()) {
            (true, Some((_, error))) => Err(error.clone()),
            (true, None) => Err(EngineError::Lost),
            (false, _) => Ok((Self { engines }, missing)),
        }
    }

    /// Around engines that have been made.
    pub fn new(engines: Vec<Engine>) -> Self {
        Self { engines }
    }

    /// One by one.
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    /// Answers all requests and tells of each as it ends, with the place of the engine that had it.
    pub fn answer_all(&mut self, requests: &[TrialRequest], tell: &mut dyn FnMut(usize, Event)) {
        if let [only] = self.engines.as_mut_slice() {
            return only.answer_all(requests, &mut |event| tell(0, event));
        }
        let shares = spread(requests, self.engines.len());
        let (sender, events) = channel();
        std::thread::scope(|scope| {
            for (place, (engine, share)) in self.engines.iter_mut().zip(&shares).enumerate() {
                let sender = sender.clone();
                scope.spawn(move || {
                    let own: Vec<TrialRequest> =
                        share.iter().map(|index| requests[*index].clone()).collect();
                    engine.answer_all(&own, &mut |event| {
                        // Whoever listens does so until all senders are gone.
                        let _ = sender.send((place, event.renumbered(share)));
                    });
                });
            }
            drop(sender);
            events.into_iter().for_each(|(place, event)| tell(place, event));
        });
    }
}

impl Event {
    /// The same with the requests' places among all.
    fn renumbered(self, share: &[usize]) -> Self {
        match self {
            Self::Ended { index, answered } => Self::Ended { index: share[index], answered },
            Self::OutOfMemory(mut event) => {
                event.requests.iter_mut().for_each(|index| *index = share[*index]);
                Self::OutOfMemory(event)
            }
        }
    }
}

/// The requests of each engine, in order. Those that show the same first picture stay together, so
/// that it is encoded once; each such group goes to whoever has the fewest.
fn spread(requests: &[TrialRequest], engines: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: HashMap<&Path, usize> = HashMap::new();
    for (index, request) in requests.iter().enumerate() {
        let known = request.images.first().map(|path| {
            *group_of.entry(path.as_path()).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            })
        });
        match known {
            Some(group) => groups[group].push(index),
            None => groups.push(vec![index]),
        }
    }
    let mut shares = vec![Vec::new(); engines];
    for group in groups {
        if let Some(share) = shares.iter_mut().min_by_key(|share| share.len()) {
            share.extend(group);
        }
    }
    shares.iter_mut().for_each(|share| share.sort_unstable());
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Viewing;
    use crate::request::{Conversation, GenerationOptions};

    #[test]
    fn requests_about_one_picture_stay_together() {
        let request = |picture: &&str| TrialRequest {
            images: [*picture].iter().filter(|name| !name.is_empty()).map(Into::into).collect(),
            orientation: Viewing::Upright,
            conversation: Conversation::ask(1, "?"),
            options: GenerationOptions::default(),
        };
        let requests: Vec<_> = ["a", "b", "a", "c", "", "b", "a", ""].iter().map(request).collect();
        let shares = spread(&requests, 2);
        assert_eq!(shares, [vec![0, 2, 4, 6], vec![1, 3, 5, 7]]);
    }
}
