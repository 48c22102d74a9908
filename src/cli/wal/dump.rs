//! `ekv-tool wal dump`

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::formats::kv::{EntryClass, KeyFilter, KeyText};
use ekv_tool::ops::hraft::{Backend, EntryRange, hashicorp_segment_dump, hashicorp_wal_dump, is_lone_segment};
use ekv_tool::ops::wal::{self, DumpFilter};
use ekv_tool::report::body::hraft::page::HashiBody;
use ekv_tool::report::body::wal::{DumpBody, RecordType};

use super::args::{ViewKeys, parse_index, parse_key};
use super::{Context, ExitStatus, Paths};
use crate::cli::complete;

/// `wal dump`
#[derive(Debug, Args)]
pub struct DumpArgs {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    keys: ViewKeys,
    /// Entries and snapshots from this index on
    #[arg(long, value_name = "INDEX", value_parser = parse_index)]
    from: Option<u64>,
    /// Entries and snapshots up to this index
    #[arg(long, value_name = "INDEX", value_parser = parse_index)]
    to: Option<u64>,
    /// Only records of this term
    #[arg(long, value_name = "TERM", value_parser = parse_index)]
    term: Option<u64>,
    /// Only records of these types
    #[arg(long = "type", value_enum, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<Type>,
    /// Only entries of these classes
    #[arg(long = "class", value_name = "CLASS", value_delimiter = ',', value_parser = parse_class)]
    classes: Vec<EntryClass>,
    /// Only entries that touch a key with this prefix (\xNN, \0, \n, \r, \t and \\ are understood), or a name that begins so
    /// (redis:NAME, ddb:TABLE/HASH, s3:BUCKET/KEY, sqs:QUEUE)
    #[arg(long, value_name = "PREFIX", value_parser = parse_key)]
    key_prefix: Option<KeyText>,
    /// Only this segment: its sequence number or file name; a copy that repair set aside goes by its file name
    #[arg(long, value_name = "SEGMENT", add = ArgValueCompleter::new(complete::segments))]
    segment: Option<String>,
    /// From the frame at this offset of the segment on
    #[arg(long, value_name = "OFFSET", value_parser = parse_index)]
    offset: Option<u64>,
    /// Only entries that stand, without those that later ones replaced, that stand behind a hole, or that repair set aside
    #[arg(long)]
    effective: bool,
}

/// `--type`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Type {
    /// Log entries
    Entry,
    /// Hard states
    HardState,
    /// Snapshot records
    Snapshot,
    /// Metadata records
    Metadata,
    /// Checksum records
    Crc,
}

fn parse_class(text: &str) -> Result<EntryClass, String> {
    EntryClass::ALL.into_iter().find(|class| class.name() == text).ok_or_else(|| {
        let names: Vec<_> = EntryClass::ALL.iter().map(|class| class.name()).collect();
        format!("unknown class; one of {}", names.join(", "))
    })
}

/// Filters that logs of hashicorp/raft do not have. One that is passed over in silence would show what was not asked for.
fn refuse_filters(args: &DumpArgs) -> anyhow::Result<()> {
    let given = [
        ("--type", !args.types.is_empty()),
        ("--class", !args.classes.is_empty()),
        ("--key-prefix", args.key_prefix.is_some()),
        ("--segment", args.segment.is_some()),
        ("--offset", args.offset.is_some()),
        ("--effective", args.effective),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => {
            anyhow::bail!("{flag}: not for logs of hashicorp/raft; --from, --to and --term choose entries there")
        }
        None => Ok(()),
    }
}

/// Writes the records.
pub fn run(args: &DumpArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.paths.paths)?;
    let paths = &args.paths.paths;
    let run = &context.run_on(paths)?;
    let source = &*run.source;
    let range = EntryRange { from: args.from, to: args.to, term: args.term };
    if let Backend::Hashicorp(nodes) = Backend::of(paths, source)? {
        refuse_filters(args)?;
        let [node] = nodes.as_slice() else { anyhow::bail!("wal dump: name the directory of one node of hashicorp/raft") };
        return context.emit_rows(HashiBody::LIST, |rows| hashicorp_wal_dump(node, range, run, rows));
    }
    if let [path] = paths.as_slice()
        && is_lone_segment(path, source)
    {
        refuse_filters(args)?;
        return context.emit_rows(HashiBody::LIST, |rows| hashicorp_segment_dump(path, range, run, rows));
    }
    let kind = |kind: &Type| match kind {
        Type::Entry => RecordType::Entry,
        Type::HardState => RecordType::HardState,
        Type::Snapshot => RecordType::Snapshot,
        Type::Metadata => RecordType::Metadata,
        Type::Crc => RecordType::Crc,
    };
    let filter = DumpFilter {
        from: args.from,
        to: args.to,
        term: args.term,
        types: args.types.iter().map(kind).collect(),
        classes: args.classes.clone(),
        keys: args.key_prefix.clone().map(KeyFilter::of_prefix),
        segment: args.segment.clone(),
        offset: args.offset,
        effective_only: args.effective,
    };
    let opener = args.keys.opener(context.is_kept())?;
    let opener = opener.as_ref();
    context.emit_rows(DumpBody::LIST, |rows| wal::dump(paths, &filter, opener, run, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ekv_tool::types::Escaped;

    #[test]
    fn keys_are_parsed_as_they_are_printed() {
        let every: Vec<u8> = (0..=255).collect();
        assert_eq!(parse_key(&Escaped(&every).to_string()), Ok(KeyText::Bytes(every)));
        assert_eq!(parse_key("!redis|str|"), Ok(KeyText::Bytes(b"!redis|str|".to_vec())));
        for wrong in ["\\", "\\q", "\\x1", "\\xzz"] {
            assert!(parse_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn classes() {
        assert_eq!(parse_class("conf-change"), Ok(EntryClass::ConfChange));
        assert!(parse_class("confchange").is_err());
    }
}
