//! `wal`: the Raft log.

mod dump;
mod ls;
mod show;
mod stat;
mod verify;

pub use dump::{
    CrcFields, DumpBody, EntryFields, EtcdFields, FirstKeys, HardStateFields, MetadataFields, RecordContent, RecordPlace,
    RecordRow, RecordType, RequestFields, SealedFields, SnapshotFields, UnknownFields,
};
pub use ls::{LsBody, SegmentRow};
pub use show::{FieldRow, ShowBody, ShownRecord};
pub use stat::{End, EtcdLog, Gap, LogStat, SegmentRange, SnapshotView, StatBody, TermRange};
pub use verify::{LogVerdict, Reading, VerifyBody};
