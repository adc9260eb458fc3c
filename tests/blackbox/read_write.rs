//! The read-write mount: what a program wrote and closed is in the bucket.

use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
};

#[test]
fn a_closed_file_is_an_object() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    for size in [0, 1, 4096, 1_000_000, 10_485_760, 33_000_001] {
        let body = pattern(size, size as u64);
        fs::write(mount.path("f"), &body).unwrap();
        assert!(
            oss::get(&server, "data", "f").unwrap() == body,
            "{size} bytes differ"
        );
        assert!(
            fs::read(mount.path("f")).unwrap() == body,
            "{size} bytes read differ"
        );
        assert_eq!(fs::metadata(mount.path("f")).unwrap().len(), size as u64);
    }
    mount.unmount();
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
}

#[test]
fn fsync_means_that_the_bytes_are_in_oss() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    let mut file = fs::File::create(mount.path("f")).unwrap();
    file.write_all(b"hello").unwrap();
    file.sync_all().unwrap();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"hello");
    file.write_all(b" world").unwrap();
    file.sync_all().unwrap();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"hello world");
    file.write_all(b"!").unwrap();
    drop(file);
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"hello world!");
    mount.unmount();
}

#[test]
fn overwriting_truncating_and_appending() {
    let server = Server::start();
    oss::put(&server, "data", "f", &pattern(3_000_000, 5));
    let mount = Mounted::new(&server, "data", "");
    let mut model = pattern(3_000_000, 5);

    let mut append = OpenOptions::new()
        .append(true)
        .open(mount.path("f"))
        .unwrap();
    append.write_all(b"tail").unwrap();
    drop(append);
    model.extend_from_slice(b"tail");
    assert!(oss::get(&server, "data", "f").unwrap() == model, "append");

    let file = OpenOptions::new()
        .write(true)
        .open(mount.path("f"))
        .unwrap();
    file.write_all_at(b"MIDDLE", 1_500_000).unwrap();
    drop(file);
    model[1_500_000..1_500_006].copy_from_slice(b"MIDDLE");
    assert!(
        oss::get(&server, "data", "f").unwrap() == model,
        "overwrite in the middle"
    );

    let file = OpenOptions::new()
        .write(true)
        .open(mount.path("f"))
        .unwrap();
    file.set_len(1_000).unwrap();
    drop(file);
    model.truncate(1_000);
    assert!(
        oss::get(&server, "data", "f").unwrap() == model,
        "truncate down"
    );

    let file = OpenOptions::new()
        .write(true)
        .open(mount.path("f"))
        .unwrap();
    file.set_len(5_000).unwrap();
    drop(file);
    model.resize(5_000, 0);
    assert!(
        oss::get(&server, "data", "f").unwrap() == model,
        "truncate up"
    );

    fs::write(mount.path("f"), b"short").unwrap();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"short");

    let mut sparse = fs::File::create(mount.path("f")).unwrap();
    sparse.seek(SeekFrom::Start(100_000)).unwrap();
    sparse.write_all(b"end").unwrap();
    drop(sparse);
    let mut model = vec![0; 100_000];
    model.extend_from_slice(b"end");
    assert!(
        oss::get(&server, "data", "f").unwrap() == model,
        "a hole is zeros"
    );
    mount.unmount();
}

#[test]
fn what_is_being_written_can_be_read() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    let body = pattern(25_000_000, 9);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(mount.path("f"))
        .unwrap();
    file.write_all(&body).unwrap();
    let mut back = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut back).unwrap();
    assert!(back == body, "the same handle reads what it wrote");
    assert_eq!(
        fs::metadata(mount.path("f")).unwrap().len(),
        body.len() as u64
    );
    drop(file);
    assert!(oss::get(&server, "data", "f").unwrap() == body);
    mount.unmount();
}

