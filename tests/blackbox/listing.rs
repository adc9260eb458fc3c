//! Listings of long directories: what they cost and that nothing is lost at the joins of their pages.

use ossplit_testkit::{Mounted, Server, ServerOptions, oss};
use std::{fs, os::unix::fs::MetadataExt as _, path::Path, thread};

/// Puts empty objects with these keys, over several connections.
fn fill(server: &Server, keys: &[String]) {
    thread::scope(|scope| {
        for part in keys.chunks(keys.len().div_ceil(8)) {
            scope.spawn(move || {
                for key in part {
                    oss::put(server, "data", key, b"");
                }
            });
        }
    });
}

/// The names of a directory, each with its attributes asked for.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| {
        assert_eq!(entry.metadata().unwrap().size(), 0);
        entry.file_name().into_string().unwrap()
    });
    named.collect()
}

fn lists(server: &Server) -> u64 {
    let counted = server.requests();
    let lists = counted.get("ListObjectsV2").copied().unwrap_or(0);
    assert_eq!(
        counted.values().sum::<u64>(),
        lists,
        "LISTs alone: {counted:?}"
    );
    lists
}

#[test]
fn a_long_directory_costs_its_pages_and_every_name_is_there_once() {
    let server = Server::with(&ServerOptions {
        latency: 5,
        ..ServerOptions::default()
    });
    // Late enough that pages are asked for at once, some are missing, so that the guesses go wrong.
    let number = |number: &usize| *number < 17_100 || !number.is_multiple_of(50);
    let keys: Vec<String> = (0..19_500)
        .filter(number)
        .map(|number| format!("wide/img_{number:06}.jpg"))
        .collect();
    fill(&server, &keys);
    let mount = Mounted::new(&server, "data", "ro");
    server.reset();
    let mut found = names(&mount.path("wide"));
    found.sort_unstable();
    let wanted: Vec<&str> = keys.iter().map(|key| &key["wide/".len()..]).collect();
    assert!(found == wanted, "{} of {}", found.len(), wanted.len());
    let asked = lists(&server);
    // One more for the directory itself, and up to two that guesses cost.
    let pages = keys.len().div_ceil(1000) as u64;
    assert!((pages..=pages + 3).contains(&asked), "{asked} for {pages}");
    server.reset();
    // All is known now: again, and what is not there.
    assert_eq!(names(&mount.path("wide")).len(), keys.len());
    for absent in 0..100 {
        assert!(!mount.path(&format!("wide/absent{absent}")).exists());
    }
    assert_eq!(lists(&server), 0);
    mount.unmount();
}

#[test]
fn what_is_remembered_expires_as_the_options_say() {
    let server = Server::start();
    oss::put(&server, "data", "d/old", b"");
    let options = "ro,stat_cache_expire=2,attr_timeout=1,entry_timeout=1,negative_timeout=1";
    let mount = Mounted::new(&server, "data", options);
    assert_eq!(names(&mount.path("d")), ["old"]);
    assert!(!mount.path("d/new").exists());
    server.reset();
    assert!(!mount.path("d/new").exists());
    assert!(mount.path("d/old").exists());
    assert_eq!(lists(&server), 0, "within the time");
    oss::put(&server, "data", "d/new", b"12345");
    ossplit_testkit::until("the new file", || mount.path("d/new").exists());
    ossplit_testkit::until("its size", || {
        fs::metadata(mount.path("d/new")).unwrap().len() == 5
    });
    mount.unmount();
}
