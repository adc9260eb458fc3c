//! From a connection to an operation and back: nothing here knows what an operation does.

mod address;
mod body;
mod cut;
mod limiter;
mod paced;
mod request;
mod respond;
mod service;
mod shape;
mod socket;
mod traffic;

pub(crate) use address::Address;
pub(crate) use body::{Body, Payload};
pub(crate) use limiter::Limiter;
pub(crate) use paced::Paced;
pub(crate) use request::Request;
pub(crate) use respond::Reply;
pub(crate) use service::{State, handle, unix_seconds};
pub(crate) use shape::Shape;
pub(crate) use socket::{End, Link, Socket};
