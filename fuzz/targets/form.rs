//! Browser forms, of anybody to a bucket that takes them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ossplit_fuzz::Target;
use std::cell::RefCell;

thread_local!(static TARGET: RefCell<Target> = RefCell::default());

fuzz_target!(|input: &[u8]| {
    // Nobody is to be called.
    if input
        .windows(8)
        .any(|w| w.eq_ignore_ascii_case(b"callback"))
    {
        return;
    }
    let mut out = format!(
        "POST /bucket/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: {}\r\n\r\n",
        input.len()
    )
    .into_bytes();
    out.extend_from_slice(input);
    TARGET.with_borrow_mut(|target| target.send(&out));
});
