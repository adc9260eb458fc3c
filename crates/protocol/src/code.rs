//! The service's error codes, each with its HTTP status, its usual EC and its usual message.
//!
//! Clients branch on (status, code); the EC is advice. Where one code has several ECs, the place
//! that raises it says which; the one here is the commonest. Codes are those of the API's error
//! page; ECs that no page or SDK test shows are numbered by us in the right family.

use http::StatusCode;

macro_rules! codes {
    ($($name:ident $status:literal $ec:literal $message:literal)*) => {
        /// An error code of the service.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $message] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in the `Code` element.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The HTTP status that goes with it, as a number.
            fn status_number(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The commonest EC of this code.
            pub fn ec(self) -> &'static str {
                match self { $(Self::$name => $ec,)* }
            }

            /// The service's usual message.
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

codes! {
    NoSuchBucket 404 "0015-00000101" "The specified bucket does not exist."
    BucketAlreadyExists 409 "0015-00000104" "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again."
    BucketNotEmpty 409 "0015-00000301" "The bucket has objects. Please delete them first."
    InvalidBucketName 400 "0015-00000001" "The specified bucket is not valid."
    TooManyBuckets 400 "0015-00000201" "You have attempted to create more buckets than allowed."
    NoSuchKey 404 "0026-00000001" "The specified key does not exist."
    NoSuchVersion 404 "0026-00000006" "The specified version does not exist."
    FileAlreadyExists 409 "0026-00000002" "The object you specified already exists and can not be overwritten."
    PositionNotEqualToLength 409 "0026-00000016" "Position is not equal to file length"
    ObjectNotAppendable 409 "0026-00000017" "The object is not appendable"
    AppendSealedObjectNotAllowed 400 "0016-00000514" "The object is sealed and can not be appended."
    PartNotSequential 400 "0042-00000109" "The parts of a sequential upload must be uploaded in order."
    InvalidArgument 400 "0017-00000001" "The argument is not valid."
    MissingArgument 400 "0016-00000501" "Missing Some Required Arguments."
    OperationNotSupported 400 "0016-00000702" "The operation is not supported for this resource"
    InvalidObjectState 403 "0016-00000404" "The operation is not valid for the object's state"
    InvalidObjectName 400 "0016-00000002" "The specified object is not valid."
    MalformedXML 400 "0015-00000231" "The XML you provided was not well-formed or did not validate against our published schema."
    NoSuchUpload 404 "0042-00000002" "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    InvalidPartOrder 400 "0042-00000209" "The list of parts was not in ascending order. Parts list must specified in order by part number."
    InvalidPart 400 "0042-00000210" "One or more of the specified parts could not be found or the specified entity tag might not have matched the part's entity tag."
    EntityTooSmall 400 "0042-00000213" "Your proposed upload smaller than the minimum allowed size."
    EntityTooLarge 400 "0017-00000504" "Your proposed upload exceeds the maximum allowed size."
    InvalidRange 416 "0026-00000003" "The requested range cannot be satisfied."
    InvalidDigest 400 "0017-00000503" "The Content-MD5 you specified was invalid."
    MissingContentLength 411 "0017-00000101" "You must provide the Content-Length HTTP header."
    RequestTimeout 400 "0017-00000505" "Your socket connection to the server was not read from or written to within the timeout period."
    InvalidTag 400 "0010-00000217" "The tag is not valid."
    InvalidEncryptionAlgorithmError 400 "0017-00000506" "The encryption algorithm is not valid."
    SymlinkTargetNotExist 404 "0026-00000012" "The symbolic's target file does not exist."
    InvalidTargetType 400 "0026-00000011" "The symbolic's target file type is invalid."
    NotSymlink 400 "0043-00000101" "The object is not a symlink."
    RestoreAlreadyInProgress 409 "0016-00000706" "The restore operation is in progress."
    ArchiveRestoreFileStale 409 "0016-00000718" "The archive file's restored copy is not there."
    ArchiveRestoreNotFinished 409 "0016-00000719" "The archive file's restore is not finished."
    CallbackFailed 203 "0007-00000203" "The callback failed."
    InvalidPolicyDocument 400 "0006-00000201" "The policy document is not valid."
    MalformedPOSTRequest 400 "0006-00000101" "The body of your POST request is not well-formed multipart/form-data."
    RequestIsNotMultiPartContent 400 "0006-00000102" "The POST request is not multipart/form-data."
    IncorrectNumberOfFilesInPOSTRequest 400 "0006-00000103" "POST requires exactly one file upload per request."
    FieldItemTooLong 400 "0006-00000104" "A form item is too long."
    MethodNotAllowed 405 "0017-00000001" "The specified method is not allowed against this resource."
    NotImplemented 400 "0017-00000003" "A header you provided implies functionality that is not implemented."
    SignatureDoesNotMatch 403 "0002-00000040" "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    InvalidAccessKeyId 403 "0002-00000902" "The OSS Access Key Id you provided does not exist in our records."
    InvalidSecurityToken 403 "0002-00000905" "The security token you provided is invalid."
    SecurityTokenExpired 403 "0002-00000906" "The security token you provided has expired."
    AccessKeyIdAndSecurityTokenNotMatch 403 "0002-00000907" "The access key id and the security token do not match."
    RequestTimeTooSkewed 403 "0002-00000504" "The difference between the request time and the current time is too large."
    AccessDenied 403 "0003-00000001" "You have no right to access this object because of bucket acl."
    PreconditionFailed 412 "0026-00000004" "At least one of the pre-conditions you specified did not hold."
    NotModified 304 "0026-00000005" "The object was not modified."
    NoSuchLifecycle 404 "0015-00000401" "No Row found in Lifecycle Table."
    NoSuchCORSConfiguration 404 "0015-00000402" "The CORS Configuration does not exist."
    NoSuchWebsiteConfiguration 404 "0015-00000403" "The specified bucket does not have a website configuration."
    NoSuchBucketPolicy 404 "0015-00000404" "The bucket policy does not exist."
    NoSuchServerSideEncryptionRule 404 "0015-00000406" "The server side encryption rule is not found."
    NoSuchTransferAccelerationConfiguration 404 "0015-00000407" "The transfer acceleration configuration does not exist."
    NoSuchInventory 404 "0015-00000408" "The inventory does not exist."
    NoSuchReplicationConfiguration 404 "0015-00000409" "The replication configuration does not exist."
    NoSuchReplicationRule 404 "0015-00000410" "The replication rule does not exist."
    NoSuchWORMConfiguration 404 "0015-00000411" "The WORM Configuration does not exist."
    NoSuchUserDefinedLogFieldsConfig 404 "0015-00000412" "The user defined log fields configuration does not exist."
    NoSuchBucketOverwriteConfig 404 "0015-00000413" "The overwrite configuration does not exist."
    NoSuchObjectWormConfiguration 404 "0015-00000414" "The object WORM configuration does not exist."
    NoSuchStyle 404 "0015-00000415" "The style does not exist."
    NoSuchCname 404 "0018-00000101" "The cname does not exist."
    NoSuchRegion 404 "0015-00000416" "The region does not exist."
    NeedVerifyDomainOwnership 403 "0018-00000115" "The ownership of the domain must be verified first."
    WORMConfigurationLocked 403 "0015-00000417" "The WORM Configuration is locked."
    InvalidWORMConfiguration 400 "0015-00000418" "The WORM Configuration is not valid in this state."
    BucketReplicationAlreadyExist 400 "0015-00000419" "The bucket is replicated there already."
    ResourceGroupIdPreCheckError 400 "0039-00000003" "The resource group id is not valid."
    AccessForbidden 403 "0015-00000420" "This request of another origin is not allowed."
    FileImmutable 409 "0026-00000007" "The object you specified is immutable."
    InvalidRequest 400 "0014-00000080" "The request is not valid."
    BadRequest 400 "0017-00000507" "The request is not valid."
    ServiceUnavailable 503 "0015-00000503" "Please reduce your request rate."
    RequestLimitExceeded 503 "0015-00000504" "Your request rate is too high."
    InternalError 500 "0015-00000500" "We encountered an internal error. Please try again."
}

impl Code {
    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status_number()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The code with this name, if it is one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_statuses_agree_with_the_error_page() {
        assert_eq!(Code::NoSuchKey.status(), StatusCode::NOT_FOUND);
        assert_eq!(Code::SignatureDoesNotMatch.status(), StatusCode::FORBIDDEN);
        for &code in Code::ALL {
            assert_eq!(Code::from_name(code.name()), Some(code));
            assert_eq!(code.status().as_u16(), code.status_number());
            assert_eq!(code.ec().len(), 13, "{code}");
        }
        assert_eq!(Code::from_name("Nonsense"), None);
    }
}
