//! `ossplit upgrade`: another program takes over between two requests.

use super::{
    OPTIONS,
    load::{Numbers, fill, under_load},
    pass, report, rounds,
};
use ossplit_testkit::{Finished, Mounted, Server, ossplit, run, run_with, until_some};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use std::{
    fs::{self, File},
    io::{IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::FileExt as _,
    },
    path::Path,
    process::Command,
    time::Duration,
};

fn upgrade(mount: &Mounted, program: &Path) -> Finished {
    // `upgrade --all` of another test takes this mount along.
    until_some("no other upgrade to be under way", || {
        let finished = run_with(Command::new(program).arg("upgrade").arg(mount.path("")));
        let busy = finished.stderr.contains("another upgrade is under way");
        (!busy).then_some(finished)
    })
}

/// The pause in an upgrade's own words.
fn pause(finished: &Finished) -> Duration {
    assert_eq!(finished.status, 0, "{finished:?}");
    let words = finished.stdout.split_once("paused for ").unwrap().1;
    let ms: f64 = words.trim_end().trim_end_matches(" ms").parse().unwrap();
    Duration::from_secs_f64(ms / 1000.0)
}

fn program_of(pid: u32) -> std::path::PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

#[test]
fn upgrades_in_a_row_under_load() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", OPTIONS);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("ossplit-of-tomorrow");
    fs::copy(ossplit(), &copy).unwrap();
    // Half of the long form's kills.
    let count = rounds(12).div_ceil(4).max(6);
    let mut pauses = Vec::new();
    let outcome = under_load(&mount, true, || {
        let mut numbers = Numbers::new(5);
        for number in 0..count {
            pass(Duration::from_millis(numbers.below(300)));
            let program = if number % 2 == 0 { &copy } else { &ossplit() };
            pauses.push(pause(&upgrade(&mount, program)));
            let worker = mount.worker().unwrap();
            assert_eq!(program_of(worker), *program, "the new program serves");
        }
    });
    report("upgrade", count, &outcome);
    let longest = *pauses.iter().max().unwrap();
    eprintln!("failover: longest pause of an upgrade {longest:?}");
    mount.unmount();
    outcome.check(&server);
    let limit = if option_env!("OSSPLIT_FAILOVER").is_some() {
        100
    } else {
        1000
    };
    assert!(longest < Duration::from_millis(limit), "{pauses:?}");
}

#[test]
fn no_file_is_opened_again_and_the_page_cache_is_kept() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", "kernel_cache,max_stat_cache_size=1000");
    let open = File::open(mount.path("read/7")).unwrap();
    let content = fs::read(mount.path("read/7")).unwrap();
    let mut before = vec![0; content.len()];
    open.read_exact_at(&mut before, 0).unwrap();
    server.reset();
    pause(&upgrade(&mount, &ossplit()));
    let mut after = vec![0; content.len()];
    open.read_exact_at(&mut after, 0).unwrap();
    assert!(before == content && after == content);
    assert_eq!(
        server.requests().get("GetObject"),
        None,
        "all of it came from the page cache"
    );
    drop(open);
    mount.unmount();
}

#[test]
fn after_an_upgrade_a_killed_worker_is_replaced_by_the_new_program() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", "");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("ossplit");
    fs::copy(ossplit(), &copy).unwrap();
    pause(&upgrade(&mount, &copy));
    fs::remove_file(&copy).unwrap();
    let worker = mount.worker().unwrap();
    ossplit_testkit::server::signal(worker, rustix::process::Signal::KILL);
    let worker = super::successor(&mount, worker);
    assert!(program_of(worker).to_string_lossy().contains("(deleted)"));
    assert_eq!(fs::read(mount.path("read/1")).unwrap().len(), 1);
    mount.unmount();
}

#[test]
fn all_mounts_at_once() {
    let server = Server::start();
    fill(&server);
    let mounts = [
        Mounted::new(&server, "data", ""),
        Mounted::new(&server, "data", "ro"),
    ];
    let before = mounts.each_ref().map(|mount| mount.worker().unwrap());
    let finished = run(&["upgrade", "--all"]);
    // Other tests have mounts too, which may end or be broken at this moment.
    for (mount, before) in mounts.iter().zip(before) {
        let place = mount.path("").display().to_string();
        assert!(
            finished.stdout.contains(&format!("{place}: upgraded")),
            "{finished:?}"
        );
        assert_ne!(mount.worker(), Some(before));
    }
    for mount in mounts {
        mount.unmount();
    }
}

/// A connection to the keeper of a mount, as another program would have it.
struct Keeper(OwnedFd);

impl Keeper {
    fn of(mount: &Mounted) -> Self {
        let flags = SocketFlags::CLOEXEC;
        let socket =
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
        let socket = socket.unwrap();
        let name = format!("ossplit/mount/{}", mount.minor());
        let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap();
        rustix::net::connect(&socket, &address).unwrap();
        Self(socket)
    }

