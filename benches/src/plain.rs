//! A plain HTTP client: blocking requests on one kept connection.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
};

/// One kept connection.
pub(crate) struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            address: address.to_owned(),
            stream: BufReader::with_capacity(64 << 10, stream),
            buffer: vec![0; 1 << 20],
        }
    }

    /// Sends one request and reads its answer to the end; gives the body's length in bytes.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> u64 {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut length = 0;
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 20"), "{method} {path}: {line}");
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut left = length as usize;
        while left > 0 {
            let want = left.min(self.buffer.len());
            let got = self.stream.read(&mut self.buffer[..want]).unwrap();
            assert!(got > 0, "{method} {path}: the body is cut");
            left -= got;
        }
        length
    }

    pub(crate) fn get(&mut self, key: &str) -> u64 {
        self.send("GET", &format!("/data/{key}"), "", b"")
    }
}
