-- The schema's version 8: shortcuts, and updates of which only the skeleton is kept.

-- From one update (0: the base image) to another that follows it, in one step. digest: over both ends, `covered` and the
-- canonical form of the content. covered: over the skeletons of the updates that it stands for. content: as in update_entry.
CREATE TABLE shortcut (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  from_number INTEGER NOT NULL CHECK (from_number >= 0 AND from_number < to_number),
  to_number INTEGER NOT NULL REFERENCES update_entry (number),
  covered BLOB NOT NULL,
  content BLOB NOT NULL,
  content_byte_count INTEGER,
  UNIQUE (from_number, to_number)
) STRICT;

-- Updates whose content is no longer there: update_entry.content is their skeleton. All that a shortcut covers are, or none.
CREATE TABLE pruned (
  number INTEGER PRIMARY KEY REFERENCES update_entry (number),
  shortcut_id INTEGER NOT NULL REFERENCES shortcut (id)
) STRICT;

CREATE TABLE shortcut_signature (
  digest BLOB NOT NULL REFERENCES shortcut (digest) ON DELETE CASCADE,
  key BLOB NOT NULL,
  signature BLOB NOT NULL,
  PRIMARY KEY (digest, key)
) STRICT, WITHOUT ROWID;

-- Views for people with sqlite3; their columns stay as they are.

CREATE VIEW shortcuts AS
SELECT from_number, to_number, lower(hex(digest)) AS digest,
  EXISTS (SELECT 1 FROM pruned WHERE pruned.number = shortcut.to_number AND shortcut_id = shortcut.id) AS is_pruned,
  (SELECT count(*) FROM shortcut_signature WHERE shortcut_signature.digest = shortcut.digest) AS signature_count
FROM shortcut;
