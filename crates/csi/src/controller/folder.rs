//! The folder of a `subpath` volume in its bucket.

use crate::{
    files,
    volume::{Auth, Volume},
};
use ossplit::{Client, DeleteMultipleObjects, ListObjectsV2, PutObject};
use ossplit_mount::{
    options::{self, Surroundings},
    process,
};
use std::path::{Path, PathBuf};

/// A client for the volume's bucket, with its key in `scratch` while this lives.
pub(super) struct Bucket {
    client: Client,
    name: String,
    /// Ends with a slash.
    prefix: String,
    _key: Option<KeyFile>,
}

struct KeyFile(PathBuf);

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Bucket {
    pub(super) fn open(volume: &Volume, id: &str, scratch: &Path) -> Result<Self, String> {
        if volume.path.is_empty() {
            return Err(
                "a subpath volume has a path of its own; this one is the whole bucket".into(),
            );
        }
        let file = scratch.join(format!("key-{id}").replace('/', "_"));
        let key = match &volume.auth {
            Auth::Key(key) => {
                let json = serde_json::to_vec(key).map_err(|error| error.to_string())?;
                files::write_secret(&file, &json).map_err(|error| error.to_string())?;
                Some(KeyFile(file.clone()))
            }
            Auth::Options => None,
            Auth::Oidc(_) => {
                return Err(
                    "the controller has no pod's token to make folders with (authType rrsa); give it a key: \
                     csi.storage.k8s.io/provisioner-secret-name and -namespace"
                        .into(),
                );
            }
        };
        let faults = |faults: Vec<options::Fault>| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join(". ")
        };
        let line = volume.command_line(Path::new("/mnt"), &file, scratch, 64 << 20);
        let around = Surroundings {
            folder: "/".into(),
            ..Surroundings::default()
        };
        let plan = options::validate(&line.map_err(faults)?, &around).map_err(faults)?;
        let config = process::client_config(&plan).map_err(|error| error.to_string())?;
        Ok(Self {
            client: Client::new(config).map_err(|error| error.to_string())?,
            name: volume.bucket.clone(),
            prefix: format!("{}/", volume.path),
            _key: key,
        })
    }

    /// Makes the folder, as an object of no bytes whose name ends with a slash; it may be there.
    pub(super) async fn make(&self) -> Result<(), String> {
        let put = PutObject::new(self.name.as_str(), self.prefix.as_str(), "");
        let put = self.client.put_object(put).await;
        put.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Deletes everything in the folder and the folder.
    pub(super) async fn delete(&self) -> Result<(), String> {
        loop {
            let list = ListObjectsV2::new(self.name.as_str(), self.prefix.as_str());
            let page = self.client.list_objects_v2(list.max_keys(1000)).await;
            let page = page.map_err(|error| error.to_string())?;
            if page.objects.is_empty() {
                return Ok(());
            }
            let keys = page.objects.into_iter().map(|object| object.key);
            let delete = DeleteMultipleObjects::new(self.name.as_str(), keys);
            let deleted = self.client.delete_multiple_objects(delete).await;
            deleted.map_err(|error| error.to_string())?;
        }
    }
}
