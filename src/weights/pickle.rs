/*!
The pickle inside a PyTorch file, read as a description of tensors.

A pickle is a program for a stack machine. This one knows the opcodes that `torch.save` writes and
makes nothing but numbers, texts, tuples, dictionaries and descriptions of tensors: there is nothing
it could call. A name that `torch.load(weights_only=True)` would refuse is refused here too, so that
a file made to do harm is noticed (pytorch/pytorch v2.5.1 `torch/_weights_only_unpickler.py`).

Values refer to each other by index, so that neither copies nor depth can exhaust memory or stack.
What is made is counted: the values, the tensors, and the bytes of the tensors' names, since
dictionaries may hold each other and a name has the keys of all above it. `candle_core::pickle` does
not serve: it clones what it remembers, and panics on short tuples.
*/

use std::collections::HashMap;

use candle_core::DType;

use super::tensors::{MAX_RANK, MAX_TENSORS};

/// Dictionaries within dictionaries that are looked into: `model.layer` of a checkpoint is 2.
const MAX_DEPTH: usize = 6;

/// Most entries that are looked at; dictionaries may hold each other.
const MAX_ENTRIES: usize = 1 << 20;

/// Most values that are made. `torch.save` writes some twenty a tensor, in some two hundred bytes.
const MAX_VALUES: usize = 1 << 21;

/// Most bytes of all names made from keys, for each byte of the pickle. Keys stand in it once, and
/// most of its bytes are no keys.
const NAME_BYTES_PER_BYTE: usize = 4;

/// Room for names in any case.
const SMALL_NAMES: usize = 32 << 20;

/// Bytes of the pickle for each tensor at least, and tensors that are let pass in any case.
const BYTES_PER_TENSOR: usize = 16;
const FEW_TENSORS: usize = 1 << 10;

/// Longest part of a refused name that is shown, in characters.
const SHOWN: usize = 120;

/// Longest key of a dictionary that is looked at, in bytes.
const MAX_KEY: usize = 1024;

/// Why a pickle is not a description of tensors.
#[derive(Debug, thiserror::Error)]
pub enum PickleError {
    /// It names code that no tensor needs.
    #[error(
        "names `{name}`, which tensors do not need; it was not run. If you trust the file, load it \
         in Python and save its tensors as safetensors"
    )]
    Global {
        /// Module and name.
        name: String,
    },
    /// It holds an instruction that `torch.save` does not write.
    #[error("unknown instruction {code:#04x} at byte {at}")]
    Opcode {
        /// The instruction.
        code: u8,
        /// Its place in the pickle.
        at: usize,
    },
    /// It contradicts itself.
    #[error("damaged at byte {at}: {what}")]
    Damaged {
        /// The place in the pickle.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It is larger than any description of weights.
    #[error("holds more than {MAX_ENTRIES} entries")]
    TooMany,
    /// It makes more than its length lets expect.
    #[error("makes more than {limit} {what}, which no file of weights does")]
    Amplified {
        /// What it makes.
        what: &'static str,
        /// How much of it is let pass.
        limit: usize,
    },
}

/// What the numbers of a storage are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoredType {
    /// A float that networks use.
    Float(DType),
    /// Anything else, by the name of its storage and the bytes of a number.
    Other(&'static str, usize),
}

impl StoredType {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Float(dtype) => dtype.size_in_bytes(),
            Self::Other(_, bytes) => bytes,
        }
    }
}

/// A tensor as the pickle describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PickledTensor<'a> {
    /// The archive's entry under `data/` that holds the numbers.
    pub(super) storage: &'a str,
    pub(super) numbers: StoredType,
    /// Numbers before the first.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// Numbers from one to the next along each dimension.
    pub(super) strides: Vec<usize>,
}

