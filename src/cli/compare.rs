//! `compare`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::analysis::facts::Engine;
use ekv_tool::formats::facts::{FRONT, begins};
use ekv_tool::ops::etcd::{EtcdCopy, etcd_compare_told, etcd_places};
use ekv_tool::ops::hraft::{Backend, HashiPlace, hashicorp_compare_told};
use ekv_tool::ops::{CompareOptions, NamedDir, compare, engine_told, is_file};
use ekv_tool::readers::source::Run;
use ekv_tool::readers::{Local, Source as _, Unplaced};

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

/// Nodes of another engine than elastickv, in the order in which they were named.
enum Other {
    Hashicorp(Vec<HashiPlace>),
    Etcd(Vec<EtcdCopy>, Vec<Unplaced>),
}

/// Whose nodes are named, when they are not elastickv's. A file that cannot be read may be of any.
fn other_engine(paths: &[PathBuf], files: &[PathBuf], dirs: &[PathBuf], run: &Run<'_>) -> anyhow::Result<Option<Other>> {
    if dirs.iter().any(|dir| Local.kind_at(dir).is_none()) {
        // The reading says that it is not there.
        return Ok(None);
    }
    let told: Vec<_> = files.iter().filter_map(|file| Some((file, engine_told(file, run)?))).collect();
    let hashicorp = !dirs.is_empty() && matches!(Backend::of(dirs, &Local)?, Backend::Hashicorp(_));
    let etcd = !dirs.is_empty() && !hashicorp && !etcd_places(dirs, &Local)?.places.is_empty();
    let of_dirs = match (hashicorp, etcd) {
        (true, _) => Some(Engine::Hashicorp),
        (_, true) => Some(Engine::Etcd),
        _ => (!dirs.is_empty()).then_some(Engine::Elastickv),
    };
    let Some(engine) = of_dirs.or_else(|| told.first().map(|(_, engine)| *engine)) else { return Ok(None) };
    if let Some((file, other)) = told.iter().find(|(_, other)| *other != engine) {
        let named = dirs.first().filter(|_| of_dirs.is_some()).or_else(|| told.first().map(|(file, _)| *file));
        bail!(
            "{} has facts of {}, and {} is of {}; name nodes of one kind",
            file.display(),
            other.name(),
            named.map(|path| path.display().to_string()).unwrap_or_default(),
            engine.name()
        );
    }
    match engine {
        Engine::Elastickv => Ok(None),
        Engine::Hashicorp => {
            let mut places = Vec::new();
            for path in paths {
                if files.contains(path) {
                    places.push(HashiPlace::File(path.clone()));
                } else if let Backend::Hashicorp(nodes) = Backend::of(std::slice::from_ref(path), &Local)? {
                    places.extend(nodes.into_iter().map(HashiPlace::Dir));
                }
            }
            Ok(Some(Other::Hashicorp(places)))
        }
        Engine::Etcd => {
            let (mut copies, mut unplaced) = (Vec::new(), Vec::new());
            for path in paths {
                if files.contains(path) {
                    copies.push(EtcdCopy::File(path.clone()));
                } else {
                    let found = etcd_places(std::slice::from_ref(path), &Local)?;
                    copies.extend(found.places.into_iter().map(EtcdCopy::Dir));
                    unplaced.extend(found.unplaced);
                }
            }
            Ok(Some(Other::Etcd(copies, unplaced)))
        }
    }
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
    if let Some(other) = other_engine(&paths, &files, &dirs, &run)? {
        unnamed(match other {
            Other::Hashicorp(_) => Engine::Hashicorp.name(),
            Other::Etcd(..) => Engine::Etcd.name(),
        })?;
        let salt = args.salt.read()?;
        return match other {
            Other::Hashicorp(places) => context.emit(hashicorp_compare_told(&places, &salt, &run)?),
            Other::Etcd(copies, unplaced) => context.emit(etcd_compare_told(&copies, &unplaced, &salt, &run)?),
        };
    }
    let opener = args.keys.opener(false)?.map(Arc::new);
    let options = CompareOptions { opener, fast: args.fast, salt: args.salt.read()?, names };
    context.emit(compare(&paths, &options, &run)?)
}
