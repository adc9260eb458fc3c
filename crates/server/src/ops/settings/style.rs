//! Image styles. They are kept; images are not processed.

use super::{kept, of_document, read, set, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    route::Operation,
    store::{StoreError, now_ms},
};
use ossplit_protocol::{
    code::Code,
    time,
    xml::{
        self,
        settings::{Style, StyleList},
    },
};

const PREFIX: &str = "style/";

/// Runs a call about styles.
pub(in crate::ops) async fn run(
    request: &mut Request,
    operation: Operation,
) -> Result<Reply, Failure> {
    let style = request.parameter("styleName").unwrap_or_default();
    let name = format!("{PREFIX}{style}");
    match operation {
        Operation::ListStyle => list(request),
        Operation::GetStyle => {
            let document = kept(request, &name)?;
            let document = document.ok_or_else(|| Failure::new(Code::NoSuchStyle))?;
            Ok(of_document(document, "application/xml"))
        }
        Operation::DeleteStyle => {
            set(request, &name, None).await?;
            Ok(Reply::no_content())
        }
        _ => {
            if style.is_empty() || style.len() > 63 {
                return Err(Failure::argument("styleName", style));
            }
            let style = style.to_owned();
            let category = request.parameter("category").map(str::to_owned);
            let old: Option<Style> =
                kept(request, &name)?.and_then(|document| xml::read(&document).ok());
            let body = request.document().await?;
            let sent: Style = read(&body, "Style")?;
            let now = time::http_date(now_ms() / 1000);
            let document = Style {
                name: Some(style),
                content: sent.content,
                category: category.or_else(|| Some("image".to_owned())),
                create_time: old
                    .and_then(|old| old.create_time)
                    .or_else(|| Some(now.clone())),
                last_modify_time: Some(now),
            };
            set(request, &name, Some(write(&document))).await?;
            Ok(Reply::ok())
        }
    }
}

fn list(request: &Request) -> Result<Reply, Failure> {
    let bucket = request.state.store.bucket(request.bucket());
    let bucket = bucket.ok_or(StoreError::NoSuchBucket)?;
    let styles = bucket
        .settings
        .range(PREFIX.to_owned()..)
        .take_while(|(name, _)| name.starts_with(PREFIX))
        .filter_map(|(_, document)| xml::read(document).ok());
    Ok(Reply::xml(&StyleList {
        style: styles.collect(),
    }))
}
