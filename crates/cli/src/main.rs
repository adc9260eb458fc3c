//! The ossplit command.
fn main() {}
