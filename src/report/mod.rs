//! One typed report, many renderings.
#![forbid(unsafe_code)]
