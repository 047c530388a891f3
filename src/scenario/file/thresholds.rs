//! `[thresholds]` as written: metric to bound or bounds, in file order.
//!
//! What a metric or a bound means is not decided here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// The bounds a run must meet.
#[derive(Clone, Debug, Default)]
pub struct Thresholds(pub Vec<Bound>);

/// One bound of one metric.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The key.
    pub metric: String,
    /// Where the key stands.
    pub metric_span: Range<usize>,
    /// The value.
    pub bound: String,
    /// Where the value stands.
    pub bound_span: Range<usize>,
}

impl Serialize for Thresholds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_map(None)?;
        for group in self.0.chunk_by(|a, b| a.metric == b.metric) {
            match group {
                [one] => table.serialize_entry(&one.metric, &one.bound)?,
                several => {
                    let bounds: Vec<&str> = several.iter().map(|b| b.bound.as_str()).collect();
                    table.serialize_entry(&several[0].metric, &bounds)?;
                }
            }
        }
        table.end()
    }
}

/// The schema of a value of `[thresholds]`.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum OneOrSeveral {
    One(String),
    Several(Vec<String>),
    /// A metric without quotes, whose dots make tables.
    Nested(BTreeMap<String, OneOrSeveral>),
}

impl JsonSchema for Thresholds {
    fn schema_name() -> Cow<'static, str> {
        "Thresholds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = BTreeMap::<String, OneOrSeveral>::json_schema(generator);
        let says = "METRIC[{destination=…, period=…}][.STAT] = \"OP VALUE\", or a list of those";
        schema.insert("description".to_owned(), says.into());
        schema
    }
}
