//! Writes families of figures: each with its name, unit and help, and a value for each of its labels.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

/// The description of a family of figures.
pub struct Family {
    /// Its name, without the unit and without `_total`.
    pub name: &'static str,
    /// What it counts in, where the name says so; it is the end of the name.
    pub unit: Option<Unit>,
    /// What it says, without a full stop.
    pub help: &'static str,
}

impl Family {
    /// A family that counts events or things.
    pub const fn of(name: &'static str, help: &'static str) -> Self {
        Self { name, unit: None, help }
    }

    /// A family that counts bytes.
    pub const fn bytes(name: &'static str, help: &'static str) -> Self {
        Self { name, unit: Some(Unit::Bytes), help }
    }
}

/// The families of one scrape.
pub struct Families<'a>(pub DescriptorEncoder<'a>);

impl Families<'_> {
    /// A value that rises and falls.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn gauge(&mut self, family: Family, value: u64) -> fmt::Result {
        let Family { name, unit, help } = family;
        let encoder =
            self.0.encode_descriptor(name, &format!("{help}."), unit.as_ref(), MetricType::Gauge)?;
        ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)
    }

    /// A value that only rises, until the next start.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn counter(&mut self, family: Family, value: u64) -> fmt::Result {
        let Family { name, unit, help } = family;
        let encoder =
            self.0.encode_descriptor(name, &format!("{help}."), unit.as_ref(), MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// A counter for each reason.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn by_reason(&mut self, family: Family, values: &[(&'static str, u64)]) -> fmt::Result {
        self.counters(family, "reason", values)
    }

    /// A counter for each value of a label.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn counters(
        &mut self,
        family: Family,
        label: &'static str,
        values: &[(&'static str, u64)],
    ) -> fmt::Result {
        let Family { name, unit, help } = family;
        let mut encoder =
            self.0.encode_descriptor(name, &format!("{help}."), unit.as_ref(), MetricType::Counter)?;
        for (of, value) in values {
            ConstCounter::new(*value).encode(encoder.encode_family(&[(label, *of)])?)?;
        }
        Ok(())
    }

    /// A gauge for each value of a label.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn gauges(
        &mut self,
        family: Family,
        label: &'static str,
        values: &[(&'static str, u64)],
    ) -> fmt::Result {
        let Family { name, unit, help } = family;
        let mut encoder =
            self.0.encode_descriptor(name, &format!("{help}."), unit.as_ref(), MetricType::Gauge)?;
        for (of, value) in values {
            let value = i64::try_from(*value).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(encoder.encode_family(&[(label, *of)])?)?;
        }
        Ok(())
    }
}
