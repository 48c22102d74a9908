//! `peers.json`: what a forced recovery takes as the new membership.

use std::collections::BTreeSet;

use super::configuration::{Configuration, Server, Suffrage};
use super::json::{Json, JsonError};

/// A `peers.json` in one of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeersFile {
    /// True for a list of addresses, the form from before servers had ids.
    pub old_form: bool,
    /// The membership.
    pub configuration: Configuration,
}

/// Why a `peers.json` is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeersJsonError {
    /// Not JSON, or of neither form.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A membership that the library refuses.
    #[error("{0}")]
    Refused(String),
}

/// Reads a `peers.json`. A list that begins with text is taken for the old form, everything else for the new one.
///
/// # Errors
///
/// What the library's reader of that form says.
pub fn decode_peers_json(bytes: &[u8]) -> Result<PeersFile, PeersJsonError> {
    let mut servers = Vec::new();
    let mut old_form = false;
    let mut json = Json::new(bytes);
    if !json.null()? {
        if json.peek()? == b'[' {
            json.array(|json, number| {
                if number == 0 {
                    old_form = json.peek()? == b'"';
                }
                let mut server = Server::default();
                if old_form {
                    json.string("peers", &mut server.address)?;
                    server.id.clone_from(&server.address);
                } else {
                    object(json, &mut server)?;
                }
                servers.push(server);
                Ok(())
            })?;
        } else {
            json.wrong("peers")?;
        }
    }
    if let Some(mismatch) = json.mismatch {
        return Err(mismatch.into());
    }
    let configuration = Configuration { servers };
    match check_configuration(&configuration) {
        Some(refusal) => Err(PeersJsonError::Refused(refusal)),
        None => Ok(PeersFile { old_form, configuration }),
    }
}

fn object(json: &mut Json<'_>, server: &mut Server) -> Result<(), JsonError> {
    if json.null()? {
        return Ok(());
    }
    if json.peek()? != b'{' {
        return json.wrong("configEntry");
    }
    let mut nonvoter = false;
    json.object(|json, name| {
        if name.eq_ignore_ascii_case("id") {
            json.string("id", &mut server.id)
        } else if name.eq_ignore_ascii_case("address") {
            json.string("address", &mut server.address)
        } else if name.eq_ignore_ascii_case("non_voter") {
            json.boolean("non_voter", &mut nonvoter)
        } else {
            json.skip()
        }
    })?;
    server.suffrage = if nonvoter { Suffrage::NONVOTER } else { Suffrage::VOTER };
    Ok(())
}

/// What the library says about a membership that a leader must not create; `None` when it is sound.
pub fn check_configuration(configuration: &Configuration) -> Option<String> {
    let (mut ids, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for server in &configuration.servers {
        if server.id.is_empty() {
            return Some("empty ID in configuration".to_owned());
        }
        if server.address.is_empty() {
            return Some("empty address in configuration".to_owned());
        }
        if !ids.insert(&server.id) {
            return Some(format!("found duplicate ID in configuration: {}", server.id));
        }
        if !addresses.insert(&server.address) {
            return Some(format!("found duplicate address in configuration: {}", server.address));
        }
    }
    (configuration.voters() == 0).then(|| "need at least one voter in configuration".to_owned())
}
