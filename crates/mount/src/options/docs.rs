//! `docs/options.md`, from the table.

use super::{
    spec::{Effect, Kind, Spec},
    table::{
        self,
        ossfs2::{self, Means},
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
    out += "\n## ossfs 2's dialect\n\n\
            Called as `ossfs2`: `ossfs2 mount MOUNTPOINT -c FILE [--NAME=VALUE]... [-f] [-d]`, with one \
            `--NAME=VALUE` a line in the file. A secret stands in the file, never on the command \
            line.\n\n| word | value | default | what it does |\n|---|---|---|---|\n";
    for word in ossfs2::WORDS {
        let does = match word.means {
            Means::Option(here) | Means::Convert(here, _) => format!("As `{here}` above."),
            Means::Here(here) => format!("In ossfs 1's form: {here}."),
            Means::Accepted(reason) => format!("*Accepted, no effect:* {reason}."),
        };
        let (name, value) = (word.name, value_of(word.kind));
        let _ = writeln!(out, "| `{name}` | {value} | {} | {does} |", word.default);
    }
    out
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
