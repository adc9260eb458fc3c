//! ossfs 2: `ossfs2 mount MOUNTPOINT -c FILE [--name=value]… [-f] [-d]`. The file has one
//! `--name=value` a line and `#` comments; what stands on the command line wins.

use super::CommandLine;
use crate::options::{
    Fault, Key, Problem, Written, look_up,
    ossfs2::{self, Means},
    values,
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

/// How to call it, for messages.
const USAGE: &str = "write mount MOUNTPOINT -c FILE [--NAME=VALUE]... [-f]";

/// A word as it was given, by name: later ones replace earlier ones.
struct Given {
    value: Option<String>,
    place: String,
}

#[derive(Default)]
struct Reading {
    given: BTreeMap<&'static str, Given>,
    faults: Vec<Fault>,
    notes: Vec<String>,
}

/// Reads the words after the program's name; `folder` is what a relative FILE is relative to.
///
/// # Errors
/// Every fault at once.
pub fn parse(words: &[OsString], folder: &Path) -> Result<CommandLine, Vec<Fault>> {
    let mut reading = Reading::default();
    let (mut positional, mut files, mut typed) = (Vec::new(), Vec::new(), Vec::new());
    let mut foreground = false;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(word) = word.to_str() else {
            let place = word.display().to_string();
            reading.fault(&place, "this is not UTF-8", "write it in UTF-8");
            continue;
        };
        match word {
            "-f" => foreground = true,
            "-d" => {
                foreground = true;
                typed.push("log_level=debug".to_owned());
            }
            "-c" => match words.next() {
                Some(file) => files.push(PathBuf::from(file)),
                None => reading.fault(word, "no file stands behind it", USAGE),
            },
            word if word.starts_with("-c=") => files.push(PathBuf::from(&word[3..])),
            word if word.starts_with("--") => typed.push(word[2..].to_owned()),
            word if word.starts_with('-') => reading.fault(word, "unknown argument", USAGE),
            word => positional.push(word.to_owned()),
        }
    }
    for file in files {
        reading.file(&folder.join(file));
    }
    for word in typed {
        reading.word(&word, &|shown| format!("--{shown}"), true);
    }
    match &positional[..] {
        [verb, mountpoint] if verb == "mount" => {
            let mountpoint = mountpoint.into();
            reading.finish(mountpoint, foreground)
        }
        _ => {
            if reading.faults.is_empty() {
                let what = format!("`mount MOUNTPOINT` is wanted, {positional:?} given");
                reading.fault("", &what, USAGE);
            }
            Err(reading.faults)
        }
    }
}

impl Reading {
    fn fault(&mut self, place: &str, what: &str, mend: &str) {
        let fault = Fault::new(Problem::Arguments, place, what, mend);
        self.faults.push(fault);
    }

