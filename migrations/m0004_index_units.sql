-- The schema's version 4: what updates have placed of one compilation unit is found without walking the atoms.

CREATE INDEX atom_by_unit ON atom (unit, unit_ordinal) WHERE unit IS NOT NULL;