/// The tensors of a pickled dictionary by name. Those of dictionaries within it have their keys
/// before the name, with dots: `model.layer.weight`.
pub(super) fn tensors(bytes: &[u8]) -> Result<Vec<(String, PickledTensor<'_>)>, PickleError> {
    let mut machine = Machine::new(bytes);
    machine.run()?;
    machine.result()
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    /// What no tensor is made of.
    Other,
    Number(i64),
    Text(&'a str),
    Tuple(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
    StorageType(StoredType),
    Function(Function),
}

/// What a pickle may ask for by name.
#[derive(Debug, Clone, Copy)]
enum Function {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    RebuildFromType,
}

/// The value of a global name, or none if it is none of a file of tensors.
fn global(module: &str, name: &str) -> Option<Value<'static>> {
    const HARMLESS: [(&str, &str); 10] = [
        ("torch", "Size"),
        ("torch", "Tensor"),
        ("torch", "device"),
        ("torch.nn.parameter", "Parameter"),
        ("torch.serialization", "_get_layout"),
        ("collections", "Counter"),
        ("_codecs", "encode"),
        ("builtins", "bytearray"),
        ("builtins", "set"),
        ("__builtin__", "set"),
    ];
    const DTYPES: [&str; 12] = [
        "float32",
        "float64",
        "float16",
        "bfloat16",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "bool",
        "complex64",
        "complex128",
    ];
    let harmless =
        HARMLESS.contains(&(module, name)) || module == "torch" && DTYPES.contains(&name);
    Some(match (module, name) {
        ("collections", "OrderedDict") => Value::Function(Function::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2") => Value::Function(Function::RebuildTensor),
        ("torch._utils", "_rebuild_parameter") => Value::Function(Function::RebuildParameter),
        ("torch._tensor", "_rebuild_from_type_v2") => Value::Function(Function::RebuildFromType),
        ("torch", storage) if storage_type(storage).is_some() => {
            storage_type(storage).map_or(Value::Other, Value::StorageType)
        }
        _ if harmless => Value::Other,
        _ => return None,
    })
}

fn storage_type(name: &str) -> Option<StoredType> {
    Some(match name {
        "FloatStorage" => StoredType::Float(DType::F32),
        "HalfStorage" => StoredType::Float(DType::F16),
        "BFloat16Storage" => StoredType::Float(DType::BF16),
        "DoubleStorage" => StoredType::Other("F64", 8),
        "LongStorage" => StoredType::Other("I64", 8),
        "IntStorage" => StoredType::Other("I32", 4),
        "ShortStorage" => StoredType::Other("I16", 2),
        "CharStorage" => StoredType::Other("I8", 1),
        "ByteStorage" => StoredType::Other("U8", 1),
        "BoolStorage" => StoredType::Other("BOOL", 1),
        "ComplexFloatStorage" => StoredType::Other("C64", 8),
        "ComplexDoubleStorage" => StoredType::Other("C128", 16),
        _ => return None,
    })
}

/// The tensors that were found, and what finding them took.
struct Collected<'a> {
    tensors: Vec<(String, PickledTensor<'a>)>,
    entries: usize,
    /// Bytes of all names that were made, kept or not.
    name_bytes: usize,
    most_name_bytes: usize,
    most_tensors: usize,
}

impl<'a> Collected<'a> {
    fn count_entry(&mut self) -> Step {
        self.entries += 1;
        match self.entries > MAX_ENTRIES {
            true => Err(PickleError::TooMany),
            false => Ok(()),
        }
    }

    /// The name under a key; none for a key that is no name.
    fn name(&mut self, prefix: &str, key: &Value<'a>) -> Step<Option<String>> {
        let name = match key {
            Value::Text(text) if text.len() <= MAX_KEY => format!("{prefix}{text}"),
            Value::Number(number) => format!("{prefix}{number}"),
            _ => return Ok(None),
        };
        self.name_bytes += name.len();
        let limit = self.most_name_bytes;
        match self.name_bytes > limit {
            true => Err(PickleError::Amplified { what: "bytes of names", limit }),
            false => Ok(Some(name)),
        }
    }

    fn keep(&mut self, name: String, tensor: PickledTensor<'a>) -> Step {
        let limit = self.most_tensors;
        if self.tensors.len() == limit {
            return Err(PickleError::Amplified { what: "tensors", limit });
        }
        self.tensors.push((name, tensor));
        Ok(())
    }
}

/// The stack machine, and everything it has made.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: HashMap<usize, Value<'a>>,
    tuples: Vec<Vec<Value<'a>>>,
    dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    storages: Vec<(&'a str, StoredType)>,
    tensors: Vec<PickledTensor<'a>>,
    /// Values, marks and memories that were made.
    made: usize,
}

type Step<T = ()> = Result<T, PickleError>;

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            tuples: Vec::new(),
            dicts: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
            made: 0,
        }
    }

    /// Instructions as in python/cpython v3.12 `Lib/pickletools.py`.
    fn run(&mut self) -> Step {
        loop {
            let at = self.at;
            match self.byte()? {
                b'.' => return Ok(()),
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'(' => self.mark()?,
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_to_mark()?),
                b'N' | 0x88 | 0x89 | b']' | 0x8f => self.push(Value::Other)?,
                b'G' => self.skip(8)?,
                b'K' => self.number(1)?,
                b'M' => self.number(2)?,
                b'J' => self.signed()?,
                0x8a => self.long()?,
                b'X' => self.text(4)?,
                0x8c => self.text(1)?,
                0x8d => self.text(8)?,
                b'B' | b'T' => self.opaque(4)?,
                b'C' | b'U' => self.opaque(1)?,
                b')' => self.push_tuple(Vec::new())?,
                b't' => self.tuple()?,
                0x85 => self.tuple_of(1)?,
                0x86 => self.tuple_of(2)?,
                0x87 => self.tuple_of(3)?,
                b'}' => self.push_dict(Vec::new())?,
                b'a' => drop(self.pop()?),
                b'e' | 0x90 => drop(self.pop_to_mark()?),
                b's' => self.set_item()?,
                b'u' => self.set_items()?,
                b'q' => self.remember(1)?,
                b'r' => self.remember(4)?,
                0x94 => self.remember_next()?,
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                b'c' => self.global_line()?,
                0x93 => self.global_stack()?,
                b'R' | 0x81 => self.reduce()?,
                // The state of an object, such as the `_metadata` of a state dictionary.
                b'b' => drop(self.pop()?),
                b'Q' => self.storage()?,
                code => return Err(PickleError::Opcode { code, at }),
            }
        }
    }

    fn result(mut self) -> Step<Vec<(String, PickledTensor<'a>)>> {
        let Value::Dict(top) = self.pop()? else {
            return Err(self.damaged("not a dictionary of tensors"));
        };
        let mut collected = Collected {
            tensors: Vec::new(),
            entries: 0,
            name_bytes: 0,
            most_name_bytes: self.bytes.len() * NAME_BYTES_PER_BYTE + SMALL_NAMES,
            most_tensors: (self.bytes.len() / BYTES_PER_TENSOR + FEW_TENSORS).min(MAX_TENSORS),
        };
        self.collect(top, "", 0, &mut collected)?;
        Ok(collected.tensors)
    }

    fn collect(
        &self,
        dict: usize,
        prefix: &str,
        depth: usize,
        collected: &mut Collected<'a>,
    ) -> Step {
        for (key, value) in &self.dicts[dict] {
            collected.count_entry()?;
            match value {
                Value::Tensor(tensor) => {
                    if let Some(name) = collected.name(prefix, key)? {
                        collected.keep(name, self.tensors[*tensor].clone())?;
                    }
                }
                Value::Dict(inner) if depth < MAX_DEPTH => {
                    if let Some(name) = collected.name(prefix, key)? {
                        self.collect(*inner, &format!("{name}."), depth + 1, collected)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn damaged(&self, what: &'static str) -> PickleError {
        PickleError::Damaged { at: self.at, what }
    }

    fn byte(&mut self) -> Step<u8> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, count: usize) -> Step<&'a [u8]> {
        let end = self.at.checked_add(count);
        let taken = end.and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| self.damaged("ends too early"))?;
        self.at += count;
        Ok(taken)
    }

    /// An unsigned little-endian number of up to 8 bytes.
    fn unsigned(&mut self, bytes: usize) -> Step<usize> {
        let value =
            self.take(bytes)?.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        usize::try_from(value).map_err(|_| self.damaged("a number too large"))
    }

    fn count_value(&mut self) -> Step {
        self.made += 1;
        match self.made > MAX_VALUES {
            true => Err(PickleError::Amplified { what: "values", limit: MAX_VALUES }),
            false => Ok(()),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Step {
        self.count_value()?;
        self.stack.push(value);
        Ok(())
    }

    fn mark(&mut self) -> Step {
        self.count_value()?;
        self.marks.push(self.stack.len());
        Ok(())
    }

    fn pop(&mut self) -> Step<Value<'a>> {
        if self.marks.last() == Some(&self.stack.len()) {
            return Err(self.damaged("a mark where a value should be"));
        }
        self.stack.pop().ok_or_else(|| self.damaged("the stack is empty"))
    }

    fn pop_to_mark(&mut self) -> Step<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged("no mark"))?;
        Ok(self.stack.split_off(mark))
    }

    fn items(&self, value: Value<'a>) -> Step<&[Value<'a>]> {
        match value {
            Value::Tuple(index) => Ok(&self.tuples[index]),
            _ => Err(self.damaged("expected a tuple")),
        }
    }

    fn skip(&mut self, bytes: usize) -> Step {
        self.take(bytes)?;
        self.push(Value::Other)
    }

    fn opaque(&mut self, length_bytes: usize) -> Step {
        let length = self.unsigned(length_bytes)?;
        self.skip(length)
    }

    #[expect(clippy::cast_possible_wrap, reason = "two bytes at most")]
    fn number(&mut self, bytes: usize) -> Step {
        let value = self.unsigned(bytes)? as i64;
        self.push(Value::Number(value))
    }

    fn signed(&mut self) -> Step {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        self.push(Value::Number(i32::from_le_bytes(bytes).into()))
    }

    /// A number of any length; one that does not fit is nothing a tensor is made of.
    fn long(&mut self) -> Step {
        let length = self.byte()?.into();
        let digits = self.take(length)?;
        let sign = if digits.last().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 };
        let mut bytes = [sign; 8];
        let value = match bytes.get_mut(..length) {
            Some(low) => {
                low.copy_from_slice(digits);
                Value::Number(i64::from_le_bytes(bytes))
            }
            None => Value::Other,
        };
        self.push(value)
    }

    fn text(&mut self, length_bytes: usize) -> Step {
        let length = self.unsigned(length_bytes)?;
        let text = std::str::from_utf8(self.take(length)?);
        self.push(text.map_or(Value::Other, Value::Text))
    }

    fn push_tuple(&mut self, items: Vec<Value<'a>>) -> Step {
        self.push(Value::Tuple(self.tuples.len()))?;
        self.tuples.push(items);
        Ok(())
    }

    fn tuple(&mut self) -> Step {
        let items = self.pop_to_mark()?;
        self.push_tuple(items)
    }

    fn tuple_of(&mut self, count: usize) -> Step {
        let mut items = (0..count).map(|_| self.pop()).collect::<Step<Vec<_>>>()?;
        items.reverse();
        self.push_tuple(items)
    }

    fn push_dict(&mut self, entries: Vec<(Value<'a>, Value<'a>)>) -> Step {
        self.push(Value::Dict(self.dicts.len()))?;
        self.dicts.push(entries);
        Ok(())
    }

    fn set_item(&mut self) -> Step {
        let (value, key) = (self.pop()?, self.pop()?);
        self.insert(&[key, value])
    }

    fn set_items(&mut self) -> Step {
        let entries = self.pop_to_mark()?;
        self.insert(&entries)
    }

    /// Keys and values by turns into the dictionary on top, or into something of no interest.
    fn insert(&mut self, entries: &[Value<'a>]) -> Step {
        if let Some(Value::Dict(dict)) = self.stack.last() {
            let pairs = entries.chunks_exact(2).map(|pair| (pair[0], pair[1]));
            self.dicts[*dict].extend(pairs);
        }
        Ok(())
    }

    fn remember(&mut self, key_bytes: usize) -> Step {
        let key = self.unsigned(key_bytes)?;
        self.remember_as(key)
    }

    fn remember_next(&mut self) -> Step {
        self.remember_as(self.memo.len())
    }

    fn remember_as(&mut self, key: usize) -> Step {
        self.count_value()?;
        let value = self.stack.last().ok_or_else(|| self.damaged("the stack is empty"))?;
        self.memo.insert(key, *value);
        Ok(())
    }

    fn recall(&mut self, key_bytes: usize) -> Step {
        let key = self.unsigned(key_bytes)?;
        let value = self.memo.get(&key).ok_or_else(|| self.damaged("nothing remembered"))?;
        let value = *value;
        self.push(value)
    }

    fn line(&mut self) -> Step<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.damaged("a line without an end"))?;
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).map_err(|_| self.damaged("a name that is not text"))
    }

    fn global_line(&mut self) -> Step {
        let (module, name) = (self.line()?, self.line()?);
        self.push_global(module, name)
    }

    fn global_stack(&mut self) -> Step {
        let (name, module) = (self.pop()?, self.pop()?);
        match (module, name) {
            (Value::Text(module), Value::Text(name)) => self.push_global(module, name),
            _ => Err(self.damaged("a name that is not text")),
        }
    }

    fn push_global(&mut self, module: &str, name: &str) -> Step {
        let value = global(module, name);
        let unknown = || {
            let whole = format!("{module}.{name}");
            let cut = if whole.chars().nth(SHOWN).is_some() { ".." } else { "" };
            let shown: String = whole.chars().take(SHOWN).flat_map(char::escape_debug).collect();
            PickleError::Global { name: shown + cut }
        };
        self.push(value.ok_or_else(unknown)?)
    }

    fn reduce(&mut self) -> Step {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let value = self.call(function, arguments)?;
        self.push(value)
    }

    fn call(&mut self, function: Value<'a>, arguments: Value<'a>) -> Step<Value<'a>> {
        let Value::Function(function) = function else { return Ok(Value::Other) };
        // The first four decide; of a tuple of millions, no copy is made for each call.
        let arguments = self.items(arguments)?;
        let (first, count) = first_of(arguments);
        match (function, &first[..count]) {
            (Function::OrderedDict, _) => {
                self.dicts.push(Vec::new());
                Ok(Value::Dict(self.dicts.len() - 1))
            }
            (Function::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                self.tensor(*storage, *offset, *shape, *strides)
            }
            (Function::RebuildParameter, [tensor, ..]) => Ok(*tensor),
            // Of a tensor subclass; what it calls is one of the functions above, never itself.
            (Function::RebuildFromType, [inner, _, arguments, ..]) => match inner {
                Value::Function(Function::RebuildFromType) => Err(self.damaged("calls itself")),
                _ => self.call(*inner, *arguments),
            },
            _ => Err(self.damaged("too few arguments")),
        }
    }

    /// The arguments of pytorch/pytorch v2.5.1 `torch/_utils.py` `_rebuild_tensor_v2`.
    fn tensor(
        &mut self,
        storage: Value<'a>,
        offset: Value<'a>,
        shape: Value<'a>,
        strides: Value<'a>,
    ) -> Step<Value<'a>> {
        let Value::Storage(index) = storage else {
            return Err(self.damaged("a tensor without a storage"));
        };
        let (storage, numbers) = self.storages[index];
        let offset = self.size(offset)?;
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        if shape.len() != strides.len() {
            return Err(self.damaged("a tensor with more sizes than strides, or fewer"));
        }
        self.tensors.push(PickledTensor { storage, numbers, offset, shape, strides });
        Ok(Value::Tensor(self.tensors.len() - 1))
    }

    fn sizes(&self, tuple: Value<'a>) -> Step<Vec<usize>> {
        let items = self.items(tuple)?;
        if items.len() > MAX_RANK {
            return Err(self.damaged("a tensor of too many dimensions"));
        }
        items.iter().map(|value| self.size(*value)).collect()
    }

    fn size(&self, value: Value<'a>) -> Step<usize> {
        let number = match value {
            Value::Number(number) => usize::try_from(number).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.damaged("expected a size"))
    }

    /// `("storage", type, key, device, length)`, as pytorch/pytorch v2.5.1
    /// `torch/serialization.py` `persistent_load` reads it.
    fn storage(&mut self) -> Step {
        let value = self.pop()?;
        let (first, count) = first_of(self.items(value)?);
        match first[..count] {
            [Value::Text("storage"), Value::StorageType(numbers), Value::Text(key), ..] => {
                self.storages.push((key, numbers));
                self.push(Value::Storage(self.storages.len() - 1))
            }
            _ => Err(self.damaged("a reference that is no storage")),
        }
    }
}

/// The first four values, filled up with others, and how many there are.
fn first_of<'a>(values: &[Value<'a>]) -> ([Value<'a>; 4], usize) {
    let count = values.len().min(4);
    let mut first = [Value::Other; 4];
    first[..count].copy_from_slice(&values[..count]);
    (first, count)
}
