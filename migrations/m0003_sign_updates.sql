-- The schema's version 3: signatures of updates.

-- Ed25519 over the update's digest (docs/journal-format.md, "Signatures"). Several keys may have signed an update; who
-- drops an update drops what was signed of it.
CREATE TABLE signature (
  digest BLOB NOT NULL REFERENCES update_entry (digest) ON DELETE CASCADE,
  key BLOB NOT NULL,
  signature BLOB NOT NULL,
  PRIMARY KEY (digest, key)
) STRICT, WITHOUT ROWID;

-- Views for people with sqlite3; their columns stay as they are.

CREATE VIEW signatures AS
SELECT update_entry.number AS update_number, lower(hex(signature.digest)) AS digest, lower(hex(key)) AS key,
  lower(hex(signature)) AS signature
FROM signature JOIN update_entry ON update_entry.digest = signature.digest;
