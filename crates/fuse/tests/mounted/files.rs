//! System calls come out at the right methods with the right arguments.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use crate::harness::Mounted;
use crate::memfs::MemFs;
use ossplit_fuse::mount::{self, MountOptions};
use ossplit_fuse::{End, InitFlags, InitOptions, ReaddirPlus};

#[test]
fn a_file_lives_and_dies() {
    let mounted = Mounted::new(&Arc::new(MemFs::new()), 2);
    let path = mounted.path("file");
    let mut file = fs::File::options()
        .create_new(true)
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    file.write_all(b"hello world").unwrap();
    file.seek(SeekFrom::Start(6)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "world");
    file.set_len(5).unwrap();
    file.sync_all().unwrap();
    drop(file);
    assert_eq!(fs::read(&path).unwrap(), b"hello");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let time = UNIX_EPOCH + Duration::from_nanos(1_234_567_890_123_456_789);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    let meta = fs::metadata(&path).unwrap();
    assert_eq!((meta.len(), meta.mode() & 0o7777), (5, 0o600));
    assert_eq!(meta.modified().unwrap(), time);

    fs::create_dir(mounted.path("dir")).unwrap();
    fs::rename(&path, mounted.path("dir/moved")).unwrap();
    assert_eq!(fs::read(mounted.path("dir/moved")).unwrap(), b"hello");
    assert_eq!(
        fs::metadata(&path).unwrap_err().kind(),
        std::io::ErrorKind::NotFound
    );
    symlink("dir/moved", mounted.path("link")).unwrap();
    assert_eq!(fs::read(mounted.path("link")).unwrap(), b"hello");
    fs::remove_file(mounted.path("dir/moved")).unwrap();
    fs::remove_file(mounted.path("link")).unwrap();
    fs::remove_dir(mounted.path("dir")).unwrap();
    assert_eq!(fs::read_dir(mounted.root()).unwrap().count(), 0);
    assert_eq!(mounted.end(), End::Unmounted);
}

#[test]
fn extended_attributes_and_statistics() {
    let mounted = Mounted::new(&Arc::new(MemFs::new()), 1);
    let path = mounted.path("file");
    fs::write(&path, b"x").unwrap();
    rustix::fs::setxattr(
        &path,
        "user.colour",
        b"blue",
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    let mut value = [0; 16];
    let len = rustix::fs::getxattr(&path, "user.colour", &mut value).unwrap();
    assert_eq!(&value[..len], b"blue");
    let small = rustix::fs::getxattr(&path, "user.colour", &mut [0; 2]);
    assert_eq!(small, Err(rustix::io::Errno::RANGE));
    assert_eq!(
        rustix::fs::statvfs(mounted.root()).unwrap().f_blocks,
        1 << 20
    );
    // A method that nobody wrote: ENOSYS, which the kernel turns into this.
    let listed = rustix::fs::listxattr(&path, &mut [0_u8; 0]);
    assert_eq!(listed, Err(rustix::io::Errno::OPNOTSUPP));
}

#[test]
fn large_files_travel_in_large_requests() {
    let sizes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let filesystem = Arc::new(MemFs {
        on_read: Box::new(move |_, args, reply| {
            seen.lock().unwrap().push(args.size);
            Some(reply)
        }),
        ..MemFs::new()
    });
    let mounted = Mounted::new(&filesystem, 2);
    assert_eq!(mounted.negotiated.max_write, 1 << 20);
    mount::set_read_ahead(mounted.unmounter.connection(), 16 << 20).unwrap();
    let data: Vec<u8> = (0..8_u32 << 20).map(|n| (n / 7) as u8).collect();
    let path = mounted.path("big");
    fs::write(&path, &data).unwrap();
    // Written pages are cached; only what is read from the server shows the size of a READ.
    mounted
        .notifier
        .inval_inode(filesystem.entry(2).unwrap().nodeid, 0, 0)
        .unwrap();
    assert!(
        fs::read(&path).unwrap() == data,
        "the bytes that were written come back"
    );
    assert_eq!(sizes.lock().unwrap().iter().max(), Some(&(1 << 20)));
}

#[test]
fn a_listing_of_thousands_is_complete_and_brings_attributes() {
    let lookups = Arc::new(crate::harness::Meeting::default());
    let counted = Arc::clone(&lookups);
    let filesystem = Arc::new(MemFs {
        hook: Box::new(move |operation, _, _| {
            if operation == "lookup" {
                counted.arrive();
            }
            crate::memfs::Act::Serve
        }),
        ..MemFs::new()
    });
    for index in 0..5000 {
        let name = format!("file-{index:05}");
        filesystem
            .tree
            .add(
                1,
                name.as_ref(),
                libc::S_IFREG | 0o644,
                &vec![0; index % 100],
            )
            .unwrap();
    }
    for readdirplus in [ReaddirPlus::Always, ReaddirPlus::Auto, ReaddirPlus::Off] {
        let init = InitOptions {
            readdirplus,
            ..InitOptions::default()
        };
        let mounted = Mounted::with(&filesystem, 2, &MountOptions::default(), &init);
        let before = lookups.count();
        let mut entries: Vec<_> = fs::read_dir(mounted.root())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (
                    entry.file_name().into_string().unwrap(),
                    entry.metadata().unwrap().len(),
                )
            })
            .collect();
        entries.sort();
        assert_eq!(entries.len(), 5000);
        assert_eq!(entries[4321], ("file-04321".to_string(), 21));
        let asked = lookups.count() - before;
        match readdirplus {
            ReaddirPlus::Always => assert_eq!(asked, 0, "attributes came with the names"),
            ReaddirPlus::Auto => assert!(asked < 100, "{asked} lookups"),
            ReaddirPlus::Off => assert_eq!(asked, 5000),
        }
        assert_eq!(mounted.end(), End::Unmounted);
    }
}

