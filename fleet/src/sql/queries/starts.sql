-- Which nodes take longest to start?
WITH sums AS (
    SELECT node, count(*) AS groups, TRY_CAST(coalesce(sum(start_read_bytes), 0) AS BIGINT) AS reads,
           TRY_CAST(coalesce(sum(start_write_bytes), 0) AS BIGINT) AS writes,
           CASE WHEN count(CASE WHEN start_estimate_ms IS NULL AND start_read_bytes + start_write_bytes > 0 THEN 1 END) = 0
                THEN TRY_CAST(coalesce(sum(start_estimate_ms), 0) AS BIGINT) END AS estimate
    FROM groups
    GROUP BY node
)
SELECT node, groups, reads AS start_read_bytes, writes AS start_write_bytes, estimate AS start_estimate_ms
FROM sums
ORDER BY reads + writes DESC, node;
