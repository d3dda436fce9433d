-- The schema's version 7: contents of updates are LZ4 blocks where that is shorter.

-- How long the content is whose block `content` holds; NULL where it holds the content itself, as all before this version.
ALTER TABLE update_entry ADD COLUMN content_byte_count INTEGER;
