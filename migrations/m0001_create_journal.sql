-- The journal's schema, version 1. docs/journal-format.md tells what each column means and what must hold.
-- Addresses, offsets and byte counts are unsigned in the image and below 2^63 here.

-- The image the journal belongs to: one row.
CREATE TABLE base (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  format INTEGER NOT NULL,
  architecture INTEGER NOT NULL,
  is_position_independent INTEGER NOT NULL,
  identity BLOB NOT NULL,
  digest BLOB NOT NULL,
  original_digest BLOB NOT NULL,
  prepared_digest BLOB NOT NULL,
  original_path TEXT NOT NULL,
  prepared_path TEXT NOT NULL,
  original_byte_count INTEGER NOT NULL,
  prepared_byte_count INTEGER NOT NULL,
  entry_point INTEGER NOT NULL,
  switches_stacks INTEGER NOT NULL,
  arena BLOB NOT NULL
) STRICT;

CREATE TABLE base_segment (
  ordinal INTEGER PRIMARY KEY,
  address INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  file_offset INTEGER NOT NULL,
  file_byte_count INTEGER NOT NULL,
  protection INTEGER NOT NULL,
  is_arena INTEGER NOT NULL
) STRICT;

-- The prepared image in pieces of 64 KiB; a piece of zeroes has no row.
CREATE TABLE base_chunk (
  number INTEGER PRIMARY KEY,
  byte_count INTEGER NOT NULL,
  block BLOB NOT NULL
) STRICT;

CREATE TABLE base_unit (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  ordinal INTEGER NOT NULL,
  UNIQUE (name, ordinal)
) STRICT;

