use super::*;
use ossplit_csi_proto::csi::volume_capability::{AccessMode, BlockVolume, MountVolume};
use ossplit_mount::options::{Credentials, Plan, Surroundings, validate};
use proptest::prelude::*;

fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

fn capability(mode: Mode, flags: &[&str], fs_type: &str) -> VolumeCapability {
    VolumeCapability {
        access_mode: Some(AccessMode { mode: mode.into() }),
        access_type: Some(AccessType::Mount(MountVolume {
            fs_type: fs_type.into(),
            mount_flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..MountVolume::default()
        })),
    }
}

const PAGE: [(&str, &str); 3] = [
    ("bucket", "data"),
    ("url", "oss-cn-beijing.aliyuncs.com"),
    ("path", "/tf-train"),
];
const KEY: [(&str, &str); 2] = [("akId", "id"), ("akSecret", "hidden")];

fn read_with(more: &[(&str, &str)], secret: &[(&str, &str)]) -> Result<Volume, String> {
    let mut raw = map(&PAGE);
    raw.extend(map(more));
    let capability = capability(Mode::MultiNodeMultiWriter, &[], "");
    Volume::read(&raw, &map(secret), Some(&capability), &Rrsa::default())
}

fn refusal(more: &[(&str, &str)], secret: &[(&str, &str)]) -> String {
    match read_with(more, secret) {
        Ok(_) => panic!("{more:?} was taken"),
        Err(text) => text,
    }
}

