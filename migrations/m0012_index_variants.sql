-- The schema's version 12: what has no name of its own (a string, a constant) is known by its variant, and there is another of it
-- with every few updates: an atom is found without walking all others of its name.

DROP INDEX atom_by_name;
CREATE INDEX atom_by_name ON atom (name, variant);
