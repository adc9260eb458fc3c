//! From bytes to [`Operation`]. Nothing here panics, whatever the bytes are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::args::{
    Create, Fallocate, Flush, ForgetOne, Forgets, Fsync, GetXattr, Link, Lock, LockKind, Lseek,
    Mkdir, Mknod, Open, Read, ReadDir, Release, Rename, SetAttr, SetTime, SetXattr, Symlink, Write,
};
use super::{Header, RequestId};
use crate::abi::{self, InHeader, Opcode, Wire};
use crate::attr::Timestamp;
use crate::flags::RenameFlags;
use crate::flags::wire::{self as bits, fattr};

/// A request that does not hold what its opcode promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// Shorter than a header, or its length field is not the message's length.
    #[error("{got} bytes read, {stated} stated by the header")]
    Length { got: usize, stated: usize },
    /// The arguments end early.
    #[error("the arguments are too short")]
    Short,
    /// A name without its zero byte.
    #[error("a name is not ended by a zero byte")]
    Name,
    /// A lock of an unknown kind.
    #[error("unknown kind of lock {0}")]
    LockKind(u32),
}

/// A request with its header read and its arguments still bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received<'a> {
    pub(crate) header: Header,
    /// The opcode's number, known or not.
    pub(crate) opcode: u32,
    body: &'a [u8],
}

