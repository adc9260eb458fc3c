//! The server over TCP, byte by byte where clients are odd.

mod bounds;
mod faults;
mod features;
mod forms;
mod identity;
mod limits;
mod odd;
mod rules;
mod settings;
mod sts;
mod wire;
