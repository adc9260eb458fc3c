//! The nearest known spelling, or the word of the other dialect.

use super::{
    table::{self, ossfs2},
    written,
};

/// What to do about a word that ossfs 1's dialect does not know.
pub(super) fn for_ossfs1(name: &str) -> String {
    if let Some(word) = ossfs2::find(name) {
        return match word.means {
            ossfs2::Means::Option(here) | ossfs2::Means::Convert(here, _) => {
                format!("ossfs 2 says so; behind -o write {here}=")
            }
            ossfs2::Means::Either(_) => {
                "only ossfs 2 has it; docs/options.md says what stands for it".to_owned()
            }
            ossfs2::Means::Here(instead) => format!("ossfs 2 says so; here {instead}"),
            ossfs2::Means::Accepted(_) => "only ossfs 2 has it; leave it out".to_owned(),
        };
    }
    let names = table::all()
        .into_iter()
        .flat_map(|(_, specs)| specs)
        .flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
    near(name, names)
}

/// What to do about a word that ossfs 2's dialect does not know.
pub(crate) fn for_ossfs2(name: &str) -> String {
    let same = |word: &&ossfs2::Word| {
        matches!(word.means, ossfs2::Means::Option(here) | ossfs2::Means::Convert(here, _)
            if written::find(name).is_some_and(|spec| spec.name == here))
    };
    match ossfs2::WORDS.iter().find(same) {
        Some(word) => format!("ossfs 1 says so; here write --{}", word.name),
        None => near(name, ossfs2::WORDS.iter().map(|word| word.name)),
    }
}

fn near(name: &str, known: impl Iterator<Item = &'static str>) -> String {
    let best = known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 5);
    match best {
        Some((_, known)) => format!("did you mean {known:?}?"),
        None => "docs/options.md lists all".to_owned(),
    }
}
