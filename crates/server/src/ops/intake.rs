//! Taking an object's bytes from a request to a staged content.

use crate::{
    failure::Failure,
    http::Request,
    store::{ContentWriter, MAX_PUT_BYTES, Staged},
};
use ossplit_protocol::code::Code;

/// Reads the body to `writer` in bounded memory and checks its length and `Content-MD5`.
async fn take(request: &mut Request, mut writer: ContentWriter) -> Result<Staged, Failure> {
    let md5 = request.announced_md5()?;
    while let Some(chunk) = request.chunk().await? {
        if writer.length() + chunk.len() as u64 > MAX_PUT_BYTES {
            return Err(Failure::new(Code::EntityTooLarge));
        }
        writer.write(&chunk).await?;
    }
    let staged = writer.finish().await?;
    match md5 {
        Some(md5) if md5 != staged.md5 => Err(request.wrong_md5()),
        _ => Ok(staged),
    }
}

fn expected(request: &Request) -> Result<Option<u64>, Failure> {
    request.need_length()?;
    match request.announced_length() {
        Some(length) if length > MAX_PUT_BYTES => Err(Failure::new(Code::EntityTooLarge)
            .with("MaxSizeAllowed", MAX_PUT_BYTES.to_string())
            .with("ProposedSize", length.to_string())),
        announced => Ok(announced),
    }
}

/// The bytes of an object.
pub(super) async fn object(request: &mut Request) -> Result<Staged, Failure> {
    let expected = expected(request)?;
    let writer = request.state.store.writer(expected);
    take(request, writer).await
}

/// The bytes of a part.
pub(super) async fn part(request: &mut Request) -> Result<Staged, Failure> {
    let expected = expected(request)?;
    let writer = request.state.store.part_writer(expected);
    take(request, writer).await
}
