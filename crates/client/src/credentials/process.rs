//! Keys from a program's standard output (ossfs 2's `credential_process`): JSON with `AccessKeyId`,
//! `AccessKeySecret`, `SecurityToken`, `Expiration`.

use super::{Issued, Source, parse_issued};
use crate::{Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt as _};
use std::process::{Command, Stdio};

/// Runs a program for each key. Put it into [`super::Refreshing`].
#[derive(Debug)]
pub struct CredentialProcess {
    words: Vec<String>,
}

impl CredentialProcess {
    /// `command` begins with an absolute path and holds no `$`: no shell reads it.
    pub fn new(command: &str) -> Result<Self, Error> {
        let fault = |what| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("credential_process {command:?}: {what}"),
            )
        };
        if command.contains('$') {
            return Err(fault("no shell reads it: write it without $"));
        }
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        match words.first() {
            Some(program) if program.starts_with('/') => Ok(Self { words }),
            _ => Err(fault("begin it with an absolute path")),
        }
    }

    async fn run(&self) -> Result<Issued, Error> {
        let words = self.words.clone();
        let program = words[0].clone();
        let fault = |what: String| {
            Error::new(
                ErrorKind::Unauthenticated,
                format!("credential process {program}: {what}"),
            )
        };
        // Waiting for a program blocks, so it happens off the runtime.
        let output = tokio::task::spawn_blocking(move || {
            Command::new(&words[0])
                .args(&words[1..])
                .stdin(Stdio::null())
                .output()
        });
        let output = output
            .await
            .map_err(|e| fault(e.to_string()))?
            .map_err(|e| fault(e.to_string()))?;
        if !output.status.success() {
            return Err(fault(format!("it ended with {}", output.status)));
        }
        parse_issued(&output.stdout, &format!("credential process {program}"))
    }
}

impl Source for CredentialProcess {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
        self.run().boxed()
    }
}
