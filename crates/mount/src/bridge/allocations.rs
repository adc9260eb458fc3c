//! Hits allocate nothing, from the request that the kernel sends to its answer: a session's thread serves a bridge over the
//! real file system and service, with a socket in the kernel's place.

use super::Bridge;
use ossplit::{Client, ClientConfig, PutObject};
use ossplit_fs::{Context, FileSystem, FsConfig, Vault};
use ossplit_fuse::{
    Filesystem, Header, Negotiated, ReplyAttr, ReplyData, ReplyEntry, ReplyOpen, Session, request,
};
use ossplit_server::{Config, Key, Server, store::Store};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::{
    ffi::OsStr,
    io::{Error, Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::runtime::Runtime;

#[path = "../../../fs/src/read/allocations.rs"]
mod counted;

const SIZE: usize = 1 << 20;
const LOOKUP: u32 = 1;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;

/// A bridge, and how much its calls allocated on the threads that called it.
struct Counted(Bridge, AtomicU64);

impl Counted {
    fn count(&self, call: impl FnOnce(&Bridge)) {
        let allocated = counted::during(|| call(&self.0));
        self.1.fetch_add(allocated, Ordering::Relaxed);
    }
}

impl Filesystem for Counted {
    fn lookup(&self, header: Header, name: &OsStr, reply: ReplyEntry) {
        self.count(|bridge| bridge.lookup(header, name, reply));
    }

    fn getattr(&self, header: Header, fh: Option<u64>, reply: ReplyAttr) {
        self.count(|bridge| bridge.getattr(header, fh, reply));
    }

    fn open(&self, header: Header, args: request::Open, reply: ReplyOpen) {
        self.0.open(header, args, reply);
    }

    fn read(&self, header: Header, args: request::Read, reply: ReplyData) {
        self.count(|bridge| bridge.read(header, args, reply));
    }
}

/// The kernel's side.
struct Kernel {
    socket: UnixStream,
    answer: Vec<u8>,
}

impl Kernel {
    /// Sends a request, and gives the body of its answer.
    fn ask(&mut self, opcode: u32, node: u64, body: &[u8]) -> Result<&[u8], Error> {
        let mut request = (40 + body.len() as u32).to_ne_bytes().to_vec();
        request.extend(opcode.to_ne_bytes());
        // Its number; then node, user, group, process, and no extensions.
        request.extend(2_u64.to_ne_bytes());
        request.extend(node.to_ne_bytes());
        request.extend([0; 16]);
        request.extend(body);
        self.socket.write_all(&request).unwrap();
        let len = self.socket.read(&mut self.answer).unwrap();
        let error = i32::from_ne_bytes(self.answer[4..8].try_into().unwrap());
        match error {
            0 => Ok(&self.answer[16..len]),
            error => Err(Error::from_raw_os_error(-error)),
        }
    }
}

/// Files that nobody takes over.
struct NoVault;

impl Vault for NoVault {
    fn hold(&self, _: &str, _: &OwnedFd) -> Result<(), Error> {
        Ok(())
    }

    fn let_go(&self, _: &str) {}
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes[..8].try_into().unwrap())
}

/// A mount of a bucket with one object, `k`.
fn mounted(runtime: &Runtime, data: Vec<u8>) -> Arc<FileSystem> {
    runtime.block_on(async {
        let (id, secret) = ("id".to_owned(), "secret".to_owned());
        let config = Config {
            buckets: vec!["data".into()],
            ..Config::new(Key {
                id: id.clone(),
                secret: secret.clone(),
                token: None,
            })
        };
        let server = Server::bind(config, Store::in_memory()).await.unwrap();
        let endpoint = format!("http://{}", server.address().unwrap());
        tokio::spawn(server.run(std::future::pending()));
        let config = ClientConfig::new(&endpoint, "cn-local").unwrap();
        let key = ossplit::Key {
            id,
            secret,
            token: None,
        };
        let client = Client::new(config.with_key(key)).unwrap();
        let object = PutObject::new("data", "k", data);
        client.put_object(object).await.unwrap();
        // As on a mount that outlives its process.
        let context = Context::new(client, FsConfig::new("data", ""));
        Arc::new(FileSystem::with_vault(&context, Arc::new(NoVault)).unwrap())
    })
}

#[test]
fn a_hit_allocates_nothing_from_request_to_answer() {
    let runtime = Runtime::new().unwrap();
    let data: Vec<u8> = (0..SIZE).map(|at| (at / 1000) as u8).collect();
    let fs = mounted(&runtime, data.clone());
    let bridge = Bridge::new(fs, runtime.handle().clone());
    let counted = Arc::new(Counted(bridge, AtomicU64::new(0)));
    let pair = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    );
    let (ours, theirs) = pair.unwrap();
    let negotiated = Negotiated {
        minor: 45,
        offered: 0,
        flags: 0,
        max_write: 1 << 20,
        max_readahead: 0,
        max_pages: 256,
        max_background: 1,
    };
    let session = Session::resume(theirs, [], negotiated);
    let running = session.start(&counted).unwrap();
    let mut kernel = Kernel {
        socket: ours.into(),
        answer: vec![0; SIZE],
    };
    let node = number(kernel.ask(LOOKUP, 1, b"k\0").unwrap());
    let handle = number(kernel.ask(OPEN, node, &[0; 8]).unwrap());
    let read = |kernel: &mut Kernel, offset: usize| {
        let mut body = handle.to_ne_bytes().to_vec();
        body.extend((offset as u64).to_ne_bytes());
        body.extend((128_u32 << 10).to_ne_bytes());
        body.extend([0; 20]);
        let got = kernel.ask(READ, node, &body).unwrap();
        assert!(*got == data[offset..offset + (128 << 10)], "at {offset}");
    };
    // What comes first is fetched, or makes room.
    for offset in [0, SIZE / 2] {
        read(&mut kernel, offset);
    }
    kernel.ask(GETATTR, node, &[0; 16]).unwrap();
    assert!(counted.1.swap(0, Ordering::Relaxed) > 0, "misses do");
    for round in 0..100 {
        read(&mut kernel, round % 8 * (128 << 10));
        assert_eq!(number(kernel.ask(LOOKUP, 1, b"k\0").unwrap()), node);
        kernel.ask(GETATTR, node, &[0; 16]).unwrap();
    }
    assert_eq!(counted.1.load(Ordering::Relaxed), 0);
    running.stop().unwrap();
}
