-- Of which members are there no facts?
SELECT known.group_id, known.member_id, max(known.member) AS member, count(DISTINCT known.node) AS known_to
FROM members AS known
LEFT JOIN groups AS copies ON copies.node = known.member AND copies.group_id IS NOT DISTINCT FROM known.group_id
WHERE copies.node IS NULL
GROUP BY known.group_id, known.member_id
ORDER BY known.group_id, known.member_id;
