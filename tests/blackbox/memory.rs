//! Resident memory of read-write mounts: the budget and 64 MiB, whatever is written, with 100 files open for writing.

use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss};
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
};

const MIB: usize = 1 << 20;

fn within_budget(mount: &Mounted, when: &str) {
    let peak = mount.peak_memory() >> 20;
    assert!(peak <= 32 + 64, "{when}: {peak} MiB were resident");
    mount.forget_peak();
}

/// 100 files that are open for writing, with something in each that OSS does not have: 30 MB in all.
fn open_files(mount: &Mounted) -> Vec<File> {
    let some = pattern(300_000, 3);
    let open = |n| {
        let mut file = File::create(mount.path(&format!("open{n}"))).unwrap();
        file.write_all(&some).unwrap();
        file
    };
    (0..100).map(open).collect()
}

/// Ends them, and checks what became of some.
fn close(server: &Server, files: Vec<File>) {
    for file in files {
        file.sync_all().unwrap();
    }
    for n in [0, 57, 99] {
        let there = oss::get(server, "data", &format!("open{n}")).unwrap();
        assert!(there == pattern(300_000, 3), "open{n}");
    }
}

#[test]
fn a_hundred_files_that_are_written_in_turn() {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "memory=32M,multipart_size=1");
    let piece = pattern(256 << 10, 1);
    let mut files: Vec<File> = (0..100)
        .map(|n| File::create(mount.path(&format!("f{n}"))).unwrap())
        .collect();
    // 125 MB in all, a little to each in turn.
    for _ in 0..5 {
        for file in &mut files {
            file.write_all(&piece).unwrap();
        }
    }
    within_budget(&mount, "while they are open");
    for file in &files {
        file.sync_all().unwrap();
    }
    drop(files);
    within_budget(&mount, "when they are closed");
    for n in [0, 57, 99] {
        let there = oss::get(&server, "data", &format!("f{n}")).unwrap();
        assert!(there == piece.repeat(5), "f{n}");
    }
    mount.unmount();
}

#[test]
fn a_long_stream_and_a_change_in_the_middle_of_it() {
    const PIECES: usize = 96;
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "memory=32M");
    let files = open_files(&mount);
    let piece = pattern(MIB, 1);
    let mut large = File::create(mount.path("large")).unwrap();
    for _ in 0..PIECES {
        large.write_all(&piece).unwrap();
    }
    large.sync_all().unwrap();
    drop(large);
    within_budget(&mount, "a stream of three times the budget");
    let open = OpenOptions::new().write(true).open(mount.path("large"));
    let large = open.unwrap();
    large.write_all_at(&[7; 4096], (40 * MIB) as u64).unwrap();
    large.sync_all().unwrap();
    drop(large);
    within_budget(&mount, "4 KiB in the middle");
    close(&server, files);
    let there = oss::get(&server, "data", "large").unwrap();
    assert_eq!(there.len(), PIECES * MIB);
    for (at, got) in there.chunks(MIB).enumerate() {
        let changed = if at == 40 { 4096 } else { 0 };
        assert!(got[..changed].iter().all(|byte| *byte == 7), "MiB {at}");
        assert!(got[changed..] == piece[changed..], "MiB {at}");
    }
    mount.unmount();
}

#[test]
fn hundreds_of_small_files_and_a_rename_of_their_directory() {
    const FILES: usize = 250;
    let server = Server::start();
    let mount = Mounted::new(&server, "data", "memory=32M");
    let files = open_files(&mount);
    let body = pattern(200_000, 5);
    for threads in [1, 8] {
        let folder = format!("all/by{threads}");
        fs::create_dir_all(mount.path(&folder)).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (mount, folder, body) = (&mount, &folder, &body);
                scope.spawn(move || {
                    for n in (thread..FILES).step_by(threads) {
                        fs::write(mount.path(&format!("{folder}/f{n}")), body).unwrap();
                    }
                });
            }
        });
        within_budget(&mount, &format!("250 files of 200 kB by {threads}"));
    }
    fs::rename(mount.path("all"), mount.path("moved")).unwrap();
    within_budget(&mount, "a rename of 500 objects");
    close(&server, files);
    for threads in [1, 8] {
        let folder = fs::read_dir(mount.path(&format!("moved/by{threads}")));
        assert_eq!(folder.unwrap().count(), FILES);
        let there = oss::get(&server, "data", &format!("moved/by{threads}/f177"));
        assert!(there.unwrap() == body);
    }
    assert!(oss::keys(&server, "data", "all/").is_empty());
    mount.unmount();
}

#[test]
fn appendable_objects_that_grow_in_turn() {
    let server = Server::start();
    let options = "memory=32M,enable_appendable_object";
    let mount = Mounted::new(&server, "data", options);
    let mut files = open_files(&mount);
    let more = pattern(700_000, 4);
    for file in &mut files {
        file.write_all(&more).unwrap();
    }
    within_budget(&mount, "100 MB in 100 Appendable objects");
    drop(files);
    mount.unmount();
    for n in [0, 57, 99] {
        let there = oss::get(&server, "data", &format!("open{n}")).unwrap();
        assert!(there == [&pattern(300_000, 3)[..], &more].concat(), "{n}");
    }
}
