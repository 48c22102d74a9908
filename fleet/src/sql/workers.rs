//! Who works at a query.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use ekv_tool::types::free_budget;

use super::engine::one_line;
use super::places::Places;
use crate::error::Error;
use crate::store::Limits;

/// Parts of shards lie in a folder of each shard, and those are tables too.
pub(crate) fn of_results(config: SessionConfig) -> SessionConfig {
    config.set_bool("datafusion.execution.listing_table_ignore_subdirectory", false)
}

/// Who works at a query.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Workers {
    /// This process.
    Here,
    /// The executors of a scheduler.
    #[cfg(feature = "cluster")]
    Cluster(crate::cluster::SchedulerAddress),
}

impl Workers {
    /// A session without tables, and into how many partitions a list is dealt.
    #[cfg_attr(not(feature = "cluster"), allow(clippy::unused_async, reason = "a cluster is waited for"))]
    pub(super) async fn session(&self, limits: Limits) -> Result<(SessionContext, usize)> {
        #[cfg(feature = "cluster")]
        if let Self::Cluster(scheduler) = self {
            return crate::cluster::client(scheduler, limits).await;
        }
        let memory = usize::try_from(free_budget()).unwrap_or(usize::MAX);
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(memory, 1.0);
        let runtime = runtime.with_object_store_registry(Arc::new(Places::new(limits))).build_arc()?;
        let config = of_results(SessionConfig::new());
        let spread = config.target_partitions();
        Ok((SessionContext::new_with_config_rt(config, runtime), spread))
    }

    /// Why a query is not answered, before it is tried.
    pub(super) fn refuses(&self, plan: &LogicalPlan) -> Option<&'static str> {
        let _ = plan;
        match self {
            Self::Here => None,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => crate::cluster::refusal(plan),
        }
    }

    /// The rows of an answer.
    pub(super) async fn collect(&self, answer: DataFrame, limits: Limits) -> Result<Vec<RecordBatch>, Error> {
        let _ = limits;
        let rows = async { answer.collect().await.map_err(|error| self.failed(&one_line(&error))) };
        match self {
            Self::Here => rows.await,
            #[cfg(feature = "cluster")]
            Self::Cluster(scheduler) => {
                use futures_util::future::{Either, select};
                crate::cluster::wait_for_executors(scheduler, limits.timeout).await.map_err(|why| self.failed(&why))?;
                let gone = crate::cluster::gone(scheduler);
                match select(std::pin::pin!(rows), std::pin::pin!(gone)).await {
                    Either::Left((rows, _)) => rows,
                    Either::Right((why, _)) => Err(self.failed(&why)),
                }
            }
        }
    }

    /// Why there is no answer.
    fn failed(&self, why: &str) -> Error {
        match self {
            Self::Here => Error::Usage(format!("the query cannot be answered: {why}")),
            #[cfg(feature = "cluster")]
            Self::Cluster(scheduler) => Error::Store {
                address: scheduler.to_string(),
                why: format!("the cluster did not answer the query: {why}"),
                hint: "nothing of it is kept; ask again, or read the payloads with `ekv-fleet offload verify --results URL --shard I/N`, which goes on \
                       where it ended",
            },
        }
    }
}
