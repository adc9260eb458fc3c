//! From a received message to the file system's method.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustix::io::Errno;

use super::{Buffer, Device, Payload};
use crate::abi::{UNIQUE_RESEND, WRITE_PAYLOAD_OFFSET};
use crate::filesystem::{Filesystem, Interrupt};
use crate::handover::Negotiated;
use crate::reply::{
    ReplyAttr, ReplyCreate, ReplyData, ReplyDir, ReplyDirPlus, ReplyEmpty, ReplyEntry, ReplyLock,
    ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Responder,
};
use crate::request::{Operation, Received};

/// Longest target of a symbolic link: the kernel reads it into one page.
const MAX_LINK: u32 = 4095;

/// How a message came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    /// From the kernel, which marks by itself what it sends again.
    ByKernel,
    /// From a predecessor, who did not answer it.
    Again,
}

/// Serves the message of `len` bytes in `buffer`. A panic of the method ends here: unwinding drops
/// the reply, which answers EIO.
pub(super) fn serve<F: Filesystem>(
    filesystem: &F,
    device: &Arc<Device>,
    negotiated: &Negotiated,
    buffer: &mut Buffer,
    len: usize,
    delivery: Delivered,
) {
    let served = catch_unwind(AssertUnwindSafe(|| {
        dispatch(filesystem, device, negotiated, buffer, len, delivery);
    }));
    if let Err(panic) = served {
        let cause = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("of unknown cause");
        tracing::error!(
            cause,
            "the file system panicked; the request was answered EIO"
        );
    }
}

fn dispatch<F: Filesystem>(
    filesystem: &F,
    device: &Arc<Device>,
    negotiated: &Negotiated,
    buffer: &mut Buffer,
    len: usize,
    delivery: Delivered,
) {
    let slot = buffer.slot();
    let mut received = match Received::parse(buffer.filled(len)) {
        Ok(received) => received,
        Err(error) => {
            // Without a trustworthy header there is no id to answer to.
            tracing::error!(%error, "unreadable message from the kernel");
            return;
        }
    };
    if delivery == Delivered::Again {
        received.header.unique.0 |= UNIQUE_RESEND;
    }
    let header = received.header;
    tracing::trace!(
        unique = header.unique.0,
        opcode = received.opcode,
        nodeid = header.nodeid
    );
    let responder = || Responder::new(header.unique.0, Arc::clone(device), slot.clone());
    let operation = match received.operation() {
        Ok(operation) => operation,
        Err(error) => {
            tracing::error!(opcode = received.opcode, %error, "malformed request: EIO");
            responder().error(Errno::IO);
            return;
        }
    };
    let fs = filesystem;
    match operation {
        Operation::Lookup(name) => fs.lookup(header, name, ReplyEntry(responder())),
        Operation::Forget(one) => fs.forget(one.nodeid, one.nlookup),
        Operation::BatchForget(nodes) => fs.batch_forget(nodes),
        Operation::Getattr(fh) => fs.getattr(header, fh, ReplyAttr(responder())),
        Operation::Setattr(args) => fs.setattr(header, args, ReplyAttr(responder())),
        Operation::Readlink => fs.readlink(header, ReplyData::new(responder(), MAX_LINK)),
        Operation::Symlink(args) => fs.symlink(header, args, ReplyEntry(responder())),
        Operation::Mknod(args) => fs.mknod(header, args, ReplyEntry(responder())),
        Operation::Mkdir(args) => fs.mkdir(header, args, ReplyEntry(responder())),
        Operation::Unlink(name) => fs.unlink(header, name, ReplyEmpty(responder())),
        Operation::Rmdir(name) => fs.rmdir(header, name, ReplyEmpty(responder())),
        Operation::Rename(args) => fs.rename(header, args, ReplyEmpty(responder())),
        Operation::Link(args) => fs.link(header, args, ReplyEntry(responder())),
        Operation::Open(args) => fs.open(header, args, ReplyOpen(responder())),
        Operation::Read(args) => fs.read(header, args, ReplyData::new(responder(), args.size)),
        Operation::Write(args) => {
            let reply = ReplyWrite(responder());
            let end = WRITE_PAYLOAD_OFFSET + args.size as usize;
            fs.write(
                header,
                args,
                Payload::new(buffer, WRITE_PAYLOAD_OFFSET..end),
                reply,
            );
        }
        Operation::Statfs => fs.statfs(header, ReplyStatfs(responder())),
        Operation::Release(args) => fs.release(header, args, ReplyEmpty(responder())),
        Operation::Fsync(args) => fs.fsync(header, args, ReplyEmpty(responder())),
        Operation::Setxattr(args) => fs.setxattr(header, args, ReplyEmpty(responder())),
        Operation::Getxattr(args) => {
            fs.getxattr(header, args, ReplyXattr::new(responder(), args.size));
        }
        Operation::Listxattr(size) => {
            fs.listxattr(header, size, ReplyXattr::new(responder(), size));
        }
        Operation::Removexattr(name) => fs.removexattr(header, name, ReplyEmpty(responder())),
        Operation::Flush(args) => fs.flush(header, args, ReplyEmpty(responder())),
        Operation::Opendir(args) => fs.opendir(header, args, ReplyOpen(responder())),
        Operation::Readdir(args) => {
            fs.readdir(header, args, ReplyDir::new(responder(), args.size));
        }
        Operation::Readdirplus(args) => {
            fs.readdirplus(header, args, ReplyDirPlus::new(responder(), args.size));
        }
        Operation::Releasedir(args) => fs.releasedir(header, args, ReplyEmpty(responder())),
        Operation::Fsyncdir(args) => fs.fsyncdir(header, args, ReplyEmpty(responder())),
        Operation::Getlk(args) => fs.getlk(header, args, ReplyLock(responder())),
        Operation::Setlk(args) => fs.setlk(header, args, ReplyEmpty(responder())),
        Operation::Access(mask) => fs.access(header, mask, ReplyEmpty(responder())),
        Operation::Create(args) => fs.create(header, args, ReplyCreate(responder())),
        Operation::Fallocate(args) => fs.fallocate(header, args, ReplyEmpty(responder())),
        Operation::Lseek(args) => fs.lseek(header, args, ReplyLseek(responder())),
        Operation::Interrupt(target) => match fs.interrupt(header, target) {
            // An INTERRUPT that was taken is not answered.
            Interrupt::Taken => {}
            Interrupt::Retry => {
                responder().error(Errno::AGAIN);
            }
            Interrupt::Unsupported => {
                responder().error(Errno::NOSYS);
            }
        },
        Operation::NotifyReply => {}
        // Only block-device mounts send it, and wait for the answer; `destroy` is called once the
        // connection has ended.
        Operation::Destroy => {
            ReplyEmpty(responder()).ok();
        }
        // Sent again when a process died before it answered. The answer must be the same.
        Operation::Init(..) => super::init::answer_again(device, header.unique, negotiated),
        Operation::Ioctl => {
            responder().error(Errno::NOTTY);
        }
        Operation::Unsupported => {
            responder().error(Errno::NOSYS);
        }
    }
}
