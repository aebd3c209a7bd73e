//! Values of parquet columns as other readers print them: pyarrow's and pandas' `str` of each type.

use std::sync::Arc;

use parquet::basic::{LogicalType, TimeUnit, Type as Physical};
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use serde_json::{Map, Number, Value};

use crate::dataset::base64;
use crate::dataset::record::BYTES;

/// A value of a column of this type.
pub(super) fn of(field: &Field, column: &Type) -> Value {
    let logical = column.get_basic_info().logical_type_ref();
    match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => Value::Bool(*truth),
        Field::Byte(number) => Value::from(*number),
        Field::Short(number) => Value::from(*number),
        Field::Int(number) => Value::from(*number),
        Field::UByte(number) => Value::from(*number),
        Field::UShort(number) => Value::from(*number),
        Field::UInt(number) => Value::from(*number),
        Field::ULong(number) => Value::from(*number),
        Field::Float16(number) => half(f64::from(number.to_f32())),
        Field::Float(number) => number_of(&format!("{number:e}"), f64::from(*number)),
        Field::Double(number) => number_of("", *number),
        // The reader knows nanoseconds as mere numbers.
        Field::Long(number) => match logical {
            Some(LogicalType::Timestamp(kind)) => {
                let places = if matches!(kind.unit, TimeUnit::NANOS) { 9 } else { 6 };
                timestamp(*number, places, kind.is_adjusted_to_u_t_c)
            }
            Some(LogicalType::Time(_)) => Value::String(time(*number, 9)),
            _ => Value::from(*number),
        },
        Field::TimestampMillis(number) => timestamp(*number, 3, is_utc(logical, column)),
        Field::TimestampMicros(number) => timestamp(*number, 6, is_utc(logical, column)),
        Field::TimeMillis(number) => Value::String(time(i64::from(*number), 3)),
        Field::TimeMicros(number) => Value::String(time(*number, 6)),
        Field::Date(days) => Value::String(date(i64::from(*days))),
        Field::Decimal(_) => Value::String(field.to_string().trim_end_matches('.').to_owned()),
        Field::Str(text) => Value::String(text.clone()),
        Field::Bytes(bytes) => match (logical, bytes.data()) {
            (Some(LogicalType::Uuid), data) if data.len() == 16 => Value::String(uuid(data)),
            (_, data) => binary(data),
        },
        Field::Group(row) => Value::Object(group(row, column)),
        Field::ListInternal(list) => {
            let item = list_item(column);
            list.elements().iter().map(|element| of(element, item)).collect()
        }
        Field::MapInternal(map) => {
            let entry = column.get_fields().first().map(|entry| entry.get_fields());
            let Some([key_type, value_type]) = entry else { return Value::Null };
            let text = |key: &Field| crate::dataset::record::scalar(&of(key, key_type));
            let entries = map.entries().iter();
            let entry = |(key, value): &(Field, Field)| Some((text(key)?, of(value, value_type)));
            Value::Object(entries.filter_map(entry).collect())
        }
    }
}

fn group(row: &Row, column: &Type) -> Map<String, Value> {
    let fields = row.get_column_iter().zip(column.get_fields());
    let value = |((name, field), inner): ((&String, &Field), &Arc<Type>)| {
        let value = match field {
            // Those of a picture are no text, even if they could be read as one.
            Field::Bytes(bytes) if name == BYTES => Value::String(base64::encode(bytes.data())),
            field => of(field, inner),
        };
        (name.clone(), value)
    };
    fields.map(value).collect()
}

/// The type of a list's items: `list { repeated group list { element } }`, or the older forms without one of
/// these levels.
fn list_item(column: &Type) -> &Type {
    match column {
        Type::GroupType { fields, .. } => match fields.first().map(|field| &**field) {
            Some(repeated @ Type::GroupType { fields, .. }) => match &fields[..] {
                [element] if repeated.name() != "array" => element,
                _ => repeated,
            },
            Some(repeated) => repeated,
            None => column,
        },
        Type::PrimitiveType { .. } => column,
    }
}

