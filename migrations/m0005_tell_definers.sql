-- The schema's version 5: whose the global symbols are that updates placed.

-- Which units have defined an atom that other files see, in any update of any branch.
CREATE TABLE definer (
  id INTEGER PRIMARY KEY,
  unit TEXT NOT NULL,
  unit_ordinal INTEGER NOT NULL,
  global_id INTEGER NOT NULL REFERENCES atom (id)
) STRICT;

CREATE UNIQUE INDEX definer_by_unit ON definer (unit, unit_ordinal, global_id);

-- The one of them whose object the update was made from; NULL for symbols of one unit alone, which have it in their name,
-- and where it is not known.
ALTER TABLE placement ADD COLUMN definer_id INTEGER REFERENCES definer (id);
