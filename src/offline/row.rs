/*!
The id of an item, which data sets write as a number or as a text.

Must not know what has the id.
*/

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An id as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemId {
    /// `391895`
    Number(i64),
    /// `"391895"`, `"existence/0.jpg"`
    Text(String),
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
