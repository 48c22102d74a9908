-- What was found how often, and where first?
SELECT code, severity, sum(occurrences) AS findings, count(DISTINCT node) AS nodes, min(node) AS such_as, min(message) AS says
FROM findings
GROUP BY code, severity
ORDER BY CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, findings DESC, code;
