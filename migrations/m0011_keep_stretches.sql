-- The schema's version 11: what many updates of a branch come to, kept beside them.

-- Derived from the updates of one branch after from_number (0: the base image) up to to_number: 64 numbers for level 1, 64 times as
-- many for each further level. content: the operations that are not in a block, as an update's content, an LZ4 block of
-- content_byte_count bytes unless that is NULL. digest: over both ends and the content.
CREATE TABLE stretch (
  to_number INTEGER NOT NULL REFERENCES update_entry (number),
  level INTEGER NOT NULL CHECK (level >= 1),
  from_number INTEGER NOT NULL CHECK (from_number >= 0 AND from_number < to_number),
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  digest BLOB NOT NULL,
  content_byte_count INTEGER,
  content BLOB NOT NULL,
  PRIMARY KEY (to_number, level)
) STRICT, WITHOUT ROWID;

-- The bytes that came into use in a stretch of level 1, and that nothing else in it touches. areas: where they are.
CREATE TABLE fresh_block (
  to_number INTEGER PRIMARY KEY REFERENCES update_entry (number),
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  areas BLOB NOT NULL,
  digest BLOB NOT NULL,
  content_byte_count INTEGER,
  content BLOB NOT NULL
) STRICT;

CREATE INDEX fresh_block_by_branch ON fresh_block (branch_id, to_number);
