/*!
The outline of a RON text: which value stands where.

[`ron`] checks a text and fills structures, but does not say where in the text each value stood.
This scanner only finds the places: it knows brackets, commas, colons, strings and comments, and
nothing of types. It never fails: on a text that is no RON it finds what it can, which is enough to
say in which field an error lies.
*/

use std::ops::Range;

/// Index of a value in an [`Outline`].
pub(super) type NodeId = usize;

/// The values of a text, each with its place.
#[derive(Debug)]
pub(super) struct Outline {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    /// The field name or map key before it.
    key: Option<Range<usize>>,
    /// The name of the struct or variant, if it opens with one.
    name: Option<Range<usize>>,
    span: Range<usize>,
    parent: NodeId,
    children: Vec<NodeId>,
}

impl Outline {
    /// Scans a text. Takes time linear in its length, and no stack however deep it nests.
    pub(super) fn of(text: &str) -> Self {
        let mut builder = Builder::new(text.len());
        let mut tokens = Tokens { text, position: 0 };
        while let Some((token, span)) = tokens.next() {
            builder.push(token, span);
        }
        builder.finish(text)
    }

    /// The outermost value.
    pub(super) fn root(&self) -> NodeId {
        self.nodes[0].children.first().copied().unwrap_or(0)
    }

    /// Where the value stands, its name included.
    pub(super) fn span(&self, node: NodeId) -> Range<usize> {
        self.nodes[node].span.clone()
    }

    /// Where its field name or map key stands.
    pub(super) fn key(&self, node: NodeId) -> Option<Range<usize>> {
        self.nodes[node].key.clone()
    }

    /// The value of a field, as its last occurrence sets it.
    pub(super) fn field(&self, text: &str, node: NodeId, name: &str) -> Option<NodeId> {
        let is_named = |child: &&NodeId| {
            let key = self.nodes[**child].key.clone().map(|key| &text[key]);
            key.is_some_and(|key| key.strip_prefix("r#").unwrap_or(key) == name)
        };
        self.nodes[node].children.iter().rev().find(is_named).copied()
    }

    /// The nth value within a list, tuple, map or variant.
    pub(super) fn item(&self, node: NodeId, index: usize) -> Option<NodeId> {
        self.nodes[node].children.get(index).copied()
    }

    /// The value itself where it is wrapped in an explicit `Some(..)`.
    pub(super) fn unwrap_some(&self, text: &str, node: NodeId) -> NodeId {
        match (&self.nodes[node].name, self.nodes[node].children.as_slice()) {
            (Some(name), [inner]) if &text[name.clone()] == "Some" => *inner,
            _ => node,
        }
    }

    /// The innermost value that holds a byte, its key included.
    pub(super) fn innermost(&self, offset: usize) -> NodeId {
        let mut node = 0;
        loop {
            let holds = |child: &&NodeId| {
                let Node { key, span, .. } = &self.nodes[**child];
                let start = key.as_ref().map_or(span.start, |key| key.start);
                (start..span.end).contains(&offset)
            };
            match self.nodes[node].children.iter().rev().find(holds) {
                Some(child) => node = *child,
                None => return node,
            }
        }
    }

    /// The name of the field that holds a value: its own, or that of the nearest value around it.
    pub(super) fn field_around(&self, mut node: NodeId) -> Option<Range<usize>> {
        while node != 0 {
            if let Some(key) = self.key(node) {
                return Some(key);
            }
            node = self.nodes[node].parent;
        }
        None
    }
}

/// Builds the tree without recursion: `open` is the path to the value being read.
struct Builder {
    nodes: Vec<Node>,
    open: Vec<NodeId>,
    key: Option<Range<usize>>,
    /// A scalar, or the name of a value whose bracket may follow, or a key whose colon may.
    pending: Option<Range<usize>>,
}

impl Builder {
    fn new(length: usize) -> Self {
        let file = Node { key: None, name: None, span: 0..length, parent: 0, children: Vec::new() };
        Self { nodes: vec![file], open: vec![0], key: None, pending: None }
    }

    fn push(&mut self, token: Token, span: Range<usize>) {
        match token {
            Token::Scalar => {
                let start = self.pending.take().map_or(span.start, |pending| pending.start);
                self.pending = Some(start..span.end);
            }
            Token::Colon => self.key = self.pending.take(),
            Token::Open => {
                let name = self.pending.take();
                let start = name.as_ref().map_or(span.start, |name| name.start);
                let node = self.add(name, start..span.end);
                self.open.push(node);
            }
            Token::Comma => self.flush(),
            Token::Close => {
                self.flush();
                if self.open.len() > 1
                    && let Some(node) = self.open.pop()
                {
                    self.nodes[node].span.end = span.end;
                }
            }
        }
    }

