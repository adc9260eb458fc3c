//! Modes, owners, times, symlinks and special files: as metadata in OSS, in ossfs 1's names.

use ossplit_testkit::{Mounted, Server, oss};
use rustix::{
    fs::{CWD, FileType, Mode, XattrFlags},
    io::Errno,
};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{
        FileExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown, symlink,
    },
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode()
}

#[test]
fn they_outlive_the_mount() {
    let server = Server::start();
    oss::put(&server, "data", "outside", b"written by another client");
    let then = SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_250);
    {
        let mount = Mounted::new(&server, "data", "");
        fs::write(mount.path("inside"), b"x").unwrap();
        for name in ["inside", "outside"] {
            let path = mount.path(name);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
            chown(&path, Some(12), Some(34)).unwrap();
            File::open(&path).unwrap().set_modified(then).unwrap();
        }
        fs::create_dir(mount.path("dir")).unwrap();
        fs::set_permissions(mount.path("dir"), fs::Permissions::from_mode(0o2711)).unwrap();
        symlink("../over/there", mount.path("link")).unwrap();
        for (name, kind, device) in [
            ("fifo", FileType::Fifo, 0),
            ("null", FileType::CharacterDevice, rustix::fs::makedev(1, 3)),
            ("socket", FileType::Socket, 0),
        ] {
            let mode = Mode::from_bits_truncate(0o640);
            rustix::fs::mknodat(CWD, mount.path(name), kind, mode, device).unwrap();
        }
        mount.unmount();
    }
    // As ossfs 1 writes them.
    let head = oss::head(&server, "data", "inside").unwrap();
    let text = |name: &str| head.get(&format!("x-oss-meta-{name}")).map(String::as_str);
    assert_eq!(text("mode"), Some(&*(0o100_604).to_string()));
    assert_eq!((text("uid"), text("gid")), (Some("12"), Some("34")));
    assert_eq!(text("mtime"), Some("1600000000.250000000"));
    let link = oss::get(&server, "data", "link").unwrap();
    assert_eq!(link, b"../over/there");
    assert_eq!(
        oss::get(&server, "data", "outside").unwrap(),
        b"written by another client"
    );

    let mount = Mounted::new(&server, "data", "");
    for name in ["inside", "outside"] {
        let seen = fs::metadata(mount.path(name)).unwrap();
        assert_eq!(seen.mode(), 0o100_604, "{name}");
        assert_eq!((seen.uid(), seen.gid()), (12, 34));
        assert_eq!(seen.modified().unwrap(), then);
    }
    assert_eq!(mode(&mount.path("dir")), 0o042_711);
    let target = fs::read_link(mount.path("link")).unwrap();
    assert_eq!(target, Path::new("../over/there"));
    let kind = |name: &str| fs::symlink_metadata(mount.path(name)).unwrap();
    assert!(kind("fifo").file_type().is_fifo());
    assert!(kind("socket").file_type().is_socket());
    assert!(kind("null").file_type().is_char_device());
    assert_eq!(kind("null").rdev(), rustix::fs::makedev(1, 3));
    mount.unmount();

    // Who wants quick listings sees the defaults.
    let mount = Mounted::new(&server, "data", "readdir_optimize");
    assert_eq!(mode(&mount.path("inside")), 0o100_640);
    mount.unmount();
}

#[test]
fn cp_and_tar_keep_them_without_a_request_more() {
    let server = Server::start();
    let source = tempfile::tempdir().unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_001);
    for n in 0..20 {
        let path = source.path().join(format!("f{n}"));
        fs::write(&path, vec![n; 1000]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640 + u32::from(n % 8))).unwrap();
        File::open(&path).unwrap().set_modified(then).unwrap();
    }
    let from = source.path().display();
    for (folder, script) in [
        ("cp", "cp -rp FROM/. TO"),
        ("tar", "tar -C FROM -cf - . | tar -C TO -xpf -"),
    ] {
        let mount = Mounted::new(&server, "data", "");
        let to = mount.path(folder);
        fs::create_dir(&to).unwrap();
        server.reset();
        let script = script.replace("FROM", &from.to_string());
        let script = script.replace("TO", &to.display().to_string());
        let done = Command::new("sh").arg("-c").arg(script).status();
        assert!(done.unwrap().success());
        // What waits for other changes is stored at the latest now.
        mount.unmount();
        let mut sent = server.requests();
        sent.retain(|operation, _| !operation.starts_with("List"));
        // The folder's own object has attributes too.
        assert_eq!(sent.get("PutObject").copied(), Some(21), "{sent:?}");
        assert!(sent.values().sum::<u64>() <= 2 * 20 + 2, "{sent:?}");
    }

    let mount = Mounted::new(&server, "data", "");
    for folder in ["cp", "tar"] {
        for n in 0..20u32 {
            let seen = fs::metadata(mount.path(&format!("{folder}/f{n}"))).unwrap();
            assert_eq!(seen.mode(), 0o100_640 + n % 8, "{folder}/f{n}");
            assert_eq!(seen.modified().unwrap(), then, "{folder}/f{n}");
        }
    }
    mount.unmount();
}

