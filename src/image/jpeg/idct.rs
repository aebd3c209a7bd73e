/*!
The accurate integer inverse transform: `jpeg_idct_islow` of libjpeg's `jidctint.c`, after Loeffler, Ligtenberg
and Moschytz (ICASSP 1989), with 13 bits of constants and 2 more bits between the passes.

The eight columns, then the eight rows, are worked on together, so that a compiler can use vectors.
*/

const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;

/// `round(x * 2^13)` of the constants in `jidctint.c`.
const FIX_0_298631336: i32 = 2446;
const FIX_0_390180644: i32 = 3196;
const FIX_0_541196100: i32 = 4433;
const FIX_0_765366865: i32 = 6270;
const FIX_0_899976223: i32 = 7373;
const FIX_1_175875602: i32 = 9633;
const FIX_1_501321110: i32 = 12299;
const FIX_1_847759065: i32 = 15137;
const FIX_1_961570560: i32 = 16069;
const FIX_2_053119869: i32 = 16819;
const FIX_2_562915447: i32 = 20995;
const FIX_3_072711026: i32 = 25172;

/// Coefficients of a block, row by row.
pub(super) type Block = [i16; 64];
/// Eight numbers that take the same way.
type Lanes = [i32; 8];

/// Levels of a block of coefficients, written to rows of `stride` levels.
pub(super) fn levels(block: &Block, quantisation: &[u16; 64], out: &mut [u8], stride: usize) {
    if block[1..].iter().all(|coefficient| *coefficient == 0) {
        let mean = i32::from(block[0].wrapping_mul(quantisation[0].cast_signed()));
        let level = level((mean + 4) >> 3);
        out.chunks_mut(stride).take(8).for_each(|row| row[..8].fill(level));
        return;
    }
    let mut rows = [[0; 8]; 8];
    for (place, row) in rows.iter_mut().enumerate() {
        for (column, value) in row.iter_mut().enumerate() {
            let at = 8 * place + column;
            *value = i32::from(block[at].wrapping_mul(quantisation[at].cast_signed()));
        }
    }
    let columns = transposed(&pass::<{ CONST_BITS - PASS1_BITS }>(&rows));
    let levels = transposed(&pass::<{ CONST_BITS + PASS1_BITS + 3 }>(&columns));
    for (row, levels) in out.chunks_mut(stride).zip(&levels) {
        row[..8].iter_mut().zip(levels).for_each(|(out, value)| *out = level(*value));
    }
}

#[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
fn level(value: i32) -> u8 {
    (value + 128).clamp(0, 255) as u8
}

fn transposed(rows: &[Lanes; 8]) -> [Lanes; 8] {
    std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
}

#[inline(always)]
fn map(one: &Lanes, other: &Lanes, work: impl Fn(i32, i32) -> i32) -> Lanes {
    std::array::from_fn(|lane| work(one[lane], other[lane]))
}

#[inline(always)]
fn add(one: &Lanes, other: &Lanes) -> Lanes {
    map(one, other, i32::wrapping_add)
}

#[inline(always)]
fn sub(one: &Lanes, other: &Lanes) -> Lanes {
    map(one, other, i32::wrapping_sub)
}

#[inline(always)]
fn times(one: &Lanes, factor: i32) -> Lanes {
    one.map(|value| value.wrapping_mul(factor))
}

/// One pass over the first index; `SHIFT` bits are rounded away.
#[inline(always)]
fn pass<const SHIFT: u32>(input: &[Lanes; 8]) -> [Lanes; 8] {
    let even = even_part(input);
    let odd = odd_part(input);
    let round = |value: i32| value.wrapping_add(1 << (SHIFT - 1)) >> SHIFT;
    std::array::from_fn(|place| match place {
        0..4 => add(&even[place], &odd[place]).map(round),
        _ => sub(&even[7 - place], &odd[7 - place]).map(round),
    })
}

#[inline(always)]
fn even_part(input: &[Lanes; 8]) -> [Lanes; 4] {
    let z1 = times(&add(&input[2], &input[6]), FIX_0_541196100);
    let tmp2 = add(&z1, &times(&input[6], -FIX_1_847759065));
    let tmp3 = add(&z1, &times(&input[2], FIX_0_765366865));
    let tmp0 = times(&add(&input[0], &input[4]), 1 << CONST_BITS);
    let tmp1 = times(&sub(&input[0], &input[4]), 1 << CONST_BITS);
    [add(&tmp0, &tmp3), add(&tmp1, &tmp2), sub(&tmp1, &tmp2), sub(&tmp0, &tmp3)]
}

#[inline(always)]
fn odd_part(input: &[Lanes; 8]) -> [Lanes; 4] {
    let [a, b, c, d] = [&input[7], &input[5], &input[3], &input[1]];
    let (z3, z4) = (add(a, c), add(b, d));
    let z5 = times(&add(&z3, &z4), FIX_1_175875602);
    let z1 = times(&add(a, d), -FIX_0_899976223);
    let z2 = times(&add(b, c), -FIX_2_562915447);
    let z3 = add(&times(&z3, -FIX_1_961570560), &z5);
    let z4 = add(&times(&z4, -FIX_0_390180644), &z5);
    let sum = |value: &Lanes, factor: i32, one: &Lanes, other: &Lanes| {
        add(&times(value, factor), &add(one, other))
    };
    [
        sum(d, FIX_1_501321110, &z1, &z4),
        sum(c, FIX_3_072711026, &z2, &z3),
        sum(b, FIX_2_053119869, &z2, &z4),
        sum(a, FIX_0_298631336, &z1, &z3),
    ]
}
