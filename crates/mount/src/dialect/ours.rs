//! What `ossplit mount` takes from the environment, on top of ossfs's command line.

use super::CommandLine;
use crate::options::{Written, look_up};

/// Variables that stand for an option when it is not written.
const VARIABLES: [(&str, &str); 2] = [("OSS_ENDPOINT", "url"), ("OSS_REGION", "region")];

/// Puts what the environment says before what was typed, which so has the last word.
pub fn add_environment(line: &mut CommandLine, lookup: impl Fn(&str) -> Option<String>) {
    let of = |(variable, option): (&str, &str)| {
        let value = lookup(variable).filter(|value| !value.is_empty())?;
        let spec = look_up(option, variable).ok()?;
        Some(Written {
            spec,
            place: format!("{variable}={value} in the environment"),
            value: Some(value),
        })
    };
    line.options
        .splice(..0, VARIABLES.into_iter().filter_map(of));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn what_is_typed_has_the_last_word() {
        let words = ["b", "/m", "-o", "url=http://typed"].map(OsString::from);
        let mut line = crate::dialect::ossfs1(&words).unwrap();
        add_environment(&mut line, |name| {
            (name == "OSS_ENDPOINT").then(|| "http://around".into())
        });
        let values: Vec<_> = line.options.iter().map(|w| w.value.as_deref()).collect();
        assert_eq!(values, [Some("http://around"), Some("http://typed")]);
    }
}
