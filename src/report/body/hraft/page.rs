//! One page a node, for the questions that are not forecasts.

use std::marker::PhantomData;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::report::{Body, Lines, Section};

/// A question: the command that asks it.
pub trait Question {
    /// Its name as it stands in the schema.
    const NAME: &'static str;
}

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $name;

            impl Question for $name {
                const NAME: &'static str = $text;
            }
        )*
    };
}

questions! {
    /// `check`
    Check = "check",
    /// `compare`
    Compare = "compare",
    /// `gate-dryrun`
    GateDryrun = "gate-dryrun",
    /// `inspect`
    Inspect = "inspect",
    /// `verify-snapshot`
    VerifySnapshot = "verify-snapshot",
    /// `wal ls`
    WalLs = "wal-ls",
    /// `wal stat`
    WalStat = "wal-stat",
    /// `wal verify`
    WalVerify = "wal-verify",
    /// `wal dump`
    WalDump = "wal-dump",
    /// `wal show`
    WalShow = "wal-show",
}

/// The pages of a run.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(bound = "", rename = "HashiBody")]
pub struct HashiBody<Q> {
    /// Always `hashicorp-raft`.
    pub backend: &'static str,
    /// One a node.
    pub nodes: Vec<NodePage>,
    #[serde(skip)]
    headline: String,
    #[serde(skip)]
    question: PhantomData<Q>,
}

/// One node's page.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct NodePage {
    /// The directory as the caller named it.
    pub dir: String,
    /// The node's id.
    pub raft_id: String,
    /// What the question asks for.
    #[serde(flatten)]
    pub facts: Map<String, Value>,
    /// The same for people.
    #[serde(skip)]
    pub sections: Vec<Section>,
}

impl<Q> HashiBody<Q> {
    /// The pages under a headline.
    pub fn new(headline: impl Into<String>, nodes: Vec<NodePage>) -> Self {
        Self { backend: "hashicorp-raft", nodes, headline: headline.into(), question: PhantomData }
    }
}

impl NodePage {
    /// A page without anything yet.
    pub fn new(dir: impl Into<String>, raft_id: impl Into<String>) -> Self {
        Self { dir: dir.into(), raft_id: raft_id.into(), facts: Map::new(), sections: Vec::new() }
    }

    /// Adds a fact for programs.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Serialize) -> Self {
        self.facts.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        self
    }

    /// Adds a section for people.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }
}

impl<Q: Question> Body for HashiBody<Q> {
    const NAME: &'static str = Q::NAME;
    const LINES: &'static [Lines] = &[Lines::of("nodes", "node")];

    fn headline(&self) -> String {
        self.headline.clone()
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for node in &self.nodes {
            if self.nodes.len() > 1 {
                sections.push(Section::Note(format!("{} ({})", node.dir, node.raft_id)));
            }
            sections.extend(node.sections.iter().cloned());
        }
        sections
    }
}
