//! What `mount(8)` and fstab add to ossfs's command line.
//!
//! `mount -t ossfs` and `mount -t fuse.ossfs` call `mount.ossfs DEVICE DIR [-sfnv] [-o OPTIONS]
//! [-t TYPE]` (`man 8 mount`, "External helpers"); the old form in fstab names the program in the
//! device: `ossfs#BUCKET:/PREFIX`.

use std::ffi::OsString;

/// The words without those that are between `mount(8)` and its helpers.
pub fn without_helper_words(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            // Verbose; no /etc/mtab; take unknown options.
            Some("-v" | "-n" | "-s") => {}
            Some("-t") => drop(words.next()),
            _ => kept.push(word),
        }
    }
    kept
}

/// The device without the program's name.
pub(super) fn device(what: &str) -> &str {
    what.strip_prefix("ossfs#").unwrap_or(what)
}

/// Whether an option is a remark for `mount(8)` and systemd alone.
pub(super) fn is_for_mount(word: &str) -> bool {
    ["x-", "X-", "comment="]
        .iter()
        .any(|prefix| word.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_s_words_are_left_out() {
        let words = "ossfs#b:/p /m -v -t fuse.ossfs -n -s -o rw,_netdev".split(' ');
        let kept = without_helper_words(words.map(OsString::from));
        assert_eq!(kept, ["ossfs#b:/p", "/m", "-o", "rw,_netdev"]);
        assert_eq!(device("ossfs#b:/p"), "b:/p");
    }
}
