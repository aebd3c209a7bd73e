/*!
The id of an item, which data sets write as a number or as a text.

Must not know what has the id.
*/

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An id as the file has it.
///
/// A number and the text that is written like it are the same id, since one of two files often has quotes:
/// 7 and `"7"`. `"007"` is another one.
#[derive(Debug, Clone)]
pub enum ItemId {
    /// `391895`
    Number(i64),
    /// `"391895"`, `"existence/0.jpg"`
    Text(String),
}

/// What an id is compared by.
#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key<'i> {
    Number(i64),
    Text(&'i str),
}

impl ItemId {
    fn key(&self) -> Key<'_> {
        match self {
            Self::Number(number) => Key::Number(*number),
            Self::Text(text) => canonical(text).map_or(Key::Text(text), Key::Number),
        }
    }

    /// The number, if it is one or is written like one.
    pub(super) fn number(&self) -> Option<i64> {
        match self.key() {
            Key::Number(number) => Some(number),
            Key::Text(_) => None,
        }
    }
}

/// Whether a text is a whole number exactly as one is written.
fn canonical(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

impl PartialEq for ItemId {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for ItemId {}

impl Hash for ItemId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialOrd for ItemId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ItemId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl From<i64> for ItemId {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl de::Visitor<'_> for IdVisitor {
    type Value = ItemId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a whole number or a string")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<ItemId, E> {
        Ok(ItemId::Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<ItemId, E> {
        i64::try_from(number).map(ItemId::Number).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ItemId, E> {
        Ok(ItemId::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_make_no_other_id_and_zeros_do() {
        let text = |text: &str| ItemId::Text(text.to_owned());
        assert_eq!(ItemId::Number(7), text("7"));
        assert_eq!(ItemId::Number(-7), text("-7"));
        for other in ["007", "+7", "7.0", " 7"] {
            assert_ne!(ItemId::Number(7), text(other), "{other}");
        }
        assert!(ItemId::Number(10) > text("9") && text("a") > ItemId::Number(10));
    }
}
