//! What ossfs's own acceptance tests exercise, as far as no other test here does: see the table in `docs/semantics.md`.

use crate::read_only::pattern;
use ossplit_testkit::{Mounted, Server, oss, run_with, until};
use rustix::{
    fs::{CWD, FlockOperation, RenameFlags, XattrFlags},
    io::Errno,
    process::Signal,
};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink},
    },
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

/// Runs a shell script on the mount.
#[track_caller]
fn shell(mount: &Mounted, script: &str) {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script])
        .current_dir(mount.path(""));
    let finished = run_with(&mut bash);
    assert_eq!(finished.status, 0, "{script}\n{finished:?}");
}

pub(crate) fn fresh(options: &str) -> (Server, Mounted) {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", options);
    (server, mount)
}

#[test]
fn redirections_write_and_append() {
    let (server, mount) = fresh("");
    shell(
        &mount,
        r#"
        echo ABCDEF > f; test "$(cat f)" = ABCDEF
        echo XYZ > f; test "$(cat f)" = XYZ
        echo 123456 >> f; test "$(cat f | tr -d '\n')" = XYZ123456
        : > f; test ! -s f
        { echo one; cat f; echo two; } > g; test "$(wc -l < g)" = 2
        "#,
    );
    assert_eq!(oss::get(&server, "data", "g").unwrap(), b"one\ntwo\n");
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"");
}

#[test]
fn a_cut_file_reads_as_what_is_left_of_it() {
    let (server, mount) = fresh("kernel_cache");
    let body = pattern(300_000, 3);
    fs::write(mount.path("f"), &body).unwrap();
    assert!(fs::read(mount.path("f")).unwrap() == body, "cached now");
    for (size, wanted) in [
        (200_000, body[..200_000].to_vec()),
        (250_000, [&body[..200_000], &vec![0; 50_000]].concat()),
        (0, Vec::new()),
        (10, vec![0; 10]),
    ] {
        let file = OpenOptions::new().write(true).open(mount.path("f"));
        file.unwrap().set_len(size).unwrap();
        assert!(fs::read(mount.path("f")).unwrap() == wanted, "{size}");
        assert_eq!(fs::metadata(mount.path("f")).unwrap().len(), size);
        assert!(oss::get(&server, "data", "f").unwrap() == wanted, "{size}");
    }
}

#[test]
fn directories_are_renamed_empty_and_full() {
    let (server, mount) = fresh("");
    shell(
        &mount,
        r#"
        mkdir empty && mv empty moved && test -d moved -a ! -e empty
        mkdir -p full/a/b && echo 1 > full/1 && echo 2 > full/a/2 && echo 3 > full/a/b/3
        mv full new
        test ! -e full; test "$(cat new/1 new/a/2 new/a/b/3 | tr -d '\n')" = 123
        mv new moved                       # into it
        test "$(cat moved/new/a/2)" = 2
        mkdir target && mv -T moved target # over an empty one
        test "$(cat target/new/1)" = 1
        mkdir other && touch other/x
        ! mv -T target other 2> /dev/null
        cd target/new && mv a ../../up && test "$(cat ../../up/b/3)" = 3
        "#,
    );
    let keys = oss::keys(&server, "data", "");
    let wanted = [
        "other/",
        "other/x",
        "target/",
        "target/new/",
        "target/new/1",
        "up/",
        "up/2",
        "up/b/",
        "up/b/3",
    ];
    assert_eq!(keys, wanted);
}

#[test]
fn a_directory_is_renamed_with_a_file_open_in_it() {
    let (server, mount) = fresh("");
    fs::create_dir(mount.path("d")).unwrap();
    fs::write(mount.path("d/read"), b"whole").unwrap();
    let mut reading = File::open(mount.path("d/read")).unwrap();
    let mut writing = File::create(mount.path("d/written")).unwrap();
    writing.write_all(b"before ").unwrap();
    fs::rename(mount.path("d"), mount.path("e")).unwrap();
    writing.write_all(b"after").unwrap();
    drop(writing);
    let mut back = String::new();
    reading.read_to_string(&mut back).unwrap();
    assert_eq!(back, "whole");
    assert_eq!(
        oss::get(&server, "data", "e/written").unwrap(),
        b"before after"
    );
    assert_eq!(oss::keys(&server, "data", "d"), Vec::<String>::new());
}

