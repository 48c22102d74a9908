-- How many entries are behind the newest snapshot of each copy?
SELECT group_id, node, snapshot_index, last_index,
       CAST(last_index AS BIGINT) - CAST(snapshot_index AS BIGINT) AS entries_behind_snapshot
FROM groups
ORDER BY entries_behind_snapshot DESC, group_id, node;