/// A request's operation with its arguments.
#[derive(Debug)]
pub(crate) enum Operation<'a> {
    Lookup(&'a OsStr),
    Forget(ForgetOne),
    BatchForget(Forgets<'a>),
    Getattr(Option<u64>),
    Setattr(SetAttr),
    Readlink,
    Symlink(Symlink<'a>),
    Mknod(Mknod<'a>),
    Mkdir(Mkdir<'a>),
    Unlink(&'a OsStr),
    Rmdir(&'a OsStr),
    Rename(Rename<'a>),
    Link(Link<'a>),
    Open(Open),
    Read(Read),
    /// The payload is the `size` bytes from [`abi::WRITE_PAYLOAD_OFFSET`] of the message.
    Write(Write),
    Statfs,
    Release(Release),
    Fsync(Fsync),
    Setxattr(SetXattr<'a>),
    Getxattr(GetXattr<'a>),
    Listxattr(u32),
    Removexattr(&'a OsStr),
    Flush(Flush),
    Init(abi::InitIn, u32),
    Opendir(Open),
    Readdir(ReadDir),
    Releasedir(Release),
    Fsyncdir(Fsync),
    Getlk(Lock),
    Setlk(Lock),
    Access(u32),
    Create(Create<'a>),
    Interrupt(RequestId),
    Destroy,
    Fallocate(Fallocate),
    Readdirplus(ReadDir),
    Lseek(Lseek),
    Ioctl,
    /// The kernel's answer to a RETRIEVE, which nobody here asks for. Not answered.
    NotifyReply,
    /// Known or not, nothing here serves it.
    Unsupported,
}

impl<'a> Received<'a> {
    /// Whether somebody waits for an answer.
    pub(crate) fn is_answered(&self) -> bool {
        !matches!(
            Opcode::from_wire(self.opcode),
            Some(Opcode::Forget | Opcode::BatchForget | Opcode::Interrupt | Opcode::NotifyReply)
        )
    }

    /// Reads the header of one whole message.
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, Malformed> {
        let got = message.len();
        let wire = InHeader::get(message).ok_or(Malformed::Length {
            got,
            stated: InHeader::SIZE,
        })?;
        let stated = wire.len as usize;
        if stated != got {
            return Err(Malformed::Length { got, stated });
        }
        Ok(Self {
            header: Header {
                unique: RequestId(wire.unique),
                nodeid: wire.nodeid,
                uid: wire.uid,
                gid: wire.gid,
                pid: wire.pid,
            },
            opcode: wire.opcode,
            body: &message[InHeader::SIZE..],
        })
    }

    /// Reads the arguments.
    pub(crate) fn operation(&self) -> Result<Operation<'a>, Malformed> {
        let mut body = Cursor(self.body);
        let Some(opcode) = Opcode::from_wire(self.opcode) else {
            return Ok(Operation::Unsupported);
        };
        Ok(match opcode {
            Opcode::Lookup => Operation::Lookup(body.name()?),
            Opcode::Forget => {
                let wire: abi::ForgetIn = body.take()?;
                Operation::Forget(ForgetOne {
                    nodeid: self.header.nodeid,
                    nlookup: wire.nlookup,
                })
            }
            Opcode::BatchForget => {
                let wire: abi::BatchForgetIn = body.take()?;
                let len = (wire.count as usize)
                    .checked_mul(abi::ForgetOne::SIZE)
                    .ok_or(Malformed::Short)?;
                Operation::BatchForget(Forgets {
                    bytes: body.bytes(len)?,
                })
            }
            Opcode::Getattr => {
                let wire: abi::GetattrIn = body.take()?;
                Operation::Getattr(given(wire.flags & bits::GETATTR_FH, wire.fh))
            }
            Opcode::Setattr => Operation::Setattr(setattr(&body.take()?)),
            Opcode::Readlink => Operation::Readlink,
            Opcode::Symlink => Operation::Symlink(Symlink {
                name: body.name()?,
                target: body.name()?,
            }),
            Opcode::Mknod => {
                let abi::MknodIn {
                    mode, rdev, umask, ..
                } = body.take()?;
                Operation::Mknod(Mknod {
                    name: body.name()?,
                    mode,
                    rdev,
                    umask,
                })
            }
            Opcode::Mkdir => {
                let abi::MkdirIn { mode, umask } = body.take()?;
                Operation::Mkdir(Mkdir {
                    name: body.name()?,
                    mode,
                    umask,
                })
            }
            Opcode::Unlink => Operation::Unlink(body.name()?),
            Opcode::Rmdir => Operation::Rmdir(body.name()?),
            Opcode::Rename => {
                let abi::RenameIn { newdir } = body.take()?;
                rename(&mut body, newdir, 0)?
            }
            Opcode::Rename2 => {
                let abi::Rename2In { newdir, flags, .. } = body.take()?;
                rename(&mut body, newdir, flags)?
            }
            Opcode::Link => {
                let abi::LinkIn { oldnodeid } = body.take()?;
                Operation::Link(Link {
                    oldnodeid,
                    newname: body.name()?,
                })
            }
            Opcode::Open => Operation::Open(open(body.take()?)),
            Opcode::Opendir => Operation::Opendir(open(body.take()?)),
            Opcode::Read => {
                let wire: abi::ReadIn = body.take()?;
                Operation::Read(Read {
                    fh: wire.fh,
                    offset: wire.offset,
                    size: wire.size,
                    lock_owner: given(wire.read_flags & bits::READ_LOCKOWNER, wire.lock_owner),
                    flags: wire.flags.cast_signed(),
                })
            }
            Opcode::Write => {
                let wire: abi::WriteIn = body.take()?;
                body.bytes(wire.size as usize)?;
                Operation::Write(Write {
                    fh: wire.fh,
                    offset: wire.offset,
                    size: wire.size,
                    from_cache: wire.write_flags & bits::WRITE_CACHE != 0,
                    kill_suidgid: wire.write_flags & bits::WRITE_KILL_SUIDGID != 0,
                    lock_owner: given(wire.write_flags & bits::WRITE_LOCKOWNER, wire.lock_owner),
                    flags: wire.flags.cast_signed(),
                })
            }
            Opcode::Statfs => Operation::Statfs,
            Opcode::Release => Operation::Release(release(&body.take()?)),
            Opcode::Releasedir => Operation::Releasedir(release(&body.take()?)),
            Opcode::Fsync => Operation::Fsync(fsync(&body.take()?)),
            Opcode::Fsyncdir => Operation::Fsyncdir(fsync(&body.take()?)),
            Opcode::Setxattr => {
                let abi::SetxattrIn { size, flags } = body.take()?;
                let name = body.name()?;
                Operation::Setxattr(SetXattr {
                    name,
                    value: body.bytes(size as usize)?,
                    flags,
                })
            }
            Opcode::Getxattr => {
                let abi::GetxattrIn { size, .. } = body.take()?;
                Operation::Getxattr(GetXattr {
                    name: body.name()?,
                    size,
                })
            }
            Opcode::Listxattr => Operation::Listxattr(body.take::<abi::GetxattrIn>()?.size),
            Opcode::Removexattr => Operation::Removexattr(body.name()?),
            Opcode::Flush => {
                let abi::FlushIn { fh, lock_owner, .. } = body.take()?;
                Operation::Flush(Flush { fh, lock_owner })
            }
            Opcode::Init => {
                let wire: abi::InitIn = body.take()?;
                // `flags2` came with 7.36; older kernels end here.
                Operation::Init(wire, body.take().unwrap_or(0))
            }
            Opcode::Readdir => Operation::Readdir(readdir(&body.take()?)),
            Opcode::Readdirplus => Operation::Readdirplus(readdir(&body.take()?)),
            Opcode::Getlk => Operation::Getlk(lock(&body.take()?, false)?),
            Opcode::Setlk => Operation::Setlk(lock(&body.take()?, false)?),
            Opcode::Setlkw => Operation::Setlk(lock(&body.take()?, true)?),
            Opcode::Access => Operation::Access(body.take::<abi::AccessIn>()?.mask),
            Opcode::Create => {
                let wire: abi::CreateIn = body.take()?;
                Operation::Create(Create {
                    name: body.name()?,
                    mode: wire.mode,
                    umask: wire.umask,
                    flags: wire.flags.cast_signed(),
                    kill_suidgid: wire.open_flags & bits::OPEN_KILL_SUIDGID != 0,
                })
            }
            Opcode::Interrupt => {
                Operation::Interrupt(RequestId(body.take::<abi::InterruptIn>()?.unique))
            }
            Opcode::Destroy => Operation::Destroy,
            Opcode::Fallocate => {
                let wire: abi::FallocateIn = body.take()?;
                Operation::Fallocate(Fallocate {
                    fh: wire.fh,
                    offset: wire.offset,
                    length: wire.length,
                    mode: wire.mode.cast_signed(),
                })
            }
            Opcode::Lseek => {
                let wire: abi::LseekIn = body.take()?;
                Operation::Lseek(Lseek {
                    fh: wire.fh,
                    offset: wire.offset,
                    whence: wire.whence.cast_signed(),
                })
            }
            Opcode::Ioctl => Operation::Ioctl,
            Opcode::NotifyReply => Operation::NotifyReply,
            Opcode::Bmap
            | Opcode::Poll
            | Opcode::CopyFileRange
            | Opcode::SetupMapping
            | Opcode::RemoveMapping
            | Opcode::Syncfs
            | Opcode::Tmpfile
            | Opcode::Statx
            | Opcode::CopyFileRange64 => Operation::Unsupported,
        })
    }
}

fn given(flag: u32, value: u64) -> Option<u64> {
    (flag != 0).then_some(value)
}

fn open(wire: abi::OpenIn) -> Open {
    Open {
        flags: wire.flags.cast_signed(),
        kill_suidgid: wire.open_flags & bits::OPEN_KILL_SUIDGID != 0,
    }
}

fn release(wire: &abi::ReleaseIn) -> Release {
    Release {
        fh: wire.fh,
        flags: wire.flags.cast_signed(),
        flush: wire.release_flags & bits::RELEASE_FLUSH != 0,
        flock_unlock: wire.release_flags & bits::RELEASE_FLOCK_UNLOCK != 0,
        lock_owner: wire.lock_owner,
    }
}

fn fsync(wire: &abi::FsyncIn) -> Fsync {
    Fsync {
        fh: wire.fh,
        datasync: wire.fsync_flags & bits::FSYNC_FDATASYNC != 0,
    }
}

fn readdir(wire: &abi::ReadIn) -> ReadDir {
    ReadDir {
        fh: wire.fh,
        offset: wire.offset,
        size: wire.size,
    }
}

fn rename<'a>(body: &mut Cursor<'a>, newdir: u64, flags: u32) -> Result<Operation<'a>, Malformed> {
    Ok(Operation::Rename(Rename {
        name: body.name()?,
        newdir,
        newname: body.name()?,
        flags: RenameFlags::from_bits_retain(flags),
    }))
}

fn lock(wire: &abi::LkIn, wait: bool) -> Result<Lock, Malformed> {
    let kind = match wire.lk.kind.cast_signed() {
        libc::F_RDLCK => LockKind::Read,
        libc::F_WRLCK => LockKind::Write,
        libc::F_UNLCK => LockKind::Unlock,
        _ => return Err(Malformed::LockKind(wire.lk.kind)),
    };
    Ok(Lock {
        fh: wire.fh,
        owner: wire.owner,
        start: wire.lk.start,
        end: wire.lk.end,
        kind,
        pid: wire.lk.pid,
        flock: wire.lk_flags & bits::LK_FLOCK != 0,
        wait,
    })
}

fn setattr(wire: &abi::SetattrIn) -> SetAttr {
    let has = |flag| wire.valid & flag != 0;
    let time = |set, now, secs: u64, nanos| {
        if has(now) {
            Some(SetTime::Now)
        } else if has(set) {
            Some(SetTime::At(Timestamp {
                secs: secs.cast_signed(),
                nanos,
            }))
        } else {
            None
        }
    };
    SetAttr {
        fh: has(fattr::FH).then_some(wire.fh),
        mode: has(fattr::MODE).then_some(wire.mode),
        uid: has(fattr::UID).then_some(wire.uid),
        gid: has(fattr::GID).then_some(wire.gid),
        size: has(fattr::SIZE).then_some(wire.size),
        atime: time(fattr::ATIME, fattr::ATIME_NOW, wire.atime, wire.atimensec),
        mtime: time(fattr::MTIME, fattr::MTIME_NOW, wire.mtime, wire.mtimensec),
        ctime: has(fattr::CTIME).then_some(Timestamp {
            secs: wire.ctime.cast_signed(),
            nanos: wire.ctimensec,
        }),
        lock_owner: has(fattr::LOCKOWNER).then_some(wire.lock_owner),
        kill_suidgid: has(fattr::KILL_SUIDGID),
    }
}

/// What is left of a request's arguments.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Malformed::Short)?;
        self.0 = tail;
        Ok(head)
    }

    fn take<T: Wire>(&mut self) -> Result<T, Malformed> {
        T::get(self.bytes(T::SIZE)?).ok_or(Malformed::Short)
    }

    /// A name and the zero byte after it.
    fn name(&mut self) -> Result<&'a OsStr, Malformed> {
        let len = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .ok_or(Malformed::Name)?;
        let name = self.bytes(len)?;
        self.bytes(1)?;
        Ok(OsStr::from_bytes(name))
    }
}