#[test]
fn a_removed_file_stays_removed() {
    type Disturb = fn(&File, &File);
    let (server, mount) = fresh("multipart_size=1");
    let (f, g) = (mount.path("f"), mount.path("g"));
    // What makes a file whose parts are on their way an object before its close.
    let disturb: [(&str, Disturb); 3] = [
        ("a write before the end", |file, _| {
            file.write_all_at(b"before", 7).unwrap();
        }),
        ("a cut", |file, _| file.set_len(2_000_000).unwrap()),
        ("a read by another", |_, other| {
            // Of what was sent, which may be gone with the name.
            let _ = other.read_at(&mut [0; 10], 0);
        }),
    ];
    for (what, disturb) in disturb {
        for [replaced, late] in [[false, true], [false; 2], [true; 2], [true, false]] {
            fs::write(&g, b"new").unwrap();
            let file = File::create(&f).unwrap();
            file.write_all_at(&pattern(5_000_000, 1), 0).unwrap();
            let other = File::open(&f).unwrap();
            if !late {
                disturb(&file, &other);
            }
            if replaced {
                fs::rename(&g, &f).unwrap();
            } else {
                fs::remove_file(&f).unwrap();
            }
            if late {
                disturb(&file, &other);
            }
            file.write_all_at(b"more", 6_000_000).unwrap();
            let mut back = [0; 4];
            other.read_exact_at(&mut back, 6_000_000).unwrap();
            assert_eq!(&back, b"more", "what is here can be read");
            drop(file);
            let wanted = replaced.then(|| b"new".to_vec());
            let there = oss::get(&server, "data", "f");
            assert!(there == wanted, "{what}, {replaced} {late}");
            until("uploads are aborted", || {
                oss::unfinished_uploads(&server, "data") == 0
            });
            assert_eq!(fs::read(&f).ok(), wanted, "{what}, {replaced} {late}");
            let _ = fs::remove_file(&f);
        }
    }
}

#[test]
fn a_file_that_its_writer_also_reads_is_never_seen_by_halves() {
    let (server, mount) = fresh("multipart_size=1");
    let (old, new) = (mount.path("old"), mount.path("new"));
    let body = pattern(4_000_000, 2);
    for renamed in [true, false] {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).open(&old);
        let file = file.unwrap();
        file.write_all_at(&body[..1_000], 0).unwrap();
        let key = if renamed {
            fs::rename(&old, &new).unwrap();
            "new"
        } else {
            file.sync_all().unwrap();
            file.set_permissions(fs::Permissions::from_mode(0o600))
                .unwrap();
            file.sync_all().unwrap();
            "old"
        };
        file.write_all_at(&body[1_000..], 1_000).unwrap();
        let mut back = vec![0; body.len()];
        file.read_exact_at(&mut back, 0).unwrap();
        assert!(back == body, "{renamed}");
        let there = oss::get(&server, "data", key).unwrap();
        assert_eq!(there.len(), 1_000, "{renamed}: not closed yet");
        drop(file);
        assert!(oss::get(&server, "data", key).unwrap() == body, "{renamed}");
        assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
    }
}

#[test]
fn fsync_of_any_descriptor_stores_what_another_wrote() {
    let (server, mount) = fresh("");
    let mut writing = File::create(mount.path("f")).unwrap();
    writing.write_all(b"written").unwrap();
    let reading = File::open(mount.path("f")).unwrap();
    reading.sync_all().unwrap();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"written");
    writing.write_all(b" more").unwrap();
    reading.sync_data().unwrap();
    assert_eq!(oss::get(&server, "data", "f").unwrap(), b"written more");
}

#[test]
fn absence_is_remembered_unless_it_is_not_to_be() {
    for (options, sees) in [("", false), ("disable_noobj_cache", true)] {
        let (server, mount) = fresh(options);
        fs::write(mount.path("other"), b"x").unwrap();
        assert_eq!(fs::read_dir(mount.path("")).unwrap().count(), 1);
        assert!(!mount.path("late").exists());
        oss::put(&server, "data", "late", b"from outside");
        assert_eq!(mount.path("late").exists(), sees, "{options}");
        server.reset();
        fs::write(mount.path("new"), b"y").unwrap();
        let asked: u64 = server.requests().values().sum();
        assert!(asked <= 2, "{options}: {:?}", server.requests());
        mount.unmount();
    }
}

#[test]
fn a_file_is_renamed_before_it_is_closed() {
    let (server, mount) = fresh("multipart_size=1");
    for size in [5, 3_000_000] {
        let body = pattern(size, 11);
        let mut file = File::create(mount.path("tmp")).unwrap();
        file.write_all(&body[..size / 2]).unwrap();
        fs::rename(mount.path("tmp"), mount.path("final")).unwrap();
        file.write_all(&body[size / 2..]).unwrap();
        drop(file);
        assert!(oss::get(&server, "data", "final").unwrap() == body);
        assert!(oss::get(&server, "data", "tmp").is_none());
        assert!(fs::read(mount.path("final")).unwrap() == body);
    }
}

