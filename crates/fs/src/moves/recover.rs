//! Finishing or undoing what a dead process was about. See the module above.

use super::exchange;
use super::walk::{Twins, Walk};
use super::{Line, Move, SKEW, place};
use crate::context::Context;
use crate::error::Result;
use crate::journal::Left;
use crate::namespace::Facts;
use crate::remote::{Bucket, Remote};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// When a dead process's copies were made, in nanoseconds since 1970.
type Window = RangeInclusive<i64>;

/// Finishes or undoes the renames that killed processes left in this mount's bucket. To be called before anything is
/// written. What can't be settled now is left for the next start.
pub(crate) async fn recover(context: &Arc<Context>) {
    let remote = Bucket::new(context);
    let place = place(&context.config.tmpdir, remote.place());
    let left = tokio::task::spawn_blocking(move || place.left::<Line>()).await;
    for Left {
        path,
        lines,
        until,
        lock,
    } in left.unwrap_or_default()
    {
        match settle_all(&remote, context.config.multireq_max, lines, until).await {
            Ok(()) => drop(std::fs::remove_file(path)),
            Err(error) => {
                tracing::warn!(%error, "a rename that a killed process left stays half done for now");
            }
        }
        drop(lock);
    }
}

/// What one record's lines come to.
pub(super) async fn settle_all(
    remote: &dyn Remote,
    at_once: usize,
    lines: Vec<Line>,
    until: i64,
) -> Result<()> {
    let mut open = BTreeMap::new();
    for line in lines {
        match line {
            Line::Begins { id, at, what } => drop(open.insert(id, (at, what, false))),
            Line::Copied { id } => {
                if let Some((.., copied)) = open.get_mut(&id) {
                    *copied = true;
                }
            }
            Line::Ended { id } => drop(open.remove(&id)),
        }
    }
    for (at, what, copied) in open.into_values() {
        tracing::info!(?what, copied, "a killed process left this rename");
        let seconds = |seconds: i64| seconds.saturating_mul(1_000_000_000);
        let window = seconds(at) - SKEW..=seconds(until) + SKEW;
        settle(remote, at_once, &what, copied, &window).await?;
    }
    Ok(())
}

/// Finishes a rename whose copies are all there, and undoes any other.
pub(crate) async fn settle(
    remote: &dyn Remote,
    at_once: usize,
    what: &Move,
    copied: bool,
    window: &Window,
) -> Result<()> {
    match what {
        Move::File { from, to } => file(remote, from, to, window).await,
        Move::Exchange { one, other, via } => {
            exchange::settle(remote, one, other, via, copied).await
        }
        Move::Tree { from, to, .. } if copied => {
            let side = Side {
                remote,
                at_once,
                doomed: from,
                twin: to,
            };
            side.delete(|_, _| true).await
        }
        Move::Tree { from, to, marker } => {
            let side = Side {
                remote,
                at_once,
                doomed: to,
                twin: from,
            };
            // A directory that was there before stays.
            side.delete(|key, facts| !(*marker && key == to) && window.contains(&facts.mtime))
                .await
        }
    }
}

/// If the copy was made, the old name goes.
async fn file(remote: &dyn Remote, from: &str, to: &str, window: &Window) -> Result<()> {
    let (Some(old), Some(new)) = (remote.head(from).await?, remote.head(to).await?) else {
        return Ok(());
    };
    if window.contains(&new.mtime) && same(remote, (from, &old), (to, &new)).await? {
        remote.delete(from).await?;
    }
    Ok(())
}

/// Objects below one prefix that are to go where others below another prefix have the same bytes.
struct Side<'a> {
    remote: &'a dyn Remote,
    at_once: usize,
    doomed: &'a str,
    twin: &'a str,
}

impl Side<'_> {
    async fn delete(&self, may_go: impl Fn(&str, &Facts) -> bool) -> Result<()> {
        let mut walk = Walk::new(self.remote, self.doomed);
        let mut twins = Twins::new(self.remote, self.twin);
        let mut kept = 0;
        while let Some(page) = walk.next().await? {
            let mut pairs = Vec::new();
            for (key, facts) in page {
                match twins.find(&key[self.doomed.len()..]).await? {
                    Some(twin) if may_go(&key, &facts) => pairs.push(((key, facts), twin)),
                    _ => kept += 1,
                }
            }
            let judged = pairs
                .into_iter()
                .map(|((key, facts), (twin, other))| async move {
                    let same = same(self.remote, (&key, &facts), (&twin, &other)).await?;
                    Ok::<_, crate::error::Error>(same.then_some(key))
                });
            let judged: Vec<Option<String>> = stream::iter(judged)
                .buffer_unordered(self.at_once.max(1))
                .try_collect()
                .await?;
            kept += judged.iter().filter(|key| key.is_none()).count();
            let keys: Vec<String> = judged.into_iter().flatten().collect();
            if !keys.is_empty() {
                self.remote.delete_many(keys).await?;
            }
        }
        if kept > 0 {
            let (below, other) = (self.doomed, self.twin);
            tracing::warn!(
                kept,
                below,
                other,
                "objects that are not the same in both places stay"
            );
        }
        Ok(())
    }
}

