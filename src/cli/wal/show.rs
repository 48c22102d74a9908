//! `ekv-tool wal show`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::ops::hraft::{Backend, hashicorp_wal_show};
use ekv_tool::ops::wal::{self, RecordRef};
use ekv_tool::readers::Local;
use ekv_tool::types::LogIndex;

use super::args::{ViewKeys, parse_index};
use super::{Context, ExitStatus};

/// `wal show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// An entry's index, or SEGMENT@OFFSET with a segment's sequence number or file name (@OFFSET for a single segment)
    #[arg(value_name = "INDEX|SEGMENT@OFFSET", value_parser = parse_place)]
    place: RecordRef,
    /// A log directory (wal), a segment or a group directory
    #[arg(value_name = "PATH")]
    path: PathBuf,
    #[command(flatten)]
    keys: ViewKeys,
}

fn parse_place(text: &str) -> Result<RecordRef, String> {
    match text.rsplit_once('@') {
        Some((segment, offset)) => Ok(RecordRef::At { segment: segment.to_owned(), offset: parse_index(offset)? }),
        None => parse_index(text).map(|index| RecordRef::Index(LogIndex(index))),
    }
}

/// Explains one record.
pub fn run(args: &ShowArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.path))?;
    if let Backend::Hashicorp(nodes) = Backend::of(std::slice::from_ref(&args.path), &Local)? {
        let (RecordRef::Index(LogIndex(index)), [node]) = (&args.place, nodes.as_slice()) else {
            bail!("wal show: a log of hashicorp/raft takes an index, and the directory of one node");
        };
        return context.emit(hashicorp_wal_show(node, *index, &context.run())?);
    }
    let opener = args.keys.opener(context.is_kept())?;
    context.emit(wal::show(&args.path, &args.place, opener.as_ref(), &context.run())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(parse_place("64"), Ok(RecordRef::Index(LogIndex(64))));
        assert_eq!(parse_place("0x40"), Ok(RecordRef::Index(LogIndex(64))));
        assert_eq!(parse_place("2@0x10"), Ok(RecordRef::At { segment: "2".to_owned(), offset: 16 }));
        assert_eq!(parse_place("@16"), Ok(RecordRef::At { segment: String::new(), offset: 16 }));
        assert!(parse_place("a").is_err());
        assert!(parse_place("2@").is_err());
    }
}
