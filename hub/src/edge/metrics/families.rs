//! Writes families of figures: each with its name, unit and help, and a value for each of its labels.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
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
        let metric = gauge(value);
        metric.encode(self.describe(&family, &metric)?)
    }

    /// A value that only rises, until the next start.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub fn counter(&mut self, family: Family, value: u64) -> fmt::Result {
        let metric = ConstCounter::new(value);
        metric.encode(self.describe(&family, &metric)?)
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
        self.each(family, label, values, ConstCounter::new)
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
        self.each(family, label, values, gauge)
    }

    fn each<M: EncodeMetric>(
        &mut self,
        family: Family,
        label: &'static str,
        values: &[(&'static str, u64)],
        metric: impl Fn(u64) -> M,
    ) -> fmt::Result {
        let mut encoder = self.describe(&family, &metric(0))?;
        for (of, value) in values {
            metric(*value).encode(encoder.encode_family(&[(label, *of)])?)?;
        }
        Ok(())
    }

    /// Begins a family of metrics such as this one.
    fn describe<'f>(
        &'f mut self,
        Family { name, unit, help }: &'f Family,
        such: &impl EncodeMetric,
    ) -> Result<MetricEncoder<'f>, fmt::Error> {
        self.0.encode_descriptor(name, &format!("{help}."), unit.as_ref(), such.metric_type())
    }
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}
