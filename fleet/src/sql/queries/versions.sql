-- Which server versions are there?
SELECT engine, count(DISTINCT node) AS nodes, count(*) AS copies, min(node) AS such_as
FROM groups
GROUP BY engine
ORDER BY copies DESC, engine;
