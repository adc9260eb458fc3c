use proptest::prelude::*;

use super::*;
use crate::abi::{self, InHeader, Opcode};
use crate::attr::Timestamp;
use crate::flags::RenameFlags;

/// A message as the kernel writes it.
pub(crate) fn message(opcode: u32, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let header = InHeader {
        len: (InHeader::SIZE + body.len()) as u32,
        opcode,
        unique: 0x8000_0000_0000_0042,
        nodeid: 7,
        uid: 1000,
        gid: 100,
        pid: 4321,
        ..InHeader::default()
    };
    [&header.encode()[..], &body].concat()
}

/// A valid body for every opcode.
pub(crate) fn body(opcode: Opcode) -> Vec<u8> {
    let open = abi::OpenIn {
        flags: 0o1000,
        open_flags: 1,
    }
    .encode();
    let read = abi::ReadIn {
        fh: 1,
        offset: 2,
        size: 3,
        read_flags: 2,
        lock_owner: 4,
        flags: 5,
        pad: 0,
    };
    let release = abi::ReleaseIn {
        fh: 1,
        flags: 2,
        release_flags: 2,
        lock_owner: 3,
    }
    .encode()
    .to_vec();
    let fsync = abi::FsyncIn {
        fh: 1,
        fsync_flags: 1,
        pad: 0,
    }
    .encode()
    .to_vec();
    let lk = abi::FileLock {
        start: 10,
        end: 20,
        kind: libc::F_WRLCK as u32,
        pid: 30,
    };
    let lock = abi::LkIn {
        fh: 1,
        owner: 2,
        lk,
        lk_flags: 1,
        pad: 0,
    }
    .encode()
    .to_vec();
    match opcode {
        Opcode::Lookup | Opcode::Unlink | Opcode::Rmdir | Opcode::Removexattr => b"name\0".to_vec(),
        Opcode::Forget => abi::ForgetIn { nlookup: 3 }.encode().to_vec(),
        Opcode::BatchForget => [
            &abi::BatchForgetIn { count: 2, pad: 0 }.encode()[..],
            &abi::ForgetOne {
                nodeid: 5,
                nlookup: 1,
            }
            .encode(),
            &abi::ForgetOne {
                nodeid: 6,
                nlookup: 2,
            }
            .encode(),
        ]
        .concat(),
        Opcode::Getattr => abi::GetattrIn {
            flags: 1,
            pad: 0,
            fh: 9,
        }
        .encode()
        .to_vec(),
        Opcode::Setattr => abi::SetattrIn {
            valid: (1 << 0) | (1 << 3) | (1 << 4) | (1 << 7) | (1 << 5),
            size: 77,
            mode: 0o644,
            mtime: (-5_i64).cast_unsigned(),
            mtimensec: 6,
            ..abi::SetattrIn::default()
        }
        .encode()
        .to_vec(),
        Opcode::Symlink => b"link\0target\0".to_vec(),
        Opcode::Mknod => {
            let wire = abi::MknodIn {
                mode: 1,
                rdev: 2,
                umask: 3,
                pad: 0,
            };
            [&wire.encode()[..], b"name\0"].concat()
        }
        Opcode::Mkdir => [&abi::MkdirIn { mode: 1, umask: 2 }.encode()[..], b"name\0"].concat(),
        Opcode::Rename => [&abi::RenameIn { newdir: 8 }.encode()[..], b"old\0new\0"].concat(),
        Opcode::Rename2 => {
            let wire = abi::Rename2In {
                newdir: 8,
                flags: 1,
                pad: 0,
            };
            [&wire.encode()[..], b"old\0new\0"].concat()
        }
        Opcode::Link => [&abi::LinkIn { oldnodeid: 8 }.encode()[..], b"new\0"].concat(),
        Opcode::Open | Opcode::Opendir => open.to_vec(),
        Opcode::Read | Opcode::Readdir | Opcode::Readdirplus => read.encode().to_vec(),
        Opcode::Write => {
            let wire = abi::WriteIn {
                fh: 1,
                offset: 2,
                size: 4,
                write_flags: 7,
                ..Default::default()
            };
            [&wire.encode()[..], b"data"].concat()
        }
        Opcode::Release | Opcode::Releasedir => release,
        Opcode::Fsync | Opcode::Fsyncdir => fsync,
        Opcode::Setxattr => [
            &abi::SetxattrIn { size: 3, flags: 1 }.encode()[..],
            b"user.x\0val",
        ]
        .concat(),
        Opcode::Getxattr => [
            &abi::GetxattrIn { size: 64, pad: 0 }.encode()[..],
            b"user.x\0",
        ]
        .concat(),
        Opcode::Listxattr => abi::GetxattrIn { size: 64, pad: 0 }.encode().to_vec(),
        Opcode::Flush => abi::FlushIn {
            fh: 1,
            lock_owner: 2,
            ..Default::default()
        }
        .encode()
        .into(),
        Opcode::Init => {
            let wire = abi::InitIn {
                major: 7,
                minor: 45,
                max_readahead: 1,
                flags: 2,
            };
            [&wire.encode()[..], &3_u32.to_ne_bytes(), &[0; 44]].concat()
        }
        Opcode::Getlk | Opcode::Setlk | Opcode::Setlkw => lock,
        Opcode::Access => abi::AccessIn { mask: 4, pad: 0 }.encode().to_vec(),
        Opcode::Create => {
            let wire = abi::CreateIn {
                flags: 0o102,
                mode: 0o100_644,
                umask: 0o22,
                open_flags: 0,
            };
            [&wire.encode()[..], b"name\0"].concat()
        }
        Opcode::Interrupt => abi::InterruptIn { unique: 66 }.encode().to_vec(),
        Opcode::Fallocate => abi::FallocateIn {
            fh: 1,
            offset: 2,
            length: 3,
            mode: 4,
            pad: 0,
        }
        .encode()
        .to_vec(),
        Opcode::Lseek => abi::LseekIn {
            fh: 1,
            offset: 2,
            whence: 3,
            pad: 0,
        }
        .encode()
        .to_vec(),
        _ => Vec::new(),
    }
}

