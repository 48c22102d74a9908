-- Which copies lack committed entries of their group?
SELECT copies.group_id, copies.node, copies.last_index, ahead.commit_index,
       CAST(ahead.commit_index AS BIGINT) - CAST(copies.last_index AS BIGINT) AS behind
FROM groups AS copies
JOIN (SELECT group_id, max(commit_index) AS commit_index FROM groups GROUP BY group_id) AS ahead
  ON ahead.group_id IS NOT DISTINCT FROM copies.group_id
WHERE copies.last_index < ahead.commit_index
ORDER BY behind DESC, copies.group_id, copies.node;
