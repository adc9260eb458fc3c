//! The nearest known spelling.

use super::table;

/// `; did you mean "x"?`, or where to look.
pub(super) fn near(name: &str) -> String {
    let names = table::all()
        .into_iter()
        .flat_map(|(_, specs)| specs)
        .flat_map(|spec| std::iter::once(spec.name).chain(spec.aliases.iter().copied()));
    let best = names
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 5);
    match best {
        Some((_, known)) => format!("; did you mean {known:?}?"),
        None => "; docs/options.md lists all".to_owned(),
    }
}