    fn ask(&self, words: &str, with: &[BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !with.is_empty() {
            assert!(control.push(SendAncillaryMessage::ScmRights(with)));
        }
        let slices = [IoSlice::new(words.as_bytes())];
        rustix::net::sendmsg(&self.0, &slices, &mut control, SendFlags::empty()).unwrap();
    }

    fn answer(&self) -> (String, Vec<OwnedFd>) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut buffer = vec![0; 65_536];
        let received = {
            let mut slices = [IoSliceMut::new(&mut buffer)];
            rustix::net::recvmsg(&self.0, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)
        };
        let bytes = received.unwrap().bytes;
        let descriptors = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => fds.collect(),
            _ => Vec::new(),
        });
        let descriptors = descriptors.collect();
        (
            String::from_utf8(buffer[..bytes].to_vec()).unwrap(),
            descriptors,
        )
    }
}

#[test]
fn a_state_that_the_new_program_can_t_read_leaves_the_old_one_running() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", "");
    let worker = mount.worker().unwrap();
    let keeper = Keeper::of(&mount);
    keeper.ask(r#"{"fetch":{"mount":"mount"}}"#, &[]);
    let (answer, files) = keeper.answer();
    // The session's state is a memory file that both sides have: this is what another version would find.
    let names: Vec<&str> = answer.split('"').filter(|word| *word != ",").collect();
    let at = names.iter().position(|name| *name == "session").unwrap() - 5;
    let session = File::from(files.into_iter().nth(at).unwrap());
    let mut text = String::new();
    let len = session.metadata().unwrap().len() as usize;
    let mut bytes = vec![0; len];
    session.read_exact_at(&mut bytes, 0).unwrap();
    (&bytes[..]).read_to_string(&mut text).unwrap();
    assert!(text.starts_with("{\"version\":1,"), "{text}");
    session.write_all_at(b"{\"version\":9,", 0).unwrap();
    let refused = upgrade(&mount, &ossplit());
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.stderr.contains("format version 9"), "{refused:?}");
    assert!(refused.stderr.contains("served as before"), "{refused:?}");
    assert_eq!(mount.worker(), Some(worker), "the old one serves");
    assert_eq!(fs::read(mount.path("read/1")).unwrap().len(), 1);
    session.write_all_at(b"{\"version\":1,", 0).unwrap();
    pause(&upgrade(&mount, &ossplit()));
    assert_ne!(mount.worker(), Some(worker));
    mount.unmount();
}

#[test]
fn a_program_that_is_none_of_ours_leaves_the_old_one_running() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", "");
    let worker = mount.worker();
    for (program, words) in [
        ("/bin/false", "ended with status 1"),
        ("/etc/passwd", "can't start"),
    ] {
        let keeper = Keeper::of(&mount);
        let file = File::open(program).unwrap();
        keeper.ask("\"upgrade\"", &[file.as_fd()]);
        let (answer, _) = keeper.answer();
        assert!(
            answer.contains("failed") && answer.contains(words),
            "{answer}"
        );
    }
    assert_eq!(mount.worker(), worker);
    assert_eq!(fs::read(mount.path("read/1")).unwrap().len(), 1);
    mount.unmount();
}

#[test]
fn only_its_own_user_may_speak_to_a_keeper() {
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", "");
    let script = format!(
        "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); \
         s.connect(chr(0) + 'ossplit/mount/{}'); s.settimeout(20)\n\
         try:\n s.send(b'\"list\"')\n print(s.recv(1000))\n\
         except OSError as e: print('refused', e)",
        mount.minor()
    );
    let ask = |prefix: &[&str]| {
        let words = [prefix, &["/usr/bin/python3", "-c", &script]].concat();
        run_with(Command::new(words[0]).args(&words[1..])).stdout
    };
    let other = ask(&[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ]);
    assert!(
        other.starts_with("b''") || other.starts_with("refused"),
        "{other}"
    );
    let own = ask(&[]);
    assert!(own.contains("served_by"), "{own}");
    mount.unmount();
}

#[test]
fn what_is_not_kept_can_t_be_upgraded() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = run(&["upgrade".as_ref(), folder.path().as_os_str()]);
    assert_eq!(nothing.status, 1);
    assert!(
        nothing.stderr.contains("no bucket is mounted"),
        "{nothing:?}"
    );
    let server = Server::start();
    fill(&server);
    let mount = Mounted::new(&server, "data", "failover=off");
    let refused = upgrade(&mount, &ossplit());
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("failover=off"), "{refused:?}");
    let mut file = File::create(mount.path("f")).unwrap();
    file.write_all(b"it goes on").unwrap();
    drop(file);
    mount.unmount();
}
