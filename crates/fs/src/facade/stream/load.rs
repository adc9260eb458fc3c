//! One page of a directory.

use std::sync::Arc;

use super::super::core::{Core, PAGE_KEYS};
use super::super::spread::Spread;
use super::{From, Span};
use crate::error::Result;
use crate::namespace::Shown;
use crate::remote::ListRequest;

/// What was asked for one page.
pub(super) struct Loaded {
    pub(super) shown: Shown,
    /// Where the next one begins.
    pub(super) next: Option<Span>,
    pub(super) ends: Option<(String, String)>,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    /// How its names are spread, if it is full and was asked for as a whole.
    pub(super) spread: Option<Spread>,
}

/// Asks for a page.
pub(super) async fn load(core: Arc<Core>, key: String, span: Span) -> Result<Loaded> {
    let (token, start_after) = match span.from {
        From::Start => (None, None),
        From::Token(token) => (Some(token), None),
        From::After(key) => (None, Some(key)),
    };
    let request = ListRequest {
        prefix: key.clone(),
        delimiter: true,
        max_keys: PAGE_KEYS,
        token,
        start_after,
    };
    let mut page = core.list(request).await?;
    let mut cut = false;
    if let Some(until) = &span.until {
        let all = page.objects.len() + page.prefixes.len();
        page.objects.retain(|(key, _)| key <= until);
        page.prefixes.retain(|prefix| prefix <= until);
        cut = page.objects.len() + page.prefixes.len() < all;
    }
    let last = page.objects.last().map(|(key, _)| key);
    let last = last.max(page.prefixes.last()).cloned();
    let first_object = page.objects.first().map(|(key, _)| key.clone());
    let first_prefix = page.prefixes.first().cloned();
    let first = first_object.iter().chain(&first_prefix).min().cloned();
    let full = page.objects.len() == PAGE_KEYS as usize;
    let spread = (full && span.until.is_none())
        .then(|| Spread::of(page.objects.iter().map(|(key, _)| key.as_str())))
        .flatten();
    let next = match (span.until, page.next.clone()) {
        // There is more, though this page does not say so.
        (Some(until), _) if cut || (page.next.is_some() && last.as_ref() == Some(&until)) => {
            Some(Span {
                from: From::After(until),
                until: None,
            })
        }
        // It ended before the guess: what is between comes next.
        (until, Some(token)) => Some(Span {
            from: From::Token(token),
            until,
        }),
        (_, None) => None,
    };
    Ok(Loaded {
        ends: first_object.zip(last.clone()).filter(|_| full),
        first,
        last,
        spread,
        shown: core.later_page(&key, page).await?,
        next,
    })
}