/// Whether two objects have the same bytes. A copy can have another `ETag` than its source.
pub(super) async fn same(
    remote: &dyn Remote,
    (one, facts): (&str, &Facts),
    (other, others): (&str, &Facts),
) -> Result<bool> {
    if facts.size != others.size {
        return Ok(false);
    }
    if facts.tag == others.tag {
        return Ok(true);
    }
    let sum = async |key: &str, facts: &Facts| -> Result<Option<u64>> {
        if let Some(details) = &facts.details {
            return Ok(details.crc64);
        }
        let head = remote.head(key).await?.filter(|head| head.tag == facts.tag);
        Ok(head
            .and_then(|head| head.details)
            .and_then(|details| details.crc64))
    };
    let (first, second) = (sum(one, facts).await?, sum(other, others).await?);
    Ok(first.is_some() && first == second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::FakeBucket;

    /// Settles a rename of which these lines are known. The fake's first objects have the times 1, 2, 3 seconds.
    async fn settled(bucket: &FakeBucket, lines: Vec<Line>, until: i64) -> Vec<String> {
        settle_all(bucket, 4, lines, until).await.unwrap();
        bucket.keys()
    }

    fn begins(what: Move) -> Line {
        Line::Begins { id: 1, at: 1, what }
    }

    fn tree(marker: bool) -> Line {
        begins(Move::Tree {
            from: "a/".into(),
            to: "b/".into(),
            marker,
        })
    }

    #[tokio::test]
    async fn copies_of_a_tree_go_while_the_old_name_is_whole() {
        let bucket = FakeBucket::with_page(&["a/", "a/1", "a/2", "a/3", "b/", "b/other"], 2);
        for (from, to) in [("a/", "b/"), ("a/1", "b/1"), ("a/2", "b/2")] {
            bucket.duplicate(from, to);
        }
        let keys = settled(&bucket, vec![tree(true)], 5).await;
        assert_eq!(keys, ["a/", "a/1", "a/2", "a/3", "b/", "b/other"]);
        bucket.duplicate("a/2", "b/2");
        bucket.write("a/2", 10);
        let keys = settled(&bucket, vec![tree(false)], 5).await;
        assert!(keys.contains(&"b/2".into()), "the source is another now");
        assert!(!keys.contains(&"b/".into()));
    }

    #[tokio::test]
    async fn a_copy_that_is_younger_than_the_dead_process_stays() {
        let bucket = FakeBucket::new(&["a/1"]);
        for _ in 0..20 {
            bucket.write("b/1", 10);
        }
        bucket.duplicate_bytes("a/1", "b/1");
        let keys = settled(&bucket, vec![tree(false)], 5).await;
        assert_eq!(keys, ["a/1", "b/1"]);
        let keys = settled(&bucket, vec![tree(false)], 15).await;
        assert_eq!(keys, ["a/1"]);
    }

    #[tokio::test]
    async fn what_is_left_under_the_old_name_goes_once_all_copies_were_there() {
        let bucket = FakeBucket::with_page(&["a/2", "a/3", "a/late"], 2);
        for (from, to) in [("a/2", "b/2"), ("a/3", "b/3"), ("a/2", "b/1")] {
            bucket.duplicate(from, to);
        }
        bucket.write("a/3", 10);
        let lines = vec![tree(false), Line::Copied { id: 1 }];
        let keys = settled(&bucket, lines, 5).await;
        // Whatever was written since stays.
        assert_eq!(keys, ["a/3", "a/late", "b/1", "b/2", "b/3"]);
    }

    #[tokio::test]
    async fn a_file_has_its_new_name_alone_if_the_copy_was_made() {
        let of = |to: &str| {
            vec![begins(Move::File {
                from: "a".into(),
                to: to.into(),
            })]
        };
        let bucket = FakeBucket::new(&["a", "b"]);
        assert_eq!(settled(&bucket, of("c"), 5).await, ["a", "b"]);
        assert_eq!(settled(&bucket, of("b"), 5).await, ["a", "b"]);
        bucket.duplicate("a", "b");
        let ended = [of("b"), vec![Line::Ended { id: 1 }]].into_iter().flatten();
        assert_eq!(settled(&bucket, ended.collect(), 5).await, ["a", "b"]);
        assert_eq!(settled(&bucket, of("b"), 5).await, ["b"]);
    }
}
