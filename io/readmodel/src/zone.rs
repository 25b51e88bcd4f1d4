//! Days of the operator's time zone. The zone in force at a record is what the records before it say, so that tables that are built
//! again count the same days.

use rusqlite::{Connection, params};

use crate::{Error, daily::DAY_MS, error::sql, money::Unsigned};

/// A time zone, as it was recorded: instants with the seconds that are added to UTC from then on. Without any it is UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DayZone(Vec<(u64, i32)>);

impl DayZone {
    /// The zone with these changes, which are in order.
    pub fn new(changes: Vec<(u64, i32)>) -> Self {
        Self(changes)
    }

    /// The zone that is in force behind the last record.
    pub fn load(connection: &Connection) -> Result<Self, Error> {
        let query = "SELECT from_ms, offset_seconds FROM zones WHERE lsn = (SELECT max(lsn) FROM zones) ORDER BY from_ms";
        let changes = connection.prepare(query).and_then(|mut changes| {
            changes.query_map([], |row| Ok((row.get::<_, Unsigned>(0)?.0, row.get(1)?)))?.collect()
        });
        changes.map(Self).map_err(sql("read the time zone of"))
    }

    /// Every zone, each with the record that says it, in the order of the log.
    pub fn all(connection: &Connection) -> rusqlite::Result<Vec<(u64, Self)>> {
        let mut zones: Vec<(u64, Self)> = Vec::new();
        let mut found =
            connection.prepare("SELECT lsn, from_ms, offset_seconds FROM zones ORDER BY lsn, from_ms")?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            let (lsn, change) = (row.get::<_, Unsigned>(0)?.0, (row.get::<_, Unsigned>(1)?.0, row.get(2)?));
            match zones.last_mut().filter(|(last, _)| *last == lsn) {
                Some((_, zone)) => zone.0.push(change),
                None => zones.push((lsn, Self(vec![change]))),
            }
        }
        Ok(zones)
    }

    /// Writes it as what a record says.
    pub fn write(&self, connection: &Connection, lsn: u64) -> Result<(), Error> {
        for (from, offset) in &self.0 {
            connection
                .prepare_cached("INSERT OR REPLACE INTO zones VALUES (?1, ?2, ?3)")
                .and_then(|mut write| write.execute(params![Unsigned(lsn), Unsigned(*from), offset]))
                .map_err(sql("write the time zone of"))?;
        }
        Ok(())
    }

    /// The day of a time: days since 1970-01-01.
    pub fn day(&self, time_ms: u64) -> i64 {
        let place = self.0.partition_point(|(from, _)| *from <= time_ms).saturating_sub(1);
        let offset = self.0.get(place).map_or(0, |(_, offset)| i64::from(*offset) * 1_000);
        let local = i64::try_from(time_ms).unwrap_or(i64::MAX).saturating_add(offset);
        // No day is before 1970.
        (local / DAY_MS.cast_signed()).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = DAY_MS / 24;

    #[test]
    fn a_day_is_that_of_the_zone_also_where_the_clock_changes() {
        assert_eq!(DayZone::default().day(3 * DAY_MS), 3);
        // An hour ahead, from 10 days and an hour on two hours.
        let zone = DayZone::new(vec![(0, 3_600), (10 * DAY_MS + HOUR, 7_200)]);
        for (at, day) in [
            (0, 0),
            (10 * DAY_MS - HOUR - 1, 9),
            (10 * DAY_MS - HOUR, 10),
            (11 * DAY_MS - 2 * HOUR - 1, 10),
            (11 * DAY_MS - 2 * HOUR, 11),
        ] {
            assert_eq!(zone.day(at), day, "{at}");
        }
        assert_eq!(DayZone::new(vec![(0, -3_600)]).day(0), 0, "no day is before 1970");
    }
}
