//! Keys from a program's standard output (ossfs 2's `credential_process`): JSON with `AccessKeyId`,
//! `AccessKeySecret`, `SecurityToken`, `Expiration`.

use super::{Issued, Source, parse_issued};
use crate::{Error, ErrorKind};
use futures_util::future::{BoxFuture, FutureExt as _};
use std::{process::Stdio, time::Duration};
use tokio::{io::AsyncReadExt as _, process::Command};

/// A program that takes longer is killed.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Answers are a few hundred bytes.
const LIMIT: u64 = 64 << 10;

/// Runs a program for each key. Put it into [`super::Refreshing`].
#[derive(Debug)]
pub struct CredentialProcess {
    words: Vec<String>,
}

impl CredentialProcess {
    /// `command` begins with an absolute path and holds no `$`: no shell reads it.
    pub fn new(command: &str) -> Result<Self, Error> {
        // Its arguments are not shown: there may be a secret among them.
        let program = command.split_whitespace().next().unwrap_or("");
        let fault = |what| {
            let message = format!("credential_process {program:?}: {what}");
            Error::new(ErrorKind::InvalidInput, message)
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
        let program = &self.words[0];
        let fault = |what: String| {
            Error::new(
                ErrorKind::Unauthenticated,
                format!("credential process {program}: {what}"),
            )
        };
        let run = async {
            let mut child = Command::new(program)
                .args(&self.words[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            let mut output = Vec::new();
            if let Some(stdout) = child.stdout.take() {
                stdout.take(LIMIT).read_to_end(&mut output).await?;
            }
            Ok::<_, std::io::Error>((child.wait().await?, output))
        };
        let ended = tokio::time::timeout(TIMEOUT, run).await;
        let ended = ended.map_err(|_| fault(format!("it ran longer than {} s", TIMEOUT.as_secs())));
        let (status, output) = ended?.map_err(|e| fault(e.to_string()))?;
        if !status.success() {
            return Err(fault(format!("it ended with {status}")));
        }
        parse_issued(&output, &format!("credential process {program}"))
    }
}

impl Source for CredentialProcess {
    fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
        self.run().boxed()
    }
}
