//! How far a download is, told on stderr.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use hf_hub::api::Progress;

use crate::weights::size::readable;

/// Time between two pictures of the bar.
const REFRESH: Duration = Duration::from_millis(200);

/// Characters of a full bar.
const WIDTH: usize = 30;

/// A bar on a terminal; elsewhere, such as in CI, a line when a file starts and one when it ends.
pub(super) struct ShownProgress {
    name: String,
    size: usize,
    done: usize,
    style: Style,
}

enum Style {
    Bar { shown: Option<Instant> },
    Lines { started: bool },
}

impl ShownProgress {
    pub(super) fn new() -> Self {
        let style = match std::io::stderr().is_terminal() {
            true => Style::Bar { shown: None },
            false => Style::Lines { started: false },
        };
        Self { name: String::new(), size: 0, done: 0, style }
    }

    fn bar(&self) -> String {
        let filled = (self.done * WIDTH).checked_div(self.size).unwrap_or(WIDTH).min(WIDTH);
        let bar = format!("{}{}", "#".repeat(filled), "-".repeat(WIDTH - filled));
        let size = |bytes: usize| readable(bytes as u64);
        format!("{} [{bar}] {} of {}", self.name, size(self.done), size(self.size))
    }
}

impl Progress for ShownProgress {
    fn init(&mut self, size: usize, filename: &str) {
        let filename = &*crate::foreign::line(filename);
        (self.name, self.size, self.done) = (filename.to_owned(), size, 0);
        if let Style::Lines { started: started @ false } = &mut self.style {
            *started = true;
            say(&format!("downloading {filename}, {}\n", readable(size as u64)));
        }
    }

    fn update(&mut self, size: usize) {
        self.done += size;
        let now = Instant::now();
        if let Style::Bar { shown } = &mut self.style
            && shown.is_none_or(|shown| now - shown >= REFRESH)
        {
            *shown = Some(now);
            say(&format!("\r{}", self.bar()));
        }
    }

    fn finish(&mut self) {
        match self.style {
            Style::Bar { .. } => say(&format!("\r{}\n", self.bar())),
            Style::Lines { .. } => say(&format!("downloaded {}\n", self.name)),
        }
    }
}

/// Whoever closed stderr wants to hear nothing.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_up() {
        let mut progress = ShownProgress {
            name: "model.safetensors".into(),
            size: 3_000_000,
            done: 1_000_000,
            style: Style::Bar { shown: None },
        };
        let bar = progress.bar();
        assert_eq!(bar, "model.safetensors [##########--------------------] 1.0 MB of 3.0 MB");
        (progress.size, progress.done) = (0, 0);
        assert!(progress.bar().contains("[##############################]"));
    }
}
