-- The newest facts of every group of every node, and what belongs to them. The tables with _v1 hold everything that was ever collected.

-- One row a node: its newest facts. Of a node whose groups were looked at one by one they are those of the last of them.
CREATE VIEW nodes AS
SELECT facts_sha256, node, taken_at_ms, tool_version, fast, salt, verdict, groups, errors, warnings, not_examined,
       start_read_bytes, start_write_bytes, start_estimate_ms, facts_bytes, single_groups
FROM (SELECT *, row_number() OVER (PARTITION BY node ORDER BY taken_at_ms DESC, facts_sha256 DESC) AS place FROM nodes_v1) AS numbered
WHERE place = 1;

-- One row a group of a node: which facts count for it. Newer facts of the whole node take the place of all older ones.
CREATE VIEW counted AS
SELECT facts_sha256, node, group_id
FROM (SELECT copies.facts_sha256, copies.node, copies.group_id, told.taken_at_ms, whole.taken_at_ms AS whole_at_ms,
             row_number() OVER (PARTITION BY copies.node, coalesce(copies.group_id, 1)
                                ORDER BY told.taken_at_ms DESC, copies.facts_sha256 DESC) AS place
      FROM groups_v1 AS copies
      JOIN nodes_v1 AS told ON told.facts_sha256 = copies.facts_sha256 AND told.node = copies.node
      LEFT JOIN (SELECT node, max(taken_at_ms) AS taken_at_ms FROM nodes_v1 WHERE NOT coalesce(single_groups, false) GROUP BY node) AS whole
        ON whole.node = copies.node) AS numbered
WHERE place = 1 AND taken_at_ms >= coalesce(whole_at_ms, taken_at_ms);

-- One row a group of a node.
CREATE VIEW groups AS
SELECT copies.* FROM groups_v1 AS copies
JOIN counted ON counted.facts_sha256 = copies.facts_sha256 AND counted.node = copies.node
            AND counted.group_id IS NOT DISTINCT FROM copies.group_id;

-- One row a member of a group, as a node knows it.
CREATE VIEW members AS
SELECT known.* FROM members_v1 AS known
JOIN counted ON counted.facts_sha256 = known.facts_sha256 AND counted.node = known.node
            AND counted.group_id IS NOT DISTINCT FROM known.group_id;

-- One row a finding, with no node for what belongs to all nodes of one file.
CREATE VIEW findings AS
SELECT found.* FROM findings_v1 AS found
WHERE EXISTS (SELECT 1 FROM (SELECT facts_sha256, node FROM counted UNION SELECT facts_sha256, node FROM nodes) AS files
              WHERE files.facts_sha256 = found.facts_sha256 AND files.node = coalesce(found.node, files.node))
  AND NOT EXISTS (SELECT 1 FROM counted AS newer
                  WHERE newer.node = found.node AND newer.group_id = found.group_id AND newer.facts_sha256 <> found.facts_sha256);

-- One row a .snap file of a group of a node.
CREATE VIEW snapshots AS
SELECT files.* FROM snapshots_v1 AS files
JOIN counted ON counted.facts_sha256 = files.facts_sha256 AND counted.node = files.node
            AND counted.group_id IS NOT DISTINCT FROM files.group_id;

-- One row a payload of a store of offloaded snapshots, as `ekv-fleet offload verify` judged it last.
CREATE VIEW offloads AS
SELECT store, endpoint, key, e_tag, size, modified_ms, tool_version, deep, outcome, why, sha256, crc32c, has_footer, applied_index, rows, verdict,
       contents, judged_ms, shard
FROM (SELECT *, row_number() OVER (PARTITION BY store, endpoint, key ORDER BY judged_ms DESC) AS place FROM offloads_v1) AS numbered
WHERE place = 1;
