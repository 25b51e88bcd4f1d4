//! The commands of README for an operator do what it says there.

use std::{fs, path::Path, process::Command};

use tests::{
    hub::{Setup, words},
    until,
};

const HEADING: &str = "## An operator's first quarter of an hour";
/// How README starts the hub's commands.
const CARGO: &str = "cargo run --quiet --release -p hub --";
/// Where README's hub serves.
const ADDRESS: &str = "127.0.0.1:7700";

/// The commands below the heading.
fn commands() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).expect("README is there");
    let section = readme.split_once(HEADING).expect("the heading is there").1;
    let block = section.split_once("```sh\n").expect("commands are there").1;
    block.split_once("```").expect("the block ends").0.to_owned()
}

#[tokio::test]
async fn the_commands_for_an_operator_do_what_readme_says() {
    let hub = Setup::default().start();
    hub.has_its_read_model().await;
    let commands = commands();
    assert!(commands.matches(CARGO).count() == 2 && commands.matches(ADDRESS).count() == 1, "{commands}");
    let commands = commands.replace(CARGO, "hub").replace(ADDRESS, &hub.address().to_string());
    let ours = hub.command([""; 0]);
    let mut bash = Command::new("bash");
    let directory = ours.get_current_dir().expect("it has one");
    let arguments: Vec<_> = ours.get_args().map(|text| text.to_str().expect("text")).collect();
    let program = ours.get_program().to_str().expect("text");
    let script = format!("set -eu\nhub() {{ '{program}' {} \"$@\"; }}\n{commands}", arguments.join(" "));
    bash.arg("-c").arg(&script).current_dir(directory).env("no_proxy", "*");
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => bash.env(name, value),
            None => bash.env_remove(name),
        };
    }
    // Nothing of the first time is done again by the second: the keys are the same.
    let said = until("every command", async || {
        let output = bash.output().expect("bash is there");
        let said = words(&output);
        // On a busy machine the read model may be behind for longer than a request waits.
        let behind = said.contains("\"code\":\"unavailable\"");
        assert!(output.status.success() || behind, "{said}");
        (!behind).then_some(said)
    })
    .await;
    for expected in [
        "\"merchantId\":\"MERCHANT_123\"",
        "\"status\":\"frozen\"",
        "\"reason\":\"FRAUD_CHECK\"",
        "\"available\":\"150.00\"",
        ",collect,service,balance:cash:USD,USD,100.00,0.00,0.00,0.00,100.00,",
        ",credit,service,balance:cash:USD,USD,50.00,100.00,0.00,100.00,150.00,",
        "\"outcome\":\"committed\"",
        "\"agrees\":true",
        "\"consulted\":[{",
        "is its last record; ",
    ] {
        assert!(said.contains(expected), "{expected} is not in:\n{said}");
    }
}
