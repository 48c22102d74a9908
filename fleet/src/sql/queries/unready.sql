-- Which copies would not start well, or are damaged?
SELECT node, group_id, start, start_harm, errors, start_reason
FROM groups
WHERE start IN ('refused', 'unknown', '') OR start_harm IS NOT NULL OR errors > 0
ORDER BY node, group_id;
