//! A keeper and its clients in one process.

use super::{Client, HeldMount, keep::serve_until, socket::Address, store::Store};
use rustix::{fs::MemfdFlags, fs::memfd_create};
use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::PathBuf,
    thread::JoinHandle,
};

struct Keeper {
    folder: tempfile::TempDir,
    /// Closed to end it.
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::default();
        let path = folder.path().join("socket");
        store.listen(&Address::Path(&path)).unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        let thread = std::thread::spawn(move || serve_until(&mut store, read.as_fd()).unwrap());
        Self {
            folder,
            stop: Some(write),
            thread: Some(thread),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn client(&self) -> Client {
        Client::connect(&self.path()).unwrap()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

fn memory_file(content: &str) -> File {
    let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(content.as_bytes()).unwrap();
    file
}

fn content(file: OwnedFd) -> String {
    let mut file = File::from(file);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_is_held_outlives_who_gave_it() {
    let keeper = Keeper::new();
    let first = keeper.client();
    first.register("volume", "whatever {\"x\":1}").unwrap();
    first.attach("volume").unwrap();
    for number in 0..200 {
        let file = memory_file(&format!("content {number}"));
        let name = format!("f{number:03}");
        first.hold("volume", &name, file.as_fd()).unwrap();
    }
    let file = memory_file("better");
    first.hold("volume", "f007", file.as_fd()).unwrap();
    first.let_go("volume", "f008").unwrap();
    first.let_go("volume", "f008").unwrap();
    drop(first);

    let second = keeper.client();
    second.attach("volume").unwrap();
    let listed = second.list().unwrap();
    assert_eq!(
        listed,
        [HeldMount {
            mount: "volume".into(),
            note: "whatever {\"x\":1}".into(),
            served_by: Some(std::process::id()),
            files: 199,
        }]
    );
    let files = second.fetch("volume").unwrap();
    assert_eq!(files.len(), 199);
    for (name, file) in files {
        let wanted = match &*name {
            "f007" => "better".to_owned(),
            "f008" => panic!("it was let go"),
            other => format!("content {}", other[1..].parse::<u32>().unwrap()),
        };
        assert_eq!(content(file), wanted, "{name}");
    }
    second.release("volume").unwrap();
    assert_eq!(second.list().unwrap(), []);
    assert!(second.fetch("volume").is_err());
}

#[test]
fn only_one_process_serves_a_mount() {
    let keeper = Keeper::new();
    let (first, second) = (keeper.client(), keeper.client());
    first.register("v", "").unwrap();
    first.attach("v").unwrap();
    first.attach("v").unwrap();
    let refused = second.attach("v").unwrap_err().to_string();
    assert!(
        refused.contains(&std::process::id().to_string()),
        "{refused}"
    );
    assert_eq!(
        second.list().unwrap()[0].served_by,
        Some(std::process::id())
    );
    first.detach().unwrap();
    assert_eq!(second.list().unwrap()[0].served_by, None);
    second.attach("v").unwrap();
    assert!(first.attach("v").is_err());
    drop(second);
    first.attach("v").unwrap();
}

#[test]
fn refusals_say_why_and_the_connection_goes_on() {
    let keeper = Keeper::new();
    let client = keeper.client();
    let file = memory_file("");
    for refused in [
        client.attach("nothing"),
        client.release("nothing"),
        client.hold("nothing", "f", file.as_fd()),
        client.let_go("nothing", "f"),
        client.fetch("nothing").map(|_| ()),
        client.upgrade(file.as_fd()).map(|_| ()),
    ] {
        assert!(!refused.unwrap_err().to_string().is_empty());
    }
    client.register("v", "").unwrap();
    let twice = client.register("v", "").unwrap_err().to_string();
    assert!(twice.contains("held already"), "{twice}");
    assert!(client.register("long", &"x".repeat(20_000)).is_err());
    assert!(client.register(&"x".repeat(70_000), "").is_err());
    assert_eq!(client.list().unwrap().len(), 1);
}

#[test]
fn nonsense_is_answered_and_harms_nobody() {
    let keeper = Keeper::new();
    let socket = Address::Path(&keeper.path()).connect().unwrap();
    for words in [
        &b"what?"[..],
        b"{}",
        b"{\"attach\":{}}",
        b"\"upgrade\"",
        &vec![b'['; 60_000],
    ] {
        ossplit_fuse::handover::send_descriptors(socket.as_fd(), words, &[]).unwrap();
        let mut answer = [0; 1000];
        let (len, _) = ossplit_fuse::handover::recv_descriptors(&socket, &mut answer).unwrap();
        assert!(
            answer[..len].starts_with(b"{\"failed\":"),
            "{}",
            String::from_utf8_lossy(&answer[..len])
        );
    }
    keeper.client().register("v", "").unwrap();
}
