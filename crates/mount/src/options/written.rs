//! What was typed, option by option.

use super::{
    fault::{Fault, Problem},
    hint,
    spec::Spec,
    table,
};

/// One option as it was typed.
#[derive(Debug, Clone)]
pub struct Written {
    /// Which option.
    pub spec: &'static Spec,
    /// What stood behind the `=`.
    pub value: Option<String>,
    /// Where it stood, for messages: `-o umask=9z`.
    pub place: String,
}

/// The option of this name, in ossfs 1's spelling or ours.
///
/// # Errors
/// No option has the name; the fault says which ones come near. `place` must not hold the value: what
/// an unknown word holds may be a secret.
pub fn look_up(name: &str, place: &str) -> Result<&'static Spec, Fault> {
    find(name).ok_or_else(|| {
        let mend = hint::for_ossfs1(name);
        Fault::new(Problem::UnknownOption, place, "unknown option", mend)
    })
}

/// The option of this name, if there is one.
pub(crate) fn find(name: &str) -> Option<&'static Spec> {
    let mut specs = table::all().into_iter().flat_map(|(_, specs)| specs);
    specs.find(|spec| spec.name == name || spec.aliases.contains(&name))
}
