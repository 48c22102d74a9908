-- What do the payloads of the stores of offloaded snapshots come to?
SELECT store, verdict, outcome, count(*) AS payloads, sum(size) AS bytes, max(judged_ms) AS judged_ms
FROM offloads
GROUP BY store, verdict, outcome
ORDER BY store, verdict, outcome;
