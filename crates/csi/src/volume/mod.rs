//! A volume: what its attributes, its Secret and its access mode say, read once.

mod names;

use crate::{
    attributes::Attributes,
    secret::{StoredKey, key_of},
    words,
};
use ossplit_csi_proto::csi::{
    VolumeCapability,
    volume_capability::{AccessType, access_mode::Mode},
};
use ossplit_mount::{
    dialect::{self, CommandLine},
    options::{Fault, Written, look_up},
};
use std::{collections::HashMap, ffi::OsString, path::Path};

/// In whose words the options are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Ossfs1,
    Ossfs2,
}

/// How a `StorageClass` lays volumes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VolumeAs {
    /// The volume is the path.
    Direct,
    /// All volumes share the path.
    SharePath,
    /// Each volume has a folder below the path.
    SubPath,
}

/// A role that a pod's service account may take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OidcRole {
    pub(crate) role_arn: String,
    pub(crate) provider_arn: String,
    /// A further role that the first one assumes, and its `ExternalId`.
    pub(crate) then: Option<(String, Option<String>)>,
}

/// Who signs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    /// The key of a Secret.
    Key(StoredKey),
    /// The token of the pod's service account (RRSA).
    Oidc(OidcRole),
    /// As the options say: a role of the ECS instance, or nobody.
    Options,
}

/// What the driver knows about its cluster, for RRSA.
#[derive(Debug, Clone, Default)]
pub struct Rrsa {
    /// The account, for roles that are named without one.
    pub account: Option<String>,
    /// ARN of the OIDC provider, for volumes that don't name it.
    pub provider_arn: Option<String>,
}

/// A volume.
pub(crate) struct Volume {
    pub(crate) bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub(crate) path: String,
    pub(crate) url: String,
    pub(crate) read_only: bool,
    /// One pod alone may have it (`ReadWriteOncePod`).
    pub(crate) of_one_pod: bool,
    pub(crate) auth: Auth,
    #[allow(clippy::struct_field_names, reason = "the attribute's own name")]
    pub(crate) volume_as: VolumeAs,
    pub(crate) notes: Vec<String>,
    dialect: Dialect,
    words: Vec<String>,
    region: Option<String>,
    v4: bool,
    encryption: Option<String>,
    ram_role: Option<String>,
    /// The Secret that the attribute `secretRef` names.
    secret_ref: Option<String>,
}

impl Volume {
    /// Reads a volume.
    ///
    /// # Errors
    /// One sentence, with the mend and no secret.
    pub(crate) fn read(
        raw: &HashMap<String, String>,
        secrets: &HashMap<String, String>,
        capability: Option<&VolumeCapability>,
        rrsa: &Rrsa,
    ) -> Result<Self, String> {
        let attributes = Attributes::new(raw);
        let get = |name: &str| attributes.get(name);
        let need = |name: &str, example: &str| {
            get(name).ok_or_else(|| {
                format!("volumeAttributes have no {name}; write for instance {name}: {example}")
            })
        };
        let bucket = need("bucket", "my-bucket")?.to_owned();
        let url = endpoint(need("url", "oss-cn-hangzhou.aliyuncs.com")?, &bucket)?;
        let path = get("path").unwrap_or("/");
        if !path.starts_with('/') {
            return Err(format!(
                "path {path:?} must begin with a slash; write /{path}"
            ));
        }
        let (fs_type, flags, mode) = mounted(capability)?;
        let dialect = match get("fusetype").or(fs_type) {
            None | Some("ossfs" | "oss") => Dialect::Ossfs1,
            Some("ossfs2") => Dialect::Ossfs2,
            Some(other) => {
                return Err(format!("fuseType {other:?} is none; write ossfs or ossfs2"));
            }
        };
        let other = words::other_opts(get("otheropts").unwrap_or(""))?;
        let (words, mut notes) = words::merge(other, words::mount_options(flags)?);
        let volume_as = match get("volumeas").map(str::to_ascii_lowercase).as_deref() {
            None | Some("direct") => VolumeAs::Direct,
            Some("sharepath") => VolumeAs::SharePath,
            Some("subpath") => VolumeAs::SubPath,
            Some(other) => {
                return Err(format!(
                    "volumeAs {other:?} is none; write direct, sharepath or subpath"
                ));
            }
        };
        let v4 = match get("sigversion").map(str::to_ascii_lowercase).as_deref() {
            None | Some("v1") => false,
            Some("v4") => true,
            Some(other) => return Err(format!("sigVersion {other:?} is none; write v1 or v4")),
        };
        let region = get("region").map(str::to_owned);
        let region = region.or_else(|| region_of(&url).filter(|_| v4));
        notes.extend(names::notes(raw));
        let ram_role = get("ramrole").or(get("rolename")).map(str::to_owned);
        Ok(Self {
            read_only: mode.is_read_only()
                || attributes.is_true("readonly")
                || words
                    .iter()
                    .any(|word| matches!(&**word, "ro" | "ro=true" | "ro=1")),
            auth: auth(&attributes, raw, secrets, rrsa)?,
            of_one_pod: mode == Mode::SingleNodeSingleWriter,
            encryption: encryption(&attributes)?,
            path: path.trim_matches('/').to_owned(),
            bucket,
            url,
            volume_as,
            notes,
            dialect,
            words,
            region,
            v4,
            ram_role,
            secret_ref: get("secretref").map(str::to_owned),
        })
    }

