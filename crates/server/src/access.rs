//! What a request without a key may do: what the bucket's or the object's ACL says.

use crate::{
    auth::Identity,
    failure::Failure,
    http::Request,
    ops::blocks_public_access,
    route::{Access, Operation},
    store::{Acl, StoreError},
};
use ossplit_protocol::code::Code;

/// Refuses what the ACLs do not allow. The owner may do everything.
pub(crate) async fn check(request: &Request, operation: Operation) -> Result<(), Failure> {
    let access = operation.access();
    if request.identity == Identity::Owner || access == Access::Itself {
        return Ok(());
    }
    let denied = || Failure::new(Code::AccessDenied);
    if access == Access::Owner {
        return Err(denied()
            .ec("0003-00001201")
            .message("Anonymous access is forbidden for this operation."));
    }
    let store = &request.state.store;
    let bucket = store.bucket(request.bucket());
    let bucket = bucket.ok_or_else(|| Failure::from(StoreError::NoSuchBucket))?;
    let acl = match store.head(request.bucket(), request.key(), None).await {
        _ if access == Access::List => bucket.acl,
        Ok(object) if object.meta.acl != Acl::Inherit => object.meta.acl,
        Ok(_) | Err(StoreError::NoSuchKey | StoreError::Deleted { .. }) => bucket.acl,
        Err(error) => return Err(error.into()),
    };
    // Public ACLs from before public access was blocked count for nothing.
    let acl = if blocks_public_access(request) {
        Acl::Private
    } else {
        acl
    };
    let allowed = match access {
        Access::Owner | Access::Itself => false,
        Access::List | Access::Read => matches!(acl, Acl::PublicRead | Acl::PublicReadWrite),
        Access::Write => acl == Acl::PublicReadWrite,
    };
    if allowed { Ok(()) } else { Err(denied()) }
}
