//! Where a page will end of names that are spread evenly: hashes, random identifiers.
//!
//! A name is a fraction to the base of the alphabet that the names use. Pages of evenly spread names are equally wide, so
//! what lies so much further ends the next one.

/// Digits of a name that count.
const DIGITS: usize = 9;
/// A page is as even as thought if its width differs by less than this share.
const UNEVEN: f64 = 0.15;
/// So much of a page is asked for, so that what comes fits one.
const FILL: f64 = 0.9;

/// How names are spread.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread {
    /// What all begin with.
    before: String,
    /// Sorted.
    alphabet: Vec<u8>,
    /// Of a full page.
    width: f64,
}

impl Spread {
    /// That of a full page of names in order.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let (first, last) = (names.clone().next()?, names.clone().last()?);
        let pairs = first.bytes().zip(last.bytes());
        let common = pairs.take_while(|(a, b)| a == b).count();
        // The digits behind the first that differs have all values already.
        let mut seen = [false; 128];
        for name in names {
            for byte in name.as_bytes().get(common + 1..common + 7)? {
                *seen.get_mut(usize::from(*byte))? = true;
            }
        }
        let alphabet: Vec<u8> = (0..128).filter(|byte| seen[usize::from(*byte)]).collect();
        let fixed = first.as_bytes()[..common].iter().rev();
        let fixed = common - fixed.take_while(|byte| alphabet.contains(byte)).count();
        let mut spread = Self {
            before: first.get(..fixed)?.to_owned(),
            alphabet,
            width: 0.0,
        };
        spread.width = spread.value(last)? - spread.value(first)?;
        (spread.width > 0.0).then_some(spread)
    }

    /// True if the page after the one that this is of is as wide.
    pub(super) fn is_like(&self, next: &Self) -> bool {
        let same = self.before == next.before && self.alphabet == next.alphabet;
        same && (next.width - self.width).abs() < UNEVEN * self.width
    }

    fn value(&self, name: &str) -> Option<f64> {
        let digits = name.strip_prefix(&*self.before)?.bytes().take(DIGITS);
        let base = self.alphabet.len() as f64;
        let (mut value, mut unit) = (0.0, 1.0);
        for byte in digits {
            unit /= base;
            // What is no digit ends the number.
            let Ok(rank) = self.alphabet.binary_search(&byte) else {
                break;
            };
            value += rank as f64 * unit;
        }
        Some(value)
    }

    /// A name, which need not exist, up to which a page fits after `name`. `None` beyond the last.
    pub(super) fn next(&self, name: &str) -> Option<String> {
        let mut rest = self.value(name)? + FILL * self.width;
        if rest >= 1.0 {
            return None;
        }
        let base = self.alphabet.len() as f64;
        let mut next = self.before.clone();
        for _ in 0..DIGITS {
            rest *= base;
            let rank = (rest as usize).min(self.alphabet.len() - 1);
            rest -= rank as f64;
            next.push(char::from(self.alphabet[rank]));
        }
        (*next > *name).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u64) -> Vec<String> {
        let hash = |number: u64| number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mix = |hash: u64| (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mut names: Vec<String> = (0..count)
            .map(|number| format!("d/img_{:016x}.jpg", mix(hash(number))))
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn evenly_spread_names_are_cut_into_parts_that_fit_a_page() {
        let names = hashes(30_000);
        let of = |page: &[String]| Spread::of(page.iter().map(String::as_str)).unwrap();
        let (first, second) = (of(&names[..1000]), of(&names[1000..2000]));
        assert_eq!(first.before, "d/img_");
        assert_eq!(first.alphabet, b"0123456789abcdef");
        assert!(first.is_like(&second));
        let mut at = names[1999].clone();
        let mut parts = 0;
        while let Some(next) = second.next(&at) {
            let count = names
                .iter()
                .filter(|name| **name > at && **name <= next)
                .count();
            assert!((700..=1000).contains(&count), "{count} up to {next}");
            at = next;
            parts += 1;
        }
        assert!((29..=33).contains(&parts), "{parts}");
    }

    #[test]
    fn other_names_are_not_taken_for_evenly_spread() {
        let of = |names: [&'static str; 2]| Spread::of(names.into_iter());
        assert_eq!(of(["a", "b"]), None, "too short");
        assert_eq!(of(["f1aaaaaa1", "f9zzzzzz1"]), None, "digits of two kinds");
    }
}
