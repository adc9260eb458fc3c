//! What RAM calls the operations: the `Action` of policies (page "RAM Policy", table of actions).

use crate::route::Operation;
use std::borrow::Cow;

/// The action of an operation; `version` says whether it names a version of its object.
pub(super) fn of(operation: Operation, version: bool) -> Cow<'static, str> {
    let plain = match operation {
        Operation::ListObjectsV2 => "oss:ListObjects",
        Operation::PutObject
        | Operation::PostObject
        | Operation::AppendObject
        | Operation::SealAppendObject
        | Operation::CopyObject
        | Operation::PutSymlink
        | Operation::InitiateMultipartUpload
        | Operation::UploadPart
        | Operation::UploadPartCopy
        | Operation::CompleteMultipartUpload => "oss:PutObject",
        Operation::GetObject
        | Operation::HeadObject
        | Operation::GetObjectMeta
        | Operation::GetSymlink => "oss:GetObject",
        Operation::DeleteMultipleObjects => "oss:DeleteObject",
        Operation::CleanRestoredObject => "oss:CleanRestoredObject",
        other => return versioned(format!("oss:{}", other.name()), version),
    };
    versioned(plain, version)
}

fn versioned(action: impl Into<Cow<'static, str>>, version: bool) -> Cow<'static, str> {
    let action = action.into();
    if !version {
        return action;
    }
    match &*action {
        "oss:GetObject" => "oss:GetObjectVersion".into(),
        "oss:DeleteObject" => "oss:DeleteObjectVersion".into(),
        "oss:GetObjectAcl" => "oss:GetObjectVersionAcl".into(),
        "oss:PutObjectAcl" => "oss:PutObjectVersionAcl".into(),
        "oss:GetObjectTagging" => "oss:GetObjectVersionTagging".into(),
        "oss:PutObjectTagging" => "oss:PutObjectVersionTagging".into(),
        "oss:DeleteObjectTagging" => "oss:DeleteObjectVersionTagging".into(),
        "oss:RestoreObject" => "oss:RestoreObjectVersion".into(),
        _ => action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_actions_of_the_page() {
        for (operation, version, action) in [
            (Operation::GetObject, false, "oss:GetObject"),
            (Operation::HeadObject, true, "oss:GetObjectVersion"),
            (Operation::UploadPart, false, "oss:PutObject"),
            (Operation::ListObjectsV2, false, "oss:ListObjects"),
            (
                Operation::ListObjectVersions,
                false,
                "oss:ListObjectVersions",
            ),
            (Operation::DeleteObject, true, "oss:DeleteObjectVersion"),
            (Operation::PutBucketAcl, false, "oss:PutBucketAcl"),
            (
                Operation::PutObjectTagging,
                true,
                "oss:PutObjectVersionTagging",
            ),
            (
                Operation::AbortMultipartUpload,
                false,
                "oss:AbortMultipartUpload",
            ),
            (Operation::ListParts, true, "oss:ListParts"),
        ] {
            assert_eq!(of(operation, version), action);
        }
    }
}