#[test]
fn a_large_file_is_moved_inside_oss() {
    let (server, mount) = fresh("");
    let body = pattern(40 << 20, 12);
    fs::write(mount.path("large"), &body).unwrap();
    server.reset();
    fs::create_dir(mount.path("d")).unwrap();
    fs::rename(mount.path("large"), mount.path("d/moved")).unwrap();
    let asked = server.requests();
    assert!(!asked.contains_key("GetObject"), "{asked:?}");
    assert!(!asked.contains_key("UploadPart"), "{asked:?}");
    assert!(oss::get(&server, "data", "d/moved").unwrap() == body);
    assert!(oss::get(&server, "data", "large").is_none());
}

#[test]
fn names_can_be_exchanged_or_kept_from_being_replaced() {
    let (server, mount) = fresh("");
    fs::create_dir(mount.path("d")).unwrap();
    fs::write(mount.path("a"), b"of a").unwrap();
    fs::write(mount.path("d/b"), b"of b").unwrap();
    fs::set_permissions(mount.path("a"), fs::Permissions::from_mode(0o600)).unwrap();
    let rename = |from: &str, to: &str, flags| {
        rustix::fs::renameat_with(CWD, mount.path(from), CWD, mount.path(to), flags)
    };
    let mut open = OpenOptions::new()
        .append(true)
        .open(mount.path("a"))
        .unwrap();
    open.write_all(b", more").unwrap();
    rename("a", "d/b", RenameFlags::EXCHANGE).unwrap();
    open.write_all(b", and more").unwrap();
    drop(open);
    assert_eq!(fs::read(mount.path("a")).unwrap(), b"of b");
    assert_eq!(
        fs::read(mount.path("d/b")).unwrap(),
        b"of a, more, and more"
    );
    assert_eq!(
        fs::metadata(mount.path("d/b")).unwrap().mode() & 0o777,
        0o600
    );
    assert_eq!(oss::get(&server, "data", "a").unwrap(), b"of b");
    assert_eq!(oss::keys(&server, "data", ""), ["a", "d/", "d/b"]);
    assert_eq!(
        rename("a", "none", RenameFlags::EXCHANGE),
        Err(Errno::NOENT)
    );
    assert_eq!(rename("a", "d", RenameFlags::EXCHANGE), Err(Errno::INVAL));

    fs::create_dir(mount.path("e")).unwrap();
    for (from, to) in [("a", "d/b"), ("d", "e"), ("a", "e"), ("d", "a")] {
        let refused = rename(from, to, RenameFlags::NOREPLACE);
        assert_eq!(refused, Err(Errno::EXIST), "{from} {to}");
    }
    rename("a", "e/new", RenameFlags::NOREPLACE).unwrap();
    rename("d", "e/dir", RenameFlags::NOREPLACE).unwrap();
    assert_eq!(fs::read(mount.path("e/new")).unwrap(), b"of b");
    assert_eq!(
        fs::read(mount.path("e/dir/b")).unwrap(),
        b"of a, more, and more"
    );
}

/// Times in nanoseconds: access, data, attributes.
fn times(path: &Path) -> [i64; 3] {
    let seen = fs::symlink_metadata(path).unwrap();
    let nanos = |s: i64, n: i64| s * 1_000_000_000 + n;
    [
        nanos(seen.atime(), seen.atime_nsec()),
        nanos(seen.mtime(), seen.mtime_nsec()),
        nanos(seen.ctime(), seen.ctime_nsec()),
    ]
}

#[test]
fn times_follow_what_is_done_to_an_entry() {
    let (_server, mount) = fresh("multipart_size=1");
    fs::create_dir(mount.path("dir")).unwrap();
    fs::write(mount.path("small"), b"x").unwrap();
    fs::write(mount.path("large"), pattern(3_000_000, 4)).unwrap();
    let open = File::create(mount.path("open")).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500_000_000_500);
    for name in ["small", "large", "open", "dir"] {
        let path = mount.path(name);
        File::open(&path).unwrap().set_modified(then).unwrap();
        let set = times(&path);
        assert_eq!(set[1], 1_500_000_000_500_000_000, "{name}");
        assert!(set[2] > set[1], "{name}: setting a time is a change");
        let changes: [&dyn Fn(); 2] = [
            &|| fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap(),
            &|| std::os::unix::fs::chown(&path, Some(5), Some(6)).unwrap(),
        ];
        for change in changes {
            let before = times(&path);
            change();
            let after = times(&path);
            assert_eq!(after[1], before[1], "{name}: its data did not change");
            assert!(after[2] > before[2], "{name}: its attributes did");
        }
        let seen = fs::metadata(&path).unwrap();
        assert_eq!((seen.mode() & 0o777, seen.uid(), seen.gid()), (0o750, 5, 6));
    }
    for name in ["small", "large", "open"] {
        let path = mount.path(name);
        let before = times(&path);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"more").unwrap();
        drop(file);
        let after = times(&path);
        assert!(after[1] > before[1] && after[2] > before[2], "{name}");
        let moved = mount.path(&format!("{name}-moved"));
        fs::rename(&path, &moved).unwrap();
        assert_eq!(
            times(&moved)[1],
            after[1],
            "{name}: a rename changes no data"
        );
    }
    let before = times(&mount.path("dir"));
    fs::write(mount.path("dir/new"), b"").unwrap();
    assert!(times(&mount.path("dir"))[1] > before[1]);
    drop(open);
    mount.unmount();
}

