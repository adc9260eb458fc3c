//! Where a page of numbered names will end.

/// The number in a name, as far as it is the only difference to another name of the same length.
struct Numbered<'a> {
    before: &'a str,
    digits: &'a str,
    after: &'a str,
}

/// Takes two names of one row of numbers apart: `a/img_0007.jpg` and `a/img_1006.jpg`.
fn apart<'a>(first: &'a str, last: &'a str) -> Option<(Numbered<'a>, Numbered<'a>)> {
    if first.len() != last.len() || first == last || !first.is_ascii() || !last.is_ascii() {
        return None;
    }
    let same = |(a, b): &(u8, u8)| a == b;
    let pairs = || first.bytes().zip(last.bytes());
    let start = pairs().take_while(same).count();
    let end = first.len() - pairs().rev().take_while(same).count();
    // All the digits around the difference: the next number may differ in more of them.
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let start = start - first[..start].bytes().rev().take_while(is_digit).count();
    let end = end + first[end..].bytes().take_while(is_digit).count();
    let part = |name: &'a str| {
        let digits = &name[start..end];
        let good = digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
        good.then_some(Numbered {
            before: &name[..start],
            digits,
            after: &name[end..],
        })
    };
    Some((part(first)?, part(last)?))
}

impl Numbered<'_> {
    fn number(&self) -> Option<u64> {
        self.digits.parse().ok()
    }

    /// The same name with another number, if that has as many digits.
    fn with(&self, number: u64) -> Option<String> {
        let width = self.digits.len();
        let digits = format!("{number:0width$}");
        (digits.len() == width).then(|| format!("{}{digits}{}", self.before, self.after))
    }
}

/// The last name of the next page, if `first` and `last` are those of a full page of `count` names whose numbers go up
/// evenly.
pub(super) fn next(first: &str, last: &str, count: u32) -> Option<String> {
    let (first, last) = apart(first, last)?;
    let (from, to) = (first.number()?, last.number()?);
    let steps = u64::from(count).checked_sub(1)?;
    let step = to.checked_sub(from)?.checked_div(steps)?;
    if step == 0 || from + steps * step != to {
        return None;
    }
    last.with(to + u64::from(count) * step)
}

/// The first and last name of the page that ends with `until`, if it is one of the pages after that of `first` and `last`.
pub(super) fn shift(first: &str, last: &str, until: &str) -> Option<(String, String)> {
    let (a, b) = apart(first, last)?;
    let (_, end) = apart(first, until)?;
    let back = b.number()? - a.number()?;
    let first = end.with(end.number()?.checked_sub(back)?)?;
    Some((first, until.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_go_up_evenly_are_continued() {
        let next = |first, last, count| next(first, last, count);
        assert_eq!(next("f000", "f009", 10).as_deref(), Some("f019"));
        assert_eq!(
            next("a/0990.jpg", "a/1009.jpg", 20).as_deref(),
            Some("a/1029.jpg")
        );
        assert_eq!(next("f000", "f018", 10).as_deref(), Some("f038"), "by twos");
        assert_eq!(next("f000", "f010", 10), None, "one is missing");
        assert_eq!(next("f0", "f9", 10), None, "no room for more digits");
        assert_eq!(next("aab", "aaz", 25), None);
        assert_eq!(next("f1", "g1", 10), None);
        assert_eq!(next("f\u{e9}0", "f\u{e9}9", 10), None);
        assert_eq!(next("f1", "f1", 1), None);
        let (first, last) = shift("f000", "f009", "f029").unwrap();
        assert_eq!((first.as_str(), last.as_str()), ("f020", "f029"));
        // 2024-01-01-0000 and on: only the last number counts.
        assert_eq!(
            next("2024-01-0000", "2024-01-0999", 1000).as_deref(),
            Some("2024-01-1999")
        );
    }
}
