//! `docs/options.md`, from the table.

use super::{
    spec::{Effect, Kind, Spec},
    table,
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
    out
}

fn row(out: &mut String, spec: &Spec) {
    let mut name = format!("`{}`", spec.name);
    for alias in spec.aliases {
        let _ = write!(name, ", `{alias}`");
    }
    let value = match spec.kind {
        Kind::Flag => String::new(),
        Kind::FlagOrText => "optional".into(),
        Kind::Text => "text".into(),
        Kind::Number { max: u64::MAX, .. } => "number".into(),
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Size { min } => format!("bytes, at least {}M", min >> 20),
        Kind::Octal => "octal".into(),
        Kind::Choice(words) => words.join(", "),
    };
    let help = match spec.effect {
        Effect::Honoured => spec.help.to_owned(),
        Effect::Kernel => format!("{} (kernel)", spec.help),
        Effect::Accepted(reason) => format!("*Accepted, no effect:* {reason}."),
    };
    let _ = writeln!(out, "| {name} | {value} | {} | {help} |", spec.default);
}
