-- The schema's version 9: what is under way.

-- A process or an image file that is being changed: from where, to where, since when, and by whom. The row is written before the
-- first byte of the target and removed behind the last one; a row that is left tells of a command that has not come to its end.
-- No part of the history. pid, start_time: as in target; both 0 for an image file. path: of the image that the process was started
-- from, or of the image file, from the root. origin, destination: digests of updates, or the base's. direction: 1 forward, 2 back.
-- since: milliseconds since 1970-01-01 UTC. applier_pid, applier_start_time: the process that changes it.
CREATE TABLE intent (
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  path TEXT NOT NULL,
  origin BLOB NOT NULL,
  destination BLOB NOT NULL,
  direction INTEGER NOT NULL CHECK (direction IN (1, 2)),
  since INTEGER NOT NULL,
  applier_pid INTEGER NOT NULL,
  applier_start_time INTEGER NOT NULL,
  PRIMARY KEY (pid, start_time, path)
) STRICT, WITHOUT ROWID;

-- Views for people with sqlite3; their columns stay as they are.

CREATE VIEW intents AS
SELECT iif(pid = 0, NULL, pid) AS pid, path,
  ifnull((SELECT number FROM update_entry WHERE update_entry.digest = origin), 0) AS origin,
  ifnull((SELECT number FROM update_entry WHERE update_entry.digest = destination), 0) AS destination,
  iif(direction = 1, 'forward', 'backward') AS direction,
  strftime('%Y-%m-%dT%H:%M:%SZ', since / 1000, 'unixepoch') AS since, applier_pid
FROM intent;
