//! A connection with any bytes on it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ossplit_fuzz::Target;
use std::cell::RefCell;

thread_local!(static TARGET: RefCell<Target> = RefCell::default());

fuzz_target!(|input: &[u8]| {
    TARGET.with_borrow_mut(|target| target.send(input));
});
