-- The schema's version 2: names for updates, lines of the source, and what the questions of history are answered by.

-- A name for an update, by its digest; the base image's own digest for the base.
CREATE TABLE tag (
  name TEXT PRIMARY KEY,
  digest BLOB NOT NULL,
  time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_by_digest ON tag (digest);

-- The rows of the body's line table, which those of the next body are compressed with. NULL: none, or in the update itself.
ALTER TABLE placement ADD COLUMN lines_id INTEGER REFERENCES payload (id);

-- What stood at an address at an update, however often the atom has changed since.
CREATE INDEX placement_by_body ON placement (atom_id, body_address, branch_id, from_number);

-- What was the newest update at a time.
CREATE INDEX update_entry_by_time ON update_entry (time);

-- Which branches begin after an update.
CREATE INDEX branch_by_fork ON branch (fork_number);

-- Views for people with sqlite3; their columns stay as they are.

CREATE VIEW tags AS
SELECT tag.name, ifnull(update_entry.number, 0) AS number, lower(hex(tag.digest)) AS digest,
  strftime('%Y-%m-%dT%H:%M:%SZ', tag.time / 1000, 'unixepoch') AS time
FROM tag LEFT JOIN update_entry ON update_entry.digest = tag.digest;

CREATE VIEW update_summary AS
SELECT number, lower(hex(digest)) AS digest, parent_number AS parent, branch_id AS branch,
  strftime('%Y-%m-%dT%H:%M:%SZ', time / 1000, 'unixepoch') AS time, author, message, source_revision,
  operation_count, atom_count,
  (SELECT group_concat(name, ' ') FROM tag WHERE tag.digest = update_entry.digest) AS tags
FROM update_entry;

-- Every body that atoms have had since an update first changed them. placed_by 0: the base image.
CREATE VIEW atom_history AS
SELECT atom.name, atom.unit, atom.enclosing_function, atom.variant,
  CASE placement.kind WHEN 1 THEN 'function' WHEN 2 THEN 'constant' WHEN 3 THEN 'variable' ELSE 'import' END AS kind,
  CASE placement.change WHEN 1 THEN 'added' WHEN 2 THEN 'moved' WHEN 3 THEN 'rewritten' WHEN 4 THEN 'removed'
    ELSE 'base' END AS change,
  placement.from_number AS placed_by, placement.until_number AS replaced_by, placement.branch_id AS branch,
  iif(body_address IS NULL, NULL, printf('0x%x', body_address)) AS address, body_address AS start_address,
  body_address + body_byte_count AS end_address, body_byte_count AS byte_count, capacity,
  iif(entry IS NULL, NULL, printf('0x%x', entry)) AS entry, iif(cell IS NULL, NULL, printf('0x%x', cell)) AS cell,
  iif(payload.digest IS NULL, NULL, lower(hex(payload.digest))) AS body_digest,
  strftime('%Y-%m-%dT%H:%M:%SZ', update_entry.time / 1000, 'unixepoch') AS time, update_entry.author,
  update_entry.message, update_entry.source_revision
FROM placement JOIN atom ON atom.id = placement.atom_id
  LEFT JOIN payload ON payload.id = placement.payload_id
  LEFT JOIN update_entry ON update_entry.number = placement.from_number;

-- Where atoms stand at each update, on whichever branch that is: ask with update_number = N, and with a name.
CREATE VIEW placement_at AS
SELECT at.number AS update_number, atom.name, atom.unit, atom.enclosing_function, atom.variant,
  CASE placement.kind WHEN 1 THEN 'function' WHEN 2 THEN 'constant' WHEN 3 THEN 'variable' ELSE 'import' END AS kind,
  placement.from_number AS placed_by, printf('0x%x', body_address) AS address, body_address AS start_address,
  body_address + body_byte_count AS end_address, body_byte_count AS byte_count, capacity,
  iif(entry IS NULL, NULL, printf('0x%x', entry)) AS entry, iif(cell IS NULL, NULL, printf('0x%x', cell)) AS cell
FROM update_entry AS at CROSS JOIN atom JOIN placement ON placement.atom_id = atom.id
WHERE placement.body_address IS NOT NULL AND (placement.branch_id, placement.from_number) = (
  WITH RECURSIVE way (branch, reach) AS (
    SELECT at.branch_id, at.number
    UNION ALL
    SELECT branch.parent_id, branch.fork_number FROM way JOIN branch ON branch.id = way.branch
    WHERE branch.parent_id IS NOT NULL)
  SELECT known.branch_id, known.from_number FROM way
    JOIN placement AS known ON known.atom_id = atom.id AND known.branch_id = way.branch
      AND known.from_number <= way.reach
  ORDER BY known.branch_id DESC, known.from_number DESC LIMIT 1);
