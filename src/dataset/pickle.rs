/*!
Python pickles of plain data: lists, dicts, tuples, texts, numbers.

Only the opcodes that build such data are known (protocols 0 to 5, `Lib/pickletools.py` of CPython
has the list); whatever could name or call code is an error, so nothing runs. Byte strings of
Python 2 become texts, one character a byte (latin-1). Must not know what the data means.
*/

use serde_json::{Map, Number, Value};

/// Why bytes are no pickle of plain data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct PickleError {
    /// The opcode's place, in bytes from the start.
    pub(super) offset: usize,
    pub(super) reason: String,
}

/// The deepest nesting that is read.
const DEEPEST: usize = 64;

/// What a value costs besides its text, in bytes: a node of a tree and its place in a list or dict.
const VALUE_COST: usize = 64;

/// The most that the values of a pickle may take together, for each byte of it: texts and lists are shared
/// in a pickle, and copied here. The official files of RefCOCO need about 20.
const MOST_PER_BYTE: usize = 64;

/// A pickle that was read, whose values are still shared. It takes some 50 bytes for each of the file's.
pub(super) struct Pickle<'b> {
    machine: Machine<'b>,
    root: Id,
    /// What copies may still take, in bytes.
    budget: usize,
}

/// Reads a pickle.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle<'_>, PickleError> {
    let mut machine = Machine::new(bytes);
    let root = machine.run()?;
    let budget = bytes.len().saturating_mul(MOST_PER_BYTE).saturating_add(64 * 1024);
    Ok(Pickle { machine, root, budget })
}

impl Pickle<'_> {
    /// Number of items, if it is a list.
    pub(super) fn len(&self) -> Option<usize> {
        match &self.machine.arena[self.root] {
            Node::List(items) => Some(items.len()),
            _ => None,
        }
    }

    /// An item of the list, with all that it holds.
    pub(super) fn item(&mut self, index: usize) -> Result<Value, PickleError> {
        let item = match &self.machine.arena[self.root] {
            Node::List(items) => items.get(index).copied(),
            _ => None,
        };
        match item {
            Some(item) => self.machine.value(item, DEEPEST, &mut self.budget),
            None => Err(self.machine.error("no such item")),
        }
    }

    /// All of it.
    #[cfg(test)]
    fn whole(mut self) -> Result<Value, PickleError> {
        self.machine.value(self.root, DEEPEST, &mut self.budget)
    }
}

/// Index of a value in the machine's arena.
type Id = usize;

/// A value being built; lists and dicts may still grow, and may be shared.
enum Node {
    Plain(Value),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
}

struct Machine<'b> {
    bytes: &'b [u8],
    position: usize,
    /// Start of the opcode at hand.
    opcode_at: usize,
    arena: Vec<Node>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: std::collections::HashMap<u64, Id>,
}

type Outcome<T> = Result<T, PickleError>;

impl<'b> Machine<'b> {
    fn new(bytes: &'b [u8]) -> Self {
        let memo = std::collections::HashMap::new();
        let (arena, stack, marks) = (Vec::new(), Vec::new(), Vec::new());
        Self { bytes, position: 0, opcode_at: 0, arena, stack, marks, memo }
    }

    fn run(&mut self) -> Outcome<Id> {
        loop {
            self.opcode_at = self.position;
            let opcode = self.byte()?;
            match opcode {
                b'.' => return self.pop(),
                0x80 => self.protocol()?,
                0x95 => drop(self.take(8)?),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => self.duplicate()?,
                b'N' | 0x88 | 0x89 => self.constant(opcode),
                b'I' | b'L' | b'K' | b'M' | b'J' | 0x8A | 0x8B => self.integer(opcode)?,
                b'F' | b'G' => self.float(opcode)?,
                b'S' | b'T' | b'U' | b'C' | b'B' | 0x8E => self.byte_string(opcode)?,
                b'V' | b'X' | 0x8C | 0x8D => self.text(opcode)?,
                b']' | b'l' | b')' | b't' | 0x85..=0x87 => self.list(opcode)?,
                b'}' | b'd' => self.dict(opcode)?,
                b'a' | b'e' => self.append(opcode)?,
                b's' | b'u' => self.set_items(opcode)?,
                b'p' | b'q' | b'r' | 0x94 => self.remember(opcode)?,
                b'g' | b'h' | b'j' => self.recall(opcode)?,
                _ => return Err(self.refuse(opcode)),
            }
        }
    }

