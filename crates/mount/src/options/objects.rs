//! What new objects are given.

use super::{Fault, Problem, header_rules::HeaderRules, validated::Surroundings, values::Words};
use ossplit::{Encryption, ObjectDefaults, TrafficLimits};
use ossplit_fs::ContentTypes;
use std::sync::Arc;

/// Content types are read from here unless `mime` names another file.
const MIME_TYPES: &str = "/etc/mime.types";
/// The id of the encryption key, for `use_sse=kmsid`: ossfs 1 reads it from the environment.
const NEEDS_ID: &str = "kmsid";

/// What new objects are given.
#[derive(Debug, Clone, Default)]
pub struct NewObjects {
    /// Their ACL.
    pub acl: Option<String>,
    /// Their storage class.
    pub storage_class: Option<String>,
    /// Their encryption.
    pub encryption: Option<Encryption>,
    /// Their content type, by their name.
    pub types: Arc<ContentTypes>,
    /// Their other headers, by their path.
    pub headers: HeaderRules,
}

impl NewObjects {
    pub(super) fn read(words: &Words<'_>, around: &Surroundings, faults: &mut Vec<Fault>) -> Self {
        let mut keep = |fault: Fault| faults.push(fault);
        let encryption = words
            .has("use_sse")
            .then(|| encryption(words))
            .and_then(|found| found.map_err(&mut keep).ok());
        let text = |name: &str| {
            let path = around.folder.join(words.text(name)?);
            let read = std::fs::read_to_string(&path).map_err(|error| {
                let mend = "check its name and that it is text";
                Fault::new(Problem::File, words.place(name), error.to_string(), mend)
                    .with_value(path.to_str())
            });
            Some(read)
        };
        let headers = match text("ahbe_conf") {
            None => Ok(HeaderRules::default()),
            Some(Err(fault)) => Err(fault),
            Some(Ok(text)) => HeaderRules::parse(&text).map_err(|what| {
                let mend = "lines are SUFFIX HEADER VALUE, or reg:EXPRESSION HEADER VALUE";
                Fault::new(Problem::File, words.place("ahbe_conf"), what, mend)
            }),
        };
        let types = match text("mime") {
            // Machines without that file give no types, as with ossfs.
            None => Ok(std::fs::read_to_string(MIME_TYPES).unwrap_or_default()),
            Some(read) => read,
        };
        Self {
            acl: words.text("default_acl").map(str::to_owned),
            storage_class: words.text("storage_class").map(storage_class),
            encryption,
            types: Arc::new(ContentTypes::parse(
                &types.map_err(&mut keep).unwrap_or_default(),
            )),
            headers: headers.map_err(&mut keep).unwrap_or_default(),
        }
    }

    /// For the client of a mount whose root is `prefix`.
    pub(crate) fn defaults(&self, prefix: &str) -> ObjectDefaults {
        let (types, headers, prefix) = (
            Arc::clone(&self.types),
            self.headers.clone(),
            prefix.to_owned(),
        );
        ObjectDefaults {
            acl: self.acl.clone(),
            storage_class: self.storage_class.clone(),
            encryption: self.encryption.clone(),
            by_key: Some(Arc::new(move |key| {
                let mut with = headers.of(key.strip_prefix(&*prefix).unwrap_or(key));
                if with.content_type.is_none() {
                    with.content_type = types.of(key).map(str::to_owned);
                }
                with
            })),
        }
    }
}

fn encryption(words: &Words<'_>) -> Result<Encryption, Fault> {
    let word = words.text("use_sse").unwrap_or_default();
    let key_id = word
        .strip_prefix("kmsid:")
        .or_else(|| word.strip_prefix("k:"));
    match word {
        "" | "1" => Ok(Encryption::Aes256),
        "kms" => Ok(Encryption::Kms { key_id: None }),
        _ if key_id.is_some_and(|id| !id.is_empty()) => Ok(Encryption::Kms {
            key_id: key_id.map(str::to_owned),
        }),
        _ => {
            let what = if word == NEEDS_ID || key_id.is_some() {
                "the key's id is missing"
            } else {
                "there is no such encryption"
            };
            let mend = "write use_sse (AES256), use_sse=kms or use_sse=kmsid:ID";
            let fault = Fault::new(Problem::BadValue, words.place("use_sse"), what, mend);
            Err(fault.with_value(Some(word)))
        }
    }
}

/// The limits of single requests, in bits per second; 0 is none.
pub(super) fn traffic_limits(words: &Words<'_>, faults: &mut Vec<Fault>) -> TrafficLimits {
    let mut limit = |name| {
        let bits = words.number(name).filter(|bits| *bits > 0)?;
        if bits < 819_200 {
            let what = "OSS limits requests to 819,200 bits per second at the least";
            let mend = format!("write {name}=819200, or 0 for none");
            let fault = Fault::new(Problem::BadValue, words.place(name), what, mend);
            faults.push(fault.with_value(Some(&bits.to_string())));
        }
        Some(bits)
    };
    TrafficLimits {
        upload: limit("upload_traffic_limit"),
        download: limit("download_traffic_limit"),
    }
}

fn storage_class(word: &str) -> String {
    match word {
        "standard" => "Standard",
        "ia" => "IA",
        "archive" => "Archive",
        "coldarchive" => "ColdArchive",
        "deepcoldarchive" => "DeepColdArchive",
        other => other,
    }
    .to_owned()
}
