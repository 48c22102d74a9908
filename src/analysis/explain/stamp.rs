//! What collectors of logs put before a line: when and where it was written.

use serde_json::Value;

/// Time and node of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stamp {
    /// As it stands.
    pub time: Option<String>,
    /// Host, pod, container, or the node that the line names itself.
    pub node: Option<String>,
}

/// Longest name or time that is kept.
const LONGEST: usize = 128;
/// Members and keys with a time.
const TIMES: [&str; 4] = ["time", "ts", "timestamp", "@timestamp"];
/// Members and keys with a node, those that say most first.
const NODES: [&str; 10] =
    ["raft_id", "raftid", "node_id", "nodeid", "node", "local-member-id", "member_id", "pod", "hostname", "host"];

impl Stamp {
    /// Takes them from a line; the rest is what the program wrote.
    pub fn of(line: &str) -> (Self, &str) {
        let mut stamp = Self::default();
        let mut rest = line.trim();
        rest = stamp.container(rest);
        rest = stamp.clock(rest);
        stamp.named(rest);
        (stamp, rest)
    }

    /// `[pod/NAME/CONTAINER] ` of kubectl, `NAME  | ` of compose.
    fn container<'l>(&mut self, line: &'l str) -> &'l str {
        if let Some((inside, rest)) = line.strip_prefix("[pod/").and_then(|line| line.split_once("] ")) {
            self.node = inside.split('/').next().and_then(kept);
            return rest.trim_start();
        }
        match line.split_once(" |") {
            Some((name, rest)) if is_name(name.trim_end()) && (rest.is_empty() || rest.starts_with(' ')) => {
                self.node = kept(name.trim_end());
                rest.trim_start()
            }
            _ => line,
        }
    }

    /// `Nov 26 03:12:07 HOST PROGRAM[PID]: `, or a date and a time with or without a host behind it.
    fn clock<'l>(&mut self, line: &'l str) -> &'l str {
        let words = || line.split_ascii_whitespace();
        let month = words().next().is_some_and(|word| MONTHS.contains(&word));
        let count = match words().next() {
            Some(_) if month && words().nth(2).is_some_and(is_time) => 3,
            Some(first) if is_date(first) && words().nth(1).is_some_and(is_time) => 2,
            Some(first) if is_moment(first) => 1,
            _ => return line,
        };
        let at = end_of_word(line, count);
        let Some((time, rest)) = line.split_at_checked(at) else { return line };
        self.time = kept(time);
        self.host(rest.trim_start())
    }

    /// `HOST PROGRAM[PID]: `.
    fn host<'l>(&mut self, line: &'l str) -> &'l str {
        let mut words = line.split_ascii_whitespace();
        let (Some(host), Some(program)) = (words.next(), words.next()) else { return line };
        let tagged = program.strip_suffix("]:").is_some_and(|tag| tag.contains('[')) || program == "kernel:";
        if !tagged || !is_name(host) {
            return line;
        }
        self.node = self.node.take().or_else(|| kept(host));
        line.get(end_of_word(line, 2)..).unwrap_or_default().trim_start()
    }

    /// What the line says itself: `node=n2` or a member of a JSON object. It says more than the host does.
    fn named(&mut self, rest: &str) {
        if rest.starts_with('{')
            && let Ok(Value::Object(members)) = serde_json::from_str::<Value>(rest)
        {
            let text = |names: &[&str]| {
                let value = names.iter().find_map(|name| members.get(*name))?;
                match value {
                    Value::String(text) => kept(text),
                    Value::Number(number) => kept(&number.to_string()),
                    _ => None,
                }
            };
            self.time = text(&TIMES).or_else(|| self.time.take());
            self.node = text(&NODES).or_else(|| self.node.take());
            return;
        }
        let mut found: Option<(usize, String)> = None;
        for word in rest.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else { continue };
            let value = value.trim_matches(['"', ',', ';']);
            if TIMES.contains(&key) && self.time.is_none() {
                self.time = kept(value);
            }
            let key = key.to_ascii_lowercase();
            let rank = NODES.iter().position(|name| *name == key);
            if let Some(rank) = rank.filter(|rank| found.as_ref().is_none_or(|(known, _)| rank < known))
                && let Some(value) = kept(value)
            {
                found = Some((rank, value));
            }
        }
        self.node = found.map(|(_, node)| node).or_else(|| self.node.take());
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn kept(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= LONGEST).then(|| text.to_owned())
}

/// Offset behind the `count`th word.
fn end_of_word(line: &str, count: usize) -> usize {
    let words = line.split_ascii_whitespace().take(count);
    words.last().map_or(0, |last| last.as_ptr().addr() - line.as_ptr().addr() + last.len())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// `03:12:07`, with or without a fraction.
fn is_time(text: &str) -> bool {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let two = |part: Option<&str>| part.is_some_and(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let three = two(parts.next()) && two(parts.next()) && two(parts.next()) && parts.next().is_none();
    three && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2026-11-26` or `2026/11/26`.
fn is_date(text: &str) -> bool {
    let shape = |byte: (usize, u8)| match byte.0 {
        4 | 7 => byte.1 == b'-' || byte.1 == b'/',
        _ => byte.1.is_ascii_digit(),
    };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

/// A date and a time in one word, with a zone or without.
fn is_moment(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let clock = time.find(['Z', '+', '-']).map_or(time, |zone| time.get(..zone).unwrap_or_default());
    is_date(date) && is_time(clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_collectors_put_before_a_line() {
        for (line, time, node, rest) in [
            ("Nov 26 03:12:07 n2 elastickv[811]: ERROR x", "Nov 26 03:12:07", "n2", "ERROR x"),
            ("2026-11-26T03:12:07+0000 n2 elastickv[811]: x", "2026-11-26T03:12:07+0000", "n2", "x"),
            ("2026/11/26 03:12:07 panic: x", "2026/11/26 03:12:07", "", "panic: x"),
            ("2026-11-26 03:12:07.123456 I | raft: x", "2026-11-26 03:12:07.123456", "", "I | raft: x"),
            ("n1-1  | panic: x", "", "n1-1", "panic: x"),
            ("[pod/n1-0/elastickv] 2026-11-26T03:12:07.5Z x", "2026-11-26T03:12:07.5Z", "n1-0", "x"),
            ("time=2026-11-26T03:12:07Z level=ERROR msg=x node_id=n3", "2026-11-26T03:12:07Z", "n3", ""),
            ("Nov 26 03:12:07 host a[1]: x raft_id=n7 node=9", "Nov 26 03:12:07", "n7", "x raft_id=n7 node=9"),
            (
                r#"{"level":"warn","ts":"2022-05-24T08:38:01.88Z","msg":"x","local-member-id":"8e9e"}"#,
                "2022-05-24T08:38:01.88Z",
                "8e9e",
                "",
            ),
            ("Nov 26 03:12:07 n2 kernel: EXT4-fs error", "Nov 26 03:12:07", "n2", "EXT4-fs error"),
            ("walpb: crc mismatch", "", "", "walpb: crc mismatch"),
            ("| al peer is missing", "", "", "| al peer is missing"),
            ("a | b | c", "", "a", "b | c"),
            ("", "", "", ""),
        ] {
            let (stamp, found) = Stamp::of(line);
            let text = |part: &Option<String>| part.clone().unwrap_or_default();
            assert_eq!((text(&stamp.time).as_str(), text(&stamp.node).as_str()), (time, node), "{line}");
            assert!(rest.is_empty() || found == rest, "{line}: {found}");
        }
    }
}
