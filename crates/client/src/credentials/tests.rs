use super::*;
use crate::{
    Endpoint,
    testing::{Script, answer, refusal},
};
use futures_util::future::{FutureExt as _, join, ready};
use parking_lot::Mutex;
use std::{cell::Cell, collections::HashMap, fs, path::Path};

const ISSUED: &str = r#"{"Code":"Success","AccessKeyId":"sts","AccessKeySecret":"s3cret","SecurityToken":"token","Expiration":"2026-11-23T10:00:00Z"}"#;

fn named(id: &str) -> Key {
    Key {
        id: id.into(),
        secret: "s3cret".into(),
        token: None,
    }
}

#[test]
fn the_environment_has_two_spellings_and_only_whole_pairs() {
    fn id(variables: &[(&str, &str)]) -> Option<String> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        let key = key_from_environment(|name| variables.get(name).map(|v| (*v).to_owned()))?;
        Some(key.id)
    }
    let whole = [("OSS_ACCESS_KEY_ID", "a"), ("OSS_ACCESS_KEY_SECRET", "b")];
    assert_eq!(id(&whole).as_deref(), Some("a"));
    let older = [("OSSACCESSKEYID", "c"), ("OSSSECRETACCESSKEY", "d")];
    assert_eq!(id(&older).as_deref(), Some("c"));
    assert_eq!(id(&whole[..1]), None);
    let empty = [("OSS_ACCESS_KEY_ID", "a"), ("OSS_ACCESS_KEY_SECRET", "")];
    assert_eq!(id(&empty), None);
}

mod file {
    use super::*;

    fn write(path: &Path, text: &str) {
        // By rename, as Kubernetes replaces a secret: the inode tells the change at once.
        let beside = path.with_extension("new");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
    }

    #[tokio::test]
    async fn a_line_for_the_bucket_goes_before_one_for_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        write(&path, "# comment\n\n all:x \nmine:id:y\nother:no:z\n");
        let mine = KeyFile::open(&path, "mine").unwrap().key().await.unwrap();
        assert_eq!((mine.id.as_str(), mine.secret.as_str()), ("id", "y"));
        let any = KeyFile::open(&path, "third").unwrap().key().await.unwrap();
        assert_eq!((any.id.as_str(), any.secret.as_str()), ("all", "x"));
    }

    #[tokio::test]
    async fn a_key_with_a_token_comes_as_json_and_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        write(&path, ISSUED);
        let file = KeyFile::open(&path, "any").unwrap();
        let key = file.key().await.unwrap();
        assert_eq!((&*key.id, key.token.as_deref()), ("sts", Some("token")));
        write(&path, &ISSUED.replace("token", "next"));
        file.refused(&key);
        assert_eq!(file.key().await.unwrap().token.as_deref(), Some("next"));
        write(&path, r#"{"AccessKeyId": "hidden"}"#);
        let error = KeyFile::open(&path, "any").unwrap_err().to_string();
        assert!(error.contains("AccessKeySecret is missing") && !error.contains("hidden"));
    }

    #[test]
    fn a_bad_file_is_described_without_its_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        for (text, fault) in [
            ("", "no line is for bucket b"),
            ("c:id:s3cret", "no line is for bucket b"),
            ("id:s3 cret", "line 1 holds a blank"),
            ("#\ns3cret", "line 2 is neither"),
            ("id:", "line 1 is neither"),
            ("a:b:c:d", "line 1 is neither"),
        ] {
            write(&path, text);
            let error = KeyFile::open(&path, "b").unwrap_err().to_string();
            assert!(error.contains(fault), "{error}");
            assert!(!error.contains("cret"), "{error}");
        }
        let error = KeyFile::open(&dir.path().join("absent"), "b").unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_again_and_a_broken_one_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        write(&path, "first:x");
        let file = KeyFile::open(&path, "b").unwrap();
        let first = file.key().await.unwrap();
        write(&path, "second:x");
        // Not looked at yet.
        assert!(Arc::ptr_eq(&first, &file.key().await.unwrap()));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(file.key().await.unwrap().id, "second");
        write(&path, "broken");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(file.key().await.unwrap().id, "second");
        write(&path, "third:x");
        // The service refused the key: the file is looked at before its second is over.
        assert!(file.refused(&file.key().await.unwrap()));
        assert_eq!(file.key().await.unwrap().id, "third");
        fs::remove_file(&path).unwrap();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(file.key().await.unwrap().id, "third");
        assert!(!format!("{file:?}").contains("s3cret"));
    }
}

mod process {
    use super::*;

    async fn run(command: &str) -> Result<Issued, Error> {
        CredentialProcess::new(command)?.issue().await
    }

