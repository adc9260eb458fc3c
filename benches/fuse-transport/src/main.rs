//! Measures two FUSE transports on one in-memory tree.
//!
//! `fuse-transport [ROUNDS]` runs both in turn, ROUNDS times (5 when not given), and prints the
//! median and the best of each figure: on a shared machine the best is what tells. The server is a process of its own, so that its CPU time is its own; each
//! pass gets a fresh mount, so that every name and page is cold.

mod ours;
mod theirs;
#[allow(dead_code)]
#[path = "../../../crates/fuse/tests/mounted/tree.rs"]
mod tree;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::mount::UnmountFlags;

/// Small files, in one directory.
pub const FILES: usize = 20_000;
/// Bytes in a small file.
pub const SMALL: usize = 8192;
/// Bytes in the large file, which is served from one buffer of 1 MiB.
pub const LARGE: u64 = 1 << 30;
pub const TTL: Duration = Duration::from_secs(3600);
pub const THREADS: usize = 2;

pub fn tree() -> tree::Tree {
    let tree = tree::Tree::new();
    for index in 0..FILES {
        tree.add(
            1,
            name(index).as_ref(),
            libc::S_IFREG | 0o644,
            &[b'x'; SMALL],
        )
        .expect("new name");
    }
    tree.add(1, "large".as_ref(), libc::S_IFREG | 0o644, &[])
        .expect("new name");
    tree
}

pub const LARGE_ID: u64 = FILES as u64 + 2;

/// The size that the tree does not hold.
pub fn size(id: u64, node: &tree::Node) -> u64 {
    if id == LARGE_ID {
        LARGE
    } else {
        node.data.len() as u64
    }
}

fn name(index: usize) -> String {
    format!("file-{index:06}")
}

struct Server {
    child: Child,
    path: PathBuf,
}

impl Server {
    fn start(kind: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fuse-transport-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a mount point");
        let mut child = Command::new(std::env::current_exe().expect("own path"))
            .args(["serve", kind])
            .arg(&path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut ready = [0; 6];
        child
            .stdout
            .take()
            .expect("piped")
            .read_exact(&mut ready)
            .expect("the server is ready");
        let minor = rustix::fs::minor(rustix::fs::stat(&path).expect("mounted").st_dev);
        fs::write(format!("/sys/class/bdi/0:{minor}/read_ahead_kb"), "16384").expect("root");
        Self { child, path }
    }

    /// User and system time that the server has used.
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let mut words = stat
            .rsplit(") ")
            .next()
            .expect("a name")
            .split(' ')
            .skip(11);
        let mut ticks = || {
            words
                .next()
                .and_then(|word| word.parse::<u64>().ok())
                .expect("ticks")
        };
        Duration::from_millis((ticks() + ticks()) * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.path, UnmountFlags::DETACH);
        let _ = self.child.wait();
        let _ = fs::remove_dir(&self.path);
    }
}

struct Figures {
    /// Files opened, read and closed a second, and the server's CPU a file, in microseconds.
    small: f64,
    small_cpu: f64,
    /// Paths looked up a second, and the server's CPU a path, in microseconds.
    stat: f64,
    stat_cpu: f64,
    /// GB a second, and the server's CPU seconds a GB.
    large: f64,
    large_cpu: f64,
}

fn measure(kind: &str) -> Figures {
    let server = Server::start(kind);
    let (small, small_cpu) = timed(&server, || small(&server.path));
    drop(server);
    let server = Server::start(kind);
    let (stat, stat_cpu) = timed(&server, || stat(&server.path));
    let (large, large_cpu) = timed(&server, || large(&server.path));
    let (files, gb) = (FILES as f64, LARGE as f64 / 1e9);
    Figures {
        small: files / small,
        small_cpu: small_cpu * 1e6 / files,
        stat: files / stat,
        stat_cpu: stat_cpu * 1e6 / files,
        large: gb / large,
        large_cpu: large_cpu / gb,
    }
}

fn timed(server: &Server, work: impl FnOnce()) -> (f64, f64) {
    let (cpu, start) = (server.cpu(), Instant::now());
    work();
    (
        start.elapsed().as_secs_f64(),
        (server.cpu() - cpu).as_secs_f64(),
    )
}

fn small(path: &Path) {
    let mut buffer = [0; 2 * SMALL];
    for index in 0..FILES {
        let mut file = File::open(path.join(name(index))).expect("it is there");
        assert_eq!(file.read(&mut buffer).expect("it can be read"), SMALL);
    }
}

fn stat(path: &Path) {
    for index in 0..FILES {
        assert_eq!(
            fs::metadata(path.join(name(index)))
                .expect("it is there")
                .len(),
            SMALL as u64
        );
    }
}

fn large(path: &Path) {
    let mut file = File::open(path.join("large")).expect("it is there");
    let mut buffer = vec![0; 1 << 20];
    let mut left = LARGE;
    while left > 0 {
        left -= file.read(&mut buffer).expect("it can be read") as u64;
    }
}

/// Median and best.
fn summary(mut values: Vec<f64>, least_is_best: bool) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let best = if least_is_best {
        values[0]
    } else {
        values[values.len() - 1]
    };
    (values[values.len() / 2], best)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", "ours", path] => ours::serve(Path::new(path)),
        ["serve", "fuser", path] => theirs::serve(Path::new(path)),
        [] => compare(5),
        [rounds] => compare(rounds.parse().expect("a number of rounds")),
        _ => panic!("usage: fuse-transport [ROUNDS]"),
    }
}

fn compare(rounds: usize) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(measure("ours"));
        theirs.push(measure("fuser"));
    }
    println!("{:38} {:^25} {:^25}", "", "ossplit-fuse", "fuser 0.18");
    println!(
        "{:38} {:>12} {:>12} {:>12} {:>12}",
        "", "median", "best", "median", "best"
    );
    let rows: [(&str, fn(&Figures) -> f64); 6] = [
        ("cold open+read+close, files/s", |it| it.small),
        ("  server CPU, us a file", |it| it.small_cpu),
        ("cold stat, paths/s", |it| it.stat),
        ("  server CPU, us a path", |it| it.stat_cpu),
        ("sequential read by 1 MiB, GB/s", |it| it.large),
        ("  server CPU, s a GB", |it| it.large_cpu),
    ];
    for (label, figure) in rows {
        let least_is_best = label.contains("CPU");
        let (ours, our_best) = summary(ours.iter().map(figure).collect(), least_is_best);
        let (theirs, their_best) = summary(theirs.iter().map(figure).collect(), least_is_best);
        println!("{label:38} {ours:12.2} {our_best:12.2} {theirs:12.2} {their_best:12.2}");
    }
}
