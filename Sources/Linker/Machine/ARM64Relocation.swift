/// The relocation types of the arm64 psABI for ELF that compilers write (AAELF64, Static and Dynamic Relocations).
enum ARM64Relocation: UInt32, Hashable, Sendable, CaseIterable {
  case none = 0
  case abs64 = 257
  case abs32 = 258
  case abs16 = 259
  case prel64 = 260
  case prel32 = 261
  case prel16 = 262
  case movwUAbsG0 = 263
  case movwUAbsG0NC = 264
  case movwUAbsG1 = 265
  case movwUAbsG1NC = 266
  case movwUAbsG2 = 267
  case movwUAbsG2NC = 268
  case movwUAbsG3 = 269
  case ldPRelLo19 = 273
  case adrPRelLo21 = 274
  case adrPRelPgHi21 = 275
  case adrPRelPgHi21NC = 276
  case addAbsLo12NC = 277
  case ldst8AbsLo12NC = 278
  case tstBr14 = 279
  case condBr19 = 280
  case jump26 = 282
  case call26 = 283
  case ldst16AbsLo12NC = 284
  case ldst32AbsLo12NC = 285
  case ldst64AbsLo12NC = 286
  case ldst128AbsLo12NC = 299
  case gotLdPRel19 = 309
  case ld64GotOffLo15 = 310
  case adrGotPage = 311
  case ld64GotLo12NC = 312
  case ld64GotPageLo15 = 313
  case plt32 = 314
  case gotPCRel32 = 315
  case tlsGDAdrPRel21 = 512
  case tlsGDAdrPage21 = 513
  case tlsGDAddLo12NC = 514
  case tlsLDAdrPRel21 = 517
  case tlsLDAdrPage21 = 518
  case tlsLDAddLo12NC = 519
  case tlsIEAdrGotTPRelPage21 = 541
  case tlsIELd64GotTPRelLo12NC = 542
  case tlsLEMovwTPRelG2 = 544
  case tlsLEMovwTPRelG1 = 545
  case tlsLEMovwTPRelG1NC = 546
  case tlsLEMovwTPRelG0 = 547
  case tlsLEMovwTPRelG0NC = 548
  case tlsLEAddTPRelHi12 = 549
  case tlsLEAddTPRelLo12 = 550
  case tlsLEAddTPRelLo12NC = 551
  case tlsLELdst8TPRelLo12 = 552
  case tlsLELdst8TPRelLo12NC = 553
  case tlsLELdst16TPRelLo12 = 554
  case tlsLELdst16TPRelLo12NC = 555
  case tlsLELdst32TPRelLo12 = 556
  case tlsLELdst32TPRelLo12NC = 557
  case tlsLELdst64TPRelLo12 = 558
  case tlsLELdst64TPRelLo12NC = 559
  case tlsLELdst128TPRelLo12 = 570
  case tlsLELdst128TPRelLo12NC = 571
  case tlsDescAdrPage21 = 562
  case tlsDescLd64Lo12 = 563
  case tlsDescAddLo12 = 564
  case tlsDescCall = 569
  case copy = 1024
  case globDat = 1025
  case jumpSlot = 1026
  case relative = 1027
  case tlsDTPMod = 1028
  case tlsDTPRel = 1029
  case tlsTPRel = 1030
  case tlsDesc = 1031
  case iRelative = 1032
  /// The distance to a GOT cell in 64 bits, which the psABI has no type for: clang's exception tables find types by words of
  /// data that far, and any cell will do.
  case gotPCRel64 = 0xFFFF_FF00
  /// R_AARCH64_ADR_PREL_PG_HI21 to `_GLOBAL_OFFSET_TABLE_`, for which the psABI has no type of its own: from that page loads
  /// of 15 bits count.
  case offsetTablePage = 0xFFFF_FF01

  /// What of an instruction, or which word of data, the relocation fills.
  enum Field: Hashable, Sendable {
    /// Nothing.
    case marker
    case word64
    case word32
    case distance64
    case distance32
    /// The operand of `b` and `bl`.
    case branch26
    /// A distance of 19 bits, in words, at bit 5: conditional branches and literal loads.
    case word19
    case word14
    /// `adr`.
    case byte21
    /// `adrp`.
    case page21
    /// The 12-bit operand of `add`, loads and stores.
    case offset12
    /// The same where the offset is of 15 bits, in 8-byte words.
    case offset15
    /// The same of an `add` that shifts its operand left by 12.
    case offset24
    /// The operand of `movz` or `movk` for the 16 bits of that number.
    case move16(Int)
    case refused
  }

  /// What the field's value is of.
  enum Meaning: Hashable, Sendable {
    case address
    case gotCell
    /// The page of the GOT, and where behind it a cell stands.
    case offsetTable
    case threadOffset
    case initialExec
    case threadDescriptor
    /// The two cells that `__tls_get_addr` is called with.
    case generalDynamic