#[test]
fn times_set_while_parts_are_under_way_are_kept() {
    let (server, mount) = fresh("multipart_size=1");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_400_000_000);
    let body = pattern(5_000_000, 8);
    let mut file = File::create(mount.path("f")).unwrap();
    file.write_all(&body).unwrap();
    file.set_modified(then).unwrap();
    drop(file);
    mount.unmount();
    assert!(oss::get(&server, "data", "f").unwrap() == body);
    let mount = Mounted::new(&server, "data", "");
    let seen = fs::metadata(mount.path("f")).unwrap();
    assert_eq!(seen.modified().unwrap(), then);
}

#[test]
fn what_others_wrote_is_seen_changed_and_deleted() {
    let (server, mount) = fresh("max_stat_cache_size=0");
    oss::put(&server, "data", "outer/", b"");
    oss::put(&server, "data", "outer/f", b"one");
    oss::put(&server, "data", "implied/deep/g", b"two");
    shell(
        &mount,
        r#"
        test -d outer -a -d implied/deep
        test "$(cat outer/f implied/deep/g)" = onetwo
        test "$(stat -c %a outer/f) $(stat -c %a implied)" = "640 750"
        echo three > implied/deep/h
        rm -r implied
        test ! -e implied
        "#,
    );
    assert_eq!(oss::keys(&server, "data", ""), ["outer/", "outer/f"]);
    oss::delete(&server, "data", "outer/f");
    assert!(!mount.path("outer/f").exists());
    fs::remove_dir(mount.path("outer")).unwrap();
    assert!(oss::keys(&server, "data", "").is_empty());
}

#[test]
fn attributes_of_large_objects_of_others_can_be_changed() {
    let (server, mount) = fresh("");
    let body = pattern(12 << 20, 5);
    oss::put(&server, "data", "small", b"x");
    oss::put(&server, "data", "large", &body);
    server.reset();
    for name in ["small", "large"] {
        fs::set_permissions(mount.path(name), fs::Permissions::from_mode(0o604)).unwrap();
    }
    mount.unmount();
    assert!(!server.requests().contains_key("GetObject"));
    assert!(oss::get(&server, "data", "large").unwrap() == body);
    for name in ["small", "large"] {
        let head = oss::head(&server, "data", name).unwrap();
        assert_eq!(head["x-oss-meta-mode"], (0o100_604).to_string());
    }
}

#[test]
fn full_directories_are_removed() {
    let (server, mount) = fresh("");
    shell(
        &mount,
        r#"
        mkdir -p d/{a,b,c}/{1,2}; for i in $(seq 60); do echo $i > d/b/2/f$i; done
        ln -s b/2 d/link; mkfifo d/pipe
        test "$(ls d/b/2 | wc -l)" = 60
        test "$(find d | wc -l)" = 72
        rm -rf d; test ! -e d; test -z "$(ls -A)"
        "#,
    );
    assert!(oss::keys(&server, "data", "").is_empty());
}

