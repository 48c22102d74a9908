-- Which nodes take longest to start?
SELECT node, groups, start_read_bytes, start_write_bytes, start_estimate_ms
FROM nodes
ORDER BY start_read_bytes + start_write_bytes DESC, node;
