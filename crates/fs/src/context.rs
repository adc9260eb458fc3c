//! What readers and writers share with the facade.

use std::sync::Arc;

use ossplit::Client;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::config::FsConfig;
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
}

impl Context {
    /// The surroundings of a mount: the machine's clock, and a budget of `config.memory` bytes.
    pub fn new(client: Client, config: FsConfig) -> Arc<Self> {
        let budget = Budget::new(config.memory);
        Arc::new(Self {
            client,
            config: Arc::new(config),
            budget,
            clock: Clock::system(),
            uploads: Record::default(),
        })
    }
}
