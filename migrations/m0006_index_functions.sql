-- The schema's version 6: the functions that updates have touched are found without walking other atoms and former bodies.

CREATE INDEX placement_of_function ON placement (atom_id) WHERE kind = 1;
