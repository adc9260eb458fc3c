use super::*;
use crate::dialect;
use proptest::prelude::*;
use std::{ffi::OsString, path::PathBuf, time::Duration};

fn around() -> Surroundings {
    Surroundings {
        environment_key: Some(ossplit::Key {
            id: "i".into(),
            secret: "hidden".into(),
            token: None,
        }),
        user: (7, 8),
        folder: PathBuf::from("/work"),
        memory: 8 << 30,
        ..Surroundings::default()
    }
}

fn plan(options: &str) -> Result<Plan, Vec<Fault>> {
    let words = ["bucket:/p", "mnt", "-o", options].map(OsString::from);
    validate(&dialect::ossfs1(&words)?, &around())
}

fn faults(options: &str) -> String {
    let said: Vec<String> = plan(options)
        .unwrap_err()
        .iter()
        .map(Fault::to_string)
        .collect();
    said.join("\n")
}

#[test]
fn what_is_not_written_has_its_default() {
    let plan = plan("rw").unwrap();
    assert_eq!(plan.mountpoint, PathBuf::from("/work/mnt"));
    assert_eq!(plan.fs.prefix, "p/");
    assert_eq!(plan.fs.max_stat_cache_size, 100_000);
    assert_eq!(plan.fs.stat_cache_expire, Duration::from_mins(15));
    assert_eq!((plan.fs.parallel_count, plan.fs.multireq_max), (20, 20));
    assert_eq!((plan.fs.umask, plan.fs.root_mode), (None, 0o700));
    assert_eq!((plan.fs.default_uid, plan.fs.default_gid), (7, 8));
    assert_eq!(plan.fs.memory, 1 << 30);
    assert_eq!(plan.signature, ossplit::SignatureVersion::V1);
    assert!(!plan.fs.read_only && !plan.foreground && plan.notes.is_empty());
}

#[test]
fn the_page_s_two_forms() {
    let read_write = plan("max_stat_cache_size=0,allow_other").unwrap();
    assert!(read_write.fs.always_ask() && read_write.kernel.allow_other);
    assert_eq!(read_write.fs.root_mode, 0o777);
    let split = plan("ro,max_stat_cache_size=10000,kernel_cache,umask=022").unwrap();
    assert_eq!((split.fs.umask, split.fs.root_mode), (Some(0o022), 0o755));
    assert!(split.fs.read_only && split.kernel.read_only && split.fs.kernel_cache);
}

#[test]
fn aliases_sizes_and_the_last_of_two() {
    let plan =
        plan("mask=077,umask=027,max_multireq=40,parallel_count=30,memory=128M,ro,rw").unwrap();
    assert_eq!(plan.fs.umask, Some(0o027));
    assert_eq!((plan.fs.parallel_count, plan.fs.multireq_max), (30, 40));
    assert_eq!(plan.fs.memory, 128 << 20);
    assert!(!plan.fs.read_only);
}

#[test]
fn each_fault_names_option_value_and_mend() {
    for (options, words) in [
        ("umask=9z", ["umask=9z", "octal"]),
        ("umask=1777", ["umask=1777", "777"]),
        ("parallel_count=0", ["parallel_count=0", "from 1 to"]),
        ("parallel_count=x", ["parallel_count=x", "whole number"]),
        ("uid=-5", ["uid=-5", "0 or more"]),
        ("memory=lots", ["memory=lots", "512M"]),
        ("memory=1M", ["memory=1M", "16M"]),
        ("ro=maybe", ["ro=maybe", "bare word"]),
        ("url=", ["url=", "a value"]),
        ("url=ftp://x", ["ftp://x", "http or https"]),
        ("default_acl=all", ["default_acl=all", "public-read"]),
        ("sigv4", ["sigv4", "region=cn-hangzhou"]),
        (
            "multireq_max=5,parallel_count=9",
            ["multireq_max=5", "raise it to 9"],
        ),
        ("passwd_file=/no/such", ["/no/such", "No such file"]),
    ] {
        let said = faults(options);
        for word in words {
            assert!(
                said.contains(word),
                "{options}: {word:?} is wanted in {said:?}"
            );
        }
    }
    assert_eq!(faults("umask=9z,parallel_count=x,uid=q").lines().count(), 3);
}

#[test]
fn a_bucket_name_is_checked() {
    let words = ["Bad_Name", "mnt"].map(OsString::from);
    let faults = validate(&dialect::ossfs1(&words).unwrap(), &around()).unwrap_err();
    assert!(faults[0].0.contains("\"Bad_Name\""), "{faults:?}");
}

#[test]
fn words_without_effect_say_so() {
    let notes = plan("noxmlns,nomultipart").unwrap().notes;
    assert_eq!(notes.len(), 2);
    assert!(
        notes[0].starts_with("option noxmlns: accepted, no effect: "),
        "{notes:?}"
    );
}

#[test]
fn without_any_key_the_message_says_where_to_put_one() {
    let words = ["bucket", "mnt"].map(OsString::from);
    let around = Surroundings {
        environment_key: None,
        ..around()
    };
    let faults = validate(&dialect::ossfs1(&words).unwrap(), &around).unwrap_err();
    assert!(faults[0].0.contains("passwd_file"), "{faults:?}");
}

#[test]
fn names_are_unique_and_defaults_are_good() {
    let specs: Vec<_> = all().into_iter().flat_map(|(_, specs)| specs).collect();
    let mut names: Vec<_> = specs
        .iter()
        .flat_map(|spec| spec.aliases.iter().chain([&spec.name]))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for spec in specs.into_iter().filter(|spec| !spec.default.is_empty()) {
        let value = Some(spec.default.to_owned());
        let written = Written {
            spec,
            value,
            source: spec.name.into(),
        };
        assert_eq!(values::check(&written), Ok(()), "{}", spec.name);
    }
}

#[test]
fn the_options_page_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");
    let page = markdown();
    if std::fs::read_to_string(path).ok().as_deref() != Some(&page) {
        std::fs::write(path, &page).unwrap();
        panic!("docs/options.md was stale and is written anew: commit it");
    }
}

#[test]
fn a_plan_prints_no_secret() {
    assert!(!format!("{:?}", plan("rw").unwrap()).contains("hidden"));
}

proptest! {
    #[test]
    fn no_value_panics(name in 0_usize..150, value in proptest::option::of("\\PC{0,10}")) {
        let specs: Vec<_> = all().into_iter().flat_map(|(_, specs)| specs).collect();
        let name = specs[name % specs.len()].name;
        let word = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
        let _ = plan(&word);
    }
}
