-- What do the payloads of the stores of offloaded snapshots come to?
SELECT store, endpoint, verdict, outcome, count(*) AS payloads, sum(size) AS bytes, max(judged_ms) AS judged_ms
FROM offloads
GROUP BY store, endpoint, verdict, outcome
ORDER BY store, endpoint, verdict, outcome;
