import Addressing

/// What one relocation of an object's atom refers to, as read from the linked image.
enum PlacedReference: Hashable, Sendable {
  /// The symbol's address, the addend taken off. For a call it may be the address of a PLT entry.
  case address(VirtualAddress)
  /// A cell that holds the symbol's address; a PLT-less call or a GOT load that the linker has kept.
  case cell(VirtualAddress)
  /// A cell that holds the variable's offset from the thread pointer.
  case threadCell(VirtualAddress)
  /// A `tls_index` pair or a thread-local descriptor, as shared libraries have.
  case threadDescriptor(VirtualAddress)
  /// From the thread pointer, the addend taken off.
  case threadOffset(Int64)
  /// From the start of the image's thread-local block, the addend taken off.
  case moduleOffset(Int64)
  /// The number in the field. For an 8-byte word it is what the *file* holds, addend included: under a dynamic
  /// relocation that may be the target or 0. For a size the addend is taken off.
  case absolute(UInt64)
  /// Part of a sequence whose first relocation has the answer, or a marker.
  case consumed
  /// A kind that cannot be read back; its field was not compared.
  case opaque
}

/// An atom recognised in an image, reference by reference in the order of its relocations.
struct PlacedMatch: Hashable, Sendable {
  var references: [PlacedReference]
}
