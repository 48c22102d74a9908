-- How old are the facts of each node, beside the newest?
SELECT node, taken_at_ms, verdict, not_examined,
       CAST((SELECT max(taken_at_ms) FROM nodes) AS BIGINT) - CAST(taken_at_ms AS BIGINT) AS older_ms
FROM nodes
ORDER BY taken_at_ms, node;
