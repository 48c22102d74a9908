-- Do the nodes of a group know the same voters?
SELECT group_id, voters, count(*) AS nodes, min(node) AS such_as, max(commit_index) AS commit_index
FROM (SELECT group_id, node, max(commit_index) AS commit_index,
             string_agg(coalesce(member, member_id), ' ' ORDER BY coalesce(member, member_id)) AS voters
      FROM members WHERE role = 'voter' GROUP BY group_id, node) AS lists
GROUP BY group_id, voters
ORDER BY group_id, nodes DESC, voters;
