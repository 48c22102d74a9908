-- The newest facts of every node, and what belongs to them. The tables with _v1 hold everything that was ever collected.

-- One row a node.
CREATE VIEW nodes AS
SELECT facts_sha256, node, taken_at_ms, tool_version, fast, salt, verdict, groups, errors, warnings, not_examined,
       start_read_bytes, start_write_bytes, start_estimate_ms, facts_bytes
FROM (SELECT *, row_number() OVER (PARTITION BY node ORDER BY taken_at_ms DESC, facts_sha256 DESC) AS place FROM nodes_v1) AS numbered
WHERE place = 1;

-- One row a group of a node.
CREATE VIEW groups AS
SELECT copies.* FROM groups_v1 AS copies
JOIN nodes ON nodes.facts_sha256 = copies.facts_sha256 AND nodes.node = copies.node;

-- One row a member of a group, as a node knows it.
CREATE VIEW members AS
SELECT known.* FROM members_v1 AS known
JOIN nodes ON nodes.facts_sha256 = known.facts_sha256 AND nodes.node = known.node;

-- One row a finding, with no node for what belongs to all nodes of one file.
CREATE VIEW findings AS
SELECT found.* FROM findings_v1 AS found
WHERE EXISTS (SELECT 1 FROM nodes WHERE nodes.facts_sha256 = found.facts_sha256 AND nodes.node = coalesce(found.node, nodes.node));

-- One row a .snap file of a group of a node.
CREATE VIEW snapshots AS
SELECT files.* FROM snapshots_v1 AS files
JOIN nodes ON nodes.facts_sha256 = files.facts_sha256 AND nodes.node = files.node;

-- One row a payload of a store of offloaded snapshots, as `ekv-fleet offload verify` judged it last.
CREATE VIEW offloads AS
SELECT store, key, e_tag, size, modified_ms, tool_version, deep, outcome, why, sha256, crc32c, has_footer, applied_index, rows, verdict,
       contents, judged_ms, shard
FROM (SELECT *, row_number() OVER (PARTITION BY store, key ORDER BY judged_ms DESC) AS place FROM offloads_v1) AS numbered
WHERE place = 1;
