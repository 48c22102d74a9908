//! `ekv-tool store get`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::ops::{GetOptions, store_get};
use ekv_tool::types::{HlcTimestamp, unescape};

use super::args::ViewKeys;
use super::{Context, ExitStatus};

const EXAMPLES: &str = "\
Examples:
  ekv-tool store get n1 '!redis|str|user:1'             the newest version
  ekv-tool store get n1 'key\\x00with\\xff' --versions 10
  ekv-tool store get n1 hex:6b6579                      a key in hex
  ekv-tool store get n1 _meta_applied_index             a key of the store itself
  ekv-tool store get n1 --raw 'k\\xfe\\x68\\x8b\\xdf\\x23\\xdf\\xff\\xff'";

/// `store get`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct GetArgs {
    /// A store (fsm.db), or a group or node directory with one store
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The user key: text with \xNN escapes as the tool prints keys, or hex:...
    #[arg(value_name = "KEY", value_parser = parse_key)]
    key: Key,
    /// KEY is a key of the store itself, with its timestamp
    #[arg(long)]
    raw: bool,
    /// How many versions to show, newest first
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "raw")]
    versions: usize,
    /// Only versions committed at or before this commit timestamp
    #[arg(long, value_name = "TS", conflicts_with = "raw")]
    at: Option<u64>,
    #[command(flatten)]
    keys: ViewKeys,
}

/// A key of any bytes.
#[derive(Debug, Clone)]
struct Key(Vec<u8>);

fn parse_key(text: &str) -> Result<Key, String> {
    match text.strip_prefix("hex:") {
        Some(hex) => parse_hex(hex).map(Key),
        None => unescape(text).map(Key),
    }
}

fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> =
        text.chars().map(|c| c.to_digit(16).ok_or_else(|| format!("{c:?} is no hex digit"))).collect::<Result<_, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err("an odd number of hex digits".to_owned());
    }
    Ok(digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect())
}

/// Looks one key up.
pub fn run(args: &GetArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let GetArgs { dir, key, raw, versions, at, keys } = args;
    context.keep_out_of(std::slice::from_ref(dir))?;
    let (stores, _) = super::stores(std::slice::from_ref(dir))?;
    let [store] = stores.as_slice() else {
        let names: Vec<_> = stores.iter().map(|store| store.display().to_string()).collect();
        bail!("{} holds {} stores; name one of {}", dir.display(), stores.len(), names.join(", "));
    };
    let options = GetOptions { key: key.0.clone(), raw: *raw, at: at.map(HlcTimestamp), versions: *versions };
    let opener = keys.opener(context.is_kept())?;
    context.emit(store_get(store, &options, opener.as_ref(), &context.run())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_text_with_escapes_or_hex() {
        let key = |text: &str| parse_key(text).map(|key| key.0);
        assert_eq!(key("a\\x00\\\\b").unwrap(), b"a\x00\\b");
        assert_eq!(key("hex:00fF").unwrap(), [0, 0xff]);
        assert!(key("hex:0").is_err() && key("hex:zz").is_err() && key("\\q").is_err());
    }
}