    fn error(&self, reason: impl Into<String>) -> PickleError {
        PickleError { offset: self.opcode_at, reason: reason.into() }
    }

    fn refuse(&self, opcode: u8) -> PickleError {
        let name = match opcode {
            b'c' => "GLOBAL",
            0x93 => "STACK_GLOBAL",
            b'R' => "REDUCE",
            b'b' => "BUILD",
            b'i' => "INST",
            b'o' => "OBJ",
            0x81 => "NEWOBJ",
            0x92 => "NEWOBJ_EX",
            0x82..=0x84 => "EXT",
            b'P' | b'Q' => "PERSID",
            _ => return self.error(format!("{opcode:#04x} is no opcode of plain data")),
        };
        self.error(format!("the opcode {name} would run code"))
    }

    fn byte(&mut self) -> Outcome<u8> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, count: usize) -> Outcome<&'b [u8]> {
        let end = self.position.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(self.error("the file ends within this opcode, or the pickle has no end"));
        };
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    /// An unsigned number of so many bytes, the lowest first.
    fn unsigned(&mut self, bytes: usize) -> Outcome<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn length(&mut self, bytes: usize) -> Outcome<usize> {
        let length = self.unsigned(bytes)?;
        usize::try_from(length).map_err(|_| self.error("a length beyond all measure"))
    }

    /// The rest of the line, which is passed.
    fn line(&mut self) -> Outcome<&'b [u8]> {
        let rest = &self.bytes[self.position..];
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            return Err(self.error("the file ends within this opcode"));
        };
        self.position += length + 1;
        Ok(&rest[..length])
    }

    fn number<T: std::str::FromStr>(&mut self) -> Outcome<T> {
        let line = self.line()?;
        let text = std::str::from_utf8(line).ok().map(|text| text.trim_end_matches('L'));
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.error("no number that fits"))
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.arena.len());
        self.arena.push(node);
    }

    fn pop(&mut self) -> Outcome<Id> {
        let above = self.stack.len() > self.marks.last().copied().unwrap_or(0);
        let popped = if above { self.stack.pop() } else { None };
        popped.ok_or_else(|| self.error("nothing to take"))
    }

    fn pop_mark(&mut self) -> Outcome<Vec<Id>> {
        let mark = self.marks.pop().ok_or_else(|| self.error("no mark was set"))?;
        Ok(self.stack.split_off(mark))
    }

    fn top(&self) -> Outcome<Id> {
        self.stack.last().copied().ok_or_else(|| self.error("there is no value"))
    }

    fn protocol(&mut self) -> Outcome<()> {
        match self.byte()? {
            0..=5 => Ok(()),
            other => Err(self.error(format!("protocol {other}, expected 0 to 5"))),
        }
    }

    fn duplicate(&mut self) -> Outcome<()> {
        let top = self.top()?;
        self.stack.push(top);
        Ok(())
    }

    fn constant(&mut self, opcode: u8) {
        self.push(Node::Plain(match opcode {
            b'N' => Value::Null,
            opcode => Value::Bool(opcode == 0x88),
        }));
    }

    fn integer(&mut self, opcode: u8) -> Outcome<()> {
        let value = match opcode {
            b'I' => match self.line()? {
                b"00" => Value::Bool(false),
                b"01" => Value::Bool(true),
                line => {
                    self.position -= line.len() + 1;
                    Value::from(self.number::<i64>()?)
                }
            },
            b'L' => Value::from(self.number::<i64>()?),
            b'K' => Value::from(self.unsigned(1)?),
            b'M' => Value::from(self.unsigned(2)?),
            b'J' => Value::from(self.unsigned(4)? as u32 as i32),
            0x8A => self.long(1)?,
            _ => self.long(4)?,
        };
        self.push(Node::Plain(value));
        Ok(())
    }

    /// Two's complement, the lowest byte first; the length comes before.
    fn long(&mut self, length_bytes: usize) -> Outcome<Value> {
        let length = self.length(length_bytes)?;
        if length > 8 {
            return Err(self.error("a number of more than 64 bits"));
        }
        let unsigned = self.unsigned(length)?;
        let spare = 64 - 8 * length as u32;
        let signed = if length == 0 { 0 } else { (unsigned << spare) as i64 >> spare };
        Ok(Value::from(signed))
    }

    fn float(&mut self, opcode: u8) -> Outcome<()> {
        let value = match opcode {
            b'F' => self.number::<f64>()?,
            _ => f64::from_bits(self.unsigned(8)?.swap_bytes()),
        };
        let number = Number::from_f64(value).ok_or_else(|| self.error("a number beyond all"))?;
        self.push(Node::Plain(Value::Number(number)));
        Ok(())
    }

    /// `str` of Python 2 and `bytes`.
    fn byte_string(&mut self, opcode: u8) -> Outcome<()> {
        let bytes = match opcode {
            b'S' => {
                let line = self.line()?;
                unquoted(line).ok_or_else(|| self.error("no text in quotes"))?
            }
            b'U' | b'C' => self.counted(1)?.to_vec(),
            b'T' | b'B' => self.counted(4)?.to_vec(),
            _ => self.counted(8)?.to_vec(),
        };
        self.push(Node::Plain(Value::String(bytes.into_iter().map(char::from).collect())));
        Ok(())
    }

    fn counted(&mut self, length_bytes: usize) -> Outcome<&'b [u8]> {
        let length = self.length(length_bytes)?;
        self.take(length)
    }

    fn text(&mut self, opcode: u8) -> Outcome<()> {
        let text = match opcode {
            b'V' => raw_unicode_escape(self.line()?),
            0x8C => utf8(self.counted(1)?),
            b'X' => utf8(self.counted(4)?),
            _ => utf8(self.counted(8)?),
        };
        let text = text.ok_or_else(|| self.error("a text that is no Unicode"))?;
        self.push(Node::Plain(Value::String(text)));
        Ok(())
    }

    /// Lists, and tuples, which are lists here.
    fn list(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b']' | b')' => Vec::new(),
            0x85..=0x87 => {
                let mut items = Vec::new();
                for _ in 0..opcode - 0x84 {
                    items.insert(0, self.pop()?);
                }
                items
            }
            _ => self.pop_mark()?,
        };
        self.push(Node::List(items));
        Ok(())
    }

    fn dict(&mut self, opcode: u8) -> Outcome<()> {
        let items = if opcode == b'}' { Vec::new() } else { self.pop_mark()? };
        let pairs = self.pairs(&items)?;
        self.push(Node::Dict(pairs));
        Ok(())
    }

    fn pairs(&self, items: &[Id]) -> Outcome<Vec<(Id, Id)>> {
        match items.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
            _ => Err(self.error("a key without a value")),
        }
    }

    fn append(&mut self, opcode: u8) -> Outcome<()> {
        let items = if opcode == b'a' { vec![self.pop()?] } else { self.pop_mark()? };
        let list = self.top()?;
        match self.arena.get_mut(list) {
            Some(Node::List(list)) => list.extend(items),
            _ => return Err(self.error("appends to something that is no list")),
        }
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Outcome<()> {
        let items = match opcode {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_mark()?,
        };
        let pairs = self.pairs(&items)?;
        let dict = self.top()?;
        match self.arena.get_mut(dict) {
            Some(Node::Dict(dict)) => dict.extend(pairs),
            _ => return Err(self.error("sets a key of something that is no dict")),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Outcome<()> {
        let key = match opcode {
            b'p' => self.number()?,
            b'q' => self.unsigned(1)?,
            b'r' => self.unsigned(4)?,
            _ => self.memo.len() as u64,
        };
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Outcome<()> {
        let key = match opcode {
            b'g' => self.number()?,
            b'h' => self.unsigned(1)?,
            _ => self.unsigned(4)?,
        };
        let known = self.memo.get(&key).copied();
        let id = known.ok_or_else(|| self.error(format!("number {key} was never remembered")))?;
        self.stack.push(id);
        Ok(())
    }

    /// The value with all that it holds. A value that holds itself, or much of itself many times
    /// over, is refused.
    fn value(&self, id: Id, depth: usize, budget: &mut usize) -> Outcome<Value> {
        if depth == 0 {
            return Err(self.error("values that hold themselves, or nest too deeply"));
        }
        let text = match &self.arena[id] {
            Node::Plain(Value::String(text)) => text.len(),
            _ => 0,
        };
        *budget = budget.checked_sub(VALUE_COST + text).ok_or_else(|| {
            let reason = "values that hold themselves, or that are the same many times over";
            self.error(reason)
        })?;
        Ok(match &self.arena[id] {
            Node::Plain(value) => value.clone(),
            Node::List(items) => {
                let value = |item: &Id| self.value(*item, depth - 1, budget);
                Value::Array(items.iter().map(value).collect::<Outcome<_>>()?)
            }
            Node::Dict(pairs) => {
                let mut fields = Map::new();
                for (key, value) in pairs {
                    let key = match self.value(*key, depth - 1, budget)? {
                        Value::String(key) => key,
                        Value::Number(key) => key.to_string(),
                        _ => return Err(self.error("a key that is neither text nor number")),
                    };
                    fields.insert(key, self.value(*value, depth - 1, budget)?);
                }
                Value::Object(fields)
            }
        })
    }
}

fn utf8(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// A Python byte string literal in quotes.
fn unquoted(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii();
    let (quote, rest) = line.split_first()?;
    let (end, inside) = rest.split_last()?;
    if !matches!(quote, b'\'' | b'"') || quote != end {
        return None;
    }
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
                escaped @ (b'\\' | b'\'' | b'"') => escaped,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

/// Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
fn raw_unicode_escape(line: &[u8]) -> Option<String> {
    let text: String = line.iter().copied().map(char::from).collect();
    let mut decoded = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        let digits = match rest[at + 1..].chars().next() {
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        if digits == 0 {
            decoded.push('\\');
            rest = &rest[at + 1..];
            continue;
        }
        let code = rest.get(at + 2..at + 2 + digits)?;
        decoded.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        rest = &rest[at + 2 + digits..];
    }
    decoded.push_str(rest);
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dataset::base64;

    fn read(bytes: &[u8]) -> Result<Value, PickleError> {
        super::read(bytes)?.whole()
    }

    /// A text of 100,000 letters, and 100,000 references to it: 300 kB that were 10 GB of copies.
    #[test]
    fn what_is_shared_is_paid_for_at_each_copy() {
        let mut bomb = b"](X\xa0\x86\x01\0".to_vec();
        bomb.extend([b'a'; 100_000]);
        bomb.extend(b"q\0");
        bomb.extend(b"h\0".repeat(100_000));
        bomb.extend(b"e.");
        assert!(read(&bomb).unwrap_err().reason.contains("many times over"));
        // The same within keys of dicts, and lists of a shared list.
        let mut keys = b"](U\xff".to_vec();
        keys.extend([b'k'; 255]);
        keys.extend(b"q\0N");
        keys.extend(b"(h\0Nd".repeat(50_000));
        keys.extend(b"e.");
        assert!(read(&keys).is_err());
        // Items are paid for together, not one by one.
        let mut items = b"]((N".to_vec();
        items.extend(b"N".repeat(10_000));
        items.extend(b"lq\0");
        items.extend(b"h\0".repeat(10_000));
        items.extend(b"e.");
        let mut pickle = super::read(&items).unwrap();
        let count = pickle.len().unwrap();
        assert!((0..count).any(|index| pickle.item(index).is_err()));
    }

    /// The same list, written by Python 2 and 3 with every protocol.
    #[test]
    fn every_protocol_of_the_golden_sample_reads_the_same() {
        let text = include_str!("../../fixtures/golden/format_refcoco_sample.json");
        let sample: Value = serde_json::from_str(text).unwrap();
        let pickles = sample["refs_pickles_base64"].as_object().unwrap();
        assert!(pickles.len() >= 6);
        for (name, pickle) in pickles {
            let bytes = base64::decode(pickle.as_str().unwrap()).unwrap();
            let read = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read, sample["refs_expected"], "{name}");
        }
    }

    #[test]
    fn scalars_by_hand() {
        for (bytes, value) in [
            (&b"I01\n."[..], json!(true)),
            (b"I-7\n.", json!(-7)),
            (b"L12L\n.", json!(12)),
            (b"J\xff\xff\xff\xff.", json!(-1)),
            (b"\x8a\x02\x00\xff.", json!(-256)),
            (b"\x8a\x00.", json!(0)),
            (b"G?\xf0\0\0\0\0\0\0.", json!(1.0)),
            (b"F2.5\n.", json!(2.5)),
            (b"S'a\\x41\\n'\n.", json!("aA\n")),
            (b"U\x01\xe9.", json!("é")),
            (b"V\\u00e9\\\n.", json!("é\\")),
            (b"K\x01K\x02\x86.", json!([1, 2])),
            (b"}(U\x01aK\x01u.", json!({"a": 1})),
            (b"N.", Value::Null),
        ] {
            assert_eq!(read(bytes), Ok(value));
        }
    }

    #[test]
    fn what_is_hostile_is_refused_with_its_place() {
        let refused = |bytes: &[u8]| {
            let error = read(bytes).unwrap_err();
            (error.offset, error.reason)
        };
        let system = b"(lp0\ncos\nsystem\n(S'echo'\ntR.";
        assert_eq!(refused(system), (5, "the opcode GLOBAL would run code".into()));
        assert_eq!(refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93.").0, 14);
        let nowhere: &[(&[u8], usize)] = &[
            (b"", 0),
            (b"]", 1),
            (b".", 0),
            (b"a.", 0),
            (b"e.", 0),
            (b"(a.", 1),
            (b"}K\x01s.", 3),
            (b"h\x05.", 0),
            (b"\x80\x09.", 0),
            (b"\x8b\xff\xff\xff\x7f.", 0),
            (b"X\xff\xff\xff\xff", 0),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", 0),
            (b"X\x01\0\0\0\xff.", 0),
        ];
        for (bytes, offset) in nowhere {
            assert_eq!(refused(bytes).0, *offset, "{bytes:?}");
        }
    }

    #[test]
    fn a_list_that_holds_itself_ends() {
        assert!(read(b"]q\0h\0a.").unwrap_err().reason.contains("hold themselves"));
        // Forty lists, each with the one before twice.
        let mut laughs = b"]q\0".to_vec();
        for level in 0..40_u8 {
            laughs.extend([b'0', b']', b'(', b'h', level, b'h', level, b'e', b'q', level + 1]);
        }
        laughs.push(b'.');
        assert!(read(&laughs).is_err());
    }

    #[test]
    fn no_damage_makes_it_panic() {
        let text = include_str!("../../fixtures/golden/format_refcoco_sample.json");
        let sample: Value = serde_json::from_str(text).unwrap();
        for pickle in sample["refs_pickles_base64"].as_object().unwrap().values() {
            let bytes = base64::decode(pickle.as_str().unwrap()).unwrap();
            for place in 0..bytes.len() {
                let _ = read(&bytes[..place]);
                for replacement in [0, b'(', b'e', b'h', 0xFF] {
                    let mut damaged = bytes.clone();
                    damaged[place] = replacement;
                    let _ = read(&damaged);
                }
            }
        }
    }
}
