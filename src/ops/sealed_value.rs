//! The value of a row as the keys that were given show it.

use crate::analysis::judge::envelopes::Closed;
use crate::crypto::OpenError;
use crate::formats::envelope::Envelope;
use crate::formats::kv::Shown;
use crate::formats::mvcc::{ROW_HEADER_LEN, is_sealed};
use crate::readers::keys::Opener;
use crate::report::body::store_scan::Inside;

/// Hands what is in a value's envelope to `show`. What does not open is counted in `closed` as a thing of `path`.
pub(super) fn opened<T>(
    (key, value): (&[u8], &[u8]),
    opener: Option<&Opener>,
    path: &str,
    closed: &mut Closed,
    show: impl FnOnce(Inside<'_>) -> T,
) -> T {
    let envelope = || Envelope::decode(value.get(ROW_HEADER_LEN..).unwrap_or_default());
    if !is_sealed(key, value) {
        return show(Inside::Untried);
    }
    let Some(opener) = opener else {
        if let Err(error) = envelope() {
            // No key opens what is no envelope.
            let what = format!("Row {}", Shown(key));
            closed.add(&what, path.to_owned(), None, None, &OpenError::of_decoding(&error));
        }
        return show(Inside::Untried);
    };
    match opener.row(key, value) {
        Ok(opened) => show(Inside::Opened { clear: opened.bytes(), shown: opener.shows_values }),
        Err(error) => {
            let what = format!("Row {}", Shown(key));
            closed.add(&what, path.to_owned(), None, envelope().ok().as_ref(), &error);
            show(Inside::Closed)
        }
    }
}
