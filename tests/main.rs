//! The one integration test target; a comment beside each module says what belongs there.
