//! What `hub verify` did, at which level: how many records it applied, what it decided again, and what it could not.

use std::io::{self, Write};

use engine::{Decisions, Level, LogVerifier, Occurrences};

/// Prints what a verifier did.
pub(super) fn print(verifier: &LogVerifier, output: &mut impl Write) -> io::Result<()> {
    let tally = verifier.tally();
    writeln!(
        output,
        "\nre-applied  {:>16}   {} transaction(s), {} refusal(s), {} digest(s), {} fact(s)",
        tally.re_applied(),
        tally.transactions,
        tally.refusals,
        tally.digests,
        tally.facts
    )?;
    if verifier.level() == Level::ReApply {
        writeln!(output, "re-decided  {:>16}   not at this level", 0)?;
        return Ok(());
    }
    writeln!(output, "re-decided  {:>16}   each as it is recorded", tally.re_decided())?;
    for ((name, revision), decisions) in &tally.decided {
        writeln!(output, "  {name:<16} r{revision:<3} {:>3}", words(*decisions))?;
    }
    let undecided: u64 = tally.undecided.values().map(|occurrences| occurrences.count).sum();
    if undecided > 0 {
        writeln!(output, "not decided {undecided:>16}   by the log alone, or by this release")?;
    }
    for (why, Occurrences { count, first }) in &tally.undecided {
        writeln!(output, "  {count} from record {first} on: {why}")?;
    }
    Ok(())
}

/// What was carried out and what was refused, by whom.
fn words(decisions: Decisions) -> String {
    let Decisions { carried_out, refused_by_domain, refused_by_table } = decisions;
    let parts = [
        (carried_out, "carried out"),
        (refused_by_domain, "refused by a domain"),
        (refused_by_table, "refused by a table"),
    ];
    let said: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    said.join(", ")
}
