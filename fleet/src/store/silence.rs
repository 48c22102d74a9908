//! A store that has fallen silent is not asked for everything that is left, each to the end of all patience.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Trouble;

/// So many requests without an answer, one behind the other and each with all its attempts.
const MOST: u32 = 64;

/// Requests since the last answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Silence(Arc<AtomicU32>);

impl Silence {
    /// Why nothing is asked any more, if that is so.
    pub(super) fn trouble(&self) -> Result<(), Trouble> {
        if self.0.load(Ordering::Relaxed) < MOST {
            return Ok(());
        }
        Err(Trouble::Silent(format!("it was not asked for: {MOST} requests before it had no answer")))
    }

    /// Takes note of what came of a request.
    pub(super) fn heard<T>(&self, answer: Result<T, Trouble>) -> Result<T, Trouble> {
        match &answer {
            // Above the limit the count stays: what was under way may still come.
            Err(Trouble::Silent(_)) => {
                let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(MOST.min(count + 1)));
            }
            _ => self.0.store(0, Ordering::Relaxed),
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_answer_breaks_the_silence() {
        let silence = Silence::default();
        let silent = || Err::<(), _>(Trouble::Silent("the store did not answer in time".to_owned()));
        for _ in 1..MOST {
            let _ = silence.heard(silent());
        }
        assert_eq!(silence.trouble(), Ok(()));
        assert_eq!(silence.heard(Err::<(), _>(Trouble::Absent)), Err(Trouble::Absent));
        for _ in 0..MOST {
            assert_eq!(silence.trouble(), Ok(()));
            let _ = silence.heard(silent());
        }
        assert!(matches!(silence.trouble(), Err(Trouble::Silent(why)) if why.contains("64 requests")));
        assert_eq!(silence.heard(Ok(())), Ok(()));
        assert_eq!(silence.trouble(), Ok(()));
    }
}
