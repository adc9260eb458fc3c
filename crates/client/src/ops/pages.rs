//! Listings from their first page to their last.

use super::{
    ListBuckets, ListBucketsOutput, ListMultipartUploads, ListMultipartUploadsOutput,
    ListObjectVersions, ListObjectVersionsOutput, ListObjects, ListObjectsOutput, ListObjectsV2,
    ListParts, ListPartsOutput,
};
use crate::{Client, Error};
use std::future::Future;

/// A listing that comes in pages.
pub trait Listing: Clone + Send + Sync {
    /// One page.
    type Page: Send;

    /// Asks for this page.
    fn page(&self, client: &Client) -> impl Future<Output = Result<Self::Page, Error>> + Send;

    /// The request for the page after `page`, if there is one.
    fn after(self, page: &Self::Page) -> Option<Self>;
}

/// The pages of a listing, one after another.
#[derive(Debug, Clone)]
pub struct Pages<L> {
    client: Client,
    request: Option<L>,
}

impl<L: Listing> Pages<L> {
    /// The next page; `None` after the last. After an error the same page is asked for again.
    pub async fn next_page(&mut self) -> Result<Option<L::Page>, Error> {
        let Some(request) = &self.request else {
            return Ok(None);
        };
        let page = request.page(&self.client).await?;
        self.request = self.request.take().and_then(|request| request.after(&page));
        Ok(Some(page))
    }
}

impl Client {
    /// All pages of a listing, from the one that `request` asks for.
    ///
    /// ```no_run
    /// # async fn example(client: ossplit::Client) -> Result<(), ossplit::Error> {
    /// let mut pages = client.pages(ossplit::ListObjectsV2::new("bucket", "train/"));
    /// while let Some(page) = pages.next_page().await? {
    ///     println!("{} objects more", page.objects.len());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn pages<L: Listing>(&self, request: L) -> Pages<L> {
        Pages {
            client: self.clone(),
            request: Some(request),
        }
    }
}

impl Listing for ListObjectsV2 {
    type Page = ListObjectsOutput;

    async fn page(&self, client: &Client) -> Result<Self::Page, Error> {
        client.list_objects_v2(self.clone()).await
    }

    fn after(mut self, page: &Self::Page) -> Option<Self> {
        self.continuation_token = Some(page.next.clone()?);
        Some(self)
    }
}

impl Listing for ListObjects {
    type Page = ListObjectsOutput;

    async fn page(&self, client: &Client) -> Result<Self::Page, Error> {
        client.list_objects(self.clone()).await
    }

    fn after(mut self, page: &Self::Page) -> Option<Self> {
        self.marker = Some(page.next.clone()?);
        Some(self)
    }
}

impl Listing for ListObjectVersions {
    type Page = ListObjectVersionsOutput;

    async fn page(&self, client: &Client) -> Result<Self::Page, Error> {
        client.list_object_versions(self.clone()).await
    }

    fn after(mut self, page: &Self::Page) -> Option<Self> {
        self.after = Some(page.next.clone()?);
        Some(self)
    }
}

impl Listing for ListMultipartUploads {
    type Page = ListMultipartUploadsOutput;

    async fn page(&self, client: &Client) -> Result<Self::Page, Error> {
        client.list_multipart_uploads(self.clone()).await
    }

    fn after(mut self, page: &Self::Page) -> Option<Self> {
        let (key, upload_id) = page.next.clone()?;
        self.key_marker = Some(key);
        self.upload_id_marker = Some(upload_id);
        Some(self)
    }
}

impl Listing for ListParts {
    type Page = ListPartsOutput;

    async fn page(&self, client: &Client) -> Result<Self::Page, Error> {
        client.list_parts(self.clone()).await
    }

    fn after(mut self, page: &Self::Page) -> Option<Self> {
        self.part_number_marker = Some(page.next_marker?);
        Some(self)
    }
}

impl Listing for ListBuckets {
    type Page = ListBucketsOutput;

    async fn page(&self, client: &Client) -> Result<Self::Page, Error> {
        client.list_buckets(self.clone()).await
    }

    fn after(mut self, page: &Self::Page) -> Option<Self> {
        self.marker = Some(page.next_marker.clone()?);
        Some(self)
    }
}
