//! Every figure of the hub by its name: the metrics as they are written for a scraper, and the numbers of the unified
//! metrics.

use std::collections::BTreeMap;

use serde_json::Value;

use super::health_status::HealthStatus;

/// Figures of one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FigureSet(BTreeMap<String, f64>);

impl FigureSet {
    /// The figures of an OpenMetrics text: `hub_sessions`, `hub_domain_holds{domain="balance"}`.
    #[must_use]
    pub fn of_metrics(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let read = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(lines.filter_map(read).collect())
    }

    /// Adds each number of a JSON document under its path, such as `system.healthScore`. A status is a number too:
    /// healthy is 0, degraded 1, unhealthy 2.
    pub fn add(&mut self, document: &Value) {
        self.add_at("", document);
    }

    fn add_at(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.add_at(&format!("{path}{dot}{name}"), value);
                }
            }
            Value::Number(number) => {
                number.as_f64().map(|number| self.0.insert(path.to_owned(), number));
            }
            Value::String(word) => {
                let status = HealthStatus::ALL.iter().position(|status| status.name() == word);
                status.map(|status| self.0.insert(path.to_owned(), status as f64));
            }
            Value::Null | Value::Bool(_) | Value::Array(_) => {}
        }
    }

    /// The value of a figure. A counter is found without its `_total` too, and a gauge with it. A metric with labels that is
    /// named without them is the sum over all of them.
    #[must_use]
    pub fn get(&self, figure: &str) -> Option<f64> {
        let (name, labels) = figure.split_at(figure.find('{').unwrap_or(figure.len()));
        let other = match name.strip_suffix("_total") {
            Some(gauge) => format!("{gauge}{labels}"),
            None => format!("{name}_total{labels}"),
        };
        self.spelled(figure).or_else(|| self.spelled(&other))
    }

    fn spelled(&self, name: &str) -> Option<f64> {
        if let Some(value) = self.0.get(name) {
            return Some(*value);
        }
        let labelled = format!("{name}{{");
        let of_name =
            self.0.range(labelled.clone()..).take_while(|(series, _)| series.starts_with(&labelled));
        of_name.map(|(_, value)| *value).reduce(|sum, value| sum + value)
    }

    /// The values of a metric by label, or the one of a name with its labels.
    pub fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let of_name = self.0.range(name.to_owned()..).take_while(move |(series, _)| series.starts_with(name));
        let ours =
            of_name.filter(move |(series, _)| matches!(series.as_bytes().get(name.len()), None | Some(b'{')));
        ours.map(|(series, value)| (series.as_str(), *value))
    }

    /// Every name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_series_of_a_metric_are_those_with_its_name() {
        let figures = FigureSet::of_metrics("a 1\na_b 2\na{x=\"1\"} 3\na{x=\"2\"} 4\nb 5\n");
        let series = |name| figures.series(name).collect::<Vec<_>>();
        assert_eq!(series("a"), [("a", 1.0), ("a{x=\"1\"}", 3.0), ("a{x=\"2\"}", 4.0)]);
        assert_eq!(series("a{x=\"2\"}"), [("a{x=\"2\"}", 4.0)]);
        assert_eq!(series("c"), []);
    }

    #[test]
    fn a_figure_is_found_by_its_name_and_one_with_labels_also_as_a_sum() {
        let text = "# HELP hub_a Words.\n# TYPE hub_a gauge\nhub_a 7\nhub_b_total{x=\"1\"} 2\nhub_b_total{x=\"2 3\"} 5\nhub_bc 9\nhub_c_total 1\n# EOF\n";
        let mut figures = FigureSet::of_metrics(text);
        figures.add(&json!({
            "system": { "healthScore": 93, "overallStatus": "degraded", "time": "now" },
            "domains": { "free-play": { "metrics": { "holds": 0 }, "status": "healthy" } },
            "none": null, "list": [1],
        }));
        for (name, expected) in [
            ("hub_a", Some(7.0)),
            ("hub_b_total{x=\"1\"}", Some(2.0)),
            ("hub_b_total{x=\"2 3\"}", Some(5.0)),
            ("hub_b_total", Some(7.0)),
            ("hub_b", Some(7.0)),
            ("hub_b{x=\"1\"}", Some(2.0)),
            ("hub_a_total", Some(7.0)),
            ("hub_d", None),
            ("hub_c", Some(1.0)),
            ("hub_b_total{x=\"9\"}", None),
            ("system.healthScore", Some(93.0)),
            ("system.overallStatus", Some(1.0)),
            ("system.time", None),
            ("domains.free-play.metrics.holds", Some(0.0)),
            ("domains.free-play.status", Some(0.0)),
            ("none", None),
            ("list", None),
            ("", None),
        ] {
            assert_eq!(figures.get(name), expected, "{name}");
        }
    }
}