/// What the operation of that opcode's valid body looks like.
fn parsed(opcode: Opcode) -> String {
    let bytes = message(opcode as u32, &[&body(opcode)]);
    let received = Received::parse(&bytes).expect("a valid header");
    assert_eq!(received.header.nodeid, 7);
    format!("{:?}", received.operation().expect("valid arguments"))
}

#[test]
fn the_header_is_read_with_its_resend_bit() {
    let bytes = message(Opcode::Statfs as u32, &[]);
    let header = Received::parse(&bytes).expect("a valid header").header;
    assert_eq!((header.uid, header.gid, header.pid), (1000, 100, 4321));
    assert!(header.unique.is_resent());
    assert_eq!(header.unique.number(), 0x42);
}

#[test]
fn every_opcode_is_read() {
    // The variant is the opcode's own, or `Unsupported` for those that nothing here serves.
    for &opcode in Opcode::ALL {
        let text = parsed(opcode);
        let variant = text
            .split(['(', ' '])
            .next()
            .unwrap_or_default()
            .to_string();
        let expected = match opcode {
            Opcode::Setlkw => "Setlk".into(),
            Opcode::Rename2 => "Rename".into(),
            Opcode::Bmap
            | Opcode::Poll
            | Opcode::CopyFileRange
            | Opcode::SetupMapping
            | Opcode::RemoveMapping
            | Opcode::Syncfs
            | Opcode::Tmpfile
            | Opcode::Statx
            | Opcode::CopyFileRange64 => "Unsupported".into(),
            other => format!("{other:?}"),
        };
        assert_eq!(variant, expected);
    }
}