    #[tokio::test]
    async fn its_output_is_the_key() {
        let issued = run(&format!("/bin/echo {ISSUED}")).await.unwrap();
        assert_eq!(issued.key.id, "sts");
        assert_eq!(issued.key.token.as_deref(), Some("token"));
        let end = SystemTime::UNIX_EPOCH + Duration::from_hours(498_730);
        assert_eq!(issued.expiration, Some(end));
    }

    #[tokio::test]
    async fn faults_name_the_program_and_no_secret() {
        for (command, fault) in [
            ("echo x", "absolute path"),
            ("", "absolute path"),
            ("/bin/echo $HOME", "without $"),
            ("/bin/false", "ended with exit status: 1"),
            ("/no/such/program", "/no/such/program"),
            ("/bin/echo s3cret", "not the JSON"),
            (r#"/bin/echo {"AccessKeyId":"s3cret"}"#, "is missing"),
            (r#"/bin/echo {"Code":"Failed"}"#, "Code is Failed"),
            (
                r#"/bin/echo {"AccessKeyId":"a","AccessKeySecret":"s3cret","Expiration":"soon"}"#,
                "Expiration",
            ),
        ] {
            let error = run(command).await.unwrap_err().to_string();
            assert!(error.contains(fault), "{command}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_killed() {
        let error = run("/bin/sleep 3600").await.unwrap_err().to_string();
        assert!(error.contains("longer than 60 s"), "{error}");
    }
}

mod ecs {
    use super::*;

    fn role(script: &Arc<Script>, name: Option<&str>) -> EcsRole {
        let endpoint = Endpoint::parse(EcsRole::ADDRESS).unwrap();
        EcsRole::new(Arc::clone(script) as _, endpoint, name.map(str::to_owned))
    }

    #[tokio::test]
    async fn a_token_comes_first_then_the_role_then_the_key() {
        let script = Script::new([
            answer(200, &[], "TOKEN"),
            answer(200, &[], "my-role\n"),
            answer(200, &[], ISSUED),
        ]);
        let issued = role(&script, None).issue().await.unwrap();
        assert_eq!(issued.key.id, "sts");
        let seen = script.seen();
        let path = "/latest/meta-data/ram/security-credentials/";
        assert_eq!(
            (seen[0].method.as_str(), &*seen[0].target),
            ("PUT", "/latest/api/token")
        );
        assert_eq!(seen[0].header("host"), "100.100.100.200");
        assert_eq!(seen[1].target, path);
        assert_eq!(seen[2].target, format!("{path}my-role"));
        assert_eq!(seen[2].header("x-aliyun-ecs-metadata-token"), "TOKEN");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_may_pass_is_tried_again() {
        let script = Script::new([
            refusal(500, ""),
            crate::testing::lost(),
            answer(200, &[], "TOKEN"),
            answer(200, &[], ISSUED),
        ]);
        role(&script, Some("r")).issue().await.unwrap();
        script.seen();
    }

    #[tokio::test]
    async fn an_instance_without_a_role_says_so() {
        for answers in [
            vec![answer(200, &[], "TOKEN"), answer(404, &[], "")],
            vec![answer(200, &[], "TOKEN"), answer(200, &[], "\n")],
        ] {
            let script = Script::new(answers);
            let error = role(&script, None).issue().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthenticated);
            assert!(error.to_string().contains("RAM role"), "{error}");
        }
    }

    #[tokio::test]
    async fn it_is_reached_over_the_network() {
        let server = crate::testing::Server::start(async |mut stream, _| {
            for body in ["TOKEN", ISSUED] {
                crate::testing::read_head(&mut stream).await?;
                crate::testing::answer_one(&mut stream, body).await?;
            }
            Ok(())
        })
        .await;
        let role = EcsRole::connect(&server.endpoint(), Some("r".into())).unwrap();
        assert_eq!(role.issue().await.unwrap().key.id, "sts");
        assert_eq!(server.connections(), 1);
    }
}

mod refreshing {
    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(1_000_000) };
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.get())
    }

    fn pass(seconds: u64) {
        NOW.set(NOW.get() + seconds);
    }

    /// Issues keys `1`, `2` and so on, each for an hour; fails while told to.
    #[derive(Default)]
    struct Numbers {
        issued: Mutex<u64>,
        fails: Mutex<bool>,
        /// Held while an answer is on its way.
        slow: tokio::sync::Mutex<()>,
    }

    impl Source for Arc<Numbers> {
        fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
            async {
                let _arrived = self.slow.lock().await;
                let mut issued = self.issued.lock();
                *issued += 1;
                if *self.fails.lock() {
                    return Err(Error::new(ErrorKind::Unauthenticated, "no answer"));
                }
                Ok(Issued {
                    key: named(&issued.to_string()),
                    expiration: Some(now() + Duration::from_hours(1)),
                })
            }
            .boxed()
        }
    }