/// Bytes without an annotation: a text, as older writers have them, or else a file in base64, in the form of
/// the hub's pictures. No picture is a text, since its header has control characters.
fn binary(data: &[u8]) -> Value {
    let is_plain =
        |text: &&str| !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r'));
    match std::str::from_utf8(data).ok().filter(is_plain) {
        Some(text) => Value::String(text.to_owned()),
        None => {
            let file = (BYTES.to_owned(), Value::String(base64::encode(data)));
            Value::Object(Map::from_iter([file]))
        }
    }
}

/// The number that the shortest digits of its own width say: 0.1, and not what it is widened to.
fn number_of(shortest: &str, number: f64) -> Value {
    let shown = shortest.parse().unwrap_or(number);
    Number::from_f64(shown).map_or_else(|| not_finite(number), Value::Number)
}

fn not_finite(number: f64) -> Value {
    match number.is_nan() {
        // As a missing value, which is what pandas makes of both.
        true => Value::Null,
        false => Value::String(if number > 0.0 { "inf" } else { "-inf" }.to_owned()),
    }
}

/// A number of 16 bits, 11 of which are digits: the fewest decimal ones that mean it.
fn half(number: f64) -> Value {
    if !number.is_finite() || number == 0.0 {
        return number_of("", number);
    }
    let step = 2_f64.powi((number.abs().log2().floor() as i32 - 10).max(-24));
    let means_it =
        |text: &String| text.parse::<f64>().is_ok_and(|shown| (shown - number).abs() < step / 2.0);
    let shortest = (0..5).map(|digits| format!("{number:.digits$e}")).find(means_it);
    number_of(&shortest.unwrap_or_default(), number)
}

/// Whether a time is of UTC: its logical type says so, and columns that have only the older annotation are.
fn is_utc(logical: Option<&LogicalType>, column: &Type) -> bool {
    match logical {
        Some(LogicalType::Timestamp(kind)) => kind.is_adjusted_to_u_t_c,
        // INT96 has no annotation, and knows no zone.
        _ => !matches!(column, Type::PrimitiveType { physical_type: Physical::INT96, .. }),
    }
}

/// `2020-01-02 03:04:05.678000`, with `+00:00` if it is of UTC; `places` of the fraction count.
fn timestamp(number: i64, places: u32, is_utc: bool) -> Value {
    let day = 86_400 * 10_i64.pow(places);
    let zone = if is_utc { "+00:00" } else { "" };
    let (days, rest) = (number.div_euclid(day), number.rem_euclid(day));
    Value::String(format!("{} {}{zone}", date(days), time(rest, places)))
}

/// `03:04:05`, and the fraction with six digits, or nine if it needs them.
fn time(number: i64, places: u32) -> String {
    let second = 10_i64.pow(places);
    let (seconds, fraction) = (number.div_euclid(second), number.rem_euclid(second));
    let nanoseconds = fraction * 10_i64.pow(9 - places);
    let fraction = match nanoseconds {
        0 => String::new(),
        whole if whole % 1000 == 0 => format!(".{:06}", whole / 1000),
        nanoseconds => format!(".{nanoseconds:09}"),
    };
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}{fraction}", seconds % 60)
}

/// The date so many days after 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`).
fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn uuid(data: &[u8]) -> String {
    let digits: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days as `datetime.date.fromordinal(719163 + days)` of Python has them.
    #[test]
    fn dates_and_times() {
        for (days, shown) in [
            (0, "1970-01-01"),
            (18_263, "2020-01-02"),
            (11_016, "2000-02-29"),
            (-1, "1969-12-31"),
            (-719_162, "0001-01-01"),
        ] {
            assert_eq!(date(days), shown);
        }
        assert_eq!(time(11_045_678, 3), "03:04:05.678000");
        assert_eq!(time(11_045_000_000_001, 9), "03:04:05.000000001");
        assert_eq!(timestamp(-1, 6, false), Value::from("1969-12-31 23:59:59.999999"));
        assert_eq!(timestamp(0, 3, true), Value::from("1970-01-01 00:00:00+00:00"));
    }

    /// As `str(numpy.float16(x))` says.
    #[test]
    fn halves_have_few_digits() {
        for (number, shown) in [
            (0.099_975_586, "0.1"),
            (2.5, "2.5"),
            (65_504.0, "65500.0"),
            (-0.333_251_95, "-0.3333"),
        ] {
            assert_eq!(half(number).to_string(), shown);
        }
    }
}
