//! JSON schemas of types that serialise as text by hand.

/// Says that a type is text in JSON, and what the text is.
macro_rules! text_schema {
    ($type:ty, $about:literal $(, $keyword:literal: $value:expr)?) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).split('<').next().unwrap_or_default().into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $about $(, $keyword: $value)? })
            }
        }
    };
}

pub(crate) use text_schema;
