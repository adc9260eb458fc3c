//! Model files: what is mapped and taken tensor by tensor is fetched whole, once, into the page cache.

use memmap2::Mmap;
use ossplit_testkit::{Mounted, Server, ServerOptions, console, oss, until, until_some};
use std::{fs::File, os::unix::fs::FileExt as _, path::Path};

const MIB: usize = 1 << 20;
const ESTALE: i32 = 116;

/// A file as safetensors writes it: the length of the header, the header, and tensors of many sizes behind it.
struct Model {
    bytes: Vec<u8>,
    /// Where each tensor is, in an order that has nothing to do with the file's.
    tensors: Vec<(usize, usize)>,
}

impl Model {
    /// Of `size` bytes, each of which tells its place and the model's `number`.
    fn new(number: u64, size: usize) -> Self {
        let mut state = 7_u64;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let header = 64 << 10;
        let mut tensors = Vec::new();
        let mut at = header;
        while at < size {
            let length = (4096 << random(11)).min(size - at);
            tensors.push((at, length));
            at += length;
        }
        for last in (1..tensors.len()).rev() {
            tensors.swap(last, random(last + 1));
        }
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&(header as u64 - 8).to_le_bytes());
        while bytes.len() < size {
            let place = bytes.len() as u64;
            bytes.extend_from_slice(&(number << 40 | place).to_le_bytes());
        }
        bytes.truncate(size);
        Self { bytes, tensors }
    }
}

#[allow(unsafe_code, reason = "programs map model files")]
fn map(file: &File) -> Mmap {
    // SAFETY: nothing changes a file of this mount in place.
    unsafe { Mmap::map(file) }.unwrap()
}

fn far() -> Server {
    Server::with(&ServerOptions {
        latency: 20,
        ..ServerOptions::default()
    })
}

#[test]
fn a_mapped_model_is_fetched_once() {
    let size = 64 * MIB;
    let model = Model::new(1, size);
    let server = far();
    oss::put(&server, "data", "m/x.safetensors", &model.bytes);
    let mount = Mounted::new(&server, "data", "ro,kernel_cache,memory=128M");
    server.reset();
    let map = map(&File::open(mount.path("m/x.safetensors")).unwrap());
    for (at, length) in &model.tensors {
        let tensor = *at..at + length;
        assert!(map[tensor.clone()] == model.bytes[tensor], "at {at}");
    }
    let fetched = console::bytes_out(&server.console, "GetObject");
    let requests = server.requests();
    assert!(fetched <= (size + size / 10) as u64, "{fetched} bytes");
    assert!(requests["GetObject"] <= 64, "{requests:?}");
    // All of it is in the page cache: nothing more is asked.
    server.reset();
    assert!(map[..] == model.bytes);
    let mut again = vec![0; size];
    let file = File::open(mount.path("m/x.safetensors")).unwrap();
    file.read_exact_at(&mut again, 0).unwrap();
    assert!(again == model.bytes);
    assert_eq!(server.requests().get("GetObject"), None);
    drop((map, file));
    mount.unmount();
}

#[test]
fn a_model_comes_without_being_asked_for_and_leaves_our_memory() {
    let size = 64 * MIB;
    let model = Model::new(1, size);
    let server = far();
    oss::put(&server, "data", "x.pt", &model.bytes);
    // Less memory than the model has: it is in the page cache, or nowhere.
    let mount = Mounted::new(&server, "data", "ro,kernel_cache,memory=32M");
    let file = File::open(mount.path("x.pt")).unwrap();
    server.reset();
    let mut piece = vec![0; 256 << 10];
    for at in [40 * MIB, 10 * MIB] {
        file.read_exact_at(&mut piece, at as u64).unwrap();
    }
    let fetched = || console::bytes_out(&server.console, "GetObject");
    until("all of it to come", || fetched() >= size as u64);
    let mut all = vec![0; size];
    file.read_exact_at(&mut all, 0).unwrap();
    assert!(all == model.bytes);
    let fetched = fetched();
    assert!(fetched <= (size + size / 10) as u64, "{fetched} bytes");
    drop(file);
    mount.unmount();
}

#[test]
fn a_model_that_is_overwritten_meanwhile_is_never_mixed() {
    let size = 48 * MIB;
    let models = [Model::new(1, size), Model::new(2, size)];
    for turn in 0..3 {
        let server = far();
        oss::put(&server, "data", "x.gguf", &models[0].bytes);
        let slow = |bytes: u32| {
            let rule = format!(r#"{{"operation": "GetObject", "bandwidth": {bytes}}}"#);
            server.set_faults(&format!(r#"{{"rules": [{rule}]}}"#));
        };
        slow(30_000_000);
        let options = "ro,kernel_cache,stat_cache_expire=1,memory=32M";
        let mount = Mounted::new(&server, "data", options);
        let old = File::open(mount.path("x.gguf")).unwrap();
        let mut piece = vec![0; 256 << 10];
        for at in [40 * MIB, 20 * MIB] {
            old.read_exact_at(&mut piece, at as u64).unwrap();
            assert!(models[0].bytes[at..].starts_with(&piece));
        }
        // The whole object is on its way now, and somewhere on it.
        until("the fetch to go on", || {
            console::bytes_out(&server.console, "GetObject") > ((4 + turn * 4) * MIB) as u64
        });
        // However long that takes, little comes meanwhile.
        slow(4_000_000);
        oss::put(&server, "data", "x.gguf", &models[1].bytes);
        server.set_faults(r#"{"rules": []}"#);
        let mut stale = 0;
        for (at, length) in &models[0].tensors {
            let mut tensor = vec![0; *length];
            match old.read_exact_at(&mut tensor, *at as u64) {
                Ok(()) => assert!(models[0].bytes[*at..].starts_with(&tensor), "at {at}"),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(ESTALE), "{error}");
                    stale += 1;
                }
            }
        }
        assert!(
            stale > 0,
            "turn {turn}: it was here before it was overwritten"
        );
        // Who opens it once the change is seen has the new one and nothing else; some of its pages are pushed too.
        let new = until_new(&mount.path("x.gguf"), &models[1].bytes);
        for (at, length) in &models[1].tensors {
            let tensor = *at..at + length;
            assert!(new[tensor.clone()] == models[1].bytes[tensor], "at {at}");
        }
        drop((old, new));
        mount.unmount();
    }
}

/// Maps a file once an open of it sees the new object.
fn until_new(path: &Path, bytes: &[u8]) -> Mmap {
    until_some("the change to be seen", || {
        let file = File::open(path).unwrap();
        let mut word = [0; 8];
        match file.read_exact_at(&mut word, 64 << 10) {
            Ok(()) => bytes[64 << 10..].starts_with(&word).then(|| map(&file)),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(ESTALE), "{error}");
                None
            }
        }
    })
}
