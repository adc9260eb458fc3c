//! What readers and writers share with the facade.

use std::sync::{Arc, OnceLock};

use ossplit::Client;
use parking_lot::Mutex;

use crate::budget::{Budget, Lease};
use crate::cache::Arena;
use crate::clock::Clock;
use crate::config::FsConfig;
use crate::error::Result;
use crate::hidden::Hidden;
use crate::ledger::Ledger;
use crate::remote;
use crate::write::Record;

/// The surroundings of every reader and writer of one mount.
pub struct Context {
    /// Sends the requests.
    pub client: Client,
    /// The mount's configuration.
    pub config: Arc<FsConfig>,
    /// The one pool of memory.
    pub budget: Budget,
    /// Time.
    pub clock: Clock,
    /// The uploads that are under way.
    pub(crate) uploads: Record,
    /// The objects of files that were removed while they are read.
    pub(crate) hidden: Arc<Hidden>,
    /// What outlives this process; unset: nothing does.
    pub(crate) ledger: OnceLock<Ledger>,
    /// The memory of written data, once there are any.
    pub(crate) arena: OnceLock<Arc<Arena>>,
    making: Mutex<()>,
    /// Leased for as long as this lives.
    reserved: Mutex<Option<Lease>>,
}

impl Context {
    /// The surroundings of a mount: the machine's clock, and a budget of `config.memory` bytes.
    pub fn new(client: Client, config: FsConfig) -> Arc<Self> {
        let budget = Budget::new(config.memory);
        let place = remote::place(&client, &config.bucket);
        let hidden = Hidden::new(&config.tmpdir, place, &config.prefix);
        Arc::new(Self {
            client,
            config: Arc::new(config),
            budget,
            clock: Clock::system(),
            uploads: Record::default(),
            hidden: Arc::new(hidden),
            ledger: OnceLock::new(),
            arena: OnceLock::new(),
            making: Mutex::default(),
            reserved: Mutex::default(),
        })
    }

    /// Leases what the caller has in memory for as long as the mount lives; at most an eighth of the budget.
    pub fn reserve(&self, bytes: u64) {
        *self.reserved.lock() = self.budget.take(8, 0, bytes);
    }

    /// The memory of written data.
    pub(crate) fn arena(&self) -> Result<&Arc<Arena>> {
        if let Some(arena) = self.arena.get() {
            return Ok(arena);
        }
        // Two at once must not make two.
        let _making = self.making.lock();
        if self.arena.get().is_none() {
            let arena = Arena::create()?;
            self.ledger().hold_arena(&arena)?;
            let _ = self.arena.set(arena);
        }
        self.arena.get().ok_or(crate::Error::NoSpace)
    }

    /// What outlives this process.
    pub(crate) fn ledger(&self) -> Ledger {
        self.ledger.get().cloned().unwrap_or_default()
    }
}
