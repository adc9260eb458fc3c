//! Everything below a prefix, page by page.

use crate::error::Result;
use crate::namespace::Facts;
use crate::remote::{ListRequest, Remote};
use std::collections::VecDeque;

/// Most keys that one answer of OSS can hold.
const PAGE_KEYS: u32 = 1000;

/// A walk over all objects below a prefix, in the order of their keys.
pub(crate) struct Walk<'a> {
    remote: &'a dyn Remote,
    prefix: &'a str,
    token: Option<String>,
    ended: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(remote: &'a dyn Remote, prefix: &'a str) -> Self {
        Self {
            remote,
            prefix,
            token: None,
            ended: false,
        }
    }

    /// The next page of it: one request.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<(String, Facts)>>> {
        if self.ended {
            return Ok(None);
        }
        let request = ListRequest {
            prefix: self.prefix.to_owned(),
            max_keys: PAGE_KEYS,
            token: self.token.clone(),
            ..ListRequest::default()
        };
        let page = self.remote.list(request).await?;
        self.ended = page.next.is_none() || page.next == self.token;
        self.token = page.next;
        Ok(Some(page.objects))
    }
}

/// Finds, below one prefix, what has the same rest of its key as something below another. To be asked in the order of
/// keys.
pub(super) struct Twins<'a> {
    walk: Walk<'a>,
    page: VecDeque<(String, Facts)>,
}

impl<'a> Twins<'a> {
    pub(super) fn new(remote: &'a dyn Remote, prefix: &'a str) -> Self {
        Self {
            walk: Walk::new(remote, prefix),
            page: VecDeque::new(),
        }
    }

    /// The object with this rest of its key, if there is one.
    pub(super) async fn find(&mut self, rest: &str) -> Result<Option<(String, Facts)>> {
        loop {
            while let Some((key, _)) = self.page.front() {
                match key[self.walk.prefix.len()..].cmp(rest) {
                    std::cmp::Ordering::Less => drop(self.page.pop_front()),
                    std::cmp::Ordering::Equal => return Ok(self.page.pop_front()),
                    std::cmp::Ordering::Greater => return Ok(None),
                }
            }
            match self.walk.next().await? {
                Some(page) => self.page = page.into(),
                None => return Ok(None),
            }
        }
    }
}
