//! `compare`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::formats::facts::{FRONT, begins};
use ekv_tool::ops::etcd::{etcd_compare, etcd_places};
use ekv_tool::ops::hraft::{Backend, hashicorp_compare};
use ekv_tool::ops::{CompareOptions, NamedDir, compare, is_file};
use ekv_tool::readers::{Local, Source as _};

use super::args::{OpenKeys, named};
use super::complete;
use super::facts::SaltFile;
use super::{Context, ExitStatus};

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Directories of the same group on several nodes, the raft data directory, or files of `facts` in place of directories;
    /// NAME=DIR says what the node of a copy is called
    #[arg(required = true, value_name = "[NAME=]DIR|FILE", add = ArgValueCompleter::new(complete::named_dirs))]
    dirs: Vec<PathBuf>,
    /// Leave out the rows of the stores; coverage says so
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    salt: SaltFile,
    #[command(flatten)]
    keys: OpenKeys,
}

/// True for a file of facts of this version, whole or not.
fn is_facts(path: &Path) -> bool {
    let front = Local.open(path).and_then(|file| file.read_at(0, FRONT));
    front.is_ok_and(|front| begins(&front).is_ok())
}

pub(super) fn run(args: &CompareArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let (mut paths, mut names) = (Vec::new(), Vec::new());
    for NamedDir { name, path } in args.dirs.iter().map(|argument| named(argument)) {
        names.extend(name.map(|name| (path.clone(), name)));
        paths.push(path);
    }
    let (facts, data): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| is_facts(path));
    context.ask_about(&paths);
    context.keep_off(&facts)?;
    context.keep_out_of(&data)?;
    let run = context.run_on(&paths)?;
    let (files, dirs): (Vec<_>, Vec<_>) = paths.iter().cloned().partition(|path| is_file(path, &run));
    if let Some((file, name)) = names.iter().find(|(path, _)| files.contains(path)) {
        bail!("{name}={}: a file of facts says itself what its node is called; name the file alone", file.display());
    }
    let unnamed = |engine: &str| match names.first() {
        Some((path, name)) => {
            bail!("{name}={}: nodes of {engine} say themselves what they are called; name the directory", path.display())
        }
        None => Ok(()),
    };
    let refuse = |dir: String, what: &str| match files.first() {
        Some(file) => bail!(
            "{}: facts are of nodes of elastickv, and {dir} is a directory of {what}; name its group's directories alone",
            file.display()
        ),
        None => Ok(()),
    };
    if !dirs.is_empty() {
        if let Backend::Hashicorp(nodes) = Backend::of(&dirs, &Local)? {
            refuse(nodes.first().map(|node| node.display().to_string()).unwrap_or_default(), "hashicorp/raft")?;
            unnamed("hashicorp/raft")?;
            return context.emit(hashicorp_compare(&nodes, &context.run())?);
        }
        let members = etcd_places(&dirs, &Local)?;
        if let Some(first) = members.places.first() {
            refuse(first.display(), "etcd")?;
            unnamed("etcd")?;
            return context.emit(etcd_compare(&members, &context.run())?);
        }
    }
    let opener = args.keys.opener(false)?.map(Arc::new);
    let options = CompareOptions { opener, fast: args.fast, salt: args.salt.read()?, names };
    context.emit(compare(&paths, &options, &run)?)
}
