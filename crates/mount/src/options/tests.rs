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
fn consistency_in_three_forms() {
    let ttl = plan("stat_cache_expire=5").unwrap().fs;
    assert_eq!(
        (ttl.close_to_open, ttl.stat_cache_expire.as_secs()),
        (false, 5)
    );
    let close = plan("consistency=close-to-open").unwrap().fs;
    assert!(close.close_to_open);
    let snapshot = plan("consistency=snapshot,stat_cache_expire=5").unwrap().fs;
    assert!(!snapshot.close_to_open);
    assert!(snapshot.attr_timeout > Duration::from_hours(24 * 365));
    assert!(plan("consistency=eventual").is_err());
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
    use Problem::{BadValue, Conflict, Credentials, Endpoint, UnknownOption};
    for (options, problem, said) in [
        (
            "umask=9z",
            BadValue,
            "-o umask=9z: umask wants octal permission bits from 0 to 777; write umask=022",
        ),
        (
            "mask=1777",
            BadValue,
            "-o mask=1777: umask wants octal permission bits from 0 to 777; write umask=022",
        ),
        ("umask=+22", BadValue, "-o umask=+22: umask wants octal"),
        (
            "parallel_count=0",
            BadValue,
            "-o parallel_count=0: parallel_count wants a whole number from 1 to 100000; write \
             parallel_count=1, for instance",
        ),
        (
            "parallel_count=x",
            BadValue,
            "-o parallel_count=x: parallel_count wants a whole number",
        ),
        (
            "parallel_count",
            BadValue,
            "-o parallel_count: parallel_count wants a whole number",
        ),
        ("uid=-5", BadValue, "-o uid=-5: uid wants a whole number"),
        (
            "uid=4294967296",
            BadValue,
            "-o uid=4294967296: uid wants a whole number from 0 to",
        ),
        (
            "memory=lots",
            BadValue,
            "-o memory=lots: memory wants a number of bytes; write memory=512M",
        ),
        (
            "memory=1M",
            BadValue,
            "-o memory=1M: memory wants at least 16M; write memory=16M",
        ),
        (
            "ro=maybe",
            BadValue,
            "-o ro=maybe: ro wants no value; write the bare word ro",
        ),
        ("url=", BadValue, "-o url=: url wants a value; write url=…"),
        (
            "default_acl=all",
            BadValue,
            "-o default_acl=all: default_acl wants one of default, private, public-read",
        ),
        (
            "use_sse=rot13",
            BadValue,
            "-o use_sse=rot13: there is no such encryption; write use_sse (AES256)",
        ),
        (
            "use_sse=kmsid",
            BadValue,
            "-o use_sse=kmsid: the key's id is missing",
        ),
        (
            "upload_traffic_limit=100",
            BadValue,
            "-o upload_traffic_limit=100: OSS limits requests to 819,200 bits per second",
        ),
        (
            "mime=/no/such",
            Problem::File,
            "-o mime=/no/such: No such file",
        ),
        (
            "ahbe_conf=/no/such",
            Problem::File,
            "-o ahbe_conf=/no/such: No such file",
        ),
        (
            "url=ftp://x",
            Endpoint,
            "-o url=ftp://x: the scheme must be http or https; write url=",
        ),
        (
            "sigv4",
            Conflict,
            "-o sigv4: signature version 4 needs the bucket's region; write region=cn-hangzhou",
        ),
        (
            "multireq_max=5,parallel_count=9",
            Conflict,
            "-o multireq_max=5: it is less than parallel_count=9; raise it to 9",
        ),
        (
            "passwd_file=/no/such",
            Credentials,
            "passwd_file /no/such: No such file or directory (os error 2); check its name",
        ),
        (
            "credential_process=prog",
            Credentials,
            "-o credential_process=prog: ",
        ),
        (
            "umsak=022",
            UnknownOption,
            "-o umsak: unknown option; did you mean \"umask\"?",
        ),
        (
            "zzz",
            UnknownOption,
            "-o zzz: unknown option; docs/options.md lists all",
        ),
    ] {
        let faults = plan(options).unwrap_err();
        assert_eq!(faults.len(), 1, "{options}: {faults:?}");
        assert_eq!(faults[0].problem, problem, "{options}");
        let text = faults[0].to_string();
        assert!(text.starts_with(said), "{options}: {text}");
    }
    let faults = plan("umask=9z,parallel_count=x,uid=q").unwrap_err();
    let values: Vec<_> = faults.iter().map(|fault| fault.value.as_deref()).collect();
    assert_eq!(values, [Some("9z"), Some("x"), Some("q")]);
}

#[test]
fn bucket_and_prefix_are_checked() {
    for (what, problem) in [
        ("Bad_Name", Problem::BucketName),
        ("ab", Problem::BucketName),
        ("ab-", Problem::BucketName),
        ("bucket:/a\u{1}b", Problem::Arguments),
    ] {
        let words = [what, "mnt"].map(OsString::from);
        let faults = validate(&dialect::ossfs1(&words).unwrap(), &around()).unwrap_err();
        assert_eq!(faults[0].problem, problem, "{what}: {faults:?}");
    }
}

#[test]
fn the_kernel_always_checks_permissions() {
    assert!(plan("allow_other").unwrap().kernel.default_permissions);
    assert!(plan("rw").unwrap().kernel.default_permissions);
}

#[test]
fn ossfs_2_gets_its_own_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = "--oss_bucket=bucket\n--oss_endpoint=http://127.0.0.1:1\n--oss_region=cn-x\n\
                --oss_access_key_id=i\n--oss_access_key_secret=hidden\n--oss_request_timeout_ms=1500\n";
    std::fs::write(folder.path().join("c"), file).unwrap();
    let words = ["mount", "/m", "-c", "c"].map(OsString::from);
    let line = dialect::ossfs2(&words, folder.path()).unwrap();
    let around = Surroundings {
        environment_key: None,
        ..around()
    };
    let plan = validate(&line, &around).unwrap();
    assert_eq!(plan.signature, ossplit::SignatureVersion::V4);
    assert_eq!(
        (plan.fs.file_mode, plan.fs.dir_mode, plan.fs.root_mode),
        (0o777, 0o777, 0o777)
    );
    assert_eq!(plan.fs.attr_timeout, Duration::from_mins(1));
    assert_eq!(
        (plan.fs.multipart_size, plan.fs.parallel_count),
        (8 << 20, 64)
    );
    assert_eq!(plan.read_timeout, Duration::from_secs(2));
    assert!(plan.kernel.allow_other && !plan.fs.read_only);
    assert!(!format!("{plan:?}").contains("hidden"));
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
    assert_eq!(faults[0].problem, Problem::Credentials);
    assert!(faults[0].mend.contains("passwd_file"), "{faults:?}");
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
        let checked = values::check(spec.kind, spec.name, Some(spec.default), "");
        assert_eq!(checked, Ok(()), "{}", spec.name);
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
