/*!
METEOR 1.5 by way of the user's own `meteor-1.5.jar`, spoken to as `salaniz/pycocoevalcap
meteor/meteor.py` does: one `SCORE` line for each image, one `EVAL` line for all.

The aggregate is computed from summed statistics; it is not the mean of the images.
*/

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::{ExternalError, ExternalScores};
use crate::offline::TokenizedCaptions;

const SEPARATOR: &str = " ||| ";

/// Scores captions with `java -jar -Xmx2G <jar> - - -stdio -l en -norm`. The jar's data files must lie
/// beside it, as it was packed.
pub fn meteor(captions: &TokenizedCaptions, jar: &Path) -> Result<ExternalScores, ExternalError> {
    let mut talk = Talk::start(jar, captions.images().len())?;
    let mut evaluate = String::from("EVAL");
    for image in captions.images() {
        let references = image.references.join(SEPARATOR);
        let candidate = image.candidate.replace("|||", "").replace("  ", " ");
        let statistics =
            talk.ask(&format!("SCORE{SEPARATOR}{references}{SEPARATOR}{candidate}"))?;
        evaluate.push_str(SEPARATOR);
        evaluate.push_str(&statistics);
    }
    talk.say(&evaluate)?;
    let items = captions.images().iter().map(|_| talk.hear_number()).collect::<Result<_, _>>()?;
    let aggregate = talk.hear_number()?;
    Ok(ExternalScores { aggregate, items })
}

/// A running METEOR; it is ended with the value.
struct Talk {
    program: String,
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    answered: usize,
    expected: usize,
}

impl Talk {
    fn start(jar: &Path, images: usize) -> Result<Self, ExternalError> {
        let program = format!("java -jar {}", jar.display());
        let mut command = Command::new("java");
        command.arg("-jar").arg("-Xmx2G").arg(jar.file_name().unwrap_or(jar.as_os_str()));
        command.args(["-", "-", "-stdio", "-l", "en", "-norm"]);
        if let Some(folder) = jar.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            command.current_dir(folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let start = |source| ExternalError::Start { program: program.clone(), source };
        let mut child = command.spawn().map_err(start)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (to, from) = pipes.ok_or_else(|| start(std::io::ErrorKind::BrokenPipe.into()))?;
        let expected = 2 * images + 1;
        Ok(Self { program, child, to, from: BufReader::new(from), answered: 0, expected })
    }

    fn ask(&mut self, line: &str) -> Result<String, ExternalError> {
        self.say(line)?;
        self.hear()
    }

    fn say(&mut self, line: &str) -> Result<(), ExternalError> {
        let written = writeln!(self.to, "{line}").and_then(|()| self.to.flush());
        written.map_err(|error| self.broke_off(&error.to_string()))
    }

    fn hear(&mut self) -> Result<String, ExternalError> {
        let mut line = String::new();
        match self.from.read_line(&mut line) {
            Ok(0) => {
                Err(self.broke_off("no more output (wrong jar, or its data files are missing?)"))
            }
            Ok(_) => {
                self.answered += 1;
                Ok(line.trim().to_owned())
            }
            Err(error) => Err(self.broke_off(&error.to_string())),
        }
    }

    fn hear_number(&mut self) -> Result<f64, ExternalError> {
        let found = self.hear()?;
        found.parse().map_err(|_| ExternalError::Unexpected {
            program: self.program.clone(),
            found,
            expected: "a score",
        })
    }

    fn broke_off(&self, message: &str) -> ExternalError {
        ExternalError::BrokeOff {
            program: self.program.clone(),
            answered: self.answered,
            expected: self.expected,
            message: message.to_owned(),
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
