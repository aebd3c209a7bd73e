/*!
The alphabet of the lexer: every UTF-16 unit of a text becomes one byte, itself where it is ASCII and
its [`Class`] otherwise.

Knows nothing of rules. The classes are the ones of the Java tool (Unicode as of Java 6), recorded
from outside in `class_table`; `char::is_alphabetic` and its kin say something else.
*/

use std::sync::LazyLock;

use super::class_table::RANGES;

/// How the tokenizer treats a character outside ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    LowerLetter = 0x80,
    UpperLetter,
    /// U+017F, which literals take for an `s`.
    LongS,
    /// Combining marks and the like: word characters that are no letters.
    Extra,
    Digit,
    /// A token by itself.
    Symbol,
    SymbolUpper,
    Deleted,
    /// Deleted, yet an upper-case character to the rules that look ahead (Roman numerals).
    DeletedUpper,
    Space,
    NoBreakSpace,
    Dash,
    /// Written as `$`.
    Currency,
    LeftSingle,
    LeftAngle,
    Apostrophe,
    RightAngle,
    LeftDouble,
    RightDouble,
    LowQuote,
    Hyphen,
    NumberSeparator,
    NextLine,
    Cent,
    Pound,
    SoftHyphen,
    Fraction,
    Ellipsis,
    FractionSlash,
    IdeographicComma,
    LineSeparator,
    Surrogate,
    Superscript,
    SuperscriptSign,
    Subscript,
    SubscriptSign,
}

impl Class {
    /// Every class.
    pub(super) const ALL: [Class; 36] = [
        Class::LowerLetter,
        Class::UpperLetter,
        Class::LongS,
        Class::Extra,
        Class::Digit,
        Class::Symbol,
        Class::SymbolUpper,
        Class::Deleted,
        Class::DeletedUpper,
        Class::Space,
        Class::NoBreakSpace,
        Class::Dash,
        Class::Currency,
        Class::LeftSingle,
        Class::LeftAngle,
        Class::Apostrophe,
        Class::RightAngle,
        Class::LeftDouble,
        Class::RightDouble,
        Class::LowQuote,
        Class::Hyphen,
        Class::NumberSeparator,
        Class::NextLine,
        Class::Cent,
        Class::Pound,
        Class::SoftHyphen,
        Class::Fraction,
        Class::Ellipsis,
        Class::FractionSlash,
        Class::IdeographicComma,
        Class::LineSeparator,
        Class::Surrogate,
        Class::Superscript,
        Class::SuperscriptSign,
        Class::Subscript,
        Class::SubscriptSign,
    ];
}

static CLASS_OF: LazyLock<Box<[u8]>> = LazyLock::new(|| {
    let mut table: Box<[u8]> = (0..=0xFFFFu16).map(|unit| unit.to_le_bytes()[0]).collect();
    for &(first, last, class) in RANGES {
        table[usize::from(first)..=usize::from(last)].fill(class as u8);
    }
    table
});

/// A text as the lexer reads it: one class byte for each UTF-16 unit.
pub(super) struct ClassifiedText<'t> {
    text: &'t str,
    classes: Vec<u8>,
    /// Where each unit starts in `text`, and the length of the text; nothing for ASCII, where the
    /// two positions are the same.
    offsets: Option<Vec<u32>>,
}

impl<'t> ClassifiedText<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        if text.is_ascii() {
            return Self { text, classes: text.as_bytes().to_vec(), offsets: None };
        }
        let mut classes = Vec::with_capacity(text.len());
        let mut offsets = Vec::with_capacity(text.len() + 1);
        let mut units = [0; 2];
        for (offset, character) in text.char_indices() {
            for unit in character.encode_utf16(&mut units) {
                classes.push(CLASS_OF[usize::from(*unit)]);
                offsets.push(offset as u32);
            }
        }
        offsets.push(text.len() as u32);
        Self { text, classes, offsets: Some(offsets) }
    }

    pub(super) fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// The characters of the units `from..to`.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'t str {
        match &self.offsets {
            None => &self.text[from..to],
            Some(offsets) => &self.text[offsets[from] as usize..offsets[to] as usize],
        }
    }
}