#[test]
fn what_ossfs_1_wrote_shows_alike() {
    let server = Server::start();
    // {"user.colour":"cmVk"}
    let xattr = "%7B%22user.colour%22%3A%22cmVk%22%7D";
    let headers = [
        ("x-oss-meta-mode", "33188"),
        ("x-oss-meta-uid", "12"),
        ("x-oss-meta-gid", "34"),
        ("x-oss-meta-mtime", "1600000000.250000000"),
        ("x-oss-meta-atime", "1600000001.5"),
        ("x-oss-meta-ctime", "1600000002"),
        ("x-oss-meta-xattr", xattr),
    ];
    let put = oss::send(&server, "PUT", "data", Some("f"), &[], &headers, b"x");
    assert_eq!(put.status, 200);
    let mount = Mounted::new(&server, "data", "use_xattr");
    let seen = fs::metadata(mount.path("f")).unwrap();
    assert_eq!((seen.mode(), seen.uid(), seen.gid()), (0o100_644, 12, 34));
    let times = [
        (seen.mtime(), seen.mtime_nsec()),
        (seen.atime(), seen.atime_nsec()),
        (seen.ctime(), seen.ctime_nsec()),
    ];
    let wanted = [
        (1_600_000_000, 250_000_000),
        (1_600_000_001, 500_000_000),
        (1_600_000_002, 0),
    ];
    assert_eq!(times, wanted);
    let mut value = Vec::with_capacity(64);
    let room = rustix::buffer::spare_capacity(&mut value);
    rustix::fs::getxattr(mount.path("f"), "user.colour", room).unwrap();
    assert_eq!(value, b"red");
    mount.unmount();
}

#[test]
fn extended_attributes_are_metadata_where_they_are_wanted() {
    let server = Server::start();
    oss::put(&server, "data", "f", b"bytes");
    let get = |path: &Path, name: &str| {
        let mut value = Vec::with_capacity(64);
        let room = rustix::buffer::spare_capacity(&mut value);
        rustix::fs::getxattr(path, name, room).map(|_| value)
    };
    let flags = XattrFlags::empty();
    {
        let mount = Mounted::new(&server, "data", "use_xattr");
        let path = mount.path("f");
        rustix::fs::setxattr(&path, "user.colour", b"blue", flags).unwrap();
        rustix::fs::setxattr(&path, "user.gone", b"x", flags).unwrap();
        rustix::fs::removexattr(&path, "user.gone").unwrap();
        let again = rustix::fs::setxattr(&path, "user.colour", b"red", XattrFlags::CREATE);
        assert_eq!(again, Err(Errno::EXIST));
        let acl = rustix::fs::setxattr(&path, "system.posix_acl_access", b"x", flags);
        assert!(acl.is_err(), "nobody would enforce it");
        // What is written afterwards does not lose them.
        fs::write(&path, b"other bytes").unwrap();
        mount.unmount();
    }
    let metadata = &oss::head(&server, "data", "f").unwrap()["x-oss-meta-xattr"];
    // {"user.colour":"Ymx1ZQ=="}
    let colour = "%7B%22user%2Ecolour%22%3A%22Ymx1ZQ%3D%3D%22%7D";
    assert_eq!(metadata, colour);
    {
        let mount = Mounted::new(&server, "data", "use_xattr");
        let path = mount.path("f");
        assert_eq!(get(&path, "user.colour").unwrap(), b"blue");
        assert_eq!(get(&path, "user.gone"), Err(Errno::NODATA));
        assert_eq!(fs::read(&path).unwrap(), b"other bytes");
    }
    let mount = Mounted::new(&server, "data", "");
    let off = rustix::fs::setxattr(mount.path("f"), "user.a", b"x", flags);
    assert_eq!(off, Err(Errno::NOTSUP));
    // What this mount does not understand it keeps all the same.
    fs::write(mount.path("f"), b"once more").unwrap();
    mount.unmount();
    let metadata = &oss::head(&server, "data", "f").unwrap()["x-oss-meta-xattr"];
    assert_eq!(metadata, colour);
}

/// What others may have given an object, tags last.
const OTHERS: [(&str, &str); 8] = [
    ("cache-control", "no-store"),
    ("content-disposition", "attachment"),
    ("content-encoding", "identity"),
    ("content-language", "de"),
    ("content-type", "text/x-test"),
    ("expires", "never"),
    ("x-oss-meta-author", "somebody"),
    ("x-oss-tagging", "a=b"),
];

/// Puts an object with all of [`OTHERS`].
fn put_with_others(server: &Server, key: &str, body: &[u8]) {
    let put = oss::send(server, "PUT", "data", Some(key), &[], &OTHERS, body);
    assert_eq!(put.status, 200);
}

#[track_caller]
fn assert_others(server: &Server, key: &str) {
    let head = oss::head(server, "data", key).unwrap();
    for (name, value) in &OTHERS[..7] {
        assert_eq!(head.get(*name).map(String::as_str), Some(*value), "{name}");
    }
    assert_eq!(head["x-oss-tagging-count"], "1", "{key}");
}

