//! `sql`

use std::io::Write as _;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use ekv_fleet::parts::Results;
use ekv_fleet::sql::QUERIES;
use ekv_fleet::sql::script::{Dialect, script};
use ekv_fleet::store::Address;
use tokio::runtime::{Builder, Runtime};

use super::ExitStatus;
use super::args::{MemoryArgs, StoreArgs};
use super::output::Output;

const SQL_HELP: &str = "\
Examples:
  ekv-fleet sql --list
  ekv-fleet sql @behind --results s3://backups/ekv
  ekv-fleet sql 'SELECT node, verdict FROM nodes' --results /srv/ekv
  ekv-fleet sql --script @behind --results /srv/ekv | duckdb
  ekv-fleet sql --script --dialect spark @behind --results /srv/ekv

The views nodes, groups, members, findings and snapshots have the newest facts
of each node that `collect` has put there, and offloads what `offload verify`
has judged. docs/fleet/sql.md lists their columns.

A query is answered where the program was built with its engine (--features
sql); --script needs none. The engine also has ekv_objects('URL'), a table of
the payloads and manifests of a store, ekv_verify(url), ekv_verify(url, 'deep')
and ekv_manifest(url):
  ekv-fleet sql \"SELECT url, ekv_verify(url) AS v FROM
    ekv_objects('s3://b/prod') WHERE kind = 'payload'\" --results /srv/ekv

Built with --features cluster, --cluster df://HOST:50050 lets the executors of a
scheduler answer.";

/// Arguments of `sql`.
#[derive(Debug, Args)]
#[command(after_help = SQL_HELP)]
pub struct SqlArgs {
    /// A query, or @NAME of one that --list shows
    #[arg(value_name = "QUERY", required_unless_present = "list")]
    query: Option<String>,
    /// Where the tables are
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    results: Option<String>,
    /// Show the queries that are ready
    #[arg(long, exclusive = true)]
    list: bool,
    /// Write what DuckDB reads to answer the query, and answer nothing
    #[arg(long)]
    script: bool,
    /// Who reads the script
    #[arg(long, value_enum, default_value_t = Reader::Duckdb, requires = "script")]
    dialect: Reader,
    /// Let the executors of this scheduler answer it
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "df://HOST:PORT", conflicts_with = "script", value_parser = ekv_fleet::cluster::SchedulerAddress::parse)]
    cluster: Option<ekv_fleet::cluster::SchedulerAddress>,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Who reads a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// DuckDB 2.0
    Duckdb,
    /// Spark 4.0, by spark-sql or spark.sql()
    Spark,
}

/// Answers the question.
pub fn run(args: &SqlArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let (Some(query), Some(results)) = (&args.query, &args.results) else {
        let list = QUERIES.map(|query| format!("@{:<10} {}\n", query.name, query.about()));
        return write(&list.concat());
    };
    args.memory.set();
    let address = Address::parse(results)?;
    output.examine(&address)?;
    let runtime = Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let results = Results::present(&address, args.store.limits())?;
    if args.script {
        let dialect = match args.dialect {
            Reader::Duckdb => Dialect::DuckDb,
            Reader::Spark => Dialect::Spark,
        };
        return write(&runtime.block_on(script(&results, query, dialect))?);
    }
    answer(args, query, &results, &runtime, output)
}

/// Scripts and lists are text in any format.
fn write(text: &str) -> anyhow::Result<ExitStatus> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("cannot write to standard output"),
        _ => Ok(ExitStatus::Success),
    }
}

#[cfg(feature = "sql")]
fn answer(args: &SqlArgs, query: &str, results: &Results, runtime: &Runtime, output: &Output) -> anyhow::Result<ExitStatus> {
    use ekv_fleet::sql::engine::ask;
    use ekv_fleet::sql::workers::Workers;
    #[cfg(feature = "cluster")]
    let workers = args.cluster.clone().map_or(Workers::Here, Workers::Cluster);
    #[cfg(not(feature = "cluster"))]
    let workers = Workers::Here;
    let watch = std::sync::Arc::new(output.bar.clone());
    super::emit(output, runtime.block_on(ask(results, query, args.store.limits(), &workers, watch))?)
}

#[cfg(not(feature = "sql"))]
fn answer(_args: &SqlArgs, query: &str, results: &Results, _runtime: &Runtime, _output: &Output) -> anyhow::Result<ExitStatus> {
    ekv_fleet::sql::meant(query).map_err(anyhow::Error::msg)?;
    let command = ekv_tool::report::shell_words(["ekv-fleet", "sql", "--script", query, "--results", results.shown()]);
    anyhow::bail!(
        "this build has no engine for SQL: build it with `cargo build --release --locked --features sql --manifest-path fleet/Cargo.toml` \
         (Rust 1.94), or ask DuckDB: {command} | duckdb"
    )
}
