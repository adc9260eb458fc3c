// Included by examples in the documentation: runs one against an embedded server of its own, in which `bucket` holds `key`.
pub fn example<F>(run: impl FnOnce(ossplit::Client) -> F)
where
    F: std::future::Future<Output = Result<(), ossplit::Error>>,
{
    use ossplit_server::{Config, Key, Server, store::Store};

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let config = Config {
            buckets: vec!["bucket".into()],
            ..Config::new(Key { id: "id".into(), secret: "secret".into(), token: None })
        };
        let server = Server::bind(config, Store::in_memory()).await.unwrap();
        let endpoint = format!("http://{}", server.address().unwrap());
        tokio::spawn(server.run(std::future::pending()));
        let config = ossplit::ClientConfig::new(&endpoint, "cn-local").unwrap();
        let key = ossplit::Key { id: "id".into(), secret: "secret".into(), token: None };
        let client = ossplit::Client::new(config.with_key(key)).unwrap();
        let object = ossplit::PutObject::new("bucket", "key", "hello");
        client.put_object(object).await.unwrap();
        run(client).await.unwrap();
    });
}
