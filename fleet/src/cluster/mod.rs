//! Ballista: one scheduler and any number of executors, which are this program too, and a client that lets them answer a query.
//!
//! None of the connections is encrypted, and nobody is asked who they are: whoever reaches a scheduler runs queries with the credentials and
//! the files of its executors.

mod codec;
mod executor;
mod ready;
mod scheduler;

use std::sync::Arc;

use ballista::prelude::SessionContextExt as _;
use ballista_core::extension::SessionConfigExt as _;
use ballista_core::utils::default_session_builder;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{FunctionRegistry as _, SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

pub use executor::{ExecutorOptions, executor};
pub(crate) use ready::{gone, wait_for_executors};
pub use scheduler::{SHORTEST_TIMEOUT, SchedulerOptions, scheduler};

use codec::Codec;

use crate::error::Error;
use crate::progress::Unwatched;
use crate::sql::functions::functions;
use crate::sql::places::Places;
use crate::sql::workers::of_results;
use crate::store::Limits;

/// Bytes of one message: a plan holds the list of a store, 16 MiB for every hundred thousand objects.
const MESSAGE: u32 = 256 << 20;

/// Where no port is named.
pub const SCHEDULER_PORT: u16 = 50050;

/// Partitions of a list: what one task has to do again when its executor is lost.
const SPREAD: usize = 64;

/// The address of a scheduler: `df://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerAddress {
    /// Name or number of the machine.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl SchedulerAddress {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// For what is none, in words for people.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let wrong = || "not the address of a scheduler; write df://HOST:50050".to_owned();
        let rest = text.strip_prefix("df://").ok_or_else(wrong)?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (rest, SCHEDULER_PORT),
        };
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match inner {
            Some(number) => number.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        };
        if is_host && port != 0 { Ok(Self { host: host.to_owned(), port }) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for SchedulerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "df://{}:{}", self.host, self.port)
    }
}

/// A session of the client, and into how many partitions a list is dealt.
pub(crate) async fn client(scheduler: &SchedulerAddress, limits: Limits) -> Result<(SessionContext, usize)> {
    let config = of_results(SessionConfig::new_with_ballista()).with_ballista_grpc_client_max_message_size(MESSAGE as usize);
    let config = config.with_ballista_logical_extension_codec(Arc::new(Codec::default()));
    let runtime = RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(Places::new(limits))).build_arc()?;
    let state = SessionStateBuilder::new().with_default_features().with_config(config).with_runtime_env(runtime).build();
    let url = format!("df://{}:{}", scheduler.host, scheduler.port);
    Ok((SessionContext::remote_with_state(&url, state).await?, SPREAD))
}

/// Why a cluster is not asked to answer a query: Ballista 55.0 gives the rows of a `UNION` several times where its parts are sorted
/// (<https://github.com/apache/datafusion-ballista/issues/2184>).
pub(crate) fn refusal(plan: &LogicalPlan) -> Option<&'static str> {
    let mut found = false;
    let seen = plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Union(_) | LogicalPlan::RecursiveQuery(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    let why = "a cluster is not asked for a UNION or a recursive query, since Ballista 55.0 may give their rows several times; ask without --cluster";
    (found || seen.is_err()).then_some(why)
}

/// A session on a machine of the cluster: it knows the functions, and finds the results by their addresses.
fn state(config: SessionConfig, limits: Limits, spill: Option<&std::path::Path>) -> Result<SessionState> {
    let mut runtime = RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(Places::new(limits)));
    if let Some(spill) = spill {
        runtime = runtime.with_temp_file_path(spill);
    }
    let state = default_session_builder(config)?;
    let mut state = SessionStateBuilder::new_from_existing(state).with_runtime_env(runtime.build_arc()?).build();
    // Whoever has asked is elsewhere.
    for function in functions(limits, Arc::new(Unwatched)) {
        state.register_udf(function)?;
    }
    Ok(state)
}

/// A machine of the cluster that cannot do its work.
fn broken(what: &str, error: impl std::fmt::Display) -> Error {
    let why = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    Error::Store { address: what.to_owned(), why, hint: "look at the addresses and ports, and whether the scheduler runs" }
}

/// A setting that the engine does not take.
fn unset(error: &DataFusionError) -> Error {
    Error::Fault(format!("the engine cannot be set up: {}", error.strip_backtrace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedulers_are_named_by_host_and_port() {
        let of = |text: &str| SchedulerAddress::parse(text).map(|it| (it.host, it.port));
        for (text, host, port) in [
            ("df://host", "host", 50050),
            ("df://host:1234", "host", 1234),
            ("df://127.0.0.1:80", "127.0.0.1", 80),
            ("df://[::1]:50051", "[::1]", 50051),
            ("df://[::1]", "[::1]", 50050),
        ] {
            assert_eq!(of(text), Ok((host.to_owned(), port)), "{text}");
        }
        for text in
            ["host", "http://host", "df://", "df://host:", "df://host:99999", "df://u:p@host", "df://host/x", "df://host/"]
        {
            assert!(of(text).is_err(), "{text}: {:?}", of(text));
        }
    }
}
