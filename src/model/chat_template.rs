/*!
The chat template that a checkpoint brings, rendered as transformers renders it.

Follows huggingface/transformers `utils/chat_template_utils.py` (`_compile_jinja_template`):
`trim_blocks`, `lstrip_blocks`, loop controls, `raise_exception`, and a `tojson` that keeps
non-ASCII text and writes Python's separators. Templates are looked for where transformers looks,
in its order: `chat_template.jinja`, `chat_template.json`, `tokenizer_config.json`. It is code of others:
[`limits`] bounds what it may cost.
*/

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ModelError;
use crate::request::{Conversation, Part, Role, Turn};
use crate::weights::CheckpointFolder;

mod limits;
mod methods;
mod tags;

const NAME: &str = "chat_template";

/// The filter that values go through before they are kept.
const CHARGED: &str = "eyechart_charged";

/// A parsed template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Arc<Environment<'static>>,
    path: PathBuf,
    special_tokens: BTreeMap<String, String>,
}

/// A JSON file with a template in it.
#[derive(Deserialize)]
struct TemplateFile {
    chat_template: Option<String>,
}

/// A message as templates expect it: content is a list of parts.
#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Vec<Content<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Content<'a> {
    Text { text: &'a str },
    Image,
}

impl ChatTemplate {
    /// The template of a checkpoint.
    pub fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let (path, source) = find_template(folder)?;
        let special_tokens = special_tokens(folder)?;
        Self::parse(&path, source, special_tokens)
    }

    /// Parses `source`; `path` is for messages. `special_tokens` (`bos_token` and the like) are
    /// what the template can refer to.
    pub fn parse(
        path: &Path,
        source: String,
        special_tokens: BTreeMap<String, String>,
    ) -> Result<Self, ModelError> {
        limits::check(&source).map_err(|message| refused(path, message))?;
        let parse = move || {
            let mut environment = environment()?;
            let source = tags::with_filter_of_kept_values(&source, CHARGED);
            environment.add_template_owned(NAME, source)?;
            Ok(environment)
        };
        let parsed = limits::on_large_stack(parse).map_err(|message| refused(path, message))?;
        let environment = Arc::new(parsed.map_err(|error| template_error(path, &error))?);
        Ok(Self { environment, path: path.to_owned(), special_tokens })
    }

    /// The prompt for the model's next turn.
    pub fn render(&self, conversation: &Conversation) -> Result<String, ModelError> {
        let Self { environment, path, special_tokens } = self;
        let messages = [
            ("messages", minijinja::Value::from(Serde(messages(conversation)))),
            ("add_generation_prompt", minijinja::Value::from(true)),
        ];
        let tokens = special_tokens.iter();
        let tokens = tokens.map(|(name, token)| (name.as_str(), token.as_str().into()));
        let context = minijinja::Value::from_pairs(tokens.chain(messages));
        let environment = Arc::clone(environment);
        let render = move || environment.get_template(NAME)?.render(context);
        limits::on_large_stack(render)
            .map_err(|message| refused(path, message))?
            .map_err(|error| template_error(path, &error))
    }
}

fn template_error(path: &Path, error: &Error) -> ModelError {
    refused(path, limits::message(error))
}

fn refused(path: &Path, message: String) -> ModelError {
    ModelError::ChatTemplate { path: path.to_owned(), message }
}

fn find_template(folder: &CheckpointFolder) -> Result<(PathBuf, String), ModelError> {
    if let Some(source) = folder.optional_text("chat_template.jinja")? {
        return Ok((folder.path().join("chat_template.jinja"), source));
    }
    for name in ["chat_template.json", "tokenizer_config.json"] {
        let file: Option<TemplateFile> = folder.optional_json(name)?;
        if let Some(source) = file.and_then(|file| file.chat_template) {
            return Ok((folder.path().join(name), source));
        }
    }
    Err(ModelError::ChatTemplate {
        path: folder.path().to_owned(),
        message: "none found in chat_template.jinja, chat_template.json or tokenizer_config.json"
            .to_owned(),
    })
}

/// The entries `*_token` of `tokenizer_config.json`: a text, or an object with `content`.
fn special_tokens(folder: &CheckpointFolder) -> Result<BTreeMap<String, String>, ModelError> {
    let config: Option<BTreeMap<String, Value>> = folder.optional_json("tokenizer_config.json")?;
    let entries = config.unwrap_or_default().into_iter();
    let tokens = entries.filter(|(name, _)| name.ends_with("_token"));
    Ok(tokens.filter_map(|(name, value)| Some((name, token_text(&value)?))).collect())
}

fn token_text(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("content")?.as_str());
    text.map(str::to_owned)
}

fn messages(conversation: &Conversation) -> Vec<Message<'_>> {
    let system = conversation
        .system
        .as_ref()
        .map(|text| Message { role: "system", content: vec![Content::Text { text }] });
    system.into_iter().chain(conversation.turns.iter().map(message)).collect()
}

fn message(turn: &Turn) -> Message<'_> {
    let role = match turn.role {
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let content = turn.parts.iter().map(|part| match part {
        Part::Text(text) => Content::Text { text },
        Part::Image(_) => Content::Image,
    });
    Message { role, content: content.collect() }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(syntax()?);
    environment.set_fuel(Some(limits::FUEL));
    environment.set_unknown_method_callback(methods::call);
    environment.add_function("raise_exception", raise_exception);
    environment.add_filter("tojson", to_json);
    environment.add_filter(CHARGED, limits::charged);
    environment.set_formatter(limits::write_value);
    Ok(environment)
}

fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

fn raise_exception(
    state: &State<'_, '_>,
    message: minijinja::Value,
) -> Result<minijinja::Value, Error> {
    limits::charge_value(state, &message)?;
    Err(Error::new(ErrorKind::InvalidOperation, limits::cut(&message)))
}

fn to_json(state: &State<'_, '_>, value: minijinja::Value) -> Result<String, Error> {
    limits::charge_value(state, &value)?;
    let value = Value::deserialize(value)?;
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, PythonSeparators);
    let written = value.serialize(&mut serializer);
    written.map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    String::from_utf8(bytes)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// JSON as `json.dumps` writes it: `", "` and `": "`.
struct PythonSeparators;

impl serde_json::ser::Formatter for PythonSeparators {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
