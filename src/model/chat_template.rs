/*!
The chat template that a checkpoint brings, rendered as transformers renders it.

Follows huggingface/transformers `utils/chat_template_utils.py` (`_compile_jinja_template`):
`trim_blocks`, `lstrip_blocks`, loop controls, `raise_exception`, `strftime_now`, blocks of
`generation`, and a `tojson` that is Python's (`python_json`). `tools` and `documents` are none.
Templates are looked for where transformers looks, in its order: `chat_template.jinja`,
`additional_chat_templates/`, `chat_template.json`, `processor_config.json`, `tokenizer_config.json`. Of
several by name, `default` is taken. A template is code of others: `limits`
bounds what it may cost.
*/

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ModelError;
use super::python_json::Dumps;
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
    chat_template: Option<Templates>,
}

/// One template, or several by name, of which `default` is taken.
#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    List(Vec<NamedTemplate>),
    Map(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

/// The name of the template that a conversation without tools gets.
const DEFAULT: &str = "default";

impl Templates {
    /// The template to take, or the names of all.
    fn chosen(self) -> Result<String, Vec<String>> {
        let mut named: BTreeMap<String, String> = match self {
            Self::One(source) => return Ok(source),
            Self::List(list) => list.into_iter().map(|each| (each.name, each.template)).collect(),
            Self::Map(map) => map,
        };
        named.remove(DEFAULT).ok_or_else(|| named.into_keys().collect())
    }
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
            let source = without_generation_blocks(&source);
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
            // transformers hands them over in any case.
            ("tools", minijinja::Value::from(())),
            ("documents", minijinja::Value::from(())),
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
    for name in ["chat_template.jinja", "additional_chat_templates/default.jinja"] {
        if let Some(source) = folder.optional_text(name)? {
            return Ok((folder.path().join(name), source));
        }
    }
    for name in ["chat_template.json", "processor_config.json", "tokenizer_config.json"] {
        let file: Option<TemplateFile> = folder.optional_json(name)?;
        let Some(templates) = file.and_then(|file| file.chat_template) else { continue };
        let path = folder.path().join(name);
        return match templates.chosen() {
            Ok(source) => Ok((path, source)),
            Err(names) => {
                let names = names.join("`, `");
                let message = format!("none is called `{DEFAULT}`; there are `{names}`");
                Err(ModelError::ChatTemplate { path, message })
            }
        };
    }
    Err(ModelError::ChatTemplate { path: folder.path().to_owned(), message: none_found(folder) })
}

fn none_found(folder: &CheckpointFolder) -> String {
    let places = "none found in chat_template.jinja, chat_template.json or tokenizer_config.json";
    match folder.path().join("additional_chat_templates").is_dir() {
        true => format!("{places}; additional_chat_templates has named ones, but no default.jinja"),
        false => places.to_owned(),
    }
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
        .filter(|text| !text.is_empty())
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
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", to_json);
    environment.add_filter(CHARGED, limits::charged);
    environment.set_formatter(limits::write_value);
    Ok(environment)
}

/// The template without the tags that mark the assistant's text for training, which write nothing.
/// What stands around them goes as their own white-space control says.
fn without_generation_blocks(source: &str) -> String {
    let mut rest = source;
    let mut kept = String::with_capacity(source.len());
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start + 2..].find("%}") else { break };
        let end = start + 2 + length + 2;
        let (before, tag) = (&rest[..start], &rest[start..end]);
        let inner = rest[start + 2..end - 2].trim_matches(['-', '+']).trim();
        kept.push_str(before);
        match inner {
            // A block of the same form that writes nothing either.
            "generation" => kept.push_str(&tag.replacen("generation", "if true", 1)),
            "endgeneration" => kept.push_str(&tag.replacen("endgeneration", "endif", 1)),
            _ => kept.push_str(tag),
        }
        rest = &rest[end..];
    }
    kept + rest
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

/// The day changes answers from one run to the next, so a template that asks for it is refused.
fn strftime_now(_format: String) -> Result<minijinja::Value, Error> {
    let message = "it asks for today's date (strftime_now), by which answers would differ from day \
                   to day; write a fixed date into the template";
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// `json.dumps(x, ensure_ascii=.., indent=.., separators=.., sort_keys=..)`.
fn to_json(
    state: &State<'_, '_>,
    value: minijinja::Value,
    options: Kwargs,
) -> Result<String, Error> {
    limits::charge_value(state, &value)?;
    let form = Dumps::of(&options)?;
    options.assert_all_used()?;
    let mut text = String::new();
    form.write(&mut text, &value, 0)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> String {
        let path = Path::new("chat_template.jinja");
        let template = ChatTemplate::parse(path, source.to_owned(), BTreeMap::new()).unwrap();
        template.render(&Conversation::ask(0, "What?")).unwrap()
    }

    /// What transformers 4.57.3 renders (`_compile_jinja_template(source).render(..)`).
    #[test]
    fn json_is_pythons() {
        let source =
            r#"{{ {"b": 1, "a": [1.0, 2e-7, 1e16, true, none], "z": {}, "é": "<\"\n"} | tojson }}"#;
        let expected = r#"{"b": 1, "a": [1.0, 2e-07, 1e+16, true, null], "z": {}, "é": "<\"\n"}"#;
        assert_eq!(rendered(source), expected);
        let indented = "[\n  1,\n  {\n    \"k\": []\n  }\n]";
        assert_eq!(rendered(r#"{{ [1, {"k": []}] | tojson(indent=2) }}"#), indented);
        let options = "sort_keys=true, ensure_ascii=true, separators=[\",\", \":\"]";
        let source = format!(r#"{{{{ {{"b": 1, "a": "é"}} | tojson({options}) }}}}"#);
        assert_eq!(rendered(&source), r#"{"a":"\u00e9","b":1}"#);
    }

    /// As transformers renders it.
    #[test]
    fn tools_are_none_and_what_is_not_given_is_not() {
        let source = "{{ tools is none }} {{ documents is none }} {{ nothing is none }}";
        assert_eq!(rendered(source).to_lowercase(), "true true false");
    }

    /// As transformers renders it.
    #[test]
    fn marks_of_the_assistants_text_write_nothing() {
        let source = "{% for m in messages %}\n  {%- generation %}\n    {{ m.role }}\n  \
                      {% endgeneration %}\n{% endfor %}";
        assert_eq!(rendered(source), "    user\n");
    }

    #[test]
    fn the_default_of_named_templates_is_taken() {
        let found = |json: &str| serde_json::from_str::<TemplateFile>(json).unwrap();
        let chosen = |json: &str| found(json).chat_template.unwrap().chosen();
        let two =
            r#"[{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]"#;
        assert_eq!(chosen(&format!("{{\"chat_template\": {two}}}")), Ok("d".to_owned()));
        let map = r#"{"chat_template": {"default": "d", "rag": "r"}}"#;
        assert_eq!(chosen(map), Ok("d".to_owned()));
        let none = r#"{"chat_template": [{"name": "rag", "template": "r"}]}"#;
        assert_eq!(chosen(none), Err(vec!["rag".to_owned()]));
    }

    /// A template that depends on the day gives no answer to compare with.
    #[test]
    fn a_date_is_refused() {
        let path = Path::new("chat_template.jinja");
        let source = "{{ strftime_now('%Y') }}".to_owned();
        let template = ChatTemplate::parse(path, source, BTreeMap::new()).unwrap();
        let error = template.render(&Conversation::ask(0, "What?")).unwrap_err().to_string();
        assert!(error.contains("strftime_now"), "{error}");
    }
}