    fn set_up() -> (Arc<Numbers>, Refreshing<Arc<Numbers>>) {
        let source = Arc::<Numbers>::default();
        (Arc::clone(&source), Refreshing::with_clock(source, now))
    }

    async fn id(provider: &impl CredentialsProvider) -> String {
        provider.key().await.unwrap().id.clone()
    }

    #[tokio::test]
    async fn a_key_is_renewed_before_its_end() {
        let (source, provider) = set_up();
        assert_eq!(*source.issued.lock(), 0);
        assert_eq!(id(&provider).await, "1");
        pass(3299);
        assert_eq!(id(&provider).await, "1");
        pass(2);
        assert_eq!(id(&provider).await, "2");
        assert_eq!(*source.issued.lock(), 2);
    }

    #[tokio::test]
    async fn one_caller_asks_for_all() {
        let (source, provider) = set_up();
        assert_eq!(
            join(id(&provider), id(&provider)).await,
            ("1".into(), "1".into())
        );
        // Near the end the others need not even wait.
        pass(3500);
        let arriving = source.slow.lock().await;
        let mut asking = std::pin::pin!(id(&provider));
        assert!(asking.as_mut().now_or_never().is_none());
        assert_eq!(id(&provider).now_or_never().as_deref(), Some("1"));
        drop(arriving);
        assert_eq!(asking.await, "2");
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_the_others_free_to_ask() {
        let (source, provider) = set_up();
        let arriving = source.slow.lock().await;
        assert!(id(&provider).now_or_never().is_none());
        drop(arriving);
        assert_eq!(id(&provider).await, "1");
    }

    #[tokio::test]
    async fn the_old_key_serves_while_it_lasts() {
        let (source, provider) = set_up();
        id(&provider).await;
        *source.fails.lock() = true;
        pass(3500);
        assert_eq!(id(&provider).await, "1");
        pass(101);
        let error = provider.key().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        *source.fails.lock() = false;
        id(&provider).await;
    }

    #[tokio::test]
    async fn a_refused_key_is_renewed_but_not_for_every_request() {
        let (_, provider) = set_up();
        let first = provider.key().await.unwrap();
        assert!(provider.refused(&first));
        let second = provider.key().await.unwrap();
        assert_eq!(second.id, "2");
        // A request that was under way with the first finds the second.
        assert!(provider.refused(&first));
        assert!(!provider.refused(&second));
        pass(11);
        assert!(provider.refused(&second));
    }

    #[tokio::test]
    async fn a_key_that_ended_before_it_came_is_an_error() {
        struct Late;
        impl Source for Late {
            fn issue(&self) -> BoxFuture<'_, Result<Issued, Error>> {
                let issued = Issued {
                    key: named("late"),
                    expiration: Some(now()),
                };
                ready(Ok(issued)).boxed()
            }
        }
        let error = Refreshing::with_clock(Late, now).key().await.unwrap_err();
        assert!(error.to_string().contains("check the clock"), "{error}");
    }
}

#[tokio::test]
async fn a_chain_takes_the_first_and_names_every_fault() {
    struct Nothing(&'static str);
    impl CredentialsProvider for Nothing {
        fn key(&self) -> BoxFuture<'_, Result<Arc<Key>, Error>> {
            ready(Err(Error::new(ErrorKind::Unauthenticated, self.0))).boxed()
        }
    }
    let one = || Arc::new(StaticProvider::new(named("one")));
    let chain = Chain::new(vec![
        Arc::new(Nothing("no file")),
        one(),
        Arc::new(Nothing("x")),
    ]);
    assert_eq!(chain.key().await.unwrap().id, "one");
    let chain = Chain::new(vec![
        Arc::new(Nothing("no file")),
        Arc::new(Nothing("no role")),
    ]);
    let error = chain.key().await.unwrap_err().to_string();
    assert!(
        error.contains("no file") && error.contains("no role"),
        "{error}"
    );
    let error = Chain::new(Vec::new()).key().await.unwrap_err();
    assert!(error.to_string().contains("none is set up"), "{error}");
}

#[test]
fn keys_do_not_print_their_secrets() {
    let mut key = named("id");
    key.token = Some("t0ken".into());
    let issued = Issued {
        key: key.clone(),
        expiration: None,
    };
    let printed = format!("{key:?} {issued:?} {:?}", StaticProvider::new(key.clone()));
    assert!(
        !printed.contains("s3cret") && !printed.contains("t0ken"),
        "{printed}"
    );
}
