//! Checks how players may play: the options of play sessions, and that no table is faster than rounds may follow each other.

use super::{
    options::{Config, Mode},
    play_sessions::PlaySessionOptions,
};

/// The longest time of a rule, seconds: a day.
const SECONDS_MAX: u32 = 86_400;
/// The least that production takes of a rule that is on, seconds: less is for tests.
const SECONDS_MIN: u32 = 60;
/// The longest time between the beginnings of two rounds, milliseconds.
const START_MS_MAX: u32 = 60_000;

/// What is wrong, each with the option.
pub(super) fn problems(config: &Config) -> impl Iterator<Item = (String, String)> {
    options(config).map(|(key, what)| (key.to_owned(), what)).chain(tables(config))
}

fn options(config: &Config) -> impl Iterator<Item = (&'static str, String)> {
    let PlaySessionOptions { pause_seconds, reality_check_seconds, round_start_ms_min } =
        config.play_sessions;
    let (pause, check, start) = (
        "play_sessions.pause_seconds",
        "play_sessions.reality_check_seconds",
        "play_sessions.round_start_ms_min",
    );
    let bounds = [
        (pause, pause_seconds, SECONDS_MAX),
        (check, reality_check_seconds, SECONDS_MAX),
        (start, round_start_ms_min, START_MS_MAX),
    ];
    let beyond = bounds.into_iter().filter(|(_, value, most)| value > most);
    let beyond = beyond.map(|(key, _, most)| (key, format!("must be from 0 to {most}")));
    let needs = [(check, reality_check_seconds), (start, round_start_ms_min)];
    let needs = needs.into_iter().filter(move |(_, value)| *value > 0 && pause_seconds == 0);
    let needs =
        needs.map(move |(key, _)| (key, format!("must be 0 while no play sessions are kept ({pause} is 0)")));
    let in_production = config.mode == Mode::Production;
    let short = [(pause, pause_seconds), (check, reality_check_seconds)].into_iter();
    let short = short.filter(move |(_, seconds)| in_production && (1..SECONDS_MIN).contains(seconds));
    let short = short.map(|(key, _)| (key, format!("must be 0 or at least {SECONDS_MIN} in production")));
    beyond.chain(needs).chain(short)
}

// clause: ukgc.rts.14g
fn tables(config: &Config) -> impl Iterator<Item = (String, String)> {
    let least = config.play_sessions.round_start_ms_min;
    config.tables.iter().enumerate().filter_map(move |(index, table)| {
        let between = table.locked_ms.saturating_add(table.pause_ms);
        (between < least).then(|| {
            let what = format!(
                "with locked_ms it is {between} ms from the last bet of a round to the first of the next, and \
                 play_sessions.round_start_ms_min is {least}"
            );
            (format!("tables[{index}].pause_ms"), what)
        })
    })
}
