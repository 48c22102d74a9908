-- Which copies have applied the same and hold other rows? `ekv-tool compare` tells what that means
SELECT copies.group_id, copies.applied_index, count(DISTINCT copies.store_content_hash) AS contents,
       string_agg(copies.node, ' ' ORDER BY copies.node) AS nodes
FROM groups AS copies
JOIN nodes_v1 AS told ON told.facts_sha256 = copies.facts_sha256 AND told.node = copies.node
WHERE copies.store_content_hash IS NOT NULL
GROUP BY copies.group_id, copies.applied_index, told.salt
HAVING count(DISTINCT copies.store_content_hash) > 1
ORDER BY copies.group_id, copies.applied_index;