    /// Ends the scalar that is being read, if one is.
    fn flush(&mut self) {
        if let Some(span) = self.pending.take() {
            self.add(None, span);
        }
        self.key = None;
    }

    fn add(&mut self, name: Option<Range<usize>>, span: Range<usize>) -> NodeId {
        let parent = self.open.last().copied().unwrap_or(0);
        let node = self.nodes.len();
        let key = self.key.take();
        self.nodes.push(Node { key, name, span, parent, children: Vec::new() });
        self.nodes[parent].children.push(node);
        node
    }

    fn finish(mut self, text: &str) -> Outline {
        self.flush();
        // What was never closed reaches to the end.
        for node in self.open.drain(..) {
            self.nodes[node].span.end = text.trim_end().len().max(self.nodes[node].span.end);
        }
        Outline { nodes: self.nodes }
    }
}

enum Token {
    Open,
    Close,
    Comma,
    Colon,
    /// A string, number, identifier, or anything else that is no bracket.
    Scalar,
}

struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl Tokens<'_> {
    fn next(&mut self) -> Option<(Token, Range<usize>)> {
        loop {
            let rest = &self.text[self.position..];
            let first = rest.chars().next()?;
            let skipped = if first.is_whitespace() {
                first.len_utf8()
            } else if rest.starts_with("#![") {
                rest.find(']').map_or(rest.len(), |end| end + 1)
            } else {
                comment_length(rest)
            };
            if skipped == 0 {
                let (token, length) = token(rest, first);
                let start = self.position;
                self.position += length;
                return Some((token, start..self.position));
            }
            self.position += skipped;
        }
    }
}

fn token(rest: &str, first: char) -> (Token, usize) {
    match first {
        '(' | '[' | '{' => (Token::Open, 1),
        ')' | ']' | '}' => (Token::Close, 1),
        ',' => (Token::Comma, 1),
        ':' if !rest.starts_with("::") => (Token::Colon, 1),
        _ => (Token::Scalar, scalar_length(rest)),
    }
}

fn scalar_length(rest: &str) -> usize {
    if let Some(length) = raw_string_length(rest) {
        return length;
    }
    if let Some(quoted) = rest.strip_prefix("b\"").or(rest.strip_prefix('"')) {
        return rest.len() - quoted.len() + quoted_length(quoted);
    }
    if let Some(length) = char_length(rest) {
        return length;
    }
    let is_end = |c: char| c.is_whitespace() || "()[]{},:\"/".contains(c);
    let mut characters = rest.char_indices().skip(1);
    characters.find(|(_, c)| is_end(*c)).map_or(rest.len(), |(end, _)| end)
}

/// The length of `r"..."`, `r#"..."#` and their byte forms.
fn raw_string_length(rest: &str) -> Option<usize> {
    let hashes_on = rest.strip_prefix("br").or(rest.strip_prefix('r'))?;
    let quoted = hashes_on.trim_start_matches('#');
    let hashes = &hashes_on[..hashes_on.len() - quoted.len()];
    let content = quoted.strip_prefix('"')?;
    let end = content.find(&format!("\"{hashes}")).map(|end| end + 1 + hashes.len());
    Some(rest.len() - content.len() + end.unwrap_or(content.len()))
}

/// The length of a string from behind its opening quote to behind its closing one.
fn quoted_length(content: &str) -> usize {
    let mut is_escaped = false;
    for (index, c) in content.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    content.len()
}

/// The length of `'x'` or `'\''`.
fn char_length(rest: &str) -> Option<usize> {
    let mut characters = rest.strip_prefix('\'')?.char_indices();
    let (_, first) = characters.next()?;
    let mut quotes = characters.skip(usize::from(first == '\\'));
    let (end, _) = quotes.find(|(_, c)| matches!(c, '\'' | '\n'))?;
    Some(end + 2)
}

fn comment_length(rest: &str) -> usize {
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment_length(rest)
    } else {
        0
    }
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while position < rest.len() {
        let here = &rest.as_bytes()[position..];
        if here.starts_with(b"/*") {
            depth += 1;
            position += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else {
            position += 1;
        }
    }
    rest.len()
}
