-- Which nodes take longest to start?
SELECT node, count(*) AS groups, coalesce(sum(start_read_bytes), 0) AS start_read_bytes, coalesce(sum(start_write_bytes), 0) AS start_write_bytes,
       CASE WHEN count(CASE WHEN start_estimate_ms IS NULL AND start_read_bytes + start_write_bytes > 0 THEN 1 END) = 0
            THEN coalesce(sum(start_estimate_ms), 0) END AS start_estimate_ms
FROM groups
GROUP BY node
ORDER BY coalesce(sum(start_read_bytes), 0) + coalesce(sum(start_write_bytes), 0) DESC, node;
