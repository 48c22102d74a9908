//! The members that membership changes of etcd carry as their context.

use serde::Deserialize;

use crate::formats::raftpb::{ConfChange, ConfChangeType, ProtoRules};

/// What etcd puts into the context of a membership change, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct MemberContext {
    /// The member's id.
    pub id: u64,
    /// Where its peers reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Its name; empty until the member has published it.
    pub name: String,
    /// Where clients reach it.
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<String>,
    /// It does not vote.
    #[serde(rename = "isLearner")]
    pub is_learner: bool,
    /// A learner that becomes a voter.
    #[serde(rename = "isPromote")]
    pub is_promote: bool,
}

impl MemberContext {
    /// Decodes a context; `None` for anything that is not such an object. An empty context, as of a removal, is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What a membership change of etcd does: the word for it, and a line with the member. `None` for one that does not decode.
pub fn describe_change(data: &[u8]) -> Option<(&'static str, String)> {
    let change = ConfChange::decode(data, ProtoRules::Google).ok()?;
    let context = MemberContext::decode(change.context);
    let promotes = context.as_ref().is_some_and(|context| context.is_promote);
    let word = match change.kind {
        ConfChangeType::AddNode if promotes => "promote-learner",
        ConfChangeType::AddNode => "add-voter",
        ConfChangeType::RemoveNode => "remove",
        ConfChangeType::UpdateNode => "update",
        ConfChangeType::AddLearnerNode => "add-learner",
        ConfChangeType::Other(_) => "unknown",
    };
    let mut line = format!("{word} {:x}", change.node_id.0);
    if let Some(context) = context {
        for part in std::iter::once(&context.name).chain(&context.peer_urls).filter(|part| !part.is_empty()) {
            line.push(' ');
            line.push_str(&crate::types::Escaped(part.as_bytes()).to_string());
        }
    }
    Some((word, line))
}
