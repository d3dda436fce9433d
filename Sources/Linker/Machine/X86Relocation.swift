/// The relocation types of the x86-64 psABI (table 4.9 and the TLS and APX additions).
enum X86Relocation: UInt32, Hashable, Sendable, CaseIterable {
  case none = 0
  case direct64 = 1
  case pc32 = 2
  case got32 = 3
  case plt32 = 4
  case copy = 5
  case globDat = 6
  case jumpSlot = 7
  case relative = 8
  case gotPCRel = 9
  case direct32 = 10
  case direct32S = 11
  case direct16 = 12
  case pc16 = 13
  case direct8 = 14
  case pc8 = 15
  case dtpMod64 = 16
  case dtpOff64 = 17
  case tpOff64 = 18
  case tlsGD = 19
  case tlsLD = 20
  case dtpOff32 = 21
  case gotTPOff = 22
  case tpOff32 = 23
  case pc64 = 24
  case gotOff64 = 25
  case gotPC32 = 26
  case got64 = 27
  case gotPCRel64 = 28
  case gotPC64 = 29
  case gotPLT64 = 30
  case pltOff64 = 31
  case size32 = 32
  case size64 = 33
  case gotPC32TLSDesc = 34
  case tlsDescCall = 35
  case tlsDesc = 36
  case iRelative = 37
  case relative64 = 38
  case gotPCRelX = 41
  case rexGotPCRelX = 42
  case code4GotPCRelX = 43
  case code4GotTPOff = 44
  case code4GotPC32TLSDesc = 45
  case code5GotPCRelX = 46
  case code5GotTPOff = 47
  case code5GotPC32TLSDesc = 48
  case code6GotPCRelX = 49
  case code6GotTPOff = 50
  case code6GotPC32TLSDesc = 51
  case vtInherit = 250
  case vtEntry = 251

  /// The psABI's name: `R_X86_64_PC32`.
  var name: String { "R_X86_64_" + suffix }

  /// The name of any type number, known or not.
  static func name(of type: UInt32) -> String {
    X86Relocation(rawValue: type)?.name ?? "relocation type \(type)"
  }

  /// Bytes of the field at the relocation's offset; 0 where the relocation only marks a place.
  var fieldByteCount: Int {
    switch self {
    case .none, .copy, .vtInherit, .vtEntry: 0
    case .direct8, .pc8: 1
    case .direct16, .pc16, .tlsDescCall: 2
    case .direct64, .globDat, .jumpSlot, .relative, .dtpMod64, .dtpOff64, .tpOff64, .pc64, .gotOff64, .got64,
      .gotPCRel64, .gotPC64, .gotPLT64, .pltOff64, .size64, .tlsDesc, .iRelative, .relative64:
      8
    default: 4
    }
  }

  private var suffix: String {
    switch self {
    case .none: "NONE"
    case .direct64: "64"
    case .pc32: "PC32"
    case .got32: "GOT32"
    case .plt32: "PLT32"
    case .copy: "COPY"
    case .globDat: "GLOB_DAT"
    case .jumpSlot: "JUMP_SLOT"
    case .relative: "RELATIVE"
    case .gotPCRel: "GOTPCREL"
    case .direct32: "32"
    case .direct32S: "32S"
    case .direct16: "16"
    case .pc16: "PC16"
    case .direct8: "8"
    case .pc8: "PC8"
    case .dtpMod64: "DTPMOD64"
    case .dtpOff64: "DTPOFF64"
    case .tpOff64: "TPOFF64"
    case .tlsGD: "TLSGD"
    case .tlsLD: "TLSLD"
    case .dtpOff32: "DTPOFF32"
    case .gotTPOff: "GOTTPOFF"
    case .tpOff32: "TPOFF32"
    case .pc64: "PC64"
    case .gotOff64: "GOTOFF64"
    case .gotPC32: "GOTPC32"
    case .got64: "GOT64"
    case .gotPCRel64: "GOTPCREL64"
    case .gotPC64: "GOTPC64"
    case .gotPLT64: "GOTPLT64"
    case .pltOff64: "PLTOFF64"
    case .size32: "SIZE32"
    case .size64: "SIZE64"
    case .gotPC32TLSDesc: "GOTPC32_TLSDESC"
    case .tlsDescCall: "TLSDESC_CALL"
    case .tlsDesc: "TLSDESC"
    case .iRelative: "IRELATIVE"
    case .relative64: "RELATIVE64"
    case .gotPCRelX: "GOTPCRELX"
    case .rexGotPCRelX: "REX_GOTPCRELX"
    case .code4GotPCRelX: "CODE_4_GOTPCRELX"
    case .code4GotTPOff: "CODE_4_GOTTPOFF"
    case .code4GotPC32TLSDesc: "CODE_4_GOTPC32_TLSDESC"
    case .code5GotPCRelX: "CODE_5_GOTPCRELX"
    case .code5GotTPOff: "CODE_5_GOTTPOFF"
    case .code5GotPC32TLSDesc: "CODE_5_GOTPC32_TLSDESC"
    case .code6GotPCRelX: "CODE_6_GOTPCRELX"
    case .code6GotTPOff: "CODE_6_GOTTPOFF"
    case .code6GotPC32TLSDesc: "CODE_6_GOTPC32_TLSDESC"
    case .vtInherit: "GNU_VTINHERIT"
    case .vtEntry: "GNU_VTENTRY"
    }
  }
}
