-- The schema's version 10: new byte strings of one update that resemble nothing older are compressed together.

-- block: raw where it is as long as byte_count, else LZ4. Each byte belongs to a payload.
CREATE TABLE pack (
  id INTEGER PRIMARY KEY,
  byte_count INTEGER NOT NULL,
  block BLOB NOT NULL
) STRICT;

-- Where the payload stands in a pack; its own block is then empty, and it has no dictionary.
ALTER TABLE payload ADD COLUMN pack_id INTEGER REFERENCES pack (id);
ALTER TABLE payload ADD COLUMN pack_offset INTEGER;
