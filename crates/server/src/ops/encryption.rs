//! Server-side encryption as it is asked for and said. The bytes on disk are not encrypted.

use super::settings;
use crate::{
    failure::Failure,
    http::{Reply, Request},
    store::{Encryption, SseAlgorithm},
};
use http::HeaderValue;
use ossplit_protocol::{code::Code, headers as names, xml::settings::EncryptionConfiguration};

/// The id of the key that the service would make where KMS is asked for without one.
const DEFAULT_KEY_ID: &str = "00000000-0000-4000-8000-000000000000";

/// Headers that ask for it.
const HEADERS: [&str; 3] = [names::SSE, names::SSE_DATA, names::SSE_KEY_ID];

/// What a write asks for.
pub(super) fn of_request(request: &Request) -> Result<Option<Encryption>, Failure> {
    let key_id = request.text(names::SSE_KEY_ID).filter(|id| !id.is_empty());
    let data = request.text(names::SSE_DATA);
    if let Some(other) = data.filter(|data| *data != "SM4") {
        return Err(Failure::new(Code::InvalidEncryptionAlgorithmError)
            .with("ArgumentName", names::SSE_DATA)
            .with("ArgumentValue", other));
    }
    let Some(word) = request.text(names::SSE) else {
        return match key_id {
            Some(id) => Err(Failure::argument(names::SSE_KEY_ID, id)),
            // Data encryption alone asks for nothing; then the bucket's rule counts.
            None => Ok(of_bucket(request)),
        };
    };
    let algorithm = SseAlgorithm::from_name(word).ok_or_else(|| {
        Failure::new(Code::InvalidEncryptionAlgorithmError)
            .with("ArgumentName", names::SSE)
            .with("ArgumentValue", word)
    })?;
    if algorithm != SseAlgorithm::Kms {
        return match key_id {
            Some(id) => Err(Failure::argument(names::SSE_KEY_ID, id)),
            None => Ok(Some(Encryption {
                algorithm,
                ..Encryption::default()
            })),
        };
    }
    Ok(Some(Encryption {
        algorithm,
        key_id: Some(key_id.unwrap_or(DEFAULT_KEY_ID).to_owned()),
        sm4_data: data.is_some(),
    }))
}

/// What the bucket encrypts new objects with, if it does.
fn of_bucket(request: &Request) -> Option<Encryption> {
    let rule: EncryptionConfiguration = settings::of_bucket(request, "encryption")?;
    let rule = rule.apply_server_side_encryption_by_default;
    let algorithm = SseAlgorithm::from_name(&rule.sse_algorithm)?;
    let kms = algorithm == SseAlgorithm::Kms;
    let key_id = rule.kms_master_key_id;
    Some(Encryption {
        algorithm,
        key_id: kms.then(|| key_id.unwrap_or_else(|| DEFAULT_KEY_ID.to_owned())),
        sm4_data: kms && rule.kms_data_encryption.is_some(),
    })
}

/// Refuses the headers where an object's encryption was settled before.
pub(super) fn refuse_headers(request: &Request) -> Result<(), Failure> {
    match HEADERS
        .iter()
        .find(|name| request.headers.contains_key(**name))
    {
        Some(name) => Err(Failure::argument(
            name,
            request.text(*name).unwrap_or_default(),
        )),
        None => Ok(()),
    }
}

/// Says how an object is encrypted.
pub(super) fn describe(mut reply: Reply, encryption: Option<&Encryption>) -> Reply {
    let Some(encryption) = encryption else {
        return reply;
    };
    let word = HeaderValue::from_static(encryption.algorithm.name());
    reply = reply.with(names::SSE, word);
    if let Some(id) = &encryption.key_id {
        reply = reply.with_text(names::SSE_KEY_ID, id);
    }
    if encryption.sm4_data {
        reply = reply.with(names::SSE_DATA, HeaderValue::from_static("SM4"));
    }
    reply
}
