//! `ossplit worker --socket-fd 0 MOUNTPOINT`, which no person types: the process that serves a mount.

use crate::{env::Env, exit::Exit, log};
use ossplit_mount::process::{self, Hooks, Trouble};
use std::ffi::OsString;

/// Serves, and ends this process with its exit status.
pub(crate) fn run(words: &[OsString], env: &Env) -> Option<Exit> {
    let [flag, descriptor, _mountpoint] = words else {
        return None;
    };
    if flag != "--socket-fd" || descriptor != "0" {
        return None;
    }
    std::process::exit(process::serve_kept(log::set_up, hooks(env)));
}

/// What our own tests ask for.
fn hooks(env: &Env) -> Hooks {
    let mut hooks = Hooks::default();
    for word in env.get("OSSPLIT_TEST_HOOKS").unwrap_or_default().split(',') {
        match word {
            "panic-on-usr1" => hooks.on_user1 = Some(Trouble::Panic),
            "silence-on-usr1" => hooks.on_user1 = Some(Trouble::Silence),
            "panic-at-name" => hooks.panics_at = Some("panic"),
            "no-resend" => hooks.no_resend = true,
            _ => {}
        }
    }
    hooks
}
