//! What was typed, option by option.

use super::{hint, spec::Spec, table};

/// One option as it was typed.
#[derive(Debug, Clone)]
pub struct Written {
    /// Which option.
    pub spec: &'static Spec,
    /// What stood behind the `=`.
    pub value: Option<String>,
    /// Where it stood, for messages: `-o umask=9z`.
    pub source: String,
}

/// Something wrong with what was typed: one sentence with the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// The option of this name.
///
/// # Errors
/// No option has the name; the fault says which ones come near.
pub fn look_up(name: &str, source: &str) -> Result<&'static Spec, Fault> {
    let mut specs = table::all().into_iter().flat_map(|(_, specs)| specs);
    specs
        .find(|spec| spec.name == name || spec.aliases.contains(&name))
        .ok_or_else(|| {
            Fault(format!(
                "unknown option {name:?} in {source:?}{}",
                hint::near(name)
            ))
        })
}
