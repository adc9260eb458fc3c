//! Where a directory of any names can be cut, so that its parts are listed at once.
//!
//! Nobody knows how the names are spread. Between two known ones the middle is where the first character in which they
//! differ is in the middle. Beyond the last known one it is a place or more before the first in which the names of a page
//! differ: each place further up reaches some ten times as far. A cut where nothing lies costs a request.

/// The end of the class that a character is of, exclusively; names are cut at no others.
fn end(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(b'9' + 1),
        b'A'..=b'Z' => Some(b'Z' + 1),
        b'a'..=b'z' => Some(b'z' + 1),
        _ => None,
    }
}

/// How many bytes both begin with.
fn common(one: &str, other: &str) -> usize {
    let pairs = one.bytes().zip(other.bytes());
    pairs.take_while(|(a, b)| a == b).count()
}

/// Whether something of the same class comes two behind the byte at `place`.
fn has_room(name: &str, place: usize) -> bool {
    let byte = name.as_bytes().get(place);
    byte.is_some_and(|byte| end(*byte).is_some_and(|end| end - byte >= 2))
}

/// A name behind `name`: half of what is left at the first place from `place` on that has room.
fn above(name: &str, place: usize) -> Option<String> {
    let place = (place..name.len()).find(|place| has_room(name, *place))?;
    let byte = name.as_bytes()[place];
    with(name, place, byte + (end(byte)? - byte) / 2)
}

/// What `name` has before `place`, and this byte.
fn with(name: &str, place: usize, byte: u8) -> Option<String> {
    let mut cut = name.get(..place)?.to_owned();
    cut.push(byte.is_ascii_alphanumeric().then_some(char::from(byte))?);
    Some(cut)
}

/// A place between two names, neither of which it is.
pub(super) fn between(name: &str, until: &str) -> Option<String> {
    let place = common(name, until);
    let (low, high) = (name.as_bytes().get(place), until.as_bytes().get(place));
    let cut = match (low, high) {
        (Some(low), Some(high)) if high.saturating_sub(*low) >= 2 => {
            let middle = low + (high - low) / 2;
            // Between classes there is nothing, mostly.
            with(name, place, middle).or_else(|| above(name, place + 1))
        }
        _ => above(name, place + 1),
    };
    cut.filter(|cut| **cut > *name && **cut < *until)
}

/// A place behind a page whose first and last names these are, `reach` places with room further up than the first.
pub(super) fn beyond(first: &str, last: &str, from: usize, reach: usize) -> Option<String> {
    let places = (from..common(first, last)).rev();
    let mut with_room = places.filter(|place| has_room(last, *place));
    let place = with_room.nth(reach).unwrap_or(from);
    above(last, place).filter(|cut| **cut > *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_names_the_middle_is_where_they_differ() {
        assert_eq!(between("d/apple", "d/mango").as_deref(), Some("d/g"));
        let days = between("2024-01-01 18", "2024-02-01 00");
        assert_eq!(
            days.as_deref(),
            Some("2024-01-5"),
            "below the first that differs"
        );
        assert_eq!(
            between("2024-01-01 18", "2024-01-5").as_deref(),
            Some("2024-01-2")
        );
        assert_eq!(between("a", "a"), None);
        assert_eq!(between("az", "b"), None, "no room");
        assert_eq!(between("x9", "x9a"), None);
        assert_eq!(
            between("Zoo", "aardvark"),
            Some("Zu".to_owned()),
            "of one class"
        );
        assert_eq!(between("\u{e9}a", "\u{e9}z").as_deref(), Some("\u{e9}m"));
        assert_eq!(between("\u{e9}", "\u{fc}"), None, "no part of a character");
    }

    #[test]
    fn beyond_a_page_each_step_reaches_further() {
        let (first, last) = ("l/2024-01-01 00:00", "l/2024-01-01 18:20");
        let cut = |reach| beyond(first, last, 2, reach).unwrap();
        assert_eq!(cut(0), "l/2024-01-05");
        assert_eq!(cut(1), "l/2024-01-5");
        assert_eq!(cut(2), "l/2024-05");
        assert_eq!(cut(99), "l/6");
        assert_eq!(beyond("d/aabc", "d/abzz", 2, 0).as_deref(), Some("d/n"));
        assert_eq!(beyond("d/-a", "d/-b", 2, 0).as_deref(), Some("d/-n"));
        assert_eq!(beyond("d/{a", "d/{z", 2, 0), None);
    }
}