#[test]
fn eight_threads_write_and_read_at_once() {
    let mounted = Mounted::new(&Arc::new(MemFs::new()), 4);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let mounted = &mounted;
            scope.spawn(move || {
                let dir = mounted.path(&format!("dir-{thread}"));
                fs::create_dir(&dir).unwrap();
                for index in 0..50_u8 {
                    let path = dir.join(format!("file-{index}"));
                    let data = vec![thread.wrapping_mul(index); 10_000 + usize::from(index)];
                    fs::write(&path, &data).unwrap();
                    assert!(fs::read(&path).unwrap() == data);
                }
                assert_eq!(fs::read_dir(&dir).unwrap().count(), 50);
            });
        }
    });
    assert_eq!(mounted.end(), End::Unmounted);
}

#[test]
fn reads_and_writes_at_offsets() {
    let mounted = Mounted::new(&Arc::new(MemFs::new()), 2);
    let path = mounted.path("sparse");
    let file = fs::File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    file.write_at(b"end", 1_000_000).unwrap();
    let mut hole = [1; 4];
    file.read_exact_at(&mut hole, 500_000).unwrap();
    assert_eq!(hole, [0; 4]);
    assert_eq!(file.metadata().unwrap().len(), 1_000_003);
    assert_eq!(file.read_at(&mut hole, 1_000_003).unwrap(), 0);
}

#[test]
fn the_kernel_agreed_to_what_matters() {
    let mounted = Mounted::new(&Arc::new(MemFs::new()), 1);
    let flags = mounted.negotiated.flags();
    for wanted in [
        InitFlags::PARALLEL_DIROPS,
        InitFlags::ASYNC_READ,
        InitFlags::BIG_WRITES,
        InitFlags::MAX_PAGES,
        InitFlags::DO_READDIRPLUS,
        InitFlags::ATOMIC_O_TRUNC,
        InitFlags::HANDLE_KILLPRIV_V2,
    ] {
        assert!(flags.contains(wanted), "{wanted:?}");
    }
    assert!(!flags.intersects(InitFlags::EXPORT_SUPPORT | InitFlags::WRITEBACK_CACHE));
}