    /// What is missing for it to be mounted: somebody who signs.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn check_signer(&self) -> Result<(), String> {
        let signs = |word: &String| {
            ["ram_role", "public_bucket"]
                .iter()
                .any(|name| word.starts_with(name))
        };
        if self.auth != Auth::Options || self.ram_role.is_some() || self.words.iter().any(signs) {
            return Ok(());
        }
        if let Some(name) = &self.secret_ref {
            return Err(format!(
                "there is no key: the driver gets no Secret by the attribute secretRef; write nodePublishSecretRef with \
                 name: {name} and its namespace instead (a new key in it is taken as well, about a minute later)"
            ));
        }
        Err("there is no key; name a Secret with akId and akSecret in nodePublishSecretRef, or write authType: rrsa, \
             ramRole: NAME, or otherOpts: -o public_bucket=1"
            .into())
    }

    /// The command line that mounts it on `mountpoint`, with its key in `key_file` and what can't be streamed in
    /// `staging`.
    ///
    /// # Errors
    /// Every option that is wrong.
    pub(crate) fn command_line(
        &self,
        mountpoint: &Path,
        key_file: &Path,
        staging: &Path,
        memory: u64,
    ) -> Result<CommandLine, Vec<Fault>> {
        let words = match self.dialect {
            Dialect::Ossfs1 => self.ossfs1_words(mountpoint),
            Dialect::Ossfs2 => self.ossfs2_words(mountpoint),
        };
        let mut line = match self.dialect {
            Dialect::Ossfs1 => dialect::ossfs1(&words)?,
            Dialect::Ossfs2 => dialect::ossfs2(&words, Path::new("/"))?,
        };
        let mut option = |name: &str, value: Option<String>, front: bool| {
            let spec = look_up(name, name).map_err(|fault| vec![fault])?;
            let place = format!("the driver's {name}");
            let written = Written { spec, value, place };
            if front {
                line.options.insert(0, written);
            } else {
                line.options.push(written);
            }
            Ok::<(), Vec<Fault>>(())
        };
        match &self.auth {
            Auth::Key(_) | Auth::Oidc(_) => {
                let path = key_file.to_string_lossy().into_owned();
                option("passwd_file", Some(path), false)?;
            }
            Auth::Options => {
                if let Some(role) = &self.ram_role {
                    option("ram_role", Some(role.clone()), true)?;
                }
            }
        }
        if let Some(encryption) = &self.encryption {
            option("use_sse", Some(encryption.clone()), false)?;
        }
        // What the volume says of these goes before what the driver says.
        option("memory", Some(memory.to_string()), true)?;
        option(
            "tmpdir",
            Some(staging.to_string_lossy().into_owned()),
            false,
        )?;
        option("allow_other", None, true)?;
        if self.read_only {
            option("ro", None, false)?;
        }
        Ok(line)
    }

    fn ossfs1_words(&self, mountpoint: &Path) -> Vec<OsString> {
        let what = format!("{}:/{}", self.bucket, self.path);
        let mut words: Vec<OsString> = vec![what.into(), mountpoint.into()];
        let mut option = |text: String| words.extend(["-o".into(), OsString::from(text)]);
        option(format!("url={}", self.url));
        if let Some(region) = &self.region {
            option(format!("region={region}"));
        }
        if self.v4 {
            option("sigv4".into());
        }
        self.words.iter().cloned().for_each(option);
        words
    }

    fn ossfs2_words(&self, mountpoint: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["mount".into(), mountpoint.into()];
        let mut option = |text: String| words.push(format!("--{text}").into());
        option(format!("oss_endpoint={}", self.url));
        option(format!("oss_bucket={}", self.bucket));
        if !self.path.is_empty() {
            option(format!("oss_bucket_prefix={}", self.path));
        }
        if let Some(region) = &self.region {
            option(format!("oss_region={region}"));
        }
        self.words.iter().cloned().for_each(option);
        words
    }
}

/// How a capability may be used.
trait ReadOnly {
    fn is_read_only(&self) -> bool;
}

impl ReadOnly for Mode {
    fn is_read_only(&self) -> bool {
        matches!(self, Mode::SingleNodeReaderOnly | Mode::MultiNodeReaderOnly)
    }
}

