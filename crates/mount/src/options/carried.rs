//! A command line on its way to another process: what was typed, and what was around it.
//!
//! What travels is what was written, not the [`Plan`]: names of options are fixed for users' sake, so
//! that a newer program understands what an older one was told. It holds secrets: it goes through a
//! memory file, never through arguments, the environment or a disk.

use super::{Fault, Key, Plan, Surroundings, Written, look_up, validate};
use crate::dialect::CommandLine;
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

/// A command line with its surroundings, as plain data. `Debug` is not there: it holds secrets.
#[derive(Serialize, Deserialize)]
pub struct Carried {
    bucket: String,
    prefix: String,
    mountpoint: Vec<u8>,
    foreground: bool,
    /// Name, value, place.
    options: Vec<(String, Option<String>, String)>,
    key: Option<CarriedKey>,
    notes: Vec<String>,
    environment_key: Option<CarriedKey>,
    home: Option<Vec<u8>>,
    user: (u32, u32),
    folder: Vec<u8>,
    memory: u64,
}

#[derive(Serialize, Deserialize)]
struct CarriedKey {
    id: String,
    secret: String,
    token: Option<String>,
}

impl CarriedKey {
    fn of(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            secret: key.secret.clone(),
            token: key.token.clone(),
        }
    }

    fn key(&self) -> Key {
        Key {
            id: self.id.clone(),
            secret: self.secret.clone(),
            token: self.token.clone(),
        }
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn path(bytes: &[u8]) -> PathBuf {
    OsString::from_vec(bytes.to_vec()).into()
}

impl Carried {
    /// Packs a command line that [`validate`] found good.
    pub fn new(line: &CommandLine, around: &Surroundings) -> Self {
        let option = |w: &Written| (w.spec.name.to_owned(), w.value.clone(), w.place.clone());
        Self {
            bucket: line.bucket.clone(),
            prefix: line.prefix.clone(),
            mountpoint: bytes(&line.mountpoint),
            foreground: line.foreground,
            options: line.options.iter().map(option).collect(),
            key: line.key.as_ref().map(CarriedKey::of),
            notes: line.notes.clone(),
            environment_key: around.environment_key.as_ref().map(CarriedKey::of),
            home: around.home.as_deref().map(bytes),
            user: around.user,
            folder: bytes(&around.folder),
            memory: around.memory,
        }
    }

    /// Where the mount is to be; absolute.
    pub fn mountpoint(&self) -> PathBuf {
        path(&self.folder).join(path(&self.mountpoint))
    }

    /// As [`Carried::plan`], for somebody who sends no request: without a key, whatever has become of the file
    /// that holds it.
    pub fn plan_without_key(mut self) -> Result<Plan, Vec<Fault>> {
        let nobody = (
            "public_bucket".to_owned(),
            Some("1".to_owned()),
            String::new(),
        );
        self.options.push(nobody);
        self.key = None;
        self.plan()
    }

    /// Unpacks it and has it judged anew.
    ///
    /// # Errors
    /// As [`validate`]; also options that this version does not know.
    pub fn plan(&self) -> Result<Plan, Vec<Fault>> {
        let mut options = Vec::with_capacity(self.options.len());
        for (name, value, place) in &self.options {
            options.push(Written {
                spec: look_up(name, place).map_err(|fault| vec![fault])?,
                value: value.clone(),
                place: place.clone(),
            });
        }
        let line = CommandLine {
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            mountpoint: path(&self.mountpoint),
            foreground: self.foreground,
            options,
            key: self.key.as_ref().map(CarriedKey::key),
            notes: self.notes.clone(),
            utility: None,
        };
        let around = Surroundings {
            environment_key: self.environment_key.as_ref().map(CarriedKey::key),
            home: self.home.as_deref().map(path),
            user: self.user,
            folder: path(&self.folder),
            memory: self.memory,
        };
        validate(&line, &around)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;

    #[test]
    fn a_plan_is_the_same_on_the_other_side() {
        let words = [
            "data:/train",
            "mnt",
            "-o",
            "url=http://127.0.0.1:1,umask=022,max_stat_cache_size=10000,kernel_cache,ro",
        ];
        let line = dialect::ossfs1(&words.map(OsString::from)).unwrap();
        let around = Surroundings {
            environment_key: Some(Key {
                id: "id".into(),
                secret: "hush".into(),
                token: None,
            }),
            home: Some(PathBuf::from(OsString::from_vec(b"/home/\xff".to_vec()))),
            user: (7, 8),
            folder: "/here".into(),
            memory: 1 << 30,
        };
        let sent = serde_json::to_vec(&Carried::new(&line, &around)).unwrap();
        let received: Carried = serde_json::from_slice(&sent).unwrap();
        let (here, there) = (validate(&line, &around).unwrap(), received.plan().unwrap());
        assert!(
            here.fs == there.fs,
            "the file system's configuration differs"
        );
        assert_eq!((here.kernel, here.endpoint), (there.kernel, there.endpoint));
        assert_eq!(there.mountpoint, Path::new("/here/mnt"));
        assert_eq!(received.mountpoint(), there.mountpoint);
        let key = received.environment_key.as_ref().map(|key| &*key.secret);
        assert_eq!(key, Some("hush"));
        let plan = received.plan_without_key().unwrap();
        assert!(matches!(
            plan.credentials,
            crate::options::Credentials::Anonymous
        ));
    }

    #[test]
    fn an_option_that_is_not_known_here_is_a_fault() {
        let words = [
            "data",
            "/mnt",
            "-o",
            "url=http://127.0.0.1:1,public_bucket=1",
        ];
        let line = dialect::ossfs1(&words.map(OsString::from)).unwrap();
        let mut carried = Carried::new(&line, &Surroundings::default());
        assert!(carried.plan().is_ok());
        carried
            .options
            .push(("of_tomorrow".into(), None, "-o of_tomorrow".into()));
        let faults = carried.plan().unwrap_err();
        assert!(faults[0].to_string().contains("of_tomorrow"), "{faults:?}");
    }
}