    /// Whether an address answers it; for a cell, that of its content.
    var takesAddress: Bool { self == .address || self == .gotCell || self == .offsetTable }
  }

  var field: Field {
    switch self {
    case .none, .tlsDescCall: .marker
    case .abs64: .word64
    case .abs32: .word32
    case .prel64, .gotPCRel64: .distance64
    case .prel32, .plt32, .gotPCRel32: .distance32
    case .jump26, .call26: .branch26
    case .condBr19, .ldPRelLo19: .word19
    case .tstBr14: .word14
    case .adrPRelLo21: .byte21
    case .adrPRelPgHi21, .adrPRelPgHi21NC, .adrGotPage, .offsetTablePage, .tlsGDAdrPage21,
      .tlsIEAdrGotTPRelPage21, .tlsDescAdrPage21:
      .page21
    case .addAbsLo12NC, .ldst8AbsLo12NC, .ldst16AbsLo12NC, .ldst32AbsLo12NC, .ldst64AbsLo12NC, .ldst128AbsLo12NC,
      .ld64GotLo12NC, .tlsGDAddLo12NC, .tlsIELd64GotTPRelLo12NC, .tlsDescLd64Lo12, .tlsDescAddLo12, .tlsLEAddTPRelLo12,
      .tlsLEAddTPRelLo12NC, .tlsLELdst8TPRelLo12, .tlsLELdst8TPRelLo12NC, .tlsLELdst16TPRelLo12,
      .tlsLELdst16TPRelLo12NC, .tlsLELdst32TPRelLo12, .tlsLELdst32TPRelLo12NC, .tlsLELdst64TPRelLo12,
      .tlsLELdst64TPRelLo12NC, .tlsLELdst128TPRelLo12, .tlsLELdst128TPRelLo12NC:
      .offset12
    case .ld64GotPageLo15: .offset15
    case .tlsLEAddTPRelHi12: .offset24
    case .movwUAbsG0, .movwUAbsG0NC, .tlsLEMovwTPRelG0, .tlsLEMovwTPRelG0NC: .move16(0)
    case .movwUAbsG1, .movwUAbsG1NC, .tlsLEMovwTPRelG1, .tlsLEMovwTPRelG1NC: .move16(1)
    case .movwUAbsG2, .movwUAbsG2NC, .tlsLEMovwTPRelG2: .move16(2)
    case .movwUAbsG3: .move16(3)
    default: .refused
    }
  }

  var meaning: Meaning {
    switch self {
    case .adrGotPage, .ld64GotLo12NC, .gotPCRel32, .gotPCRel64: .gotCell
    case .offsetTablePage, .ld64GotPageLo15: .offsetTable
    case .tlsIEAdrGotTPRelPage21, .tlsIELd64GotTPRelLo12NC: .initialExec
    case .tlsGDAdrPage21, .tlsGDAddLo12NC: .generalDynamic
    case .tlsDescAdrPage21, .tlsDescLd64Lo12, .tlsDescAddLo12, .tlsDescCall: .threadDescriptor
    case .tlsLEMovwTPRelG2, .tlsLEMovwTPRelG1, .tlsLEMovwTPRelG1NC, .tlsLEMovwTPRelG0, .tlsLEMovwTPRelG0NC,
      .tlsLEAddTPRelHi12, .tlsLEAddTPRelLo12, .tlsLEAddTPRelLo12NC, .tlsLELdst8TPRelLo12, .tlsLELdst8TPRelLo12NC,
      .tlsLELdst16TPRelLo12, .tlsLELdst16TPRelLo12NC, .tlsLELdst32TPRelLo12, .tlsLELdst32TPRelLo12NC,
      .tlsLELdst64TPRelLo12, .tlsLELdst64TPRelLo12NC, .tlsLELdst128TPRelLo12, .tlsLELdst128TPRelLo12NC:
      .threadOffset
    default: .address
    }
  }

  /// The bytes at the relocation's offset that it fills; 0 where it only marks a place.
  var fieldByteCount: Int {
    switch field {
    case .word64, .distance64: 8
    case .marker: self == .tlsDescCall ? 4 : 0
    default: 4
    }
  }

  /// The psABI's name: `R_AARCH64_CALL26`.
  static func name(of type: UInt32) -> String {
    guard let known = ARM64Relocation(rawValue: type), let name = names[known] else { return "relocation type \(type)" }
    return "R_AARCH64_" + name
  }