    fn file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let place = format!("-c {}", path.display());
                let mend = "check its name and its mode";
                let fault = Fault::new(Problem::File, place, error.to_string(), mend);
                return self.faults.push(fault);
            }
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |shown: &str| format!("{}:{number}: --{shown}", path.display());
            if let Some(word) = line.strip_prefix("--") {
                self.word(word, &at, false);
            } else {
                // Not quoted: it may be a secret that lost its name.
                let place = format!("{}:{number}", path.display());
                self.fault(&place, "the line is no option", "write --NAME=VALUE");
            }
        }
        if self.given.contains_key("oss_access_key_secret")
            && std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
        {
            let path = path.display();
            self.notes.push(format!(
                "{path} holds a secret and others may read it: chmod 600 {path}"
            ));
        }
    }

    /// Takes one `name[=value]`; `at` says where it stood, given what of it may be shown.
    fn word(&mut self, text: &str, at: &dyn Fn(&str) -> String, visible: bool) {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
            None => (text, None),
        };
        let Some(word) = ossfs2::find(name) else {
            let mend = ossfs2::hint(name);
            let fault = Fault::new(Problem::UnknownOption, at(name), "unknown option", mend);
            return self.faults.push(fault);
        };
        let secret = word.name == "oss_access_key_secret";
        let place = if secret { at(name) } else { at(text) };
        if secret && visible {
            return self.fault(
                &place,
                "every user of this machine can read it in the process list",
                "write it into the file of -c",
            );
        }
        let shown = if secret {
            Some("…")
        } else {
            value.as_deref()
        };
        let checked = match (secret, &value) {
            (true, Some(value)) if !value.is_empty() => Ok(()),
            _ => values::check(word.kind, name, shown.filter(|_| value.is_some()), &place),
        };
        match checked {
            Ok(()) => {
                self.given.insert(word.name, Given { value, place });
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.given.get(name)?.value.as_deref()
    }

    fn on(&self, name: &str) -> bool {
        let given = self.given.get(name);
        given.is_some_and(|given| !matches!(given.value.as_deref(), Some("0" | "false")))
    }

    fn finish(mut self, mountpoint: PathBuf, foreground: bool) -> Result<CommandLine, Vec<Fault>> {
        let foreground = foreground || self.on("f") || self.on("d");
        if self.value("oss_bucket").is_none() {
            self.fault("", "no bucket is named", "write --oss_bucket=NAME");
        }
        let key = match (
            self.value("oss_access_key_id"),
            self.value("oss_access_key_secret"),
        ) {
            (Some(id), Some(secret)) => Some(Key {
                id: id.to_owned(),
                secret: secret.to_owned(),
                token: None,
            }),
            (None, None) => None,
            _ => {
                let what = "oss_access_key_id and oss_access_key_secret need each other";
                let mend = "write both into the file of -c";
                self.faults
                    .push(Fault::new(Problem::Credentials, "", what, mend));
                None
            }
        };
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let options = self.options();
        let text = |name| self.value(name).unwrap_or_default().to_owned();
        Ok(CommandLine {
            bucket: text("oss_bucket"),
            prefix: text("oss_bucket_prefix").trim_start_matches('/').to_owned(),
            mountpoint,
            foreground,
            options,
            key,
            notes: self.notes,
            utility: None,
        })
    }

    /// The words of the one table that stand for what was given, ossfs 2's defaults included.
    fn options(&mut self) -> Vec<Written> {
        let mut options = Vec::new();
        let mut add = |name: &str, value: Option<&str>, place: &str| {
            // The table's own test sees that each name is there.
            if let Ok(spec) = look_up(name, place) {
                options.push(Written {
                    spec,
                    value: value.map(str::to_owned),
                    place: place.to_owned(),
                });
            }
        };
        for word in ossfs2::WORDS {
            let given = self.given.get(word.name);
            let (value, place) = match given {
                Some(given) => (given.value.as_deref(), given.place.as_str()),
                None if word.default.is_empty() => continue,
                None => (Some(word.default), "ossfs 2's default"),
            };
            match word.means {
                Means::Option(name) if word.kind == ossfs2::SWITCH => {
                    if !matches!(value, Some("0" | "false")) {
                        add(name, None, place);
                    }
                }
                Means::Option(name) => add(name, value, place),
                Means::Either(choose) => {
                    if let Some((name, value)) = value.and_then(choose) {
                        add(name, value, place);
                    }
                }
                Means::Convert(name, convert) => {
                    if let Some(value) = value.and_then(convert) {
                        add(
                            name,
                            Some(value.as_str()).filter(|text| !text.is_empty()),
                            place,
                        );
                    }
                }
                Means::Here(_) => {}
                Means::Accepted(reason) => {
                    let note = format!("option {}: accepted, no effect: {reason}", word.name);
                    self.notes.push(note);
                }
            }
            // The kernel keeps attributes and names as long as we do, unless told otherwise.
            if word.name == "attr_timeout" {
                add("attr_timeout", value, place);
                add("entry_timeout", value, place);
            }
        }
        if let Some(region) = self.given.get("oss_region") {
            add("sigv4", None, &region.place);
        }
        if self.on("d") {
            add("dbglevel", Some("debug"), "--d");
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(words: &str, file: &str) -> Result<CommandLine, Vec<Fault>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("c"), file).unwrap();
        let words: Vec<_> = words.split(' ').map(OsString::from).collect();
        parse(&words, folder.path())
    }

    const FILE: &str = "# of a user\n--oss_endpoint=http://x\n\n--oss_bucket = data\n\
        --oss_bucket_prefix=/p/\n--oss_region=cn-x\n--oss_access_key_id=id\n\
        --oss_access_key_secret=hidden\n--ro\n--total_mem_limit=512M\n--fuse_threads=3\n\
        --attr_timeout=30\n";

    #[allow(clippy::option_option, reason = "not there, without a value, with one")]
    fn last<'a>(line: &'a CommandLine, name: &str) -> Option<Option<&'a str>> {
        let mut options = line.options.iter();
        options
            .rfind(|w| w.spec.name == name)
            .map(|w| w.value.as_deref())
    }

    #[test]
    fn a_file_and_words_on_top_of_it() {
        let line = read(
            "mount /m -c c --attr_timeout=90 --upload_buffer_size=10MiB -f",
            FILE,
        );
        let line = line.unwrap();
        assert_eq!((&*line.bucket, &*line.prefix), ("data", "p/"));
        assert_eq!(line.mountpoint, PathBuf::from("/m"));
        assert!(line.foreground);
        let key = line.key.clone().unwrap();
        assert_eq!((&*key.id, &*key.secret), ("id", "hidden"));
        for (name, value) in [
            ("url", Some("http://x")),
            ("region", Some("cn-x")),
            ("sigv4", None),
            ("ro", None),
            ("allow_other", None),
            ("memory", Some("512M")),
            ("multipart_size", Some("10")),
            ("stat_cache_expire", Some("90")),
            ("attr_timeout", Some("90")),
            ("entry_timeout", Some("90")),
            ("file_mode", Some("777")),
            ("parallel_count", Some("64")),
        ] {
            assert_eq!(last(&line, name), Some(value), "{name}");
        }
        assert!(
            line.notes
                .iter()
                .any(|n| n.starts_with("option fuse_threads: accepted"))
        );
        assert!(line.notes.iter().any(|n| n.contains("chmod 600")));
        assert!(!format!("{line:?}").contains("hidden"));
    }

    #[test]
    fn false_takes_a_default_away() {
        let line = read("mount /m -c c --allow_other=false --ro=false", FILE).unwrap();
        assert_eq!(
            (last(&line, "allow_other"), last(&line, "ro")),
            (None, None)
        );
    }

    #[test]
    fn faults_name_file_and_line_and_no_secret() {
        let file = "--oss_bucket=b\n--oss_endpont=hidden\n--uid=x\nhidden\n--umask=022\n";
        let faults = read("mount /m -c c", file).unwrap_err();
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 4, "{said:?}");
        assert!(
            said[0].contains("c:2: --oss_endpont: unknown") && said[0].contains("oss_endpoint")
        );
        assert!(said[1].contains("c:3: --uid=x"), "{said:?}");
        assert!(said[2].contains("c:4: "), "{said:?}");
        assert!(said.iter().all(|text| !text.contains("hidden")), "{said:?}");
        let visible = read("mount /m -c c --oss_access_key_secret=hidden", FILE).unwrap_err();
        assert!(visible[0].mend.contains("-c") && !visible[0].to_string().contains("hidden"));
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(
            read("mount /m -c none", FILE).unwrap_err()[0].problem,
            Problem::File
        );
        assert!(
            read("mount -c c", FILE).unwrap_err()[0]
                .mend
                .contains("MOUNTPOINT")
        );
        let faults = read("mount /m -c c", "--oss_access_key_id=i").unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(faults[0].mend.contains("oss_bucket"));
    }

    #[test]
    fn every_word_means_an_option_that_is_there() {
        for word in ossfs2::WORDS {
            if let Means::Option(name) | Means::Convert(name, _) = word.means {
                assert!(look_up(name, name).is_ok(), "{}: {name}", word.name);
            }
            if !word.default.is_empty() {
                let checked = values::check(word.kind, word.name, Some(word.default), "");
                assert_eq!(checked, Ok(()), "{}", word.name);
            }
        }
    }

    proptest! {
        #[test]
        fn no_words_panic(words in proptest::collection::vec("\\PC{0,12}", 0..6), file in "\\PC{0,40}") {
            let mut reading = Reading::default();
            for line in file.lines() {
                reading.word(line, &str::to_owned, false);
            }
            let words: Vec<_> = words.into_iter().map(OsString::from).collect();
            let _ = parse(&words, Path::new("/nonexistent"));
        }

        #[test]
        fn no_value_panics(index in 0..ossfs2::WORDS.len(), value in "\\PC{0,10}") {
            let mut reading = Reading::default();
            let name = ossfs2::WORDS[index].name;
            reading.word("oss_bucket=b", &str::to_owned, false);
            reading.word(&format!("{name}={value}"), &str::to_owned, false);
            let _ = reading.finish("/m".into(), false);
        }
    }
}