#[test]
fn arguments_land_where_they_belong() {
    assert_eq!(
        parsed(Opcode::Read),
        "Read(Read { fh: 1, offset: 2, size: 3, lock_owner: Some(4), flags: 5 })"
    );
    assert_eq!(
        parsed(Opcode::Write),
        "Write(Write { fh: 1, offset: 2, size: 4, from_cache: true, kill_suidgid: true, \
         lock_owner: Some(0), flags: 0 })"
    );
    assert_eq!(
        parsed(Opcode::Setlkw),
        "Setlk(Lock { fh: 1, owner: 2, start: 10, end: 20, kind: Write, pid: 30, flock: true, \
         wait: true })"
    );
    assert_eq!(
        parsed(Opcode::Release),
        "Release(Release { fh: 1, flags: 2, flush: false, flock_unlock: true, lock_owner: 3 })"
    );
    assert_eq!(
        parsed(Opcode::Symlink),
        r#"Symlink(Symlink { name: "link", target: "target" })"#
    );
    assert_eq!(
        parsed(Opcode::Setxattr),
        r#"Setxattr(SetXattr { name: "user.x", value: [118, 97, 108], flags: 1 })"#
    );
    assert_eq!(
        parsed(Opcode::Create),
        r#"Create(Create { name: "name", mode: 33188, umask: 18, flags: 66, kill_suidgid: false })"#
    );
    let bytes = message(Opcode::Rename2 as u32, &[&body(Opcode::Rename2)]);
    let Ok(Operation::Rename(rename)) = Received::parse(&bytes).and_then(|it| it.operation())
    else {
        panic!("a rename");
    };
    assert_eq!((rename.newdir, rename.flags), (8, RenameFlags::NOREPLACE));
    assert_eq!(
        (rename.name.to_str(), rename.newname.to_str()),
        (Some("old"), Some("new"))
    );
}

#[test]
fn setattr_shows_only_what_is_set() {
    let bytes = message(Opcode::Setattr as u32, &[&body(Opcode::Setattr)]);
    let Ok(Operation::Setattr(args)) = Received::parse(&bytes).and_then(|it| it.operation()) else {
        panic!("a setattr");
    };
    let expected = SetAttr {
        mode: Some(0o644),
        size: Some(77),
        atime: Some(SetTime::Now),
        mtime: Some(SetTime::At(Timestamp { secs: -5, nanos: 6 })),
        ..SetAttr::default()
    };
    assert_eq!(args, expected);
}

#[test]
fn forgets_are_walked() {
    let bytes = message(Opcode::BatchForget as u32, &[&body(Opcode::BatchForget)]);
    let Ok(Operation::BatchForget(nodes)) = Received::parse(&bytes).and_then(|it| it.operation())
    else {
        panic!("a batch of forgets");
    };
    let nodes: Vec<_> = nodes.map(|one| (one.nodeid, one.nlookup)).collect();
    assert_eq!(nodes, [(5, 1), (6, 2)]);
}

#[test]
fn an_unknown_opcode_is_unsupported_not_an_error() {
    let bytes = message(4000, &[b"anything"]);
    let operation = Received::parse(&bytes).and_then(|received| received.operation());
    assert!(matches!(operation, Ok(Operation::Unsupported)));
}

#[test]
fn every_truncation_is_an_error() {
    for &opcode in Opcode::ALL {
        let body = body(opcode);
        // INIT grew over time; only its first 16 bytes must be there.
        let needed = if opcode == Opcode::Init {
            16
        } else {
            body.len()
        };
        for len in 0..needed {
            let bytes = message(opcode as u32, &[&body[..len]]);
            let operation = Received::parse(&bytes).expect("a valid header").operation();
            assert!(
                operation.is_err(),
                "{opcode:?} cut to {len} bytes: {operation:?}"
            );
        }
        let whole = message(opcode as u32, &[&body]);
        for len in 0..whole.len() {
            assert!(Received::parse(&whole[..len]).is_err());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(received) = Received::parse(&bytes) {
            let _ = received.operation();
        }
    }

    #[test]
    fn no_body_panics(
        opcode in 0_u32..60,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = message(opcode, &[&body]);
        let received = Received::parse(&bytes).expect("a valid header");
        match received.operation() {
            // The payload's range must lie within the message.
            Ok(Operation::Write(write)) => {
                prop_assert!(abi::WRITE_PAYLOAD_OFFSET + write.size as usize <= bytes.len());
            }
            Ok(Operation::BatchForget(nodes)) => {
                prop_assert!(nodes.count() * abi::ForgetOne::SIZE <= body.len());
            }
            _ => {}
        }
    }
}
