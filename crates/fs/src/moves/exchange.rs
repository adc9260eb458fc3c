//! Two objects that change places. OSS can't swap them: the first is copied to a third key, the second over the first,
//! and the third over the second. Each name leads to one of the two at every moment.

use super::recover::same;
use crate::error::Result;
use crate::namespace::Facts;
use crate::remote::Remote;
use crate::types::ObjectVersion;

/// A key for the third one, next to nobody's files.
pub(crate) fn via(prefix: &str, wall: i64) -> String {
    format!("{prefix}.ossplit-exchange-{wall:016x}")
}

/// Brings an exchange to an end, or back.
pub(super) async fn settle(
    remote: &dyn Remote,
    one: &str,
    other: &str,
    via: &str,
    copied: bool,
) -> Result<()> {
    let Some(kept) = remote.head(via).await? else {
        return Ok(());
    };
    if !copied {
        // It may not be whole in time, and nothing hangs on it.
        return remote.delete(via).await;
    }
    let first = remote.head(one).await?;
    let second = remote.head(other).await?;
    let is_kept = async |key: &str, facts: &Option<Facts>| match facts {
        Some(facts) => same(remote, (key, facts), (via, &kept)).await,
        None => Ok(false),
    };
    if is_kept(one, &first).await? || is_kept(other, &second).await? {
        // Nothing was overwritten yet, or all is done.
        return remote.delete(via).await;
    }
    if let (Some(first), Some(second)) = (&first, &second)
        && same(remote, (one, first), (other, second)).await?
    {
        let from = ObjectVersion {
            key: via.into(),
            etag: kept.tag.text().into(),
            version_id: None,
            size: kept.size,
            mtime: kept.mtime,
            crc64: None,
            appendable: false,
        };
        remote.copy(&from, other, None).await?;
        return remote.delete(via).await;
    }
    tracing::error!(
        key = via,
        one,
        other,
        "an exchange was cut short and others wrote since: what `one` was is kept under `key`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::recover::settle_all;
    use super::super::{Line, Move};
    use crate::remote::fake::FakeBucket;

    #[tokio::test]
    async fn an_exchange_ends_or_never_was_wherever_it_was_cut() {
        for cut in 0..5 {
            let bucket = FakeBucket::new(&["a", "b"]);
            let (a, b) = (bucket.tag("a"), bucket.tag("b"));
            let what = Move::Exchange {
                one: "a".into(),
                other: "b".into(),
                via: "t".into(),
            };
            let mut lines = vec![Line::Begins { id: 1, at: 1, what }];
            for (step, (from, to)) in [("a", "t"), ("b", "a"), ("t", "b")].iter().enumerate() {
                if cut > step {
                    bucket.duplicate(from, to);
                }
                if step == 0 && cut > 0 {
                    lines.push(Line::Copied { id: 1 });
                }
            }
            if cut == 4 {
                bucket.remove("t");
            }
            settle_all(&*bucket, 4, lines, 5).await.unwrap();
            assert_eq!(bucket.keys(), ["a", "b"], "cut at {cut}");
            let now = (bucket.tag("a"), bucket.tag("b"));
            let wanted = if cut < 2 { (a, b) } else { (b, a) };
            assert_eq!(now, wanted, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn what_others_wrote_is_not_overwritten_and_nothing_is_lost() {
        let bucket = FakeBucket::new(&["a", "b"]);
        bucket.duplicate("a", "t");
        bucket.duplicate("b", "a");
        bucket.write("b", 99);
        let what = Move::Exchange {
            one: "a".into(),
            other: "b".into(),
            via: "t".into(),
        };
        let lines = vec![Line::Begins { id: 1, at: 1, what }, Line::Copied { id: 1 }];
        settle_all(&*bucket, 4, lines, 5).await.unwrap();
        assert_eq!(bucket.keys(), ["a", "b", "t"]);
    }
}
