//! A value together with where it stands in the scenario text.

use std::borrow::Cow;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value and its byte range. Written and described as the value alone.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Range<usize>,
}

/// A value that is about to be written.
pub fn some<T>(value: T) -> Option<At<T>> {
    Some(At::from(value))
}

/// Where a key stands, if it is there.
pub fn place<T>(key: &Option<At<T>>) -> Option<&Range<usize>> {
    key.as_ref().map(|key| &key.span)
}

/// The value of a key, or its default.
pub fn value_or<T: Copy>(key: &Option<At<T>>, default: T) -> T {
    key.as_ref().map_or(default, |key| key.value)
}

impl<T> From<T> for At<T> {
    /// A value that stands nowhere: it is about to be written.
    fn from(value: T) -> At<T> {
        At { value, span: 0..0 }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.span();
        Ok(At { value: spanned.into_inner(), span })
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
