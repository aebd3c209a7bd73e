/*!
Python literals in the cells of tables: `['a', "b's"]`, as `str` of a list writes them.

Reads what `ast.literal_eval` reads of texts, numbers, `None`, lists, tuples, sets and dicts, and shows a
value as Python's `str` does. One thing is refused that Python takes: texts without a comma between them,
which Python would join, though whoever wrote them (numpy's `str` of an array) meant several. Must not know
what a cell means.
*/

use super::python_number;

/// A value of a literal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    /// A number, a constant, a tuple or anything else that is no text and no list, as `str` shows it.
    Shown(String),
    List(Vec<Literal>),
}

/// Why a text that begins as a list is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoList {
    /// No literal at all, as `[sic]`.
    Text,
    /// Begins as a list of values and ends before its bracket is closed.
    CutOff,
    /// Texts stand side by side without a comma.
    NoComma,
}

/// The deepest nesting that is read.
const DEEPEST: usize = 32;

/// The items of a cell that is a list; nothing if it is none, which most cells are.
pub(crate) fn list(cell: &str) -> Result<Vec<Literal>, NoList> {
    let text = cell.trim();
    if !text.starts_with('[') {
        return Err(NoList::Text);
    }
    let mut reader = Reader { rest: text, items: 0 };
    match reader.value(DEEPEST) {
        Ok(Literal::List(items)) if reader.rest.trim().is_empty() => Ok(items),
        Ok(_) => Err(NoList::Text),
        Err(NoList::CutOff) if reader.items == 0 => Err(NoList::Text),
        Err(reason) => Err(reason),
    }
}

impl Literal {
    /// As `str(value)` shows it.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Shown(text) => text,
            list @ Self::List(_) => list.repr(),
        }
    }

    fn repr(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Shown(text) => text.clone(),
            Self::List(items) => format!("[{}]", joined(items)),
        }
    }
}

fn joined(items: &[Literal]) -> String {
    items.iter().map(Literal::repr).collect::<Vec<_>>().join(", ")
}

/// `repr` of a text: in single quotes, unless only they are in it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            c if c == quote => shown.extend(['\\', c]),
            c if c.is_ascii_control() => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

struct Reader<'t> {
    rest: &'t str,
    /// Values of the list that were read and had a comma behind them.
    items: usize,
}

