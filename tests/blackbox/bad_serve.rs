//! Bad input to `ossplit serve`: one sentence with the mend, a non-zero exit.

use ossplit_testkit::{Server, ServerOptions, run};

fn refused(args: &[&str], words: &[&str]) {
    let mut all = vec!["serve"];
    all.extend(args);
    let finished = run(&all);
    assert!(finished.status > 0, "{args:?} {finished:?}");
    for word in words {
        assert!(
            finished.stderr.contains(word),
            "{word:?} is wanted: {args:?} {finished:?}"
        );
    }
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
}

#[test]
fn a_port_that_is_taken() {
    let server = Server::start();
    refused(
        &["--memory", "--listen", &server.address],
        &[&server.address, "use"],
    );
}

#[test]
fn arguments_that_are_wrong() {
    refused(&["--memory", "--listen", "nonsense"], &["nonsense"]);
    refused(
        &["--memory", "--listen", "127.0.0.1:0", "--latency", "soon"],
        &["soon"],
    );
    refused(
        &[
            "--memory",
            "--listen",
            "127.0.0.1:0",
            "--bucket",
            "Bad_Name",
        ],
        &["Bad_Name"],
    );
    refused(&["--memory", "--data", "/tmp/x"], &["--data"]);
    refused(&["--memory", "--listen", "0.0.0.0:0"], &["--insecure-http"]);
}

#[test]
fn fault_rules_that_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults.json");
    let text = r#"{"rules": [{"status": 500}, {"operation": "GetObjet", "delay_ms": -1}]}"#;
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let wanted = [
        file,
        "rule 2: operation: \"GetObjet\" won't do: give an operation's name",
        "rule 2: delay_ms: -1 won't do: give milliseconds",
    ];
    refused(
        &["--memory", "--listen", "127.0.0.1:0", "--faults", file],
        &wanted,
    );
    let missing = [
        "--memory",
        "--listen",
        "127.0.0.1:0",
        "--faults",
        "/nowhere",
    ];
    refused(&missing, &["/nowhere", "can't be read"]);
}

#[test]
fn a_folder_that_another_server_uses() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("store");
    let options = ServerOptions {
        data: Some(data.clone()),
        ..Default::default()
    };
    let _server = Server::with(&options);
    let data = data.to_str().unwrap();
    refused(&["--listen", "127.0.0.1:0", "--data", data], &[data]);
}
