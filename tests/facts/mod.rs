//! Files of facts: `compare` says the same of them as of the directories, and they hold no keys and values.

mod alike;
mod cli;
mod contents;
mod input;
mod others;