CREATE TABLE base_type_digest (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- space: 0 memory, 1 offsets from the thread pointer. reach: the largest end of this and all symbols before it in
-- the space, where that is beyond this one's own end.
CREATE TABLE base_symbol (
  space INTEGER NOT NULL,
  address INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  binding INTEGER NOT NULL,
  unit_id INTEGER REFERENCES base_unit (id),
  type_digest_id INTEGER REFERENCES base_type_digest (id),
  reach INTEGER,
  name TEXT NOT NULL,
  PRIMARY KEY (space, address, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE base_import (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT,
  library TEXT,
  addend INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  kind INTEGER NOT NULL
) STRICT;

CREATE TABLE base_type (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  byte_count INTEGER NOT NULL,
  layout TEXT NOT NULL
) STRICT;

CREATE TABLE base_library (
  ordinal INTEGER PRIMARY KEY,
  soname TEXT NOT NULL,
  path TEXT,
  build_id BLOB
) STRICT;

-- SHA-256 over the rows of each base table, as they were when the journal was made.
CREATE TABLE base_proof (
  name TEXT PRIMARY KEY,
  digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The first child of an update goes on its branch; each further one begins a branch.
CREATE TABLE branch (
  id INTEGER PRIMARY KEY,
  parent_id INTEGER REFERENCES branch (id),
  fork_number INTEGER NOT NULL
) STRICT;

INSERT INTO branch (id, parent_id, fork_number) VALUES (0, NULL, 0);

-- content: the stored form of the update's encoding, with references into payload.
CREATE TABLE update_entry (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  digest BLOB NOT NULL UNIQUE,
  parent_number INTEGER NOT NULL CHECK (parent_number >= 0 AND parent_number < number),
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  time INTEGER NOT NULL,
  author TEXT NOT NULL,
  message TEXT NOT NULL,
  source_revision TEXT,
  operation_count INTEGER NOT NULL,
  atom_count INTEGER NOT NULL,
  content BLOB NOT NULL
) STRICT;

CREATE INDEX update_entry_by_branch ON update_entry (branch_id);

-- Equal bytes stand once. block: raw where it is as long as byte_count; otherwise an LZ4 block, whose dictionary is
-- another payload, a range of the base image, or none. depth: payloads to be read before this one.
CREATE TABLE payload (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  byte_count INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  dictionary_id INTEGER REFERENCES payload (id),
  base_address INTEGER,
  base_byte_count INTEGER,
  block BLOB NOT NULL
) STRICT;

-- From here on: derived from the updates, maintained in their transactions, rebuilt and compared by `verify`.

CREATE TABLE atom (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  unit TEXT,
  unit_ordinal INTEGER NOT NULL,
  enclosing_function TEXT,
  variant TEXT
) STRICT;

CREATE INDEX atom_by_name ON atom (name);

-- Where an atom stands from one update of a branch until another. from_number 0: where the base image has it, kept
-- once an update has changed it. body_address is NULL from the update on that removed the atom.
CREATE TABLE placement (
  atom_id INTEGER NOT NULL REFERENCES atom (id),
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  from_number INTEGER NOT NULL,
  until_number INTEGER,
  kind INTEGER NOT NULL,
  change INTEGER,
  body_address INTEGER,
  body_byte_count INTEGER,
  capacity INTEGER,
  entry INTEGER,
  cell INTEGER,
  type_digest TEXT,
  payload_id INTEGER REFERENCES payload (id),
  PRIMARY KEY (atom_id, branch_id, from_number)
) STRICT, WITHOUT ROWID;

CREATE INDEX placement_by_update ON placement (branch_id, from_number);

-- The same by address. size_class: the smallest n with byte_count <= 16^n, so that what contains an address is found
-- by one short search in each class.
CREATE TABLE body (
  size_class INTEGER NOT NULL,
  address INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  atom_id INTEGER NOT NULL REFERENCES atom (id),
  PRIMARY KEY (size_class, address, byte_count, atom_id)
) STRICT, WITHOUT ROWID;

-- Which operation wrote where. space: 0 memory (virtual addresses), 1 file offsets, 2 the file's length.
-- part: 0 the operation's own bytes, n its nth record of the loader's tables.
CREATE TABLE span (
  space INTEGER NOT NULL,
  size_class INTEGER NOT NULL,
  address INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  number INTEGER NOT NULL REFERENCES update_entry (number),
  operation INTEGER NOT NULL,
  part INTEGER NOT NULL,
  PRIMARY KEY (space, size_class, address, byte_count, branch_id, number DESC, operation DESC, part DESC)
) STRICT, WITHOUT ROWID;

CREATE TABLE update_type (
  name TEXT NOT NULL,
  branch_id INTEGER NOT NULL REFERENCES branch (id),
  number INTEGER NOT NULL REFERENCES update_entry (number),
  ordinal INTEGER NOT NULL,
  byte_count INTEGER NOT NULL,
  layout TEXT NOT NULL,
  PRIMARY KEY (name, branch_id, number, ordinal)
) STRICT, WITHOUT ROWID;

-- How far the arena is used, over all branches: one row.
CREATE TABLE arena_cursor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  cursors BLOB NOT NULL
) STRICT;

-- What is known to be running: no part of the history.
CREATE TABLE target (
  pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  path TEXT NOT NULL,
  position BLOB NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (pid, start_time)
) STRICT, WITHOUT ROWID;

-- Views for people with sqlite3; their columns stay as they are.

CREATE VIEW updates AS
SELECT number, lower(hex(digest)) AS digest, parent_number AS parent, branch_id AS branch,
  strftime('%Y-%m-%dT%H:%M:%SZ', time / 1000, 'unixepoch') AS time, author, message, source_revision,
  operation_count, atom_count
FROM update_entry;

CREATE VIEW atoms AS
SELECT atom.name, atom.unit, atom.enclosing_function, atom.variant,
  CASE placement.kind WHEN 1 THEN 'function' WHEN 2 THEN 'constant' WHEN 3 THEN 'variable' ELSE 'import' END AS kind,
  CASE placement.change WHEN 1 THEN 'added' WHEN 2 THEN 'moved' WHEN 3 THEN 'rewritten' WHEN 4 THEN 'removed'
    ELSE 'base' END AS change,
  placement.branch_id AS branch, placement.from_number AS valid_from, placement.until_number AS valid_until,
  iif(body_address IS NULL, NULL, printf('0x%x', body_address)) AS address, body_byte_count AS byte_count, capacity,
  iif(entry IS NULL, NULL, printf('0x%x', entry)) AS entry, iif(cell IS NULL, NULL, printf('0x%x', cell)) AS cell
FROM placement JOIN atom ON atom.id = placement.atom_id;

CREATE VIEW writes AS
SELECT number AS update_number, operation, part, CASE space WHEN 0 THEN 'memory' WHEN 1 THEN 'file' ELSE 'length' END
  AS place, printf('0x%x', address) AS address, byte_count
FROM span;

CREATE VIEW symbols AS
SELECT base_symbol.name, printf('0x%x', base_symbol.address) AS address, base_symbol.byte_count,
  CASE base_symbol.kind WHEN 1 THEN 'function' WHEN 2 THEN 'data' WHEN 3 THEN 'thread-local' WHEN 4 THEN 'label'
    ELSE 'indirect function' END AS kind,
  CASE base_symbol.binding WHEN 0 THEN 'local' WHEN 1 THEN 'global' ELSE 'weak' END AS binding,
  base_unit.name AS unit
FROM base_symbol LEFT JOIN base_unit ON base_unit.id = base_symbol.unit_id;