  private static let names: [ARM64Relocation: String] = [
    .none: "NONE", .abs64: "ABS64", .abs32: "ABS32", .abs16: "ABS16", .prel64: "PREL64", .prel32: "PREL32",
    .prel16: "PREL16", .movwUAbsG0: "MOVW_UABS_G0", .movwUAbsG0NC: "MOVW_UABS_G0_NC", .movwUAbsG1: "MOVW_UABS_G1",
    .movwUAbsG1NC: "MOVW_UABS_G1_NC", .movwUAbsG2: "MOVW_UABS_G2", .movwUAbsG2NC: "MOVW_UABS_G2_NC",
    .movwUAbsG3: "MOVW_UABS_G3", .ldPRelLo19: "LD_PREL_LO19", .adrPRelLo21: "ADR_PREL_LO21",
    .adrPRelPgHi21: "ADR_PREL_PG_HI21", .adrPRelPgHi21NC: "ADR_PREL_PG_HI21_NC", .addAbsLo12NC: "ADD_ABS_LO12_NC",
    .ldst8AbsLo12NC: "LDST8_ABS_LO12_NC", .tstBr14: "TSTBR14", .condBr19: "CONDBR19", .jump26: "JUMP26",
    .call26: "CALL26", .ldst16AbsLo12NC: "LDST16_ABS_LO12_NC", .ldst32AbsLo12NC: "LDST32_ABS_LO12_NC",
    .ldst64AbsLo12NC: "LDST64_ABS_LO12_NC", .ldst128AbsLo12NC: "LDST128_ABS_LO12_NC", .gotLdPRel19: "GOT_LD_PREL19",
    .ld64GotOffLo15: "LD64_GOTOFF_LO15", .adrGotPage: "ADR_GOT_PAGE", .ld64GotLo12NC: "LD64_GOT_LO12_NC",
    .ld64GotPageLo15: "LD64_GOTPAGE_LO15", .plt32: "PLT32", .gotPCRel32: "GOTPCREL32",
    .tlsGDAdrPRel21: "TLSGD_ADR_PREL21", .tlsGDAdrPage21: "TLSGD_ADR_PAGE21", .tlsGDAddLo12NC: "TLSGD_ADD_LO12_NC",
    .tlsLDAdrPRel21: "TLSLD_ADR_PREL21", .tlsLDAdrPage21: "TLSLD_ADR_PAGE21", .tlsLDAddLo12NC: "TLSLD_ADD_LO12_NC",
    .tlsIEAdrGotTPRelPage21: "TLSIE_ADR_GOTTPREL_PAGE21", .tlsIELd64GotTPRelLo12NC: "TLSIE_LD64_GOTTPREL_LO12_NC",
    .tlsLEMovwTPRelG2: "TLSLE_MOVW_TPREL_G2", .tlsLEMovwTPRelG1: "TLSLE_MOVW_TPREL_G1",
    .tlsLEMovwTPRelG1NC: "TLSLE_MOVW_TPREL_G1_NC", .tlsLEMovwTPRelG0: "TLSLE_MOVW_TPREL_G0",
    .tlsLEMovwTPRelG0NC: "TLSLE_MOVW_TPREL_G0_NC", .tlsLEAddTPRelHi12: "TLSLE_ADD_TPREL_HI12",
    .tlsLEAddTPRelLo12: "TLSLE_ADD_TPREL_LO12", .tlsLEAddTPRelLo12NC: "TLSLE_ADD_TPREL_LO12_NC",
    .tlsLELdst8TPRelLo12: "TLSLE_LDST8_TPREL_LO12", .tlsLELdst8TPRelLo12NC: "TLSLE_LDST8_TPREL_LO12_NC",
    .tlsLELdst16TPRelLo12: "TLSLE_LDST16_TPREL_LO12", .tlsLELdst16TPRelLo12NC: "TLSLE_LDST16_TPREL_LO12_NC",
    .tlsLELdst32TPRelLo12: "TLSLE_LDST32_TPREL_LO12", .tlsLELdst32TPRelLo12NC: "TLSLE_LDST32_TPREL_LO12_NC",
    .tlsLELdst64TPRelLo12: "TLSLE_LDST64_TPREL_LO12", .tlsLELdst64TPRelLo12NC: "TLSLE_LDST64_TPREL_LO12_NC",
    .tlsLELdst128TPRelLo12: "TLSLE_LDST128_TPREL_LO12", .tlsLELdst128TPRelLo12NC: "TLSLE_LDST128_TPREL_LO12_NC",
    .tlsDescAdrPage21: "TLSDESC_ADR_PAGE21", .tlsDescLd64Lo12: "TLSDESC_LD64_LO12",
    .tlsDescAddLo12: "TLSDESC_ADD_LO12", .tlsDescCall: "TLSDESC_CALL", .copy: "COPY", .globDat: "GLOB_DAT",
    .jumpSlot: "JUMP_SLOT", .relative: "RELATIVE", .tlsDTPMod: "TLS_DTPMOD", .tlsDTPRel: "TLS_DTPREL",
    .offsetTablePage: "ADR_PREL_PG_HI21", .gotPCRel64: "GOTPCREL64",
    .tlsTPRel: "TLS_TPREL", .tlsDesc: "TLSDESC", .iRelative: "IRELATIVE",
  ]
}
