//! A record for programs: one JSON object, whose names keep the order of the report.
//!
//! Amounts are decimal text, times are text in UTC, ids and hashes are hexadecimal text.

use std::fmt;

use engine::{Field, Fields};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::text::{Scales, spelled};

/// A report as JSON.
pub struct Json<'a> {
    fields: &'a Fields,
    scales: &'a dyn Scales,
}

impl<'a> Json<'a> {
    /// These fields, with amounts in these decimals.
    pub fn of(fields: &'a Fields, scales: &'a dyn Scales) -> Self {
        Self { fields, scales }
    }
}

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, field) in self.fields {
            map.serialize_entry(name, &One { field, scales: self.scales })?;
        }
        map.end()
    }
}

struct One<'a> {
    field: &'a Field,
    scales: &'a dyn Scales,
}

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { field, scales } = *self;
        match field {
            Field::Number(number) => serializer.serialize_u64(*number),
            Field::Flag(flag) => serializer.serialize_bool(*flag),
            Field::Holds(holds) => {
                serializer.collect_seq(holds.iter().map(|hold| format!("{:032x}", hold.0)))
            }
            Field::Group(fields) => Json { fields, scales }.serialize(serializer),
            Field::List(list) => serializer.collect_seq(list.iter().map(|fields| Json { fields, scales })),
            Field::Player(_)
            | Field::Currency(_)
            | Field::Amount(..)
            | Field::Round(_)
            | Field::Hold(_)
            | Field::Time(_)
            | Field::Text(_)
            | Field::Bytes(_) => serializer.serialize_str(&spelled(field, scales)),
        }
    }
}
