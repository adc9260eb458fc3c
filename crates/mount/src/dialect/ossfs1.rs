//! ossfs 1: `BUCKET[:/PREFIX] MOUNTPOINT [-o opt[,opt…]]… [-f] [-d] [-s]`, `-oopt` glued, and
//! `MOUNTPOINT -o bucket=NAME`.

use super::{CommandLine, Utility, fstab};
use crate::options::{Fault, Problem, Written, look_up};
use std::ffi::OsString;

/// How to call it, for messages.
const USAGE: &str = "write BUCKET[:/PREFIX] MOUNTPOINT -o url=ENDPOINT[,OPTION...] [-f]";

/// Reads the words after the program's name.
///
/// # Errors
/// Every fault at once.
pub fn parse(words: &[OsString]) -> Result<CommandLine, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut positional: Vec<String> = Vec::new();
    let mut options: Vec<Written> = Vec::new();
    let mut foreground = false;
    let mut utility = None;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(word) = word.to_str() else {
            faults.push(arguments(
                word.display().to_string(),
                "this is not UTF-8",
                "write it in UTF-8",
            ));
            continue;
        };
        match word {
            "-f" | "--foreground" => foreground = true,
            "-d" | "--debug" => {
                foreground = true;
                add(&mut options, &mut faults, "dbglevel=debug");
            }
            // One thread only: nothing to do for it.
            "-s" | "--" => {}
            "-o" => match words.next().and_then(|next| next.to_str()) {
                Some(list) => add_list(&mut options, &mut faults, list),
                None => faults.push(arguments(
                    word,
                    "no option stands behind it",
                    "write one, such as -o ro",
                )),
            },
            glued if glued.starts_with("-o") => add_list(&mut options, &mut faults, &glued[2..]),
            other if other.starts_with('-') => match Utility::of(other) {
                Some(Ok(wanted)) => utility = Some(wanted),
                Some(Err(what)) => faults.push(arguments(
                    other,
                    what,
                    "write --incomplete-mpu-abort=12h, for instance",
                )),
                None => faults.push(arguments(other, "unknown argument", USAGE)),
            },
            other => positional.push(other.to_owned()),
        }
    }
    let named = options
        .iter()
        .rfind(|written| written.spec.name == "bucket");
    let (what, mountpoint) = match (&positional[..], named.and_then(|w| w.value.clone())) {
        ([what, mountpoint], _) => (what.clone(), mountpoint.clone()),
        ([mountpoint], Some(bucket)) => (bucket, mountpoint.clone()),
        ([what], None) if utility.is_some() => (what.clone(), String::new()),
        (_, _) => {
            // What is missing may have been swallowed by a fault that was told already.
            if faults.is_empty() {
                let count = positional.len();
                let what = format!("a bucket and a mount point are wanted, {count} given");
                faults.push(arguments("", what, USAGE));
            }
            return Err(faults);
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let what = fstab::device(&what);
    let (bucket, prefix) = what.split_once(':').unwrap_or((what, ""));
    Ok(CommandLine {
        bucket: bucket.to_owned(),
        prefix: prefix.trim_start_matches('/').to_owned(),
        mountpoint: mountpoint.into(),
        foreground,
        options,
        key: None,
        notes: Vec::new(),
        utility,
    })
}

fn arguments(place: impl Into<String>, what: impl Into<String>, mend: &str) -> Fault {
    Fault::new(Problem::Arguments, place, what, mend)
}

fn add_list(options: &mut Vec<Written>, faults: &mut Vec<Fault>, list: &str) {
    for word in split(list) {
        let word = word.trim();
        if !word.is_empty() && !fstab::is_for_mount(word) {
            add(options, faults, word);
        }
    }
}

/// Splits at commas that have no backslash before them, as libfuse does.
fn split(list: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = list.chars();
    while let Some(letter) = letters.next() {
        match (letter, words.last_mut()) {
            (',', _) => words.push(String::new()),
            ('\\', Some(word)) => word.extend(letters.next()),
            (letter, Some(word)) => word.push(letter),
            (_, None) => {}
        }
    }
    words
}

fn add(options: &mut Vec<Written>, faults: &mut Vec<Fault>, word: &str) {
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    match look_up(name, &format!("-o {name}")) {
        Ok(spec) => options.push(Written {
            spec,
            value,
            place: format!("-o {word}"),
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
            faults
                .iter()
                .take(2)
                .all(|f| f.problem == Problem::UnknownOption)
        );
        assert_eq!(faults[0].mend, "did you mean \"max_stat_cache_size\"?");
        assert!(
            line("b").unwrap_err()[0]
                .mend
                .contains("BUCKET[:/PREFIX] MOUNTPOINT")
        );
        assert!(line("b /m -o").is_err());
    }

    #[test]
    fn a_word_that_may_hold_a_secret_is_not_repeated() {
        let faults = line("b /m -o oss_access_key_secret=hidden,passwrd=hidden").unwrap_err();
        assert_eq!(faults.len(), 2);
        for fault in faults {
            assert!(!format!("{fault} {fault:?}").contains("hidden"), "{fault}");
        }
    }

    #[test]
    fn a_word_of_ossfs_2_gets_its_name_here() {
        let faults = line("b /m -o oss_endpoint=x,fuse_threads=3").unwrap_err();
        assert!(faults[0].mend.contains("url="), "{}", faults[0]);
        assert!(faults[1].mend.contains("leave it out"), "{}", faults[1]);
    }

    #[test]
    fn what_mount_8_adds_is_left_to_it() {
        let line = line("b /m -o rw,x-systemd.automount,comment=mine,user=joe,_netdev").unwrap();
        let names: Vec<_> = line.options.iter().map(|w| w.spec.name).collect();
        assert_eq!(names, ["rw", "user", "_netdev"]);
    }

    #[test]
    fn a_comma_can_be_written() {
        let line = line(r"b /m -o fsname=a\,b\\c,ro").unwrap();
        assert_eq!(line.options[0].value.as_deref(), Some(r"a,b\c"));
        assert_eq!(line.options[1].spec.name, "ro");
    }

    #[test]
    fn the_utility_mode_needs_no_mount_point() {
        for (words, utility) in [
            ("-u b:/p -ourl=http://x", Utility::List),
            ("--incomplete-mpu-list b:/p", Utility::List),
            (
                "--incomplete-mpu-abort=30s b:/p",
                Utility::Abort(std::time::Duration::from_secs(30)),
            ),
        ] {
            let line = line(words).unwrap();
            assert_eq!(line.utility, Some(utility), "{words}");
            assert_eq!((&*line.bucket, &*line.prefix), ("b", "p"));
        }
        let faults = line("--incomplete-mpu-abort=soon b").unwrap_err();
        assert!(
            faults[0].to_string().contains("1Y6M10D12h30m30s"),
            "{}",
            faults[0]
        );
        assert!(line("b").is_err(), "a mount needs one");
    }

    proptest! {
        #[test]
        fn no_words_panic(words in proptest::collection::vec("\\PC{0,12}", 0..6)) {
            let _ = parse(&words.into_iter().map(OsString::from).collect::<Vec<_>>());
        }
    }
}
