/// The numbers that a machine's psABI gives to the relocations the dynamic loader knows.
struct ELFLoaderRelocationTypes {
  /// Does nothing.
  var none: UInt32
  /// slide + addend
  var relative: UInt32
  /// symbol + addend
  var absolute: UInt32
  /// symbol; what linkers put on a GOT cell
  var globalData: UInt32

  init?(_ machine: ELFMachine) {
    switch machine {
    case .x86_64: self.init(none: 0, relative: 8, absolute: 1, globalData: 6)
    // AAELF64, Dynamic relocations.
    case .aarch64: self.init(none: 0, relative: 1027, absolute: 257, globalData: 1025)
    default: return nil
    }
  }

  private init(none: UInt32, relative: UInt32, absolute: UInt32, globalData: UInt32) {
    self.none = none
    self.relative = relative
    self.absolute = absolute
    self.globalData = globalData
  }
}
