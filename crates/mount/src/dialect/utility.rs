//! ossfs 1's utility mode: `ossfs -u BUCKET`, `--incomplete-mpu-list`, `--incomplete-mpu-abort[=all|AGE]`. Nothing is
//! mounted; unfinished multipart uploads are listed or aborted.

use std::time::Duration;

/// What to do with unfinished uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utility {
    /// List them.
    List,
    /// Abort those that were begun at least so long ago.
    Abort(Duration),
    /// Bring deleted objects back, in a bucket that keeps versions (`ossplit undelete`).
    Undelete,
}

/// `--incomplete-mpu-abort` alone spares what is younger.
const DAY: Duration = Duration::from_hours(24);

impl Utility {
    /// Reads a word of the command line; `None` if it is of no utility, an error if its value makes no sense.
    pub(super) fn of(word: &str) -> Option<Result<Self, &'static str>> {
        const ABORT: &str = "--incomplete-mpu-abort";
        match word {
            "-u" | "--incomplete-mpu-list" => Some(Ok(Self::List)),
            ABORT => Some(Ok(Self::Abort(DAY))),
            _ => {
                let age = word.strip_prefix(ABORT)?.strip_prefix('=')?;
                let age = parse_age(age).ok_or("an age is like 1Y6M10D12h30m30s, or all");
                Some(age.map(Self::Abort))
            }
        }
    }
}

/// `all`, or numbers with units from years down to seconds, each at most once: a year has 365 days, a month 30.
fn parse_age(text: &str) -> Option<Duration> {
    const UNITS: [(char, u64); 6] = [
        ('Y', 365 * 86_400),
        ('M', 30 * 86_400),
        ('D', 86_400),
        ('h', 3_600),
        ('m', 60),
        ('s', 1),
    ];
    if text == "all" {
        return Some(Duration::ZERO);
    }
    let (mut seconds, mut rest, mut units) = (0_u64, text, UNITS.as_slice());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let at = units.iter().position(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(number.checked_mul(units[at].1)?)?;
        (rest, units) = (&rest[digits + 1..], &units[at + 1..]);
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_as_ossfs_reads_them() {
        let seconds = |text| parse_age(text).map(|age| age.as_secs());
        assert_eq!(seconds("all"), Some(0));
        assert_eq!(seconds("30s"), Some(30));
        assert_eq!(seconds("12h30m30s"), Some(12 * 3600 + 30 * 60 + 30));
        let long = (365 + 6 * 30 + 10) * 86_400 + 12 * 3600 + 30 * 60 + 30;
        assert_eq!(seconds("1Y6M10D12h30m30s"), Some(long));
        for bad in [
            "",
            "1",
            "1x",
            "s",
            "1s1h",
            "1h1h",
            "-1s",
            "99999999999999999Y",
        ] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_of_the_utility_mode() {
        assert_eq!(Utility::of("-u"), Some(Ok(Utility::List)));
        let abort = |text| Utility::of(&format!("--incomplete-mpu-abort{text}"));
        assert_eq!(abort(""), Some(Ok(Utility::Abort(DAY))));
        assert_eq!(abort("=all"), Some(Ok(Utility::Abort(Duration::ZERO))));
        assert!(matches!(abort("=soon"), Some(Err(_))));
        assert_eq!(Utility::of("-f"), None);
    }
}