#[test]
fn special_characters_in_names_and_links() {
    let (server, mount) = fresh("");
    let names = [
        "a b",
        "a+b",
        "a%20b",
        "ü日本",
        "q?x=1&y",
        "#h",
        "'\"`$(x)",
        "a\nb",
        "back\\slash",
        "[*]",
        "~",
        "-rf",
        "a;b|c",
        "\u{1}\u{7f}",
    ];
    for name in names {
        fs::write(mount.path(name), name).unwrap();
        fs::create_dir(mount.path(&format!("{name}.d"))).unwrap();
        fs::write(mount.path(&format!("{name}.d/{name}")), "in").unwrap();
        symlink(name, mount.path(&format!("{name}.link"))).unwrap();
        assert_eq!(oss::get(&server, "data", name).unwrap(), name.as_bytes());
    }
    mount.unmount();
    let mount = Mounted::new(&server, "data", "");
    let seen: Vec<_> = fs::read_dir(mount.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(seen.len(), 3 * names.len());
    for name in names {
        let link = mount.path(&format!("{name}.link"));
        assert_eq!(fs::read_to_string(&link).unwrap(), name);
        let moved = mount.path(&format!("{name}.moved"));
        fs::rename(mount.path(&format!("{name}.d")), &moved).unwrap();
        assert_eq!(fs::read(moved.join(name)).unwrap(), b"in");
        fs::remove_file(link).unwrap();
    }
    mount.unmount();
}

#[test]
fn hard_links_are_refused_and_change_nothing() {
    let (server, mount) = fresh("");
    fs::write(mount.path("f"), b"x").unwrap();
    let refused = fs::hard_link(mount.path("f"), mount.path("g")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(Errno::PERM.raw_os_error()));
    assert!(!mount.path("g").exists());
    assert_eq!(oss::keys(&server, "data", ""), ["f"]);
}

#[test]
fn links_loop_are_chowned_and_renamed() {
    let (server, mount) = fresh("");
    for options in ["", "symlink_in_meta", "symlink_form=native"] {
        let mount = match options {
            "" => &mount,
            _ => &Mounted::new(&server, "data", options),
        };
        shell(
            mount,
            r#"
            rm -rf *; mkdir d; echo text > d/f
            ln -s d/f link; test "$(cat link) $(readlink link)" = "text d/f"
            test "$(stat -c '%F %a %s' link)" = "symbolic link 777 3"
            chown -h 7:8 link; test "$(stat -c '%u:%g' link)" = 7:8
            test "$(stat -c '%u' d/f)" != 7
            mv link d/moved; test -L d/moved -a ! -e link
            ln -s ../d/f d/again; test "$(cat d/again)" = text
            ln -s loop2 loop1; ln -s loop1 loop2
            ! cat loop1 2> err.txt; grep -q "Too many levels" err.txt
            ln -s nowhere dangling; test -L dangling; ! test -e dangling
            ln -s /etc/hostname absolute; test "$(readlink absolute)" = /etc/hostname
            rm loop1 loop2 dangling absolute err.txt
            "#,
        );
    }
    // The last ones were OSS's own.
    let head = oss::head(&server, "data", "d/moved").unwrap();
    assert_eq!(head["x-oss-object-type"], "Symlink");
}

#[test]
fn symlinks_of_every_form_are_read() {
    let server = Server::start();
    oss::put(&server, "data", "d/f", b"text");
    let put = |key: &str, headers: &[(&str, &str)], body: &[u8]| {
        let put = oss::send(&server, "PUT", "data", Some(key), &[], headers, body);
        assert_eq!(put.status, 200, "{key}");
    };
    let link = (0o120_777).to_string();
    put("d/body", &[("x-oss-meta-mode", &link)], b"f\n");
    put(
        "d/meta",
        &[("x-oss-meta-symlink-target", "header:1:f")],
        b"",
    );
    let odd = "header:9:../d%2F%66%2F%2E%2E%2F%66";
    put(
        "d/encoded",
        &[("x-oss-meta-symlink-target", &odd.replace(":9:", ":10:"))],
        b"",
    );
    put("d/said", &[("x-oss-meta-symlink-target", "body:0:")], b"f");
    let own = |key: &str, target: &str| {
        let headers = [("x-oss-symlink-target", target)];
        let query = [("symlink", "")];
        let put = oss::send(&server, "PUT", "data", Some(key), &query, &headers, b"");
        assert_eq!(put.status, 200, "{key}");
    };
    own("d/own", "d/f");
    own("e/own", "d/f");
    own("d/nowhere", "none");
    for (options, forms) in [("", 5), ("ro", 1), ("max_stat_cache_size=0", 5)] {
        let mount = Mounted::new(&server, "data", options);
        let links = [
            ("d/own", "f"),
            ("d/body", "f"),
            ("d/meta", "f"),
            ("d/said", "f"),
            ("d/encoded", "../d/f/../f"),
        ];
        for (name, path) in &links[..forms] {
            let target = fs::read_link(mount.path(name)).unwrap();
            assert_eq!(target.to_str(), Some(*path), "{name} {options}");
        }
        // A read-only mount asks no object for its metadata: what a listing tells is enough for OSS's own.
        assert_eq!(fs::read(mount.path("d/own")).unwrap(), b"text", "{options}");
        let target = fs::read_link(mount.path("e/own")).unwrap();
        assert_eq!(target.to_str(), Some("../d/f"));
        assert_eq!(fs::read(mount.path("e/own")).unwrap(), b"text");
        let gone = fs::read(mount.path("d/nowhere")).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let kind = fs::read_dir(mount.path("e")).unwrap().next().unwrap();
        assert!(kind.unwrap().file_type().unwrap().is_symlink());
        mount.unmount();
    }
    // From a mount of a prefix the target is outside.
    let mount = Mounted::new(&server, "data:/e", "");
    let target = fs::read_link(mount.path("own")).unwrap();
    assert_eq!(target.to_str(), Some("oss://data/d/f"));
}

#[test]
fn extended_attributes_are_set_replaced_listed_and_removed() {
    let (_server, mount) = fresh("use_xattr");
    for name in ["f", "d"] {
        let path = mount.path(name);
        match name {
            "d" => fs::create_dir(&path).unwrap(),
            _ => fs::write(&path, b"x").unwrap(),
        }
        let set = |key, value: &[u8], flags| rustix::fs::setxattr(&path, key, value, flags);
        let get = |key| {
            let mut value = Vec::with_capacity(1000);
            let room = rustix::buffer::spare_capacity(&mut value);
            rustix::fs::getxattr(&path, key, room).map(|_| value)
        };
        set("user.a", b"1", XattrFlags::CREATE).unwrap();
        assert_eq!(set("user.a", b"2", XattrFlags::CREATE), Err(Errno::EXIST));
        set("user.a", b"\0\xff", XattrFlags::REPLACE).unwrap();
        assert_eq!(set("user.b", b"", XattrFlags::REPLACE), Err(Errno::NODATA));
        set("user.empty", b"", XattrFlags::empty()).unwrap();
        assert_eq!(get("user.a").unwrap(), b"\0\xff");
        assert_eq!(get("user.empty").unwrap(), b"");
        let mut list = Vec::with_capacity(1000);
        rustix::fs::listxattr(&path, rustix::buffer::spare_capacity(&mut list)).unwrap();
        assert_eq!(list, b"user.a\0user.empty\0");
        rustix::fs::removexattr(&path, "user.a").unwrap();
        assert_eq!(rustix::fs::removexattr(&path, "user.a"), Err(Errno::NODATA));
        assert_eq!(get("user.a"), Err(Errno::NODATA));
        let large = vec![7; 9_000];
        let full = set("user.large", &large, XattrFlags::empty());
        assert_eq!(full, Err(Errno::NOSPC));
    }
}

#[test]
fn writes_at_many_places_forwards_and_backwards() {
    let (server, mount) = fresh("multipart_size=1");
    for (name, backwards) in [("forwards", false), ("backwards", true)] {
        let mut model = vec![0; 4_000_000];
        let file = File::create(mount.path(name)).unwrap();
        let mut places: Vec<usize> = (0..40).map(|n| n * 99_991).collect();
        if backwards {
            places.reverse();
        }
        for place in places {
            let bytes = pattern(50_000, place as u64);
            file.write_all_at(&bytes, place as u64).unwrap();
            model[place..place + 50_000].copy_from_slice(&bytes);
        }
        drop(file);
        model.truncate(39 * 99_991 + 50_000);
        let there = oss::get(&server, "data", name).unwrap();
        assert!(there == model, "{name}: {} {}", there.len(), model.len());
    }
    // After seeking ahead, and over a range of what is there.
    shell(
        &mount,
        r"
        dd if=/dev/zero of=ahead bs=1 seek=1000000 count=1 status=none
        test $(stat -c %s ahead) = 1000001
        printf 0123456789 > range; printf XY | dd of=range bs=1 seek=4 conv=notrunc status=none
        test $(cat range) = 0123XY6789
        ",
    );
    mount.unmount();
    assert_eq!(oss::unfinished_uploads(&server, "data"), 0);
}

#[test]
fn a_sparse_file_is_zeros_where_nothing_was_written() {
    let (server, mount) = fresh("");
    shell(
        &mount,
        "truncate -s 30M sparse; printf end >> sparse; printf begin | dd of=sparse conv=notrunc status=none",
    );
    let there = oss::get(&server, "data", "sparse").unwrap();
    assert_eq!(there.len(), (30 << 20) + 3);
    assert!(there.starts_with(b"begin\0") && there.ends_with(b"\0end"));
    assert!(there[5..30 << 20].iter().all(|byte| *byte == 0));
    mount.unmount();
}

#[test]
fn a_second_descriptor_sees_the_same_file() {
    let (server, mount) = fresh("");
    let mut first = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(mount.path("f"))
        .unwrap();
    first.write_all(b"first").unwrap();
    let mut second = OpenOptions::new()
        .read(true)
        .append(true)
        .open(mount.path("f"))
        .unwrap();
    second.write_all(b" second").unwrap();
    let mut seen = vec![0; 12];
    first.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, b"first second");
    drop(first);
    second.write_all(b" third").unwrap();
    drop(second);
    assert_eq!(
        oss::get(&server, "data", "f").unwrap(),
        b"first second third"
    );
}

