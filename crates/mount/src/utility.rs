//! What needs no mount: unfinished uploads (ossfs 1's utility mode), and bringing deleted objects back.

use crate::{
    Plan,
    dialect::Utility,
    process::{Cause, Failure, preflight},
};
use ossplit::{
    AbortMultipartUpload, Client, DeleteObject, ErrorKind, ListMultipartUploads,
    ListObjectVersions, ListedUpload, ListedVersion,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lists or aborts the unfinished uploads of the plan's bucket, below its prefix, or brings what was deleted back. Each line of the outcome goes to `say`.
///
/// # Errors
/// One sentence with the mend; what was aborted before stays so.
pub fn run(plan: &Plan, utility: Utility, say: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system("start", error))?;
    runtime.block_on(async {
        let client = Client::new(preflight::client_config(plan)?)?;
        match utility {
            Utility::List => list(&client, plan, say).await,
            Utility::Abort(age) => abort(&client, plan, age, say).await,
            Utility::Undelete => undelete(&client, plan, say).await,
        }
    })
}

/// Hands each unfinished upload to `take`, page by page.
async fn each(
    client: &Client,
    plan: &Plan,
    mut take: impl AsyncFnMut(ListedUpload) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut ask = ListMultipartUploads::new(&plan.fs.bucket, &plan.fs.prefix);
    loop {
        let page = client.list_multipart_uploads(ask.clone()).await?;
        for upload in page.uploads {
            take(upload).await?;
        }
        let Some((key, id)) = page.next else {
            return Ok(());
        };
        ask.key_marker = Some(key);
        ask.upload_id_marker = Some(id);
    }
}

async fn list(client: &Client, plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let mut count = 0_u64;
    each(client, plan, async |upload| {
        count += 1;
        say(&format!(
            " Path     : /{}\n UploadId : {}\n Date     : {}\n",
            upload.key,
            upload.upload_id,
            ossplit::xml_time(upload.initiated)
        ));
        Ok(())
    })
    .await?;
    say(&format!("{count} unfinished uploads in {}", plan.fs.bucket));
    Ok(())
}

async fn abort(
    client: &Client,
    plan: &Plan,
    age: Duration,
    say: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs().cast_signed());
    let before = now.saturating_sub(age.as_secs().cast_signed());
    let (mut aborted, mut younger) = (0_u64, 0_u64);
    each(client, plan, async |upload| {
        if !age.is_zero() && upload.initiated > before {
            younger += 1;
            return Ok(());
        }
        let request = AbortMultipartUpload {
            bucket: plan.fs.bucket.clone(),
            key: upload.key.clone(),
            upload_id: upload.upload_id.clone(),
        };
        match client.abort_multipart_upload(request).await {
            Ok(()) => {}
            // Somebody else ended it meanwhile.
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        aborted += 1;
        say(&format!("aborted /{} ({})", upload.key, upload.upload_id));
        Ok(())
    })
    .await?;
    say(&format!(
        "{aborted} uploads aborted, {younger} are younger and stay"
    ));
    Ok(())
}

/// Takes the delete markers from the object that the plan's target names, or from all below it if it ends in `/`.
async fn undelete(client: &Client, plan: &Plan, say: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let (bucket, target) = (&plan.fs.bucket, &plan.target);
    let wanted = |key: &str| target.is_empty() || target.ends_with('/') || key == target;
    let mut ask = ListObjectVersions::new(bucket, target);
    let mut top = Top::default();
    let mut count = 0_u64;
    loop {
        let page = client.list_object_versions(ask.clone()).await?;
        for version in page.versions.into_iter().filter(|v| wanted(&v.key)) {
            let Some((key, markers)) = top.take(version) else {
                continue;
            };
            for marker in markers {
                let mut delete = DeleteObject::new(bucket, &key);
                delete.version_id = Some(marker);
                client.delete_object(delete).await?;
            }
            count += 1;
            say(&format!("oss://{bucket}/{key}"));
        }
        match page.next {
            Some(next) => ask.after = Some(next),
            None => break,
        }
    }
    if count == 0 {
        let text = format!(
            "nothing that was deleted is kept at oss://{bucket}/{target}: check the key, end it with / for all below \
             it, and see that the bucket keeps versions (a mount does not turn that on)"
        );
        return Err(Failure::new(Cause::Service, text));
    }
    say(&format!("{count} objects are back"));
    Ok(())
}

/// The newest versions of the key that a list is at, as far as they are delete markers.
#[derive(Default)]
struct Top {
    key: String,
    /// `None` once the key's newest bytes were met.
    markers: Option<Vec<String>>,
}

impl Top {
    /// Takes the next version of a list. Gives the key and its markers if they hide this version.
    fn take(&mut self, version: ListedVersion) -> Option<(String, Vec<String>)> {
        if version.is_latest {
            self.key = version.key;
            self.markers = Some(Vec::new());
        } else if version.key != self.key {
            return None;
        }
        let markers = self.markers.as_mut()?;
        if version.is_delete_marker {
            markers.push(version.version_id);
            return None;
        }
        let markers = self.markers.take()?;
        (!markers.is_empty()).then(|| (self.key.clone(), markers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_marker_hides_comes_back() {
        let mut top = Top::default();
        let mut back = Vec::new();
        for (key, id, latest, marker) in [
            ("a", "1", true, false),
            ("a", "0", false, true),
            ("b", "4", true, true),
            ("b", "3", false, true),
            ("b", "2", false, false),
            ("b", "1", false, false),
            ("c", "1", true, true),
            ("d", "2", true, true),
            ("d", "1", false, false),
        ] {
            back.extend(top.take(ListedVersion {
                key: key.into(),
                version_id: id.into(),
                is_latest: latest,
                is_delete_marker: marker,
                size: 0,
                etag: String::new(),
                last_modified: 0,
                storage_class: String::new(),
            }));
        }
        let markers = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let wanted: Vec<(String, Vec<String>)> = vec![
            ("b".into(), markers(&["4", "3"])),
            ("d".into(), markers(&["2"])),
        ];
        assert_eq!(back, wanted);
    }
}
