//! The multipart form: its fields, and then its file, which goes to the store as it comes.

use super::policy::Lengths;
use crate::{
    failure::Failure,
    http::{Request, State},
    store::{MAX_PUT_BYTES, Staged},
};
use futures_util::{Stream, stream};
use http::header;
use multer::Multipart;
use ossplit_protocol::code::Code;
use std::io;

/// The most bytes of one field that is not the file: room for a policy.
const MAX_FIELD: usize = 1 << 20;

/// The most fields.
const MAX_FIELDS: usize = 200;

/// The fields before the file, and what the file says of itself.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Lower-case names and texts, in the order sent.
    fields: Vec<(String, String)>,
    file_name: String,
    file_type: Option<String>,
}

impl Form {
    /// A field's text, by its lower-case name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(n, _)| n == name);
        found.map(|(_, text)| text.as_str())
    }

    /// All fields, with lower-case names.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The caller's own variables for a callback.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let own = self
            .fields
            .iter()
            .filter(|(name, _)| name.starts_with("x:"));
        own.cloned().collect()
    }

    pub(super) fn file_name(&self) -> &str {
        &self.file_name
    }

    pub(super) fn file_type(&self) -> Option<&str> {
        self.file_type.as_deref()
    }

    #[cfg(test)]
    pub(super) fn of(fields: &[(&str, &str)]) -> Self {
        let own = |(name, text): &(&str, &str)| (name.to_lowercase(), (*text).to_owned());
        Self {
            fields: fields.iter().map(own).collect(),
            ..Self::default()
        }
    }
}

/// The boundary that `Content-Type` names.
pub(super) fn boundary(request: &Request) -> Result<String, Failure> {
    let sent = request.text(header::CONTENT_TYPE).unwrap_or_default();
    multer::parse_boundary(sent).map_err(|_| Failure::new(Code::RequestIsNotMultiPartContent))
}

fn malformed(error: &multer::Error) -> Failure {
    match error {
        multer::Error::FieldSizeExceeded { .. } => Failure::new(Code::FieldItemTooLong),
        multer::Error::StreamReadFailed(_) => Failure::new(Code::RequestTimeout),
        _ => Failure::new(Code::MalformedPOSTRequest),
    }
}

/// The body of a request, piece by piece.
fn pieces(request: &mut Request) -> impl Stream<Item = io::Result<bytes::Bytes>> + Send {
    stream::try_unfold(request, |request| async move {
        match request.chunk().await {
            Ok(chunk) => Ok(chunk.map(|chunk| (chunk, request))),
            Err(failure) => Err(io::Error::other(failure.text().to_owned())),
        }
    })
}

/// Reads the form. `allow` is asked when all fields are there, before the file is taken.
pub(super) async fn read(
    request: &mut Request,
    boundary: String,
    state: &State,
    allow: &(dyn Fn(&Form) -> Result<Lengths, Failure> + Sync),
) -> Result<(Form, Staged), Failure> {
    let limits = multer::SizeLimit::new().per_field(MAX_PUT_BYTES + 1);
    let constraints = multer::Constraints::new().size_limit(limits);
    let mut parts = Multipart::with_constraints(pieces(request), boundary, constraints);
    let mut form = Form::default();
    loop {
        let next = parts.next_field().await;
        let Some(field) = next.map_err(|error| malformed(&error))? else {
            return Err(Failure::new(Code::IncorrectNumberOfFilesInPOSTRequest));
        };
        let name = field.name().unwrap_or_default().to_ascii_lowercase();
        if name == "file" {
            field
                .file_name()
                .unwrap_or_default()
                .clone_into(&mut form.file_name);
            form.file_type = field.content_type().map(ToString::to_string);
            let lengths = allow(&form)?;
            let staged = take(field, state, lengths).await?;
            // What follows the file is read and ignored.
            while let Some(mut rest) = parts.next_field().await.map_err(|e| malformed(&e))? {
                while rest.chunk().await.map_err(|e| malformed(&e))?.is_some() {}
            }
            return Ok((form, staged));
        }
        if form.fields.len() == MAX_FIELDS {
            return Err(Failure::new(Code::MalformedPOSTRequest));
        }
        form.fields.push((name, text(field).await?));
    }
}

async fn text(mut field: multer::Field<'_>) -> Result<String, Failure> {
    let mut out = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        if out.len() + chunk.len() > MAX_FIELD {
            return Err(Failure::new(Code::FieldItemTooLong));
        }
        out.extend_from_slice(&chunk);
    }
    String::from_utf8(out).map_err(|_| Failure::new(Code::MalformedPOSTRequest))
}

async fn take(
    mut field: multer::Field<'_>,
    state: &State,
    lengths: Lengths,
) -> Result<Staged, Failure> {
    let mut writer = state.store.writer(None);
    while let Some(chunk) = field.chunk().await.map_err(|error| malformed(&error))? {
        let length = writer.length() + chunk.len() as u64;
        if length > lengths.most.min(MAX_PUT_BYTES) {
            return Err(Failure::new(Code::EntityTooLarge)
                .with(
                    "MaxSizeAllowed",
                    lengths.most.min(MAX_PUT_BYTES).to_string(),
                )
                .with("ProposedSize", length.to_string()));
        }
        writer.write(&chunk).await?;
    }
    if writer.length() < lengths.least {
        return Err(Failure::new(Code::EntityTooSmall)
            .with("MinSizeAllowed", lengths.least.to_string())
            .with("ProposedSize", writer.length().to_string()));
    }
    Ok(writer.finish().await?)
}
