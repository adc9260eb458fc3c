//! A command line in a memory file, as keepers hold it.

use crate::options::Carried;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::fd::OwnedFd,
};

/// Puts it into a memory file of its own, which nobody can change any more.
pub(crate) fn words_file(words: &Carried) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("ossplit-words", flags)?);
    file.write_all(&serde_json::to_vec(words)?)?;
    file.rewind()?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// Reads such a file.
pub(crate) fn read_words(file: OwnedFd) -> io::Result<Carried> {
    let mut file = File::from(file);
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}