/// File system type, flags and mode of a capability; without one, of a volume that is read and written.
fn mounted(
    capability: Option<&VolumeCapability>,
) -> Result<(Option<&str>, &[String], Mode), String> {
    let Some(capability) = capability else {
        return Ok((None, &[], Mode::MultiNodeMultiWriter));
    };
    let mode = capability
        .access_mode
        .as_ref()
        .map(ossplit_csi_proto::csi::volume_capability::AccessMode::mode);
    let mode = mode.unwrap_or(Mode::Unknown);
    match &capability.access_type {
        Some(AccessType::Mount(mount)) => {
            let fs_type = Some(mount.fs_type.as_str());
            // What a StorageClass without a file system gets from the provisioner is no wish of the user's.
            let fs_type = fs_type.filter(|kind| !kind.is_empty() && !kind.starts_with("ext"));
            Ok((fs_type, &mount.mount_flags, mode))
        }
        Some(AccessType::Block(_)) => {
            Err("a bucket is no block device; write volumeMode: Filesystem".into())
        }
        None => Err("the volume capability says neither mount nor block".into()),
    }
}

/// The endpoint with its scheme: an address inside Alibaba Cloud's network needs no TLS.
fn endpoint(url: &str, bucket: &str) -> Result<String, String> {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    if let Some(rest) = host.strip_prefix(&format!("{bucket}."))
        && rest.starts_with("oss-")
    {
        return Err(format!(
            "url {url:?} is the bucket's domain; write the endpoint alone: {rest}"
        ));
    }
    Ok(if url.contains("://") {
        url.to_owned()
    } else if host
        .trim_end_matches('/')
        .ends_with("-internal.aliyuncs.com")
    {
        format!("http://{url}")
    } else {
        format!("https://{url}")
    })
}

/// `cn-beijing` of `oss-cn-beijing[-internal].aliyuncs.com`.
fn region_of(url: &str) -> Option<String> {
    let host = url.split_once("://").map_or(url, |(_, host)| host);
    let name = host.strip_prefix("oss-")?.split('.').next()?;
    Some(name.strip_suffix("-internal").unwrap_or(name).to_owned())
}

fn encryption(attributes: &Attributes) -> Result<Option<String>, String> {
    let kind = attributes.get("encrypted").map(str::to_ascii_lowercase);
    match (kind.as_deref(), attributes.get("kmskeyid")) {
        (None, None) => Ok(None),
        (Some("aes256"), None) => Ok(Some("1".into())),
        (Some("kms"), None) => Ok(Some("kms".into())),
        (Some("kms"), Some(id)) => Ok(Some(format!("kmsid:{id}"))),
        (None | Some("aes256"), Some(_)) => {
            Err("kmsKeyId is for encrypted: kms; write that as well, or leave it out".into())
        }
        (Some(other), _) => Err(format!("encrypted {other:?} is none; write aes256 or kms")),
    }
}

fn auth(
    attributes: &Attributes,
    raw: &HashMap<String, String>,
    secrets: &HashMap<String, String>,
    rrsa: &Rrsa,
) -> Result<Auth, String> {
    let key = match key_of(secrets)? {
        Some(key) => Some(key),
        None => key_of(raw)?,
    };
    match attributes.get("authtype").map(str::to_ascii_lowercase).as_deref() {
        Some("rrsa") => oidc(attributes, rrsa).map(Auth::Oidc),
        Some("sts") => match key {
            Some(key) if key.security_token.is_some() => Ok(Auth::Key(key)),
            _ => Err(
                "authType sts wants a Secret with AccessKeyId, AccessKeySecret, SecurityToken and Expiration; \
                 name it in nodePublishSecretRef"
                    .into(),
            ),
        },
        Some("csi-secret-store") => match key {
            Some(key) => Ok(Auth::Key(key)),
            None => Err(
                "authType csi-secret-store: there is no pod here for the store to mount into; have its \
                 secretObjects make a Secret, and name that in nodePublishSecretRef"
                    .into(),
            ),
        },
        None | Some("") => Ok(key.map_or(Auth::Options, Auth::Key)),
        Some(other) => Err(format!(
            "authType {other:?} is none; write rrsa, sts or csi-secret-store, or leave it out"
        )),
    }
}

fn oidc(attributes: &Attributes, rrsa: &Rrsa) -> Result<OidcRole, String> {
    let name = attributes.get("rolename").or(attributes.get("ramrole"));
    let role_arn = match (attributes.get("rolearn"), name, &rrsa.account) {
        (Some(arn), _, _) => arn.to_owned(),
        (None, Some(name), Some(account)) => format!("acs:ram::{account}:role/{name}"),
        (None, Some(_), None) => {
            return Err(
                "authType rrsa: roleName needs the driver's --rrsa-account; give it, or write roleArn".into(),
            );
        }
        (None, None, _) => {
            return Err("authType rrsa wants roleArn or roleName; write one of them".into());
        }
    };
    let provider = attributes.get("oidcproviderarn").map(str::to_owned);
    let provider_arn = provider.or_else(|| rrsa.provider_arn.clone()).ok_or(
        "authType rrsa wants oidcProviderArn, or the driver's --rrsa-oidc-provider; give one of them",
    )?;
    let external = attributes.get("externalid").map(str::to_owned);
    let then = attributes.get("assumerolearn");
    Ok(OidcRole {
        role_arn,
        provider_arn,
        then: then.map(|arn| (arn.to_owned(), external)),
    })
}

#[cfg(test)]
mod tests;
