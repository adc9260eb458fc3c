//! A refusal of STS.

/// Its status, code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    /// A parameter with a bad value.
    pub(super) fn parameter(name: &str) -> Self {
        let code = format!("InvalidParameter.{name}");
        Self::new(
            400,
            code,
            format!("The parameter {name} is wrongly formed."),
        )
    }

    /// A parameter that is not there.
    pub(super) fn missing(name: &str) -> Self {
        let message = format!("{name} is mandatory for this action.");
        Self::new(400, format!("Missing{name}"), message)
    }
}
