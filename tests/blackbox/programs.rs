//! Programs that people run on a mount, each doing what it is known for. `scripts/setup-programs` installs them.

use ossplit_testkit::{Mounted, Server};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A program of crates.io.
pub(crate) fn tool(name: &str) -> PathBuf {
    let path = repository().join(".tools/bin").join(name);
    assert!(
        path.exists(),
        "{name} is missing: run scripts/setup-programs"
    );
    path
}

/// Runs a shell script in a fresh read-write mount, and then in another one of the same bucket what checks it: whatever
/// the first one knew is forgotten. `$TMP` is an empty local folder for both, `$PYTHON` has numpy and safetensors.
fn on_a_mount(script: &str, check: &str) {
    let server = Server::start();
    let local = tempfile::tempdir().unwrap();
    for script in [script, check] {
        let mount = Mounted::new(&server, "data", "");
        let run = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(mount.path(""))
            .env("TMP", local.path())
            .env("PYTHON", repository().join(".venv/bin/python"))
            .output()
            .unwrap();
        let said = [run.stdout, run.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(run.status.success(), "{script}\n{said}");
        mount.unmount();
    }
}

/// Makes `$TMP/tree`: 5,000 files of all sizes and modes, links, an empty folder.
const TREE: &str = r#"
python3 - "$TMP/tree" <<'P'
import os, random, sys
top, rng = sys.argv[1], random.Random(1)
for i in range(FILES):
    folder = f"{top}/d{i % 50}/e{i % 7}"
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/f{i}"
    with open(path, "wb") as file:
        file.write(rng.randbytes(i * 13 % 9000))
    os.chmod(path, 0o600 + i % 64)
    os.utime(path, ns=(i * 10**9 + 1, i * 10**9 + 123456789))
os.mkdir(f"{top}/empty")
os.symlink("d1/e1/f1", f"{top}/link")
P
"#;

fn tree(files: u32) -> String {
    TREE.replace("FILES", &files.to_string())
}

#[test]
fn sqlite_keeps_its_database_whole() {
    on_a_mount(
        r#"
        sqlite3 t.db "create table t(a, b); begin;
            insert into t select value, hex(randomblob(50)) from generate_series(1, 2000); commit;
            update t set b = 1 where a % 7 = 0; delete from t where a % 5 = 0; vacuum;"
        sqlite3 t.db "begin; delete from t; rollback;"
        "#,
        r#"
        sqlite3 t.db "pragma integrity_check" | grep -x ok
        sqlite3 t.db "select count(*) from t" | grep -x 1600
        test ! -e t.db-journal
        "#,
    );
}

#[test]
fn git_commits_clones_and_packs() {
    on_a_mount(
        r"
        export HOME=$TMP GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=user.email GIT_CONFIG_VALUE_0=a@b \
            GIT_CONFIG_KEY_1=user.name GIT_CONFIG_VALUE_1=n
        git init -q one
        cd one
        for i in $(seq 30); do echo $i > f$i; done
        git add . && git commit -qm one
        echo x >> f1 && git commit -qam two
        cd .. && git clone -q one two && cd two && git gc -q
        ",
        r#"
        export HOME=$TMP
        git config --global safe.directory '*'
        for at in one two; do
            git -C $at fsck --strict
            git -C $at log --oneline | wc -l | grep -x 2
            test -z "$(git -C $at status --porcelain)"
        done
        "#,
    );
}

#[test]
fn tar_extracts_5_000_files() {
    on_a_mount(
        &(tree(5000)
            + r"tar cf $TMP/tree.tar -C $TMP/tree . && mkdir x && tar xpf $TMP/tree.tar -C x"),
        "diff -r $TMP/tree x && tar df $TMP/tree.tar -C x",
    );
}

#[test]
fn rsync_sends_nothing_the_second_time() {
    on_a_mount(
        &(tree(300) + "rsync -a $TMP/tree/ x/"),
        r#"test -z "$(rsync -ai $TMP/tree/ x/)" && diff -r $TMP/tree x"#,
    );
}

#[test]
fn cp_keeps_everything() {
    on_a_mount(
        &(tree(300) + "cp -a $TMP/tree x && cp -a x y"),
        "diff -r $TMP/tree y && test -z \"$(rsync -ai $TMP/tree/ y/)\"",
    );
}

#[test]
fn editors_replace_files_in_their_ways() {
    on_a_mount(
        r"
        for i in $(seq 1000); do echo line $i; done > sed
        chmod 751 sed
        sed -i s/line/LINE/ sed
        # As vim does: the old file becomes the backup, which goes when the new one is there.
        echo old > vim
        chmod 640 vim
        mv vim vim~
        echo new > vim
        chmod 640 vim
        rm vim~
        # The other order: the new file is there first.
        echo old > swap && echo new > swap.new && sync swap.new
        mv swap swap~ && mv swap.new swap && rm swap~
        # As emacs and many programs do.
        echo old > replaced
        echo new > .replaced.tmp && sync .replaced.tmp && mv .replaced.tmp replaced
        head -c 3000000 /dev/urandom > $TMP/dd
        cp $TMP/dd dd
        for to in dd $TMP/dd; do
            dd if=/dev/zero of=$to bs=1000 seek=500 count=100 conv=notrunc status=none
            dd if=/dev/zero of=$to bs=1 seek=2999999 count=100 conv=notrunc status=none
        done
        ",
        r#"
        test "$(grep -c LINE sed) $(stat -c %a sed)" = "1000 751"
        test "$(cat vim) $(stat -c %a vim) $(cat replaced) $(cat swap)" = "new 640 new new"
        cmp dd $TMP/dd
        test "$(ls -A)" = "$(printf 'dd\nreplaced\nsed\nswap\nvim')"
        "#,
    );
}

#[test]
fn loggers_append_to_one_file() {
    on_a_mount(
        r#"
        log() { for i in $(seq 200); do echo "$1 $i" >> log; done }
        $PYTHON - <<'P'
import multiprocessing
def log(name):
    with open("log", "a") as file:
        for i in range(300):
            print(name, i, file=file, flush=True)
jobs = [multiprocessing.Process(target=log, args=(f"p{n}",)) for n in range(4)]
for job in jobs: job.start()
for job in jobs: job.join(); assert job.exitcode == 0
P
        log a & log b & wait
        "#,
        "test \"$(sort -u log | wc -l) $(wc -l < log)\" = '1600 1600'",
    );
}

#[test]
fn numpy_and_safetensors_save_and_load() {
    on_a_mount(
        r#"
        $PYTHON - <<'P'
import numpy, safetensors.numpy
array = numpy.arange(3_000_000, dtype="f4").reshape(1000, 3000)
numpy.save("a.npy", array)
numpy.savez_compressed("a.npz", x=array, y=array[:10])
mapped = numpy.lib.format.open_memmap("m.npy", mode="w+", dtype="f4", shape=(1000, 3000))
mapped[:] = array
mapped[500] = -1
mapped.flush()
del mapped
for _ in range(2):  # the second time over the first
    safetensors.numpy.save_file({"x": array, "y": array[:7].copy()}, "a.safetensors", metadata={"a": "b"})
P
        "#,
        r#"
        $PYTHON - <<'P'
import numpy, safetensors, safetensors.numpy
array = numpy.arange(3_000_000, dtype="f4").reshape(1000, 3000)
assert (numpy.load("a.npy") == array).all()
assert (numpy.load("a.npy", mmap_mode="r")[::7] == array[::7]).all()
assert (numpy.load("a.npz")["y"] == array[:10]).all()
changed = numpy.load("m.npy")
assert (changed[500] == -1).all() and (changed[501:] == array[501:]).all()
loaded = safetensors.numpy.load_file("a.safetensors")
assert (loaded["x"] == array).all() and (loaded["y"] == array[:7]).all()
with safetensors.safe_open("a.safetensors", "np") as file:
    assert file.metadata() == {"a": "b"}
    assert (file.get_slice("x")[10:20] == array[10:20]).all()
P
        "#,
    );
}

#[test]
fn the_steps_of_a_safe_save_work() {
    // safetensors 0.8 on Unix: a file of its full length, filled piece by piece, named when it is whole.
    on_a_mount(
        r#"
        $PYTHON - <<'P'
import os
os.umask(0o022)
with open("model", "wb") as old:
    old.write(b"old")
fd = os.open(".tmp123", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
size = 15_000_000
os.ftruncate(fd, size)
for at in reversed(range(0, size, 1_000_000)):
    os.pwrite(fd, bytes([at // 1_000_000]) * 1_000_000, at)
os.fchmod(fd, 0o644)
os.fsync(fd)
os.rename(".tmp123", "model")
os.close(fd)
P
        "#,
        r#"
        $PYTHON - <<'P'
import os
data = open("model", "rb").read()
assert data == b"".join(bytes([i]) * 1_000_000 for i in range(15))
assert os.stat("model").st_mode & 0o777 == 0o644 and os.listdir() == ["model"]
P
        "#,
    );
}

#[test]
fn fio_verifies_what_it_wrote() {
    let job =
        "fio --directory=. --verify=crc32c --verify_state_save=0 --output-format=terse --size=16m";
    on_a_mount(
        &format!(
            "{job} --name=random --rw=randwrite --bs=4k --fallocate=posix --end_fsync=1 --do_verify=1
             {job} --name=mapped --rw=randrw --bssplit=1k/30:4k/30:128k/40 --ioengine=mmap
             {job} --name=stream --rw=write --bs=1m --numjobs=4 --fsync=4"
        ),
        &format!("{job} --name=random --rw=randwrite --bs=4k --verify_only=1"),
    );
}

#[test]
fn stress_ng_finds_no_fault() {
    on_a_mount(
        "stress-ng --temp-path . --timeout 8s --verify --hdd 1 --hdd-bytes 8m --rename 1 --dentry 1 --dentries 64 \
           --seek 1 --dir 1 --dir-dirs 64 --symlink 1 --chmod 1 --utime 1 --flock 1 --fallocate 1 --fallocate-bytes 4m",
        "test -z \"$(ls -A)\"",
    );
}
