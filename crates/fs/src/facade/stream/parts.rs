//! A long directory of any names, whose parts are listed at once.
//!
//! What lies between two places of the directory is a part, of which one page after another is asked for. A part is
//! cut in two where `cut` thinks its middle is, for which the first page of the second half comes early and the last one of
//! the first half is no full one: a cut costs a request at most, and so does one behind which nothing lies. There are as many
//! as an eighth of the pages that came, 7 at the most, and none before 16 pages.

use std::sync::Arc;

use futures_util::FutureExt;

use super::super::core::Core;
use super::{Ahead, Coming, EVEN, FULL_PART, From, PAGE_BYTES, PROVEN, Span, Stream, cut};
use crate::budget::Priority;
use crate::error::Error;
use crate::types::NodeId;

/// Pages that must have come before the first cut.
const LONG: usize = 16;
/// Pages that must have come for each cut.
const FOR_A_CUT: usize = 8;
/// Cuts at most.
const MOST_CUTS: usize = 7;
/// With so many cuts behind which there was nothing, the names are not understood.
const MOST_MISSED: usize = 4;

/// How the cutting goes.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// Pages that came.
    pub(super) pages: usize,
    made: usize,
    /// Those that brought no page.
    missed: usize,
    /// How far the next one beyond all known names goes.
    reach: usize,
}

/// A part that nobody asks for just now.
struct End {
    /// Where what comes of it belongs.
    at: usize,
    span: Span,
    /// The first and last key of the page before it.
    first: String,
    last: String,
    cuts: u8,
}

impl Stream {
    /// Whether the directory is long, and its names are none whose pages can be foretold.
    pub(super) fn goes_in_parts(&self) -> bool {
        let foretold = self.guessed >= PROVEN || self.even >= EVEN;
        self.cuts.made > 0 || (self.cuts.pages >= LONG && !foretold)
    }

    /// Asks for the next page of each part.
    pub(super) fn go_on_in_parts(&mut self, core: &Arc<Core>, node: NodeId) {
        self.take_what_came();
        let mut ends = self.open_ends();
        let allowed = (self.cuts.pages / FOR_A_CUT).min(MOST_CUTS);
        let mut rest = None;
        if self.cuts.made < allowed
            && self.cuts.missed < MOST_MISSED
            && let Some(end) = ends.iter_mut().min_by_key(|end| end.cuts)
            && let Some(cut) = self.cut(end)
        {
            self.cuts.made += 1;
            end.cuts += 1;
            let until = end.span.until.replace(cut.clone());
            let open = until.is_none();
            self.cuts.reach += usize::from(open);
            let from = From::After(cut);
            rest = Some((end.at, Span { from, until }, end.cuts, open));
        }
        // From behind, so that the places stay what they are.
        for end in ends.into_iter().rev() {
            if let Some((at, ..)) = &rest
                && *at == end.at
                && let Some((at, span, cuts, open)) = rest.take()
            {
                let asked = self.ask_at(core, node, (at, span, cuts));
                if let (true, Some(ahead)) = (asked, self.ahead.get_mut(at)) {
                    ahead.first_of_part = Some(open);
                }
            }
            self.ask_at(core, node, (end.at, end.span, end.cuts));
        }
    }

    /// Asks for a page ahead, in this place among the others, if there is memory for it.
    fn ask_at(
        &mut self,
        core: &Arc<Core>,
        node: NodeId,
        (at, span, cuts): (usize, Span, u8),
    ) -> bool {
        let Some(lease) = core.budget.try_lease(Priority::Prefetch, PAGE_BYTES) else {
            return false;
        };
        let Some(mut ahead) = Ahead::ask(core, node, &self.key, span, lease) else {
            return false;
        };
        ahead.cuts = cuts;
        self.ahead.insert(at, ahead);
        true
    }

    /// Where a part is to be cut, if that can be told.
    fn cut(&self, end: &End) -> Option<String> {
        match &end.span.until {
            Some(until) => cut::between(&end.last, until),
            None => cut::beyond(&end.first, &end.last, self.key.len(), self.cuts.reach),
        }
    }

    /// Notes which pages have come.
    fn take_what_came(&mut self) {
        for ahead in &mut self.ahead {
            let Coming::Later(task) = &mut ahead.coming else {
                continue;
            };
            let Some(came) = task.now_or_never() else {
                continue;
            };
            let came = came.map_err(|_| Error::BadHandle).flatten().map(Box::new);
            self.cuts.pages += 1;
            if let (Some(open), Ok(page)) = (ahead.first_of_part, &came)
                && page.shown.entries.len() < FULL_PART
            {
                self.cuts.missed += 1;
                self.cuts.reach = self.cuts.reach.saturating_sub(2 * usize::from(open));
            }
            ahead.coming = Coming::Here(came);
        }
    }

    /// Places where a part goes on and nobody has asked.
    fn open_ends(&self) -> Vec<End> {
        let mut ends = Vec::new();
        let mut look =
            |at: usize, page: (&Option<Span>, &Option<String>, &Option<String>), cuts| {
                let (Some(span), Some(first), Some(last)) = page else {
                    return;
                };
                let follows = self.ahead.get(at);
                if follows.is_none_or(|ahead| ahead.span.from != span.from) {
                    ends.push(End {
                        at,
                        span: span.clone(),
                        first: first.clone(),
                        last: last.clone(),
                        cuts,
                    });
                }
            };
        if let Some(page) = &self.page {
            look(0, (&page.next, &page.first, &page.last), page.cuts);
        }
        for (at, ahead) in self.ahead.iter().enumerate() {
            if let Coming::Here(Ok(page)) = &ahead.coming
                && page
                    .next
                    .as_ref()
                    .is_some_and(|next| next.from != ahead.span.from)
            {
                look(at + 1, (&page.next, &page.first, &page.last), ahead.cuts);
            }
        }
        ends
    }
}
