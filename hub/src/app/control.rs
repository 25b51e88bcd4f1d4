//! What a serving hub carries out for whoever asks over its control socket.

use std::{path::Path, sync::Arc};

use actors::{admission::Admission, house::House};
use people::People;

use crate::{
    anchor::Anchoring,
    config::Config,
    control::{Carries, ControlSocket, ControlTask},
    person::Erasing,
    telemetry::events as telemetry,
};

/// The parts of a running hub that commands need.
struct Serving {
    anchoring: Anchoring,
    erasing: Erasing,
}

impl Carries for Serving {
    fn carry_out(&self, task: ControlTask, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
        match task {
            ControlTask::Anchor {} => self.anchoring.make(tell),
            ControlTask::Erase(order) => self.erasing.erase(&order, tell),
        }
    }
}

/// Listens for commands in the data directory. A hub that cannot says so, and serves without.
pub fn listen(
    config: &Config,
    directory: &Path,
    (house, people): (&House, &People),
    admission: &Arc<Admission>,
) -> Option<ControlSocket> {
    let commit = house.state_store.commit_now();
    let anchoring = Anchoring::new(&config.archive.to, directory, house.journal.clone(), commit);
    let erasing = Erasing::new(people, house, admission);
    let listening = ControlSocket::open(directory, Arc::new(Serving { anchoring, erasing }));
    listening.inspect_err(|error| telemetry::no_control_socket(error)).ok()
}
