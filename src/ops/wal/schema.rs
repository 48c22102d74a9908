//! How the fields of protobuf messages are shown.

/// How a protobuf field is shown.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Number,
    Bool,
    Node,
    Time,
    Choice(&'static [&'static str]),
    Bytes,
    /// Bytes that are never shown.
    Secret,
    /// A number that is shown in hex, as etcd shows ids.
    Hex,
    /// A key as requests name it.
    Key,
    Message(&'static Schema),
    EntryData,
}

/// The fields of a message: number, name, shape.
pub(super) struct Schema(pub(super) &'static [(u32, &'static str, Shape)]);
