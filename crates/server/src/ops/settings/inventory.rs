//! Inventories: lists of objects that are made at intervals. They are kept and not made.

use super::{kept, malformed, of_document, one_of, read, set, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    route::Operation,
    store::StoreError,
};
use ossplit_protocol::{
    code::Code,
    xml::{
        self,
        settings::{Inventories, InventoryConfiguration},
    },
};

/// Inventories on a page.
const PAGE: usize = 100;

const PREFIX: &str = "inventory/";

/// Runs a call about inventories.
pub(in crate::ops) async fn run(
    request: &mut Request,
    operation: Operation,
) -> Result<Reply, Failure> {
    let id = request.parameter("inventoryId").unwrap_or_default();
    let name = format!("{PREFIX}{id}");
    match operation {
        Operation::ListBucketInventory => list(request),
        Operation::GetBucketInventory => {
            let document = kept(request, &name)?;
            let document = document.ok_or_else(|| Failure::new(Code::NoSuchInventory))?;
            Ok(of_document(document, "application/xml"))
        }
        Operation::DeleteBucketInventory => {
            set(request, &name, None).await?;
            Ok(Reply::no_content())
        }
        _ => {
            let body = request.document().await?;
            let document: InventoryConfiguration = read(&body, "InventoryConfiguration")?;
            let id = request.parameter("inventoryId").unwrap_or_default();
            if document.id.is_empty() || document.id != id {
                return Err(Failure::argument("inventoryId", id));
            }
            let to = &document.destination.oss_bucket_destination;
            one_of("Format", &to.format, &["CSV", "Parquet", "ORC"])?;
            one_of(
                "Frequency",
                &document.schedule.frequency,
                &["Daily", "Weekly"],
            )?;
            let versions = &document.included_object_versions;
            one_of("IncludedObjectVersions", versions, &["All", "Current"])?;
            if to.bucket.is_empty() {
                return Err(malformed());
            }
            set(request, &name, Some(write(&document))).await?;
            Ok(Reply::ok())
        }
    }
}

fn list(request: &Request) -> Result<Reply, Failure> {
    let bucket = request.state.store.bucket(request.bucket());
    let bucket = bucket.ok_or(StoreError::NoSuchBucket)?;
    let after = request.parameter("continuation-token").unwrap_or_default();
    let all: Vec<InventoryConfiguration> = bucket
        .settings
        .range(format!("{PREFIX}{after}")..)
        .take_while(|(name, _)| name.starts_with(PREFIX))
        .filter(|(name, _)| after.is_empty() || name.as_str() > format!("{PREFIX}{after}").as_str())
        .filter_map(|(_, document)| xml::read(document).ok())
        .collect();
    if all.is_empty() {
        return Err(Failure::new(Code::NoSuchInventory));
    }
    let is_truncated = all.len() > PAGE;
    let page: Vec<InventoryConfiguration> = all.into_iter().take(PAGE).collect();
    let last = page.last().map(|last| last.id.clone());
    Ok(Reply::xml(&Inventories {
        inventory_configuration: page,
        is_truncated,
        next_continuation_token: last.filter(|_| is_truncated),
    }))
}
