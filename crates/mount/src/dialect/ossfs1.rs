//! ossfs 1: `BUCKET[:/PREFIX] MOUNTPOINT [-o opt[,opt…]]… [-f] [-d] [-s]`, `-oopt` glued, and
//! `MOUNTPOINT -o bucket=NAME`. `mount(8)` calls it so for fstab lines, and `ossfs#BUCKET` is the
//! old fstab's way to name it.

use super::CommandLine;
use crate::options::{Fault, Written, look_up};
use std::ffi::OsString;

/// How to call it, for messages.
const USAGE: &str = "write: BUCKET[:/PREFIX] MOUNTPOINT -o url=ENDPOINT[,OPTION...] [-f]";

/// Reads the words after the program's name.
///
/// # Errors
/// Every fault at once.
pub fn parse(words: &[OsString]) -> Result<CommandLine, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut positional: Vec<String> = Vec::new();
    let mut options: Vec<Written> = Vec::new();
    let mut foreground = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(word) = word.to_str() else {
            faults.push(Fault(format!("{} is not UTF-8", word.display())));
            continue;
        };
        match word {
            "-f" | "--foreground" => foreground = true,
            "-d" | "--debug" => {
                foreground = true;
                add(&mut options, &mut faults, "dbglevel=debug");
            }
            // One thread only, and "not from fstab's noauto": nothing to do for either.
            "-s" | "-n" | "--" => {}
            "-o" => match words.next().and_then(|next| next.to_str()) {
                Some(list) => add_list(&mut options, &mut faults, list),
                None => faults.push(Fault("-o wants options behind it, such as -o ro".into())),
            },
            glued if glued.starts_with("-o") => add_list(&mut options, &mut faults, &glued[2..]),
            other if other.starts_with('-') => {
                faults.push(Fault(format!("unknown argument {other:?}; {USAGE}")));
            }
            other => positional.push(other.to_owned()),
        }
    }
    let named = options
        .iter()
        .rfind(|written| written.spec.name == "bucket");
    let (what, mountpoint) = match (&positional[..], named.and_then(|w| w.value.clone())) {
        ([what, mountpoint], _) => (what.clone(), mountpoint.clone()),
        ([mountpoint], Some(bucket)) => (bucket, mountpoint.clone()),
        (_, _) => {
            let count = positional.len();
            faults.push(Fault(format!(
                "a bucket and a mount point are wanted, {count} given; {USAGE}"
            )));
            return Err(faults);
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let what = what.strip_prefix("ossfs#").unwrap_or(&what);
    let (bucket, prefix) = what.split_once(':').unwrap_or((what, ""));
    Ok(CommandLine {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_start_matches('/').to_owned(),
        mountpoint: mountpoint.into(),
        foreground,
        options,
    })
}

fn add_list(options: &mut Vec<Written>, faults: &mut Vec<Fault>, list: &str) {
    for word in list.split(',').filter(|word| !word.trim().is_empty()) {
        add(options, faults, word.trim());
    }
}

fn add(options: &mut Vec<Written>, faults: &mut Vec<Fault>, word: &str) {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let source = format!("-o {word}");
    match look_up(name, &source) {
        Ok(spec) => options.push(Written {
            spec,
            value,
            source,
        }),
        Err(fault) => faults.push(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(words: &str) -> Result<CommandLine, Vec<Fault>> {
        parse(&words.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_forms_that_people_write() {
        for words in [
            "b:/p/q /mnt -o ro,url=http://x -f",
            "-f -oro -ourl=http://x b:/p/q /mnt",
            "ossfs#b:/p/q /mnt -o url=http://x -o ro -s -f",
            "/mnt -o bucket=b:/p/q,ro -o url=http://x -f",
        ] {
            let line = line(words).unwrap();
            assert_eq!(
                (line.bucket.as_str(), line.prefix.as_str()),
                ("b", "p/q"),
                "{words}"
            );
            assert_eq!(line.mountpoint.to_str(), Some("/mnt"));
            assert!(line.foreground);
            let value = |name| {
                line.options
                    .iter()
                    .find(|w| w.spec.name == name)
                    .map(|w| w.value.clone())
            };
            assert_eq!(value("ro"), Some(None));
            assert_eq!(value("url"), Some(Some("http://x".into())));
        }
    }

    #[test]
    fn the_page_s_own_options() {
        let line = line(
            "b:/t /m -o max_stat_cache_size=10000 -o kernel_cache -oumask=022 -o max_multireq=30",
        )
        .unwrap();
        let names: Vec<_> = line.options.iter().map(|w| w.spec.name).collect();
        assert_eq!(
            names,
            [
                "max_stat_cache_size",
                "kernel_cache",
                "umask",
                "multireq_max"
            ]
        );
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = line("b /m -o max_stat_cache_sise=1,nonsense_word --what").unwrap_err();
        assert_eq!(faults.len(), 3);
        assert!(
            faults[0]
                .0
                .contains("did you mean \"max_stat_cache_size\"?"),
            "{}",
            faults[0]
        );
        assert!(
            line("b").unwrap_err()[0]
                .0
                .contains("BUCKET[:/PREFIX] MOUNTPOINT")
        );
        assert!(line("b /m -o").is_err());
    }

    proptest! {
        #[test]
        fn no_words_panic(words in proptest::collection::vec("\\PC{0,12}", 0..6)) {
            let _ = parse(&words.into_iter().map(OsString::from).collect::<Vec<_>>());
        }
    }
}
