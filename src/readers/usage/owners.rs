//! Tables, buckets and queues, and the ranges of the catalog.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{RowState, StateSums};
use crate::formats::kv::{CatalogRoute, KeySpace, LogicalKey, Place, route_key, routed_alike};
use crate::types::{Escaped, free_budget};

/// What one table, bucket or queue uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct OwnerUse {
    /// Its name: `ddb:TABLE`, `s3:BUCKET`, `sqs:QUEUE`.
    pub owner: String,
    /// Its rows by what they are.
    #[serde(flatten)]
    pub states: StateSums,
}

/// A route of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    number: u64,
    group: u64,
    state: &'static str,
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl Route {
    /// A route with bytes of its own.
    pub fn of(route: &CatalogRoute<'_>) -> Self {
        let CatalogRoute { route, group, state, start, end, .. } = *route;
        Self { number: route, group, state, start: start.to_vec(), end: end.map(<[u8]>::to_vec) }
    }
}

/// What lies in one range of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RangeUse {
    /// Number of the route; `null` for what no route has.
    pub route: Option<u64>,
    /// The group that the route gives the keys to.
    pub group: Option<u64>,
    /// What is being done with the route.
    pub state: Option<&'static str>,
    /// First key, escaped; of keys as the server routes them.
    pub start: Option<String>,
    /// First key behind it; `null` for no end.
    pub end: Option<String>,
    /// The rows in it by what they are.
    #[serde(flatten)]
    pub states: StateSums,
}

/// Sums by owner.
#[derive(Debug)]
pub(super) struct Owners {
    sums: Vec<StateSums>,
    by_name: BTreeMap<LogicalKey<'static>, usize>,
    others: StateSums,
    /// Bytes that more owners may take.
    room: usize,
    /// Up to where keys name the owner of the row before, and which it was; `None` when it is not listed.
    last: Vec<u8>,
    last_owner: Option<usize>,
}

/// Bytes that an owner takes beside its name, about.
const OWNER_COST: usize = 512;

impl Owners {
    pub(super) fn new() -> Self {
        let room = usize::try_from(free_budget() / 8).unwrap_or(usize::MAX).min(8 << 20);
        Self {
            sums: Vec::new(),
            by_name: BTreeMap::new(),
            others: StateSums::default(),
            room,
            last: Vec::new(),
            last_owner: None,
        }
    }

    /// Takes a row, which may belong to nobody.
    pub(super) fn count(&mut self, space: KeySpace, user_key: &[u8], state: RowState, bytes: u64) {
        let inner = match space.prefix() {
            [b'!', b'd', b'd', b'b', b'|', ..] | [b'!', b's', b'3', b'|', ..] | [b'!', b's', b'q', b's', b'|', ..] => user_key,
            prefix @ [b'!', b't', b'x', b'n', b'|', ..] => match user_key.get(prefix.len()..) {
                Some(inner @ ([b'!', b'd', b'd', b'b', ..] | [b'!', b's', b'3' | b'q', ..])) => inner,
                _ => return,
            },
            _ => return,
        };
        if inner.len() != user_key.len() || self.last.is_empty() || !user_key.starts_with(&self.last) {
            let Some(place) = Place::of_user_key(user_key) else { return };
            let owner = place.name.owner();
            self.last.clear();
            if inner.len() == user_key.len() {
                self.last.extend_from_slice(user_key.get(..owner_len(space, user_key)).unwrap_or_default());
            }
            self.last_owner = self.place_of(owner);
        }
        match self.last_owner.and_then(|owner| self.sums.get_mut(owner)) {
            Some(sums) => sums.add(state, bytes),
            None => self.others.add(state, bytes),
        }
    }

    fn place_of(&mut self, owner: LogicalKey<'_>) -> Option<usize> {
        let owner = owner.into_owned();
        if let Some(place) = self.by_name.get(&owner) {
            return Some(*place);
        }
        let cost = OWNER_COST + 2 * owner.to_string().len();
        self.room = match self.room.checked_sub(cost) {
            Some(room) => room,
            None => {
                // Whoever comes later is not listed either: each row of the list is all that its owner has.
                self.room = 0;
                return None;
            }
        };
        self.sums.push(StateSums::default());
        self.by_name.insert(owner, self.sums.len() - 1);
        Some(self.sums.len() - 1)
    }

