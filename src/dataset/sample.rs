/*!
Which rows of a data set are taken.

A seeded draw ranks ids by a hash with the seed and takes the first: the same rows whatever their
order in the file, and a larger draw holds every smaller one of the same seed. Must not know files.
*/

use std::collections::HashMap;

/// Which rows are taken; always in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sample {
    All,
    First(usize),
    Seeded {
        count: usize,
        seed: u64,
    },
    Ids(Vec<String>),
    /// So many of each value of a column.
    ByStratum {
        column: String,
        count: usize,
        seed: u64,
    },
}

/// What sampling needs to know of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) id: String,
    /// The value of the sample's column; empty without one.
    pub(super) stratum: String,
    /// Where the row is, in bytes from the file's start.
    pub(super) offset: u64,
}

impl Sample {
    /// The column that heads must have the value of.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::ByStratum { column, .. } => Some(column),
            _ => None,
        }
    }

    /// The rows taken out of all. Fewer than were asked for if there are not as many.
    ///
    /// # Errors
    /// The position of an id that no row has.
    pub(super) fn take(&self, heads: Vec<Head>) -> Result<Vec<Head>, usize> {
        Ok(match self {
            Self::All => heads,
            Self::First(count) => heads.into_iter().take(*count).collect(),
            Self::Seeded { count, seed } => {
                let all = (0..heads.len()).collect();
                let chosen = draw(&heads, all, *count, *seed);
                keep(heads, chosen)
            }
            Self::Ids(ids) => by_id(heads, ids)?,
            Self::ByStratum { count, seed, .. } => {
                let strata = strata(&heads).into_iter();
                let chosen = strata.flat_map(|one| draw(&heads, one, *count, *seed)).collect();
                keep(heads, chosen)
            }
        })
    }
}

/// The places of the rows whose ids rank first under the seed.
fn draw(heads: &[Head], mut places: Vec<usize>, count: usize, seed: u64) -> Vec<usize> {
    places.sort_by_cached_key(|place| (rank(&heads[*place].id, seed), *place));
    places.truncate(count);
    places
}

/// FNV-1a of the id, mixed with the seed by splitmix64, so that the draw is the same on every
/// machine and in every version.
fn rank(id: &str, seed: u64) -> u64 {
    let fnv = id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    let mut mixed = fnv ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The places of each stratum's rows, in the order in which the strata first occur.
fn strata(heads: &[Head]) -> Vec<Vec<usize>> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut strata: Vec<Vec<usize>> = Vec::new();
    for (place, head) in heads.iter().enumerate() {
        let position = *positions.entry(&head.stratum).or_insert(strata.len());
        if position == strata.len() {
            strata.push(Vec::new());
        }
        strata[position].push(place);
    }
    strata
}

fn by_id(heads: Vec<Head>, ids: &[String]) -> Result<Vec<Head>, usize> {
    let places: HashMap<&str, usize> =
        heads.iter().enumerate().map(|(place, head)| (head.id.as_str(), place)).collect();
    let find = |(index, id): (usize, &String)| places.get(id.as_str()).copied().ok_or(index);
    let chosen = ids.iter().enumerate().map(find).collect::<Result<Vec<usize>, usize>>()?;
    Ok(keep(heads, chosen))
}

fn keep(heads: Vec<Head>, mut chosen: Vec<usize>) -> Vec<Head> {
    chosen.sort_unstable();
    chosen.dedup();
    let mut chosen = chosen.into_iter().peekable();
    let is_chosen = |(place, _): &(usize, Head)| chosen.next_if_eq(place).is_some();
    let kept = heads.into_iter().enumerate().filter(is_chosen);
    kept.map(|(_, head)| head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(count: usize) -> Vec<Head> {
        let head = |number: usize| Head {
            id: number.to_string(),
            stratum: if number.is_multiple_of(10) { "rare" } else { "common" }.to_owned(),
            offset: 0,
        };
        (0..count).map(head).collect()
    }

    fn ids(sample: &Sample, heads: Vec<Head>) -> Vec<String> {
        sample.take(heads).unwrap().into_iter().map(|head| head.id).collect()
    }

    #[test]
    fn first_and_all() {
        assert_eq!(ids(&Sample::First(2), heads(5)), ["0", "1"]);
        assert_eq!(ids(&Sample::First(9), heads(3)).len(), 3);
        assert_eq!(ids(&Sample::All, heads(5)).len(), 5);
    }

    #[test]
    fn a_draw_depends_on_the_seed_and_not_on_the_order() {
        let seeded = |count, seed| Sample::Seeded { count, seed };
        let drawn = ids(&seeded(20, 7), heads(200));
        assert_eq!(drawn.len(), 20);
        let mut reversed: Vec<Head> = heads(200);
        reversed.reverse();
        let mut again = ids(&seeded(20, 7), reversed);
        again.reverse();
        assert_eq!(drawn, again);
        assert_ne!(drawn, ids(&seeded(20, 8), heads(200)));
        let fewer = ids(&seeded(5, 7), heads(200));
        assert!(fewer.iter().all(|id| drawn.contains(id)));
    }

    #[test]
    fn every_stratum_has_its_share() {
        let sample = Sample::ByStratum { column: "kind".into(), count: 3, seed: 1 };
        let drawn = sample.take(heads(100)).unwrap();
        let rare = drawn.iter().filter(|head| head.stratum == "rare").count();
        assert_eq!((rare, drawn.len()), (3, 6));
    }

    #[test]
    fn ids_keep_the_order_of_the_file_and_must_be_known() {
        let sample = |ids: &[&str]| Sample::Ids(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(ids(&sample(&["3", "1", "3"]), heads(5)), ["1", "3"]);
        assert_eq!(sample(&["3", "9"]).take(heads(5)), Err(1));
    }
}