/// The plan that a volume leads to.
fn plan(volume: &Volume) -> Result<Plan, Vec<Fault>> {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    crate::files::write_secret(&key, br#"{"AccessKeyId":"a","AccessKeySecret":"b"}"#).unwrap();
    let line = volume.command_line(Path::new("/m"), &key, folder.path(), 64 << 20)?;
    let around = Surroundings {
        folder: "/".into(),
        memory: 1 << 30,
        ..Surroundings::default()
    };
    validate(&line, &around)
}

#[test]
fn the_page_s_two_forms() {
    let options = "-o max_stat_cache_size=0 -o allow_other";
    let writing = read_with(&[("otherOpts", options)], &KEY).unwrap();
    let writing = plan(&writing).unwrap();
    assert_eq!(writing.fs.prefix, "tf-train/");
    assert_eq!(writing.endpoint, "https://oss-cn-beijing.aliyuncs.com");
    assert!(!writing.kernel.read_only && writing.kernel.allow_other);
    assert!(matches!(writing.credentials, Credentials::File(_)));
    let mut raw = map(&PAGE);
    raw.extend(map(&[
        ("path", "/tf-train/train/data"),
        (
            "otherOpts",
            "-o max_stat_cache_size=10000 -o kernel_cache -oumask=022",
        ),
    ]));
    let capability = capability(Mode::MultiNodeReaderOnly, &[], "");
    let reading = Volume::read(&raw, &map(&KEY), Some(&capability), &Rrsa::default()).unwrap();
    let reading = plan(&reading).unwrap();
    assert!(reading.kernel.read_only && reading.fs.read_only && reading.fs.kernel_cache);
    assert!(
        reading.kernel.allow_other,
        "or umask=022 would let nobody in"
    );
    assert_eq!(reading.fs.umask, Some(0o022));
    assert_eq!(reading.fs.max_stat_cache_size, 10_000);
}

#[test]
fn the_other_dialect() {
    let volume = read_with(
        &[
            ("fuseType", "ossfs2"),
            ("otherOpts", "-o attr_timeout=90 -o total_mem_limit=512M"),
            ("region", "cn-beijing"),
            ("encrypted", "kms"),
            ("kmsKeyId", "k-1"),
        ],
        &KEY,
    );
    let plan = plan(&volume.unwrap()).unwrap();
    assert_eq!(plan.fs.memory, 512 << 20, "the volume's word goes first");
    assert_eq!(plan.fs.attr_timeout.as_secs(), 90);
    assert_eq!(plan.signature, ossplit::SignatureVersion::V4);
    assert!(plan.objects.encryption.is_some());
    let by_type = capability(Mode::MultiNodeMultiWriter, &["attr_timeout=5"], "ossfs2");
    let raw = map(&PAGE);
    let volume = Volume::read(&raw, &map(&KEY), Some(&by_type), &Rrsa::default());
    let plan = super::tests::plan(&volume.unwrap()).unwrap();
    assert_eq!(plan.fs.attr_timeout.as_secs(), 5);
}

#[test]
fn read_only_by_mode_by_attribute_and_by_option() {
    assert!(!read_with(&[], &KEY).unwrap().read_only);
    assert!(read_with(&[("readOnly", "true")], &KEY).unwrap().read_only);
    assert!(
        read_with(&[("otherOpts", "-o ro")], &KEY)
            .unwrap()
            .read_only
    );
    for mode in [Mode::MultiNodeReaderOnly, Mode::SingleNodeReaderOnly] {
        let capability = capability(mode, &[], "");
        let volume = Volume::read(&map(&PAGE), &map(&KEY), Some(&capability), &Rrsa::default());
        assert!(plan(&volume.unwrap()).unwrap().kernel.read_only);
    }
}

#[test]
fn an_unknown_option_is_found_before_anything_is_mounted() {
    let volume = read_with(&[("otherOpts", "-o max_stat_cache_sise=5")], &KEY).unwrap();
    let faults = plan(&volume).unwrap_err();
    assert!(faults[0].to_string().contains("max_stat_cache_size"));
}

#[test]
fn signatures_and_regions() {
    let v4 = read_with(&[("sigVersion", "v4")], &KEY).unwrap();
    assert_eq!(plan(&v4).unwrap().region, "cn-beijing");
    assert!(refusal(&[("sigVersion", "v5")], &KEY).contains("v1 or v4"));
    for (url, region) in [
        ("https://oss-cn-x-internal.aliyuncs.com", Some("cn-x")),
        ("oss-cn-x.aliyuncs.com", Some("cn-x")),
        ("http://10.0.0.1:9000", None),
    ] {
        assert_eq!(region_of(url).as_deref(), region, "{url}");
    }
}

#[test]
fn endpoints_get_a_scheme_and_a_bucket_s_domain_is_refused() {
    let of = |url| endpoint(url, "data").unwrap();
    assert_eq!(of("oss-cn-x.aliyuncs.com"), "https://oss-cn-x.aliyuncs.com");
    assert_eq!(
        of("oss-cn-x-internal.aliyuncs.com"),
        "http://oss-cn-x-internal.aliyuncs.com"
    );
    assert_eq!(of("http://10.0.0.1:9000"), "http://10.0.0.1:9000");
    for url in [
        "data.oss-cn-x.aliyuncs.com",
        "https://data.oss-cn-x.aliyuncs.com",
    ] {
        let text = endpoint(url, "data").unwrap_err();
        assert!(text.contains("alone: oss-cn-x.aliyuncs.com"), "{text}");
    }
}

#[test]
fn who_signs() {
    let token = [
        ("AccessKeyId", "id"),
        ("AccessKeySecret", "hidden"),
        ("SecurityToken", "t"),
    ];
    assert!(matches!(
        read_with(&[("authType", "sts")], &token).unwrap().auth,
        Auth::Key(_)
    ));
    assert!(refusal(&[("authType", "sts")], &KEY).contains("SecurityToken"));
    assert!(refusal(&[("authType", "csi-secret-store")], &[]).contains("secretObjects"));
    let role = [
        ("authType", "RRSA"),
        ("roleArn", "acs:ram::1:role/pod"),
        ("oidcProviderArn", "acs:ram::1:oidc-provider/c"),
        ("assumeRoleArn", "acs:ram::2:role/data"),
        ("externalId", "x"),
    ];
    let Auth::Oidc(role) = read_with(&role, &[]).unwrap().auth else {
        panic!("not RRSA")
    };
    assert_eq!(
        role.then,
        Some(("acs:ram::2:role/data".to_owned(), Some("x".to_owned())))
    );
    assert!(refusal(&[("authType", "rrsa")], &[]).contains("roleArn"));
    assert!(refusal(&[("authType", "rrsa"), ("roleName", "r")], &[]).contains("--rrsa-account"));
    let rrsa = Rrsa {
        account: Some("1".into()),
        provider_arn: Some("p".into()),
    };
    let mut raw = map(&PAGE);
    raw.extend(map(&[("authType", "rrsa"), ("roleName", "pod")]));
    let volume = Volume::read(&raw, &map(&[]), None, &rrsa).unwrap();
    assert!(matches!(volume.auth, Auth::Oidc(role) if role.role_arn == "acs:ram::1:role/pod"));
    let ecs = read_with(&[("ramRole", "node")], &[]).unwrap();
    assert!(
        matches!(plan(&ecs).unwrap().credentials, Credentials::RamRole(Some(role)) if role == "node")
    );
    assert!(ecs.check_signer().is_ok());
    let nobody = read_with(&[], &[]).unwrap().check_signer().unwrap_err();
    assert!(nobody.contains("nodePublishSecretRef"));
    let by_attribute = read_with(&[("secretRef", "key")], &[]).unwrap();
    let told = by_attribute.check_signer().unwrap_err();
    assert!(
        told.contains("nodePublishSecretRef with name: key"),
        "{told}"
    );
    let both = read_with(&[("secretRef", "key")], &KEY).unwrap();
    assert!(both.check_signer().is_ok() && both.notes[0].contains("secretRef"));
    let public = read_with(&[("otherOpts", "-o public_bucket=1")], &[]).unwrap();
    assert!(public.check_signer().is_ok());
    let attributes = read_with(&[("akId", "id"), ("akSecret", "hidden")], &[]).unwrap();
    assert!(matches!(attributes.auth, Auth::Key(_)));
    assert!(refusal(&[], &[("akId", "id")]).contains("akSecret"));
}

#[test]
fn what_is_wrong_is_named_with_the_mend() {
    for (more, part) in [
        ([("bucket", "")], "no bucket"),
        ([("url", "")], "no url"),
        ([("path", "tf")], "write /tf"),
        ([("fuseType", "s3")], "ossfs or ossfs2"),
        ([("volumeAs", "x")], "subpath"),
        ([("encrypted", "rot13")], "aes256 or kms"),
        ([("kmsKeyId", "k")], "encrypted: kms"),
        ([("authType", "magic")], "rrsa"),
        ([("otherOpts", "umask=022")], "-o umask=022"),
    ] {
        let text = refusal(&more, &KEY);
        assert!(text.contains(part), "{more:?}: {text}");
    }
    let block = VolumeCapability {
        access_type: Some(AccessType::Block(BlockVolume {})),
        ..VolumeCapability::default()
    };
    let text = Volume::read(&map(&PAGE), &map(&KEY), Some(&block), &Rrsa::default());
    assert!(text.err().unwrap().contains("Filesystem"));
}

#[test]
fn what_has_no_effect_is_told() {
    let volume = read_with(&[("dnsPolicy", "Default"), ("overlay", "x")], &KEY).unwrap();
    assert_eq!(volume.notes.len(), 2, "{:?}", volume.notes);
}

proptest! {
    #[test]
    fn no_attribute_panics_and_no_secret_is_quoted(
        values in proptest::collection::vec("\\PC{0,12}", 14), which in 0_usize..3
    ) {
        let names = ["bucket", "path", "url", "otherOpts", "fuseType", "authType", "sigVersion", "region",
            "encrypted", "kmsKeyId", "volumeAs", "roleArn", "ramRole", "readOnly"];
        let raw = names.iter().zip(values).map(|(n, v)| ((*n).to_owned(), v)).collect();
        let secret = [("akId", "id"), ("akSecret", "hidden-hush"), ("SecurityToken", "hidden-hush")];
        let capability = capability(Mode::MultiNodeMultiWriter, &["a,b=c"], "");
        match Volume::read(&raw, &map(&secret[which..]), Some(&capability), &Rrsa::default()) {
            Err(text) => prop_assert!(!text.contains("hidden-hush")),
            Ok(volume) => {
                let _ = volume.command_line(Path::new("/m"), Path::new("/k"), Path::new("/s"), 64 << 20);
            }
        }
    }
}