#[test]
fn names_come_and_go() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    fs::create_dir(mount.path("d")).unwrap();
    assert_eq!(oss::keys(&server, "data", ""), ["d/"]);
    assert_eq!(
        fs::create_dir(mount.path("d")).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    fs::write(mount.path("d/a"), b"1").unwrap();
    fs::write(mount.path("d/b"), b"2").unwrap();
    assert_eq!(
        fs::remove_dir(mount.path("d")).unwrap_err().kind(),
        ErrorKind::DirectoryNotEmpty
    );

    fs::rename(mount.path("d/a"), mount.path("d/c")).unwrap();
    assert_eq!(oss::keys(&server, "data", ""), ["d/", "d/b", "d/c"]);
    assert_eq!(
        fs::metadata(mount.path("d/a")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(fs::read(mount.path("d/c")).unwrap(), b"1");

    fs::rename(mount.path("d/c"), mount.path("d/b")).unwrap();
    assert_eq!(oss::keys(&server, "data", ""), ["d/", "d/b"]);
    assert_eq!(fs::read(mount.path("d/b")).unwrap(), b"1");

    fs::remove_file(mount.path("d/b")).unwrap();
    assert_eq!(
        fs::remove_file(mount.path("d/b")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    fs::remove_dir(mount.path("d")).unwrap();
    assert!(oss::keys(&server, "data", "").is_empty());
    assert_eq!(fs::read_dir(mount.path("")).unwrap().count(), 0);

    // A name that was asked for and absent is there once it is made.
    assert!(!mount.path("late").exists());
    fs::write(mount.path("late"), b"x").unwrap();
    assert!(mount.path("late").exists());
    mount.unmount();
}

#[test]
fn create_new_is_exclusive() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    let create = || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(mount.path("lock"))
    };
    drop(create().unwrap());
    assert_eq!(create().unwrap_err().kind(), ErrorKind::AlreadyExists);
    mount.unmount();
}

#[test]
fn changes_made_outside_show_at_once_without_a_cache() {
    let server = Server::start();
    oss::put(&server, "data", "d/f", b"one");
    let mount = Mounted::new(&server, "data", "max_stat_cache_size=0");
    assert_eq!(fs::read(mount.path("d/f")).unwrap(), b"one");
    oss::put(&server, "data", "d/f", b"three");
    assert_eq!(fs::metadata(mount.path("d/f")).unwrap().len(), 5);
    assert_eq!(fs::read(mount.path("d/f")).unwrap(), b"three");
    oss::put(&server, "data", "d/g", b"new");
    assert_eq!(fs::read(mount.path("d/g")).unwrap(), b"new");
    oss::delete(&server, "data", "d/f");
    assert_eq!(
        fs::metadata(mount.path("d/f")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let names: Vec<_> = fs::read_dir(mount.path("d"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["g"]);
    mount.unmount();
}

#[test]
fn many_writers_at_once() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "");
    std::thread::scope(|scope| {
        for writer in 0..8_u64 {
            let mount = &mount;
            scope.spawn(move || {
                for i in 0..20 {
                    let body = pattern(10_000 + (i as usize) * 7_919, writer * 100 + i);
                    fs::write(mount.path(&format!("w{writer}-{i}")), body).unwrap();
                }
            });
        }
    });
    for writer in 0..8_u64 {
        for i in 0..20 {
            let body = pattern(10_000 + (i as usize) * 7_919, writer * 100 + i);
            let key = format!("w{writer}-{i}");
            assert!(oss::get(&server, "data", &key).unwrap() == body, "{key}");
        }
    }
    mount.unmount();
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
}

#[test]
fn a_failed_upload_reaches_the_writer() {
    let mut server = Server::start();
    let mount = Mounted::new(
        &server,
        "data",
        "retries=1,connect_timeout=1,readwrite_timeout=2",
    );
    let mut file = fs::File::create(mount.path("f")).unwrap();
    file.write_all(b"lost").unwrap();
    server.kill();
    assert!(
        file.sync_all().is_err(),
        "fsync can't succeed without the server"
    );
    drop(file);
}