#[test]
fn reading_goes_on_while_a_write_is_flushed() {
    let server = Server::with(&ossplit_testkit::ServerOptions {
        latency: 30,
        ..Default::default()
    });
    let mount = Mounted::new(&server, "data", "multipart_size=1");
    let body = pattern(6_000_000, 6);
    fs::write(mount.path("f"), &body).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..6_u64 {
                let file = OpenOptions::new()
                    .write(true)
                    .open(mount.path("f"))
                    .unwrap();
                file.write_all_at(&body[..1000], 2_000_000 + 1000 * round)
                    .unwrap();
                file.write_all_at(&body[2_000_000..2_006_000], 2_000_000)
                    .unwrap();
                file.sync_all().unwrap();
            }
        });
        while !writer.is_finished() {
            let file = File::open(mount.path("f")).unwrap();
            let mut piece = vec![0; 100_000];
            file.read_exact_at(&mut piece, 4_000_000).unwrap();
            assert!(piece == body[4_000_000..4_100_000]);
        }
        writer.join().unwrap();
    });
    assert!(fs::read(mount.path("f")).unwrap() == body);
    mount.unmount();
}

#[test]
fn many_read_write_and_list_one_directory() {
    let (_server, mount) = fresh("");
    std::thread::scope(|scope| {
        for worker in 0..6_u64 {
            let mount = &mount;
            scope.spawn(move || {
                for round in 0..25 {
                    let name = format!("w{worker}-{round}");
                    let body = pattern(5_000, worker * 100 + round);
                    fs::write(mount.path(&name), &body).unwrap();
                    assert!(fs::read(mount.path(&name)).unwrap() == body);
                    let seen = fs::read_dir(mount.path("")).unwrap();
                    let names: Vec<_> = seen.map(|e| e.unwrap().file_name()).collect();
                    assert!(names.contains(&name.clone().into()), "{name}");
                    let moved = format!("{name}-moved");
                    fs::rename(mount.path(&name), mount.path(&moved)).unwrap();
                    if round % 2 == 0 {
                        fs::remove_file(mount.path(&moved)).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(fs::read_dir(mount.path("")).unwrap().count(), 6 * 12);
}

#[test]
fn names_and_figures_have_their_limits() {
    let (_server, mount) = fresh("");
    let long = "n".repeat(255);
    fs::write(mount.path(&long), b"x").unwrap();
    let longer = fs::write(mount.path(&"n".repeat(256)), b"x").unwrap_err();
    assert_eq!(
        longer.raw_os_error(),
        Some(Errno::NAMETOOLONG.raw_os_error())
    );
    let figures = rustix::fs::statvfs(mount.path("")).unwrap();
    assert_eq!(figures.f_namemax, 255);
    assert!(figures.f_bavail > 0 && figures.f_bavail <= figures.f_blocks);
    shell(&mount, "df -h . | grep -q /; df -i . | grep -q /");
}

#[test]
fn names_beyond_posix_are_skipped_and_told() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let long = format!("d/{}", "n".repeat(300));
    oss::put(&server, "data", &long, b"x");
    oss::put(&server, "data", "d/f", b"x");
    oss::put(&server, "data", "d//twice", b"x");
    oss::put(&server, "data", "d/slash/", b"bytes");
    let mount = Mounted::new(&server, "data", &format!("logfile={}", log.display()));
    let names: Vec<_> = fs::read_dir(mount.path("d"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["f", "slash"]);
    assert!(mount.path("d/slash").is_dir());
    let log = fs::read_to_string(&log).unwrap();
    assert!(
        log.contains("not shown") && log.contains("skipped=2"),
        "{log}"
    );
    mount.unmount();
}

#[test]
fn umask_holds_for_all_entries() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"x");
    oss::put(&server, "data", "d/g", b"x");
    let mount = Mounted::new(&server, "data", "umask=027,uid=12,gid=34,mp_umask=077");
    for (name, mode) in [("f", 0o100_750), ("d", 0o040_750), ("", 0o040_700)] {
        let seen = fs::metadata(mount.path(name)).unwrap();
        assert_eq!(seen.mode(), mode, "{name}");
        assert_eq!((seen.uid(), seen.gid()), (12, 34), "{name}");
    }
}

#[test]
fn names_that_are_no_utf_8_are_kept_with_use_wtf8() {
    let (server, mount) = fresh("use_wtf8");
    let names: [&[u8]; 4] = [b"\xff\xfe", b"a\xe4b", b"\xc3\xa4", "\u{e0e4}".as_bytes()];
    for name in names {
        fs::write(mount.path("").join(OsStr::from_bytes(name)), name).unwrap();
    }
    let odd = mount.path("").join(OsStr::from_bytes(b"dir\xf0"));
    fs::create_dir(&odd).unwrap();
    fs::rename(
        mount.path("").join(OsStr::from_bytes(b"\xff\xfe")),
        odd.join("x"),
    )
    .unwrap();
    mount.unmount();
    // As s3fs and ossfs write them: a byte that fits no UTF-8 becomes U+E000 and that byte.
    let keys = oss::keys(&server, "data", "");
    assert!(keys.contains(&"a\u{e0e4}b".to_owned()), "{keys:?}");
    let mount = Mounted::new(&server, "data", "use_wtf8");
    let mut seen: Vec<_> = fs::read_dir(mount.path(""))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    seen.sort();
    let mut wanted: Vec<&OsStr> = names[1..]
        .iter()
        .map(|name| OsStr::from_bytes(name))
        .collect();
    wanted.push(OsStr::from_bytes(b"dir\xf0"));
    wanted.sort();
    assert_eq!(seen, wanted);
    for name in &names[1..] {
        let path = mount.path("").join(OsStr::from_bytes(name));
        assert_eq!(fs::read(path).unwrap(), *name);
    }
    assert_eq!(
        fs::read(mount.path("").join(OsStr::from_bytes(b"dir\xf0/x"))).unwrap(),
        b"\xff\xfe"
    );
    mount.unmount();
    // Without it they can't be made.
    let mount = Mounted::new(&server, "data", "");
    let refused = fs::write(mount.path("").join(OsStr::from_bytes(b"\xff")), b"");
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_change_by_others_is_read_within_a_second() {
    let server = Server::start();
    for options in [
        "max_stat_cache_size=0",
        "close_to_open",
        "stat_cache_expire=0",
    ] {
        oss::put(&server, "data", "f", b"before");
        let mount = Mounted::new(&server, "data", options);
        for round in 0..5 {
            let body = format!("{options} {round} {}", "x".repeat(round * 1000));
            oss::put(&server, "data", "f", body.as_bytes());
            assert_eq!(fs::read_to_string(mount.path("f")).unwrap(), body);
        }
        mount.unmount();
    }
}

#[test]
fn locks_hold_between_the_programs_of_a_mount() {
    let (_server, mount) = fresh("");
    fs::write(mount.path("f"), b"0123456789").unwrap();
    let first = OpenOptions::new()
        .write(true)
        .open(mount.path("f"))
        .unwrap();
    rustix::fs::flock(&first, FlockOperation::LockExclusive).unwrap();
    let second = File::open(mount.path("f")).unwrap();
    let refused = rustix::fs::flock(&second, FlockOperation::NonBlockingLockExclusive);
    assert_eq!(refused, Err(Errno::WOULDBLOCK));
    rustix::fs::flock(&first, FlockOperation::Unlock).unwrap();
    rustix::fs::flock(&second, FlockOperation::NonBlockingLockExclusive).unwrap();
    shell(
        &mount,
        r#"
python3 - <<'P'
import fcntl, os, subprocess, sys
file = open("f", "r+")
fcntl.lockf(file, fcntl.LOCK_EX, 4, 0)
other = """
import fcntl, sys
file = open("f", "r+")
for start, free in ((0, False), (4, True)):
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 4, start)
        assert free
    except BlockingIOError:
        assert not free
"""
subprocess.run([sys.executable, "-c", other], check=True)
P
        "#,
    );
}

#[test]
fn allocation_grows_a_file_and_refuses_the_rest() {
    let (server, mount) = fresh("");
    shell(
        &mount,
        r"
        fallocate -l 100000 f; test $(stat -c %s f) = 100000
        printf end >> f; fallocate -o 10 -l 20 f; test $(stat -c %s f) = 100003
        ",
    );
    let there = oss::get(&server, "data", "f").unwrap();
    assert!(there.len() == 100_003 && there.ends_with(b"\0end"));
    shell(
        &mount,
        "! fallocate -p -o 0 -l 10 f 2> /dev/null; test $(stat -c %s f) = 100003",
    );
}

#[test]
fn signals_reopen_the_log_and_end_nothing() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let options = format!("logfile={},dbglevel=info", log.display());
    let mount = Mounted::new(&server, "data", &options);
    until("the log to begin", || log.exists());
    fs::rename(&log, folder.path().join("log.1")).unwrap();
    let pids = mount.processes();
    let guard = *pids.iter().min().unwrap();
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2] {
        ossplit_testkit::server::signal(guard, signal);
    }
    until("a new log", || log.exists());
    fs::write(mount.path("f"), b"x").unwrap();
    assert_eq!(fs::read(mount.path("f")).unwrap(), b"x");
    mount.unmount();
}

/// The table of `docs/semantics.md` that says where each of ossfs's acceptance behaviours is tested names tests that are there.
#[test]
fn the_table_of_acceptance_names_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("../docs/semantics.md")).unwrap();
    let (_, table) = page.split_once("| behaviour | test |").unwrap();
    let rows: Vec<_> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() >= 50, "{}", rows.len());
    let mut files = BTreeMap::new();
    for row in rows {
        let names: Vec<_> = row
            .split('|')
            .nth(2)
            .unwrap()
            .split('`')
            .skip(1)
            .step_by(2)
            .collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let (module, test) = name.split_once("::").unwrap();
            let text = files.entry(module.to_owned()).or_insert_with(|| {
                fs::read_to_string(root.join(format!("blackbox/{module}.rs"))).unwrap()
            });
            let wanted = format!("#[test]\nfn {test}()");
            assert!(text.contains(&wanted), "{name} is no test");
        }
    }
}