    /// Most bytes first, and those that are not listed.
    pub(super) fn finish(self) -> (Vec<OwnerUse>, StateSums) {
        let sums = self.sums;
        let mut owners: Vec<_> = self
            .by_name
            .into_iter()
            .filter_map(|(name, place)| Some(OwnerUse { owner: name.to_string(), states: *sums.get(place)? }))
            .collect();
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.states.total().bytes));
        (owners, self.others)
    }
}

/// Up to where a key names its table, bucket or queue, with what ends the name; 0 where nothing tells its end.
fn owner_len(space: KeySpace, user_key: &[u8]) -> usize {
    let front = space.prefix().len();
    let rest = user_key.get(front..).unwrap_or_default();
    let len = match space.prefix() {
        b"!ddb|item|" | b"!ddb|gsi|" => rest.iter().position(|&byte| byte == b'|').map(|at| at + 1),
        [b'!', b's', b'3', ..] => rest.windows(2).position(|pair| pair == [0, 1]).map(|at| at + 2),
        // The mark of partitions, the digits of the name, and the byte that ends them.
        [b'!', b's', b'q', b's', b'|', b'm', ..] => {
            let mark = if rest.starts_with(b"p|") { 2 } else { 0 };
            let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            rest.get(mark..).and_then(|name| name.iter().position(|&byte| !is_digit(byte))).map(|at| mark + at + 1)
        }
        _ => None,
    };
    len.map_or(0, |len| front + len)
}

/// Sums by range.
#[derive(Debug)]
pub(super) struct Ranges {
    /// By their start.
    routes: Vec<(Route, StateSums)>,
    outside: StateSums,
    /// Which of them the row before belongs to; `None` for none of them.
    last: Option<usize>,
    /// The beginning of its key, if all keys that begin so are routed alike.
    front: Vec<u8>,
}

impl Ranges {
    pub(super) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by(|a, b| a.start.cmp(&b.start));
        Self {
            routes: routes.into_iter().map(|route| (route, StateSums::default())).collect(),
            outside: StateSums::default(),
            last: None,
            front: Vec::new(),
        }
    }

    pub(super) fn count(&mut self, user_key: &[u8], state: RowState, bytes: u64) {
        // Most clusters have one route for everything.
        if let [(Route { start, end: None, .. }, sums)] = self.routes.as_mut_slice()
            && start.is_empty()
        {
            return sums.add(state, bytes);
        }
        if self.front.is_empty() || !user_key.starts_with(&self.front) {
            self.last = self.place_of(&route_key(user_key));
            self.front.clear();
            self.front.extend_from_slice(user_key.get(..routed_alike(user_key)).unwrap_or_default());
        }
        match self.last.and_then(|at| self.routes.get_mut(at)) {
            Some((_, sums)) => sums.add(state, bytes),
            None => self.outside.add(state, bytes),
        }
    }

    fn place_of(&self, key: &[u8]) -> Option<usize> {
        let holds = |at: usize| {
            let (route, _) = self.routes.get(at)?;
            let begins = route.start.as_slice() <= key;
            (begins && route.end.as_ref().is_none_or(|end| key < end.as_slice())).then_some(at)
        };
        let search = || holds(self.routes.partition_point(|(route, _)| route.start.as_slice() <= key).checked_sub(1)?);
        // Of routes that overlap the last one that begins before the key has it.
        let is_last = |at: &usize| self.routes.get(at + 1).is_none_or(|(next, _)| next.start.as_slice() > key);
        self.last.and_then(holds).filter(is_last).or_else(search)
    }

    pub(super) fn finish(self) -> Vec<RangeUse> {
        let shown = |key: Vec<u8>| Escaped(&key).to_string();
        let mut ranges: Vec<_> = self
            .routes
            .into_iter()
            .map(|(Route { number, group, state, start, end }, states)| RangeUse {
                route: Some(number),
                group: Some(group),
                state: Some(state),
                start: Some(shown(start)),
                end: end.map(shown),
                states,
            })
            .collect();
        if self.outside.total().rows > 0 {
            let states = self.outside;
            ranges.push(RangeUse { route: None, group: None, state: None, start: None, end: None, states });
        }
        ranges
    }
}