#[test]
fn a_file_that_is_rewritten_keeps_what_others_gave_it() {
    let server = Server::start();
    let large = vec![7; 12 << 20];
    for (key, body) in [("small", &b"old"[..]), ("cut", b"old"), ("large", &large)] {
        put_with_others(&server, key, body);
    }
    let mount = Mounted::new(&server, "data", "");
    fs::write(mount.path("small"), "new").unwrap();
    let append = fs::OpenOptions::new().append(true).open(mount.path("cut"));
    append.unwrap().write_all(b" and new").unwrap();
    let change = fs::OpenOptions::new().write(true).open(mount.path("large"));
    change.unwrap().write_all_at(b"new", 5 << 20).unwrap();
    mount.unmount();
    for key in ["small", "cut", "large"] {
        assert_others(&server, key);
    }
    assert_eq!(oss::get(&server, "data", "small").unwrap(), b"new");
    assert_eq!(oss::get(&server, "data", "cut").unwrap(), b"old and new");
    let changed = oss::get(&server, "data", "large").unwrap();
    assert!(changed.len() == 12 << 20 && changed[5 << 20..][..3] == *b"new");
}

#[test]
fn a_change_of_mode_leaves_everything_else_as_it_was() {
    let server = Server::start();
    put_with_others(&server, "f", b"x");
    {
        let mount = Mounted::new(&server, "data", "");
        fs::set_permissions(mount.path("f"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(mount.path("f"), mount.path("g")).unwrap();
        fs::set_permissions(mount.path("g"), fs::Permissions::from_mode(0o640)).unwrap();
        mount.unmount();
    }
    assert_others(&server, "g");
    let head = oss::head(&server, "data", "g").unwrap();
    assert_eq!(head["x-oss-meta-mode"], (0o100_640).to_string());
}

/// The headers of a new object that a mount with these options writes as `key`.
fn written_with(options: &str, keys: &[&str]) -> Vec<BTreeMap<String, String>> {
    let server = Server::start();
    let mount = Mounted::new(&server, "data", options);
    for key in keys {
        fs::write(mount.path(key), "x").unwrap();
    }
    mount.unmount();
    let head = |key: &&str| oss::head(&server, "data", key).unwrap();
    keys.iter().map(head).collect()
}

#[test]
fn new_objects_get_what_the_options_say() {
    let folder = tempfile::tempdir().unwrap();
    let (mime, table) = (folder.path().join("mime"), folder.path().join("table"));
    fs::write(&mime, "text/x-test tst\nimage/png png\n").unwrap();
    fs::write(
        &table,
        ".tst Cache-Control no-cache\nreg:^/b[.] x-oss-meta-b yes\n Expires never\n",
    )
    .unwrap();
    let options = format!(
        "mime={},ahbe_conf={},use_sse,storage_class=ia,default_acl=public-read",
        mime.display(),
        table.display()
    );
    let heads = written_with(&options, &["a.tst", "b.png"]);
    for head in &heads {
        assert_eq!(head["x-oss-server-side-encryption"], "AES256");
        assert_eq!(head["x-oss-storage-class"], "IA");
        assert_eq!(head["expires"], "never");
    }
    assert_eq!(heads[0]["content-type"], "text/x-test");
    assert_eq!(heads[0]["cache-control"], "no-cache");
    assert_eq!(heads[1]["content-type"], "image/png");
    assert_eq!(heads[1]["x-oss-meta-b"], "yes");
    assert!(!heads[1].contains_key("cache-control") && !heads[0].contains_key("x-oss-meta-b"));
    let heads = written_with("use_sse=kmsid:key-1", &["a"]);
    assert_eq!(heads[0]["x-oss-server-side-encryption"], "KMS");
    assert_eq!(heads[0]["x-oss-server-side-encryption-key-id"], "key-1");
}

#[test]
fn a_new_name_tells_a_new_content_type() {
    let folder = tempfile::tempdir().unwrap();
    let mime = folder.path().join("mime");
    fs::write(&mime, "text/x-old old\ntext/x-new new\n").unwrap();
    let server = Server::start();
    let chosen = [("content-type", "text/x-chosen")];
    for (key, headers) in [("o.old", &[][..]), ("c.old", &chosen)] {
        oss::send(&server, "PUT", "data", Some(key), &[], headers, b"x");
    }
    let mount = Mounted::new(&server, "data", &format!("mime={}", mime.display()));
    fs::write(mount.path("m.old"), "x").unwrap();
    for name in ["o", "c", "m"] {
        fs::rename(
            mount.path(&format!("{name}.old")),
            mount.path(&format!("{name}.new")),
        )
        .unwrap();
    }
    fs::write(mount.path("c.new"), "y").unwrap();
    mount.unmount();
    let kind = |key| oss::head(&server, "data", key).unwrap()["content-type"].clone();
    assert_eq!(kind("m.new"), "text/x-new");
    assert_eq!(kind("o.new"), "text/x-new", "it had none of its own");
    assert_eq!(kind("c.new"), "text/x-chosen", "it was somebody's choice");
}
