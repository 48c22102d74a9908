//! Which nonces were used twice, in as many readings as the memory asks for.

use super::walk::{Seen, Walk};
use crate::analysis::Finding;
use crate::analysis::judge::nonces::{Lookup, NonceSet, Suspects, Used};
use crate::error::Result;
use crate::readers::source::Run;

/// Most parts into which the nonces are divided; each is one more reading of everything.
const MOST_PARTS: u64 = 32;

/// One finding for every nonce that was used for different things, with its places. `set` holds those of all envelopes, if they fit;
/// `None` when there are too many.
pub(super) fn look_up(set: NonceSet, walk: &mut Walk<'_>, run: &Run<'_>) -> Result<Option<Vec<Finding>>> {
    let Some(found) = suspects(set, walk, run)? else { return Ok(None) };
    if found.reused == 0 {
        return Ok(Some(Vec::new()));
    }
    let mut lookup = Lookup::new(&found.nonces);
    let mut visit = |seen: Seen<'_>| {
        if let Seen::Sealed(sighting) = seen
            && let Some(used) = Used::of(&sighting.envelope)
        {
            lookup.add(&used, || (sighting.place)().to_string());
        }
    };
    walk.run(run, &mut visit)?;
    Ok(Some(lookup.findings(found.reused)))
}

/// Nonces that seem to have been used twice. `set` holds those of all envelopes, if they fit; `None` when there are too many.
fn suspects(set: NonceSet, walk: &mut Walk<'_>, run: &Run<'_>) -> Result<Option<Suspects>> {
    let Some(mut parts) = set.parts_needed() else { return Ok(Some(set.suspects())) };
    drop(set);
    while parts <= MOST_PARTS {
        if let Some(all) = in_parts(parts, walk, run)? {
            return Ok(Some(all));
        }
        parts *= 2;
    }
    Ok(None)
}

/// One reading a part; `None` when a part does not fit.
fn in_parts(parts: u64, walk: &mut Walk<'_>, run: &Run<'_>) -> Result<Option<Suspects>> {
    let mut all = Suspects::default();
    for part in 0..parts {
        let mut set = NonceSet::new(part, parts);
        let mut visit = |seen: Seen<'_>| {
            if let Seen::Sealed(sighting) = seen
                && let Some(used) = Used::of(&sighting.envelope)
            {
                set.add(&used);
            }
        };
        walk.run(run, &mut visit)?;
        if set.parts_needed().is_some() {
            return Ok(None);
        }
        all.absorb(set.suspects());
    }
    Ok(Some(all))
}
