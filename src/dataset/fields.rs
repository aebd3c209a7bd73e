/*!
The fields of a JSON object, read strictly: a key that is there twice is an error at every depth, where
serde_json would keep the last one without a word, and there is an end to how many values one row has.
*/

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most values that one row has, lists and objects and what is in them counted: a value takes some
/// hundred bytes, so that a row never takes more than a few hundred megabytes whatever it is made of.
const MOST_VALUES: usize = 2_000_000;

/// The fields of an object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub(crate) Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

/// Reads an object and nothing else.
struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, one for each row")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
        let left = Cell::new(MOST_VALUES);
        Ok(Fields(fields(map, Strict { left: &left })?))
    }
}

/// The fields of an object, each of them once.
fn fields<'de, A: MapAccess<'de>>(
    mut map: A,
    strict: Strict<'_>,
) -> Result<Map<String, Value>, A::Error> {
    let mut fields = Map::new();
    while let Some(key) = map.next_key::<String>()? {
        if fields.contains_key(&key) {
            return Err(A::Error::custom(format!("the key `{key}` is there twice; keep one")));
        }
        let value = map.next_value_seed(strict)?;
        fields.insert(key, value);
    }
    Ok(fields)
}

/// Reads any value.
#[derive(Clone, Copy)]
struct Strict<'c> {
    /// How many values may still come.
    left: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| {
            D::Error::custom(format!("this row has more than {MOST_VALUES} values"))
        })?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Ok(Value::Object(fields(map, self)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        serde_json::from_str::<Fields>(text).unwrap_err().to_string()
    }

    #[test]
    fn a_key_twice_is_an_error_at_any_depth() {
        assert!(message(r#"{"answer": "a", "answer": "b"}"#).contains("`answer` is there twice"));
        assert!(message(r#"{"a": [{"b": 1, "b": 1}]}"#).contains("`b` is there twice"));
        assert!(message("[1]").contains("invalid type: sequence, expected an object"));
        assert!(message("7").contains("invalid type: integer `7`, expected an object"));
        let Fields(fields) =
            serde_json::from_str(r#"{"a": {"b": 1}, "b": [null, 1.5, "x", true]}"#).unwrap();
        let plain: Value =
            serde_json::from_str(r#"{"a": {"b": 1}, "b": [null, 1.5, "x", true]}"#).unwrap();
        assert_eq!(Value::Object(fields), plain);
    }

    #[test]
    fn a_row_of_ever_more_values_ends() {
        let text = format!("{{\"a\": [{}0]}}", "0,".repeat(MOST_VALUES));
        assert!(message(&text).contains("more than 2000000 values"));
    }
}
