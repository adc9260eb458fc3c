//! `otherOpts` and `mountOptions`: the words of a volume, split as the driver's users write them.

/// What a volume may not say: it would read, write or run something in the driver's own container.
const FORBIDDEN: [(&str, &str); 5] = [
    (
        "passwd_file",
        "keys come from the Secret of nodePublishSecretRef",
    ),
    (
        "credential_process",
        "keys come from the Secret of nodePublishSecretRef, authType or ram_role",
    ),
    (
        "logfile",
        "the driver's log (kubectl logs) has the volume's lines",
    ),
    ("bucket", "it is the attribute bucket"),
    ("tmpdir", "the driver says where staged data goes"),
];

/// Splits `-o a=b -o c -od,e`, or ossfs 2's words in the same form, at blanks and commas.
///
/// # Errors
/// One sentence naming the text that `-o` does not introduce.
pub(crate) fn other_opts(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut texts = text.split_whitespace();
    while let Some(word) = texts.next() {
        let list = match word.strip_prefix("-o") {
            Some("") => texts.next().ok_or_else(|| {
                "otherOpts: nothing stands behind the last -o; write an option there, or leave it out"
                    .to_owned()
            })?,
            Some(glued) => glued,
            None => {
                return Err(format!(
                    "otherOpts: {word:?} is not introduced by -o; write -o {}",
                    word.trim_start_matches('-')
                ));
            }
        };
        if list.starts_with("-o") {
            return Err("otherOpts: a -o stands behind a -o; leave one of them out".into());
        }
        words.extend(split(list));
    }
    words.iter().try_for_each(|word| allowed(word))?;
    Ok(words)
}

/// Words of `mountOptions`: `umask=022`, `ro`, and as some write them, `-o umask=022`.
///
/// # Errors
/// One sentence naming a word that a volume may not have.
pub(crate) fn mount_options(flags: &[String]) -> Result<Vec<String>, String> {
    let bare = flags.iter().map(|flag| {
        let flag = flag.trim();
        flag.strip_prefix("-o").map_or(flag, str::trim_start)
    });
    let words: Vec<String> = bare.flat_map(split).collect();
    words.iter().try_for_each(|word| allowed(word))?;
    Ok(words)
}

fn split(list: &str) -> Vec<String> {
    let words = list.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn allowed(word: &str) -> Result<(), String> {
    let name = name(word);
    match FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
        Some((name, why)) => Err(format!("option {name}: a volume can't have it: {why}")),
        None => Ok(()),
    }
}

/// The name of a word.
fn name(word: &str) -> &str {
    word.split('=').next().unwrap_or(word)
}

/// `otherOpts` first and `mountOptions` behind them, as the last of two words wins; and a line for each pair that
/// contradicts itself.
pub(crate) fn merge(other: Vec<String>, mount: Vec<String>) -> (Vec<String>, Vec<String>) {
    let clash = |theirs: &String| {
        let same = |ours: &&String| name(ours) == name(theirs) && *ours != theirs;
        let loser = other.iter().rfind(same)?;
        Some(format!(
            "mountOptions say {theirs} and otherOpts {loser}: mountOptions win"
        ))
    };
    let notes = mount.iter().filter_map(clash).collect();
    let mut words = other;
    words.extend(mount);
    (words, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_people_write() {
        let words = other_opts("-o max_stat_cache_size=10000 -o kernel_cache -oumask=022 -o a=b,c");
        assert_eq!(
            words.unwrap(),
            [
                "max_stat_cache_size=10000",
                "kernel_cache",
                "umask=022",
                "a=b",
                "c"
            ]
        );
        assert_eq!(other_opts("  ").unwrap(), Vec::<String>::new());
        let flags = ["umask=022".to_owned(), "-o ro".into(), "-oa,b".into()];
        assert_eq!(
            mount_options(&flags).unwrap(),
            ["umask=022", "ro", "a", "b"]
        );
    }

    #[test]
    fn what_is_not_introduced_is_named() {
        let fault = other_opts("-o a umask=022").unwrap_err();
        assert!(fault.contains("\"umask=022\"") && fault.contains("write -o umask=022"));
        assert!(other_opts("-o").is_err());
        assert!(other_opts("-o -o a").is_err());
        assert!(
            other_opts("--umask=022")
                .unwrap_err()
                .contains("write -o umask")
        );
    }

    #[test]
    fn a_volume_can_t_reach_into_the_driver() {
        for word in [
            "passwd_file=/etc/shadow",
            "credential_process=/bin/sh",
            "logfile=/x",
        ] {
            let fault = other_opts(&format!("-o {word}")).unwrap_err();
            assert!(fault.contains("a volume can't have it"), "{fault}");
            assert!(mount_options(&[word.to_owned()]).is_err());
        }
    }

    #[test]
    fn mount_options_win_and_it_is_told() {
        let other = vec!["umask=077".to_owned(), "ro".into()];
        let (words, notes) = merge(other, vec!["umask=022".into(), "ro".into()]);
        assert_eq!(words, ["umask=077", "ro", "umask=022", "ro"]);
        assert_eq!(
            notes,
            ["mountOptions say umask=022 and otherOpts umask=077: mountOptions win"]
        );
    }
}
