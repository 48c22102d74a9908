//! The scheduler: it takes queries, and gives their parts to executors.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;

use super::codec::Codec;
use super::{MESSAGE, broken, state};
use crate::error::Result;
use crate::store::Limits;

/// How a scheduler works.
#[derive(Debug, Clone, Copy)]
pub struct SchedulerOptions {
    /// Where it listens.
    pub bind: SocketAddr,
    /// An executor that has not been heard of for this long is lost: what it had is given to others.
    pub executor_timeout: Duration,
    /// How it asks the store of the results.
    pub limits: Limits,
}

/// Executors that have all their slots at work are heard of every five seconds: less than three times that would lose those that are well.
pub const SHORTEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Runs until it is ended; `listening` is told where.
pub async fn scheduler(options: &SchedulerOptions, listening: impl FnOnce(SocketAddr)) -> Result<()> {
    let listener = TcpListener::bind(options.bind).await.map_err(|error| broken(&options.bind.to_string(), error))?;
    let bound = listener.local_addr().map_err(|error| broken(&options.bind.to_string(), error))?;
    let limits = options.limits;
    let timeout = options.executor_timeout.max(SHORTEST_TIMEOUT).as_secs();
    let config = SchedulerConfig {
        bind_host: bound.ip().to_string(),
        bind_port: bound.port(),
        external_host: bound.ip().to_string(),
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: timeout,
        expire_dead_executor_interval_seconds: (timeout / 4).clamp(1, 15),
        no_executors_grace_period_seconds: timeout,
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        override_logical_codec: Some(Arc::new(Codec::default())),
        override_session_builder: Some(Arc::new(move |config| state(config, limits, None))),
        ..SchedulerConfig::default()
    };
    let named = format!("the scheduler at {bound}");
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(|error| broken(&named, error))?;
    let server = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await;
    let server = server.map_err(|error| broken(&named, error))?;
    listening(bound);
    start_grpc_service_with_listener(listener, server).await.map_err(|error| broken(&named, error))
}
