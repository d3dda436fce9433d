import Addressing
import GRDB

extension BaseTables {
  /// Refuses an image that is not what its digest says.
  static func readImage(_ db: Database) throws -> BaseImage {
    let segments = try db.all(
      "SELECT address, byte_count, file_offset, file_byte_count, protection, is_arena FROM base_segment ORDER BY ordinal"
    ) { row in
      Segment(
        range: try row.range(0), fileOffset: FileOffset(try row.unsigned(2)), fileByteCount: try row.unsigned(3),
        protection: PageProtection(rawValue: UInt8(truncatingIfNeeded: try row.integer(4))),
        isPartOfArena: try row.integer(5) != 0)
    }
    let image = try db.first(
      """
      SELECT format, architecture, is_position_independent, identity, digest, original_digest, prepared_digest,
        original_path, prepared_path, original_byte_count, prepared_byte_count, entry_point, switches_stacks, arena
      FROM base
      """
    ) { try decode($0, segments: segments) }
    guard let image else { throw JournalError(.malformedBase, detail: "the base image is missing") }
    guard BaseDigest.digest(original: image.originalDigest, arena: image.arena) == image.digest else {
      throw JournalError(.malformedBase, digest: image.digest, detail: "its digest is not that of its file and arena")
    }
    return image
  }

  private static func decode(_ row: ResultRow, segments: [Segment]) throws(JournalError) -> BaseImage {
    BaseImage(
      format: try row.kind(0, BaseImage.Format.self), architecture: try row.kind(1, BaseImage.Architecture.self),
      isPositionIndependent: try row.integer(2) != 0, identity: try row.blob(3), digest: try row.digest(4),
      originalDigest: try row.digest(5), preparedDigest: try row.digest(6), originalPath: try row.text(7),
      preparedPath: try row.text(8), originalByteCount: try row.unsigned(9), preparedByteCount: try row.unsigned(10),
      segments: segments, arena: try BaseCoding.decodeArena(try row.blob(13)), entryPoint: try row.address(11),
      switchesStacks: try row.integer(12) != 0)
  }
}
