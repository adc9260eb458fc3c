//! Directories as other programs write them: `docs/semantics.md`, "Names".

use crate::acceptance::fresh;
use ossplit_testkit::{Mounted, Server, oss};
use std::{collections::BTreeMap, fs, path::Path};

/// Made by Hadoop, by a program that goes by content types, by one that writes objects beside the keys below them.
fn made_by_others(server: &Server) {
    for key in [
        "h_$folder$",
        "n_$folder$",
        "n/f",
        "n/m_$folder$",
        "o",
        "o/f",
    ] {
        let body: &[u8] = if key.ends_with('f') { b"bytes" } else { b"" };
        oss::put(server, "data", key, body);
    }
    for (key, kind) in [
        ("x", "application/x-directory"),
        ("u", "httpd/unix-directory"),
    ] {
        let headers = [("content-type", kind)];
        let put = oss::send(server, "PUT", "data", Some(key), &[], &headers, b"");
        assert_eq!(put.status, 200);
    }
    oss::put(server, "data", "empty", b"");
    oss::put(server, "data", "hides", b"bytes");
    oss::put(server, "data", "hides/f", b"hidden");
}

/// What a folder shows, with a `/` behind directories.
fn shown(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // By its own path: a program that did not list.
        let dir = fs::metadata(entry.path()).unwrap().is_dir();
        format!("{name}{}", if dir { "/" } else { "" })
    });
    let mut all: Vec<String> = entries.collect();
    all.sort_unstable();
    all
}

#[test]
fn directories_of_every_form_are_shown_filled_renamed_and_removed() {
    for options in ["", "max_stat_cache_size=0"] {
        let (server, mount) = fresh(options);
        made_by_others(&server);
        let path = |name: &str| mount.path(name);
        // Before anything is listed.
        for dir in ["h", "n/m", "o", "x"] {
            assert!(fs::metadata(path(dir)).unwrap().is_dir(), "{dir}");
        }
        let all = ["empty", "h/", "hides", "n/", "o/", "u/", "x/"];
        assert_eq!(shown(&path("")), all, "{options}");
        assert_eq!(shown(&path("n")), ["f", "m/"]);
        assert_eq!(shown(&path("o")), ["f"]);
        assert!(shown(&path("h")).is_empty() && shown(&path("u")).is_empty());
        assert!(!path("h_$folder$").exists());
        fs::write(path("h_$folder$"), "").unwrap_err();
        for dir in ["h", "x", "n/m"] {
            fs::create_dir(path(dir)).unwrap_err();
            fs::write(path(dir).join("new"), dir).unwrap();
            assert_eq!(fs::read(path(dir).join("new")).unwrap(), dir.as_bytes());
            fs::remove_dir(path(dir)).unwrap_err();
            fs::remove_file(path(dir).join("new")).unwrap();
        }
        for dir in ["h", "n", "o", "x", "u"] {
            fs::rename(path(dir), path(&format!("{dir}-new"))).unwrap();
        }
        let all = [
            "empty", "h-new/", "hides", "n-new/", "o-new/", "u-new/", "x-new/",
        ];
        assert_eq!(shown(&path("")), all, "{options}");
        assert_eq!(shown(&path("n-new")), ["f", "m/"]);
        for dir in ["h-new", "n-new", "o-new", "x-new", "u-new"] {
            fs::remove_dir_all(path(dir)).unwrap();
        }
        assert_eq!(shown(&path("")), ["empty", "hides"]);
        assert_eq!(
            oss::keys(&server, "data", ""),
            ["empty", "hides", "hides/f"]
        );
        mount.unmount();
    }
}

#[test]
fn an_empty_directory_of_every_form_can_be_removed_at_once() {
    let (server, mount) = fresh("");
    made_by_others(&server);
    assert!(fs::metadata(mount.path("o")).unwrap().is_dir());
    oss::delete(&server, "data", "o/f");
    for dir in ["h", "x", "u"] {
        fs::remove_dir(mount.path(dir)).unwrap();
        assert!(!mount.path(dir).exists(), "{dir}");
    }
    // What others wrote meanwhile stands for no directory any more.
    oss::put(&server, "data", "o", b"bytes");
    fs::remove_dir(mount.path("o")).unwrap_err();
    assert_eq!(oss::get(&server, "data", "o").unwrap(), b"bytes");
    let keys = oss::keys(&server, "data", "");
    assert!(
        !keys
            .iter()
            .any(|key| ["h_$folder$", "x", "u"].contains(&&**key)),
        "{keys:?}"
    );
    mount.unmount();
}

#[test]
fn a_read_only_mount_knows_what_a_listing_tells_and_none_if_it_is_told_so() {
    let server = Server::start();
    made_by_others(&server);
    let known: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("ro", &["empty", "h/", "hides", "n/", "o/", "u", "x"][..]),
        (
            "ro,notsup_compat_dir",
            &[
                "empty",
                "h_$folder$",
                "hides",
                "n/",
                "n_$folder$",
                "o",
                "u",
                "x",
            ][..],
        ),
    ]);
    for (options, wanted) in known {
        let mount = Mounted::new(&server, "data", options);
        assert_eq!(shown(&mount.path("")), wanted, "{options}");
        mount.unmount();
    }
}
