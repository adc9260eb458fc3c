//! Domains of users. No domain can prove here whose it is, so none is ever added.

use super::{kept, malformed, read, set, write};
use crate::{
    failure::Failure,
    http::{Reply, Request},
    ops::OWNER_ID,
    route::Operation,
    store::now_ms,
};
use ossplit_protocol::{
    code::Code,
    time,
    xml::{
        self,
        settings::{BucketCnameConfiguration, CnameToken, ListCnameResult},
    },
};

/// How long a token is good, in seconds.
const TOKEN_LIFE: i64 = 72 * 60 * 60;

/// Runs a call about domains.
pub(in crate::ops) async fn run(
    request: &mut Request,
    operation: Operation,
) -> Result<Reply, Failure> {
    kept(request, "cname")?;
    match operation {
        Operation::ListCname => Ok(Reply::xml(&ListCnameResult {
            bucket: request.bucket().to_owned(),
            owner: OWNER_ID.to_owned(),
            cname: Vec::new(),
        })),
        Operation::GetCnameToken => {
            let domain = request.parameter("cname").unwrap_or_default();
            let token = kept(request, &format!("cname/{domain}"))?;
            let token: Option<CnameToken> = token.and_then(|token| xml::read(&token).ok());
            let token = token.ok_or_else(|| Failure::new(Code::NoSuchCname))?;
            Ok(Reply::xml(&token))
        }
        _ => {
            let body = request.document().await?;
            let document: BucketCnameConfiguration = read(&body, "BucketCnameConfiguration")?;
            let domain = document.cname.domain;
            if domain.is_empty() {
                return Err(malformed());
            }
            match operation {
                Operation::CreateCnameToken => {
                    let token = CnameToken {
                        bucket: request.bucket().to_owned(),
                        cname: domain.clone(),
                        token: format!("{:032x}", fastrand::u128(..)),
                        expire_time: time::http_date(now_ms() / 1000 + TOKEN_LIFE),
                    };
                    set(request, &format!("cname/{domain}"), Some(write(&token))).await?;
                    Ok(Reply::xml(&token))
                }
                Operation::DeleteCname => Ok(Reply::ok()),
                _ => Err(Failure::new(Code::NeedVerifyDomainOwnership)),
            }
        }
    }
}
