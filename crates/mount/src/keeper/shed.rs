//! Giving back the pages of our program that starting it has touched.
#![allow(unsafe_code)]

use std::fs;

/// Drops the clean pages of the program and its libraries from this process: those that are needed again
/// come back from the page cache. The keeper needs a few dozen of the thousands that the linker touched.
pub(super) fn pages() {
    let Ok(maps) = fs::read_to_string("/proc/self/smaps") else {
        return;
    };
    let ranges = untouched(&maps);
    // Nothing but this comes after, so that little comes back.
    for (start, end) in ranges {
        let address = std::ptr::without_provenance_mut(start);
        // SAFETY: the range is a mapping of a file that is not writable and of which no page was
        // changed: what is dropped is read from the file again when it is touched.
        unsafe { libc::madvise(address, end - start, libc::MADV_DONTNEED) };
    }
}

/// The mappings of files that can't be written and of which no page was changed.
fn untouched(maps: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    // A mapping's line, then lines `Name: N kB`.
    let mut mapping = None;
    for line in maps.lines() {
        if let Some(range) = range_of_read_only_file(line) {
            mapping = Some(range);
        } else if line
            .split(' ')
            .next()
            .is_some_and(|word| word.contains('-'))
        {
            mapping = None;
        } else if let Some(kib) = line.strip_prefix("Anonymous:")
            && kib.trim() == "0 kB"
        {
            ranges.extend(mapping.take());
        }
    }
    ranges
}

/// `55d-55e r-xp 00000000 08:01 123 /path`: the range, of a private file mapping that can't be written.
fn range_of_read_only_file(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?;
    let path = words.nth(3)?;
    let read_only = rights.starts_with('r') && !rights.contains('w') && rights.ends_with('p');
    if !read_only || !path.starts_with('/') {
        return None;
    }
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(start)?, address(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_not_written_are_dropped() {
        let line = "7f00-7f80 r-xp 00001000 08:01 42    /usr/bin/ossplit";
        assert_eq!(range_of_read_only_file(line), Some((0x7f00, 0x7f80)));
        for other in [
            "7f00-7f80 rw-p 00001000 08:01 42    /usr/bin/ossplit",
            "7f00-7f80 r--s 00001000 08:01 42    /usr/bin/ossplit",
            "7f00-7f80 r-xp 00000000 00:00 0     [vdso]",
            "7f00-7f80 r--p 00000000 00:00 0",
            "Rss:                 100 kB",
        ] {
            assert_eq!(range_of_read_only_file(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_goes_on_with_what_comes_back() {
        pages();
        assert_eq!(
            format!("{:?}", "still here".to_uppercase()),
            "\"STILL HERE\""
        );
    }
}
