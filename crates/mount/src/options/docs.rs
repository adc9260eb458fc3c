//! `docs/options.md`, from the table.

use super::{
    spec::{Effect, Kind, Spec},
    table::{
        self,
        ossfs2::{self, Choose, Means},
    },
};
use std::fmt::Write as _;

/// The whole page.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Options of `ossplit mount`\n\n\
         Made from the table in `crates/mount/src/options/table/`; a test compares. Words go behind \
         `-o`, separated by commas, as in ossfs 1: every word of ossfs 1.91 is understood. A word \
         that does nothing here says so in one line when the mount starts.\n",
    );
    for (category, specs) in table::all() {
        let _ = write!(
            out,
            "\n## {category}\n\n| option | value | default | what it does |\n|---|---|---|---|\n"
        );
        for spec in specs {
            row(&mut out, spec);
        }
    }
    migration(&mut out);
    out += "\n## ossfs 2's dialect\n\n\
            Called as `ossfs2`: `ossfs2 mount MOUNTPOINT -c FILE [--NAME=VALUE]... [-f] [-d]`, with one \
            `--NAME=VALUE` a line in the file. A secret stands in the file, never on the command \
            line.\n\n| word | value | default | what it does |\n|---|---|---|---|\n";
    for word in ossfs2::WORDS {
        let does = match word.means {
            Means::Option(here) | Means::Convert(here, _) => format!("As `{here}` above."),
            Means::Either(choose) => either(choose),
            Means::Here(here) => format!("In ossfs 1's form: {here}."),
            Means::Accepted(reason) => format!("*Accepted, no effect:* {reason}."),
        };
        let (name, value) = (word.name, value_of(word.kind));
        let _ = writeln!(out, "| `{name}` | {value} | {} | {does} |", word.default);
    }
    out
}

/// What stands for a word that is one option or another.
fn either(choose: Choose) -> String {
    let of = |value: &str| {
        let (name, with) = choose(value)?;
        let with = with.map(|with| format!("={with}")).unwrap_or_default();
        Some(format!("{value}: as `{name}{with}` above"))
    };
    let both: Vec<_> = ["true", "false"].into_iter().filter_map(of).collect();
    format!("{}.", both.join("; "))
}

/// What ossfs 1 does when a word is not written, and we do; with why.
const OTHER_DEFAULTS: &[(&str, &str, &str)] = &[
    (
        "parallel_count",
        "5",
        "more of a line's speed is used; memory is bounded by `memory`",
    ),
    (
        "connect_timeout",
        "300",
        "a dead endpoint is told soon; requests are sent again",
    ),
    (
        "readwrite_timeout",
        "120",
        "time that a request stands still, not all that it takes",
    ),
];

/// Words that ossfs 1 has not, in tables whose others it has.
const NOT_OSSFS1: [&str; 2] = ["credential_process", "remount"];

/// Which word of which program stands for an option here.
fn migration(out: &mut String) {
    *out += "\n## Coming from ossfs 1 or ossfs 2\n\n\
        Called as `ossfs`, `mount.ossfs` or `mount.fuse.ossfs` the program takes ossfs 1's command line and lines of fstab as \
        they are, as `ossfs2` it takes ossfs 2's command line and file. To go over to `ossplit mount`, or from one to the \
        other, write behind `-o` what stands in the first column. Words that are not here do nothing in any form: the \
        tables say why.\n\n| here | ossfs 1 | ossfs 2 |\n|---|---|---|\n";
    for (category, specs) in table::all() {
        for spec in specs.iter().filter(|spec| spec.effect == Effect::Honoured) {
            let own = category == "ossplit's own" || NOT_OSSFS1.contains(&spec.name);
            let first: Vec<_> = std::iter::once(&spec.name)
                .chain(spec.aliases)
                .filter(|_| !own)
                .map(|name| format!("`{name}`"))
                .collect();
            let second: Vec<_> = ossfs2::WORDS
                .iter()
                .filter_map(|word| match word.means {
                    Means::Option(here) | Means::Convert(here, _) => {
                        (here == spec.name).then(|| format!("`{}`", word.name))
                    }
                    Means::Either(choose) => ["true", "false"].into_iter().find_map(|value| {
                        let (name, with) = choose(value)?;
                        let with = with
                            .map(|with| format!(" (`{name}={with}`)"))
                            .unwrap_or_default();
                        (name == spec.name).then(|| format!("`{}={value}`{with}", word.name))
                    }),
                    Means::Here(_) | Means::Accepted(_) => None,
                })
                .collect();
            let _ = writeln!(
                out,
                "| `{}` | {} | {} |",
                spec.name,
                first.join(", "),
                second.join(", ")
            );
        }
    }
    *out += "\nDefaults that differ from ossfs 1.91:\n\n| option | ossfs 1 | here | why |\n|---|---|---|---|\n";
    for (name, theirs, why) in OTHER_DEFAULTS {
        let ours = super::written::find(name).map_or("", |spec| spec.default);
        let _ = writeln!(out, "| `{name}` | {theirs} | {ours} | {why} |");
    }
    *out += "\nossfs 2's own defaults hold when it is called as `ossfs2`; they stand in the next table.\n";
}

fn row(out: &mut String, spec: &Spec) {
    let mut name = format!("`{}`", spec.name);
    for alias in spec.aliases {
        let _ = write!(name, ", `{alias}`");
    }
    let value = value_of(spec.kind);
    let help = match spec.effect {
        Effect::Honoured => spec.help.to_owned(),
        Effect::Kernel => format!("{} (kernel)", spec.help),
        Effect::Accepted(reason) => format!("*Accepted, no effect:* {reason}."),
    };
    let _ = writeln!(out, "| {name} | {value} | {} | {help} |", spec.default);
}

fn value_of(kind: Kind) -> String {
    match kind {
        Kind::Flag => String::new(),
        Kind::Bool => "true or false".into(),
        Kind::FlagOrText => "optional".into(),
        Kind::Text => "text".into(),
        Kind::Number { max: u64::MAX, .. } => "number".into(),
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Size { min: 0 } => "bytes".into(),
        Kind::Size { min } => format!("bytes, at least {}M", min >> 20),
        Kind::Octal => "octal".into(),
        Kind::Choice(words) => words.join(", "),
    }
}