type Outcome<T> = Result<T, NoList>;

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, expected: char) -> bool {
        let after = self.rest.strip_prefix(expected);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// What is wrong here: the end of the text, or something else.
    fn wrong(&self) -> NoList {
        if self.rest.is_empty() { NoList::CutOff } else { NoList::Text }
    }

    fn value(&mut self, depth: usize) -> Outcome<Literal> {
        self.space();
        if depth == 0 {
            return Err(NoList::Text);
        }
        if self.take('[') {
            return Ok(Literal::List(self.items_until(']', depth - 1)?.0));
        }
        if self.take('(') {
            return self.tuple(depth - 1);
        }
        if self.take('{') {
            return self.set_or_dict(depth - 1);
        }
        match self.prefix() {
            Some(kind) => self.text(kind),
            None => self.word(),
        }
    }

    /// Values up to a bracket, and whether a comma stands behind the last one.
    fn items_until(&mut self, end: char, depth: usize) -> Outcome<(Vec<Literal>, bool)> {
        let (mut items, mut comma) = (Vec::new(), true);
        loop {
            self.space();
            if self.take(end) {
                let trailing = comma && !items.is_empty();
                return Ok((items, trailing));
            }
            if !comma {
                return Err(self.wrong());
            }
            items.push(self.value(depth)?);
            self.space();
            if matches!(items.last(), Some(Literal::Text(_))) && self.prefix().is_some() {
                return Err(NoList::NoComma);
            }
            comma = self.take(',');
            self.items += usize::from(comma);
        }
    }

    /// A tuple; brackets around one value are that value.
    fn tuple(&mut self, depth: usize) -> Outcome<Literal> {
        let (mut items, comma) = self.items_until(')', depth)?;
        Ok(match (items.len(), comma) {
            (1, false) => items.remove(0),
            (1, true) => Literal::Shown(format!("({},)", joined(&items))),
            _ => Literal::Shown(format!("({})", joined(&items))),
        })
    }

    fn set_or_dict(&mut self, depth: usize) -> Outcome<Literal> {
        let (mut entries, mut comma) = (Vec::new(), true);
        loop {
            self.space();
            if self.take('}') {
                return Ok(Literal::Shown(format!("{{{}}}", entries.join(", "))));
            }
            if !comma {
                return Err(self.wrong());
            }
            let mut entry = self.value(depth)?.repr();
            self.space();
            if self.take(':') {
                entry = format!("{entry}: {}", self.value(depth)?.repr());
                self.space();
            }
            entries.push(entry);
            comma = self.take(',');
        }
    }

    /// How a text that begins here is written: its prefix's letters.
    fn prefix(&self) -> Option<&'static str> {
        let prefixes = ["", "r", "R", "u", "U"];
        prefixes.into_iter().find(|prefix| {
            let after = self.rest.strip_prefix(prefix);
            after.is_some_and(|after| after.starts_with(['\'', '"']))
        })
    }

    fn text(&mut self, prefix: &str) -> Outcome<Literal> {
        self.rest = &self.rest[prefix.len()..];
        let is_raw = prefix.eq_ignore_ascii_case("r");
        let quotes = ["'''", "\"\"\"", "'", "\""];
        let quote = quotes.into_iter().find(|quote| self.rest.starts_with(quote));
        let quote = quote.ok_or(NoList::Text)?;
        self.rest = &self.rest[quote.len()..];
        let mut text = String::new();
        loop {
            let at = self.rest.find(['\\', '\n', quote.chars().next().unwrap_or('\'')]);
            let Some(at) = at else {
                self.rest = "";
                return Err(NoList::CutOff);
            };
            text.push_str(&self.rest[..at]);
            self.rest = &self.rest[at..];
            if let Some(after) = self.rest.strip_prefix(quote) {
                self.rest = after;
                return Ok(Literal::Text(text));
            }
            let mut characters = self.rest.chars();
            match characters.next() {
                Some('\\') if is_raw => {
                    text.push('\\');
                    text.extend(characters.next());
                    self.rest = characters.as_str();
                }
                Some('\\') => {
                    self.rest = characters.as_str();
                    self.escape(&mut text)?;
                }
                // Only three quotes may hold a line break.
                Some('\n') if quote.len() == 1 => return Err(NoList::Text),
                other => {
                    text.extend(other);
                    self.rest = characters.as_str();
                }
            }
        }
    }

    /// What stands behind a backslash, which is passed.
    fn escape(&mut self, text: &mut String) -> Outcome<()> {
        let mut characters = self.rest.chars();
        let Some(kind) = characters.next() else { return Err(NoList::CutOff) };
        self.rest = characters.as_str();
        let simple = match kind {
            '\n' => return Ok(()),
            '\\' | '\'' | '"' => kind,
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{B}',
            'x' => return self.code(2, text),
            'u' => return self.code(4, text),
            'U' => return self.code(8, text),
            '0'..='7' => return self.octal(kind, text),
            // `\N{name}` needs a table of names; Python keeps other backslashes.
            'N' => return Err(NoList::Text),
            other => {
                text.push('\\');
                other
            }
        };
        text.push(simple);
        Ok(())
    }

    fn code(&mut self, digits: usize, text: &mut String) -> Outcome<()> {
        let code = self.rest.get(..digits).ok_or(NoList::Text)?;
        let is_hex = code.bytes().all(|digit| digit.is_ascii_hexdigit());
        let code = u32::from_str_radix(code, 16).ok().filter(|_| is_hex);
        text.push(code.and_then(char::from_u32).ok_or(NoList::Text)?);
        self.rest = &self.rest[digits..];
        Ok(())
    }

    fn octal(&mut self, first: char, text: &mut String) -> Outcome<()> {
        let more = self.rest.bytes().take(2).take_while(|digit| matches!(digit, b'0'..=b'7'));
        let count = more.count();
        let code = format!("{first}{}", &self.rest[..count]);
        let code = u32::from_str_radix(&code, 8).ok().and_then(char::from_u32);
        text.push(code.ok_or(NoList::Text)?);
        self.rest = &self.rest[count..];
        Ok(())
    }

    /// A number or a constant.
    fn word(&mut self) -> Outcome<Literal> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let shown = match word {
            "None" | "True" | "False" => word.to_owned(),
            "" => return Err(self.wrong()),
            number => python_number::shown(number).ok_or(NoList::Text)?,
        };
        self.rest = rest;
        Ok(Literal::Shown(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cell: &str) -> Result<Vec<String>, NoList> {
        Ok(list(cell)?.into_iter().map(Literal::into_text).collect())
    }

    /// Each as CPython 3.11 says: `[str(x) for x in ast.literal_eval(cell)]`.
    #[test]
    fn lists_are_read_as_python_does() {
        for (cell, expected) in [
            ("['0.28', '.28']", &["0.28", ".28"][..]),
            ("[\"it's\", 'a \"b\"', ]", &["it's", "a \"b\""]),
            (r"['it\'s', '\u00e9\x41\101\n', 'C:\\d']", &["it's", "éAA\n", "C:\\d"]),
            (r"[r'\n', u'x', '''two' lines''']", &[r"\n", "x", "two' lines"]),
            (
                "[14, -2.50, 1e5, 1_000, 0x1F, True, None]",
                &["14", "-2.5", "100000.0", "1000", "31", "True", "None"],
            ),
            (
                "[('a', 1), ('b',), (3), [\"it's\"], {'k': 1}]",
                &["('a', 1)", "('b',)", "3", "[\"it's\"]", "{'k': 1}"],
            ),
            ("  [ ] ", &[]),
            ("['红', '🙂']", &["红", "🙂"]),
        ] {
            assert_eq!(
                texts(cell).as_deref(),
                Ok(&expected.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..]),
                "{cell}"
            );
        }
    }

    #[test]
    fn what_is_no_list_is_told_apart() {
        for text in [
            "[sic] Dakota",
            "[illegible]",
            "Dakota",
            "['a'] and",
            "[1 2]",
            "[",
            "['",
            "[]]",
            "[null]",
            "[\"a\", b]",
            "('a', 'b')",
            r"['\xg1']",
        ] {
            assert_eq!(list(text), Err(NoList::Text), "{text}");
        }
        for cut in ["['0.28', '.28", "['a',", "['a', ", "[1, [2"] {
            assert_eq!(list(cut), Err(NoList::CutOff), "{cut}");
        }
        for joined in ["['a' 'b']", "['a'\n 'b']", "['a', 'b' \"c\"]"] {
            assert_eq!(list(joined), Err(NoList::NoComma), "{joined}");
        }
    }

    #[test]
    fn neither_depth_nor_length_harms() {
        assert_eq!(list(&"[".repeat(1_000_000)), Err(NoList::Text));
        assert_eq!(
            list(&format!("[{}]", "'a', ".repeat(200_000))).map(|items| items.len()),
            Ok(200_000)
        );
    }
}
