//! Sends one file, or fetches one object, with the defaults, and prints how many seconds that took: what other front ends on this
//! crate are measured against (benches/python).
//!
//! `transfer upload|download ENDPOINT REGION BUCKET KEY FILE`, or `transfer get ENDPOINT REGION BUCKET PREFIX COUNT` for the objects
//! `PREFIX/00000` and so on, one after another; with the key's id and secret in standard input, a line each.
#![allow(clippy::print_stdout, reason = "it prints its figure")]

use ossplit::{Client, ClientConfig, GetObject, Key};
use ossplit_transfer::{DownloadFile, Downloader, Settings, UploadFile, Uploader};
use std::{io::BufRead as _, time::Instant};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, endpoint, region, bucket, key, file] = &words[..] else {
        return Err("give: upload|download ENDPOINT REGION BUCKET KEY FILE, or get ENDPOINT REGION BUCKET PREFIX COUNT".into());
    };
    let mut lines = std::io::stdin().lock().lines();
    let mut line = || lines.next().unwrap_or_else(|| Ok(String::new()));
    let signer = Key {
        id: line()?,
        secret: line()?,
        token: None,
    };
    let client = Client::new(ClientConfig::new(endpoint, region)?.with_key(signer))?;
    let began = Instant::now();
    match what.as_str() {
        "upload" => {
            let uploader = Uploader::new(client, Settings::default());
            uploader.upload(UploadFile::new(file, bucket, key)).await?;
        }
        "download" => {
            let downloader = Downloader::new(client, Settings::default());
            downloader
                .download(DownloadFile::new(bucket, key, file))
                .await?;
        }
        "get" => {
            for number in 0..file.parse::<u32>()? {
                let get = GetObject::new(bucket, format!("{key}/{number:05}"));
                client.get_object(get).await?.body.collect().await?;
            }
        }
        other => return Err(format!("{other}: give upload, download or get").into()),
    }
    println!("{}", began.elapsed().as_secs_f64());
    Ok(())
}
