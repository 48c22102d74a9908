//! An executor: it asks a scheduler for work.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::SessionConfigExt as _;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use datafusion::prelude::SessionConfig;

use super::codec::Codec;
use super::{MESSAGE, SchedulerAddress, broken, state, unset};
use crate::error::{Error, Result};
use crate::store::Limits;

/// How an executor works.
#[derive(Debug, Clone)]
pub struct ExecutorOptions {
    /// Who gives it work.
    pub scheduler: SchedulerAddress,
    /// Where others fetch what it has made.
    pub bind: IpAddr,
    /// The port there; 0 for any that is free.
    pub port: u16,
    /// The name by which others reach it; `None` for the address from which it asks.
    pub advertise: Option<String>,
    /// Tasks at the same time.
    pub slots: usize,
    /// Memory for what is sorted, grouped and joined, in bytes.
    pub memory: u64,
    /// Where what it makes is kept until it is fetched, in a directory of its own that is removed at the end; `None` for that of the
    /// system.
    pub scratch: Option<PathBuf>,
    /// How it asks stores.
    pub limits: Limits,
}

/// Runs until it is ended; `working` is told where.
pub async fn executor(options: &ExecutorOptions, working: impl FnOnce(SocketAddr)) -> Result<()> {
    let port = if options.port == 0 { free_port(options.bind)? } else { options.port };
    let address = SocketAddr::new(options.bind, port);
    let named = format!("the executor at {address}");
    let made = match &options.scratch {
        Some(below) => tempfile::Builder::new().prefix("ekv-fleet-").tempdir_in(below),
        None => tempfile::Builder::new().prefix("ekv-fleet-").tempdir(),
    };
    let scratch = made.map_err(|error| broken(&named, format!("no directory for what it makes: {error}")))?;
    let Some(work_dir) = scratch.path().to_str().map(str::to_owned) else {
        return Err(Error::Usage("the directory for what an executor makes has a name that is no text".to_owned()));
    };
    let state = state(SessionConfig::new_with_ballista(), options.limits, Some(scratch.path())).map_err(|error| unset(&error))?;
    let runtime = Arc::clone(state.runtime_env());
    let config = ExecutorProcessConfig {
        bind_host: options.bind.to_string(),
        external_host: options.advertise.clone(),
        port,
        scheduler_host: options.scheduler.host.clone(),
        scheduler_port: options.scheduler.port,
        scheduler_connect_timeout_seconds: 30,
        vcores: options.slots.max(1),
        task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
        work_dir: Some(work_dir),
        job_data_ttl_seconds: 3600,
        job_data_clean_up_interval_seconds: 600,
        grpc_max_decoding_message_size: MESSAGE,
        grpc_max_encoding_message_size: MESSAGE,
        memory_pool_size: Some(options.memory),
        override_logical_codec: Some(Arc::new(Codec::default())),
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&state))),
        override_runtime_producer: Some(Arc::new(move |_| Ok(Arc::clone(&runtime)))),
        ..ExecutorProcessConfig::default()
    };
    working(address);
    start_executor_process(Arc::new(config)).await.map_err(|error| broken(&named, error))
}

fn free_port(bind: IpAddr) -> Result<u16> {
    let found = TcpListener::bind((bind, 0)).and_then(|listener| listener.local_addr());
    found.map(|address| address.port()).map_err(|error| broken(&bind.to_string(), error))
}
