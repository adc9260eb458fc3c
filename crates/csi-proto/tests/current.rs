//! The generated code is that of the files in `proto/`.

use std::path::Path;

const FILES: [(&str, &str); 2] = [
    ("csi.proto", "csi.v1.rs"),
    ("pluginregistration.proto", "pluginregistration.rs"),
];

#[test]
fn the_code_is_what_the_files_say() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for (proto, code) in FILES {
        let set = protox::compile([proto], [here.join("proto")]).unwrap();
        tonic_prost_build::configure()
            .build_transport(false)
            .out_dir(folder.path())
            .compile_fds(set)
            .unwrap();
        let fresh = std::fs::read_to_string(folder.path().join(code)).unwrap();
        let checked_in = here.join("src/generated").join(code);
        #[allow(clippy::disallowed_methods, reason = "asked for by hand only")]
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&checked_in, &fresh).unwrap();
        }
        assert!(
            std::fs::read_to_string(&checked_in).unwrap() == fresh,
            "{proto} or the generator has changed: UPDATE=1 cargo test -p ossplit-csi-proto"
        );
    }
}
