// The numbers of DWARF 5, section 7, and the GNU extensions that gcc and clang write. Only those that are looked at.

struct DWARFTag: RawRepresentable, Hashable {
  var rawValue: UInt16

  static let arrayType = Self(rawValue: 0x01)
  static let classType = Self(rawValue: 0x02)
  static let enumerationType = Self(rawValue: 0x04)
  static let formalParameter = Self(rawValue: 0x05)
  static let lexicalBlock = Self(rawValue: 0x0b)
  static let member = Self(rawValue: 0x0d)
  static let pointerType = Self(rawValue: 0x0f)
  static let referenceType = Self(rawValue: 0x10)
  static let compileUnit = Self(rawValue: 0x11)
  static let structureType = Self(rawValue: 0x13)
  static let subroutineType = Self(rawValue: 0x15)
  static let typedef = Self(rawValue: 0x16)
  static let unionType = Self(rawValue: 0x17)
  static let unspecifiedParameters = Self(rawValue: 0x18)
  static let variant = Self(rawValue: 0x19)
  static let inheritance = Self(rawValue: 0x1c)
  static let inlinedSubroutine = Self(rawValue: 0x1d)
  static let module = Self(rawValue: 0x1e)
  static let pointerToMemberType = Self(rawValue: 0x1f)
  static let subrangeType = Self(rawValue: 0x21)
  static let baseType = Self(rawValue: 0x24)
  static let constType = Self(rawValue: 0x26)
  static let enumerator = Self(rawValue: 0x28)
  static let packedType = Self(rawValue: 0x2d)
  static let subprogram = Self(rawValue: 0x2e)
  static let variantPart = Self(rawValue: 0x33)
  static let variable = Self(rawValue: 0x34)
  static let volatileType = Self(rawValue: 0x35)
  static let restrictType = Self(rawValue: 0x37)
  static let interfaceType = Self(rawValue: 0x38)
  static let namespace = Self(rawValue: 0x39)
  static let unspecifiedType = Self(rawValue: 0x3b)
  static let sharedType = Self(rawValue: 0x40)
  static let rvalueReferenceType = Self(rawValue: 0x42)
  static let atomicType = Self(rawValue: 0x47)
  static let immutableType = Self(rawValue: 0x4b)
}

struct DWARFAttributeName: RawRepresentable, Hashable {
  var rawValue: UInt16

  static let sibling = Self(rawValue: 0x01)
  static let location = Self(rawValue: 0x02)
  static let name = Self(rawValue: 0x03)
  static let byteSize = Self(rawValue: 0x0b)
  static let bitOffset = Self(rawValue: 0x0c)
  static let bitSize = Self(rawValue: 0x0d)
  static let statementList = Self(rawValue: 0x10)
  static let lowPC = Self(rawValue: 0x11)
  static let highPC = Self(rawValue: 0x12)
  static let language = Self(rawValue: 0x13)
  static let compilationDirectory = Self(rawValue: 0x1b)
  static let constantValue = Self(rawValue: 0x1c)
  static let inline = Self(rawValue: 0x20)
  static let lowerBound = Self(rawValue: 0x22)
  static let producer = Self(rawValue: 0x25)
  static let prototyped = Self(rawValue: 0x27)
  static let upperBound = Self(rawValue: 0x2f)
  static let abstractOrigin = Self(rawValue: 0x31)
  static let count = Self(rawValue: 0x37)
  static let dataMemberLocation = Self(rawValue: 0x38)
  static let declarationFile = Self(rawValue: 0x3a)
  static let declarationLine = Self(rawValue: 0x3b)
  static let declaration = Self(rawValue: 0x3c)
  static let encoding = Self(rawValue: 0x3e)
  static let external = Self(rawValue: 0x3f)
  static let specification = Self(rawValue: 0x47)
  static let type = Self(rawValue: 0x49)
  static let ranges = Self(rawValue: 0x55)
  static let signature = Self(rawValue: 0x69)
  static let dataBitOffset = Self(rawValue: 0x6b)
  static let linkageName = Self(rawValue: 0x6e)
  static let stringOffsetsBase = Self(rawValue: 0x72)
  static let addressBase = Self(rawValue: 0x73)
  static let rangeListsBase = Self(rawValue: 0x74)
  static let dwoName = Self(rawValue: 0x76)
  static let mipsLinkageName = Self(rawValue: 0x2007)
  static let gnuVector = Self(rawValue: 0x2107)
  static let gnuDWOName = Self(rawValue: 0x2130)
}

struct DWARFForm: RawRepresentable, Hashable {
  var rawValue: UInt16

  static let address = Self(rawValue: 0x01)
  static let block2 = Self(rawValue: 0x03)
  static let block4 = Self(rawValue: 0x04)
  static let data2 = Self(rawValue: 0x05)
  static let data4 = Self(rawValue: 0x06)
  static let data8 = Self(rawValue: 0x07)
  static let string = Self(rawValue: 0x08)
  static let block = Self(rawValue: 0x09)
  static let block1 = Self(rawValue: 0x0a)
  static let data1 = Self(rawValue: 0x0b)
  static let flag = Self(rawValue: 0x0c)
  static let signedData = Self(rawValue: 0x0d)
  static let stringOffset = Self(rawValue: 0x0e)
  static let unsignedData = Self(rawValue: 0x0f)
  static let referenceAddress = Self(rawValue: 0x10)
  static let reference1 = Self(rawValue: 0x11)
  static let reference2 = Self(rawValue: 0x12)
  static let reference4 = Self(rawValue: 0x13)
  static let reference8 = Self(rawValue: 0x14)
  static let referenceUnsigned = Self(rawValue: 0x15)
  static let indirect = Self(rawValue: 0x16)
  static let sectionOffset = Self(rawValue: 0x17)
  static let expression = Self(rawValue: 0x18)
  static let flagPresent = Self(rawValue: 0x19)
  static let stringIndex = Self(rawValue: 0x1a)
  static let addressIndex = Self(rawValue: 0x1b)
  static let supplementaryReference4 = Self(rawValue: 0x1c)
  static let supplementaryString = Self(rawValue: 0x1d)
  static let data16 = Self(rawValue: 0x1e)
  static let lineStringOffset = Self(rawValue: 0x1f)
  static let referenceSignature = Self(rawValue: 0x20)
  static let implicitConstant = Self(rawValue: 0x21)
  static let locationListIndex = Self(rawValue: 0x22)
  static let rangeListIndex = Self(rawValue: 0x23)
  static let supplementaryReference8 = Self(rawValue: 0x24)
  static let stringIndex1 = Self(rawValue: 0x25)
  static let stringIndex2 = Self(rawValue: 0x26)
  static let stringIndex3 = Self(rawValue: 0x27)
  static let stringIndex4 = Self(rawValue: 0x28)
  static let addressIndex1 = Self(rawValue: 0x29)
  static let addressIndex2 = Self(rawValue: 0x2a)
  static let addressIndex3 = Self(rawValue: 0x2b)
  static let addressIndex4 = Self(rawValue: 0x2c)
  static let gnuAddressIndex = Self(rawValue: 0x1f01)
  static let gnuStringIndex = Self(rawValue: 0x1f02)
  static let gnuSupplementaryReference = Self(rawValue: 0x1f20)
  static let gnuSupplementaryString = Self(rawValue: 0x1f21)
}

/// The expression operations that tell where a variable with a fixed place stands.
enum DWARFOperation {
  static let address: UInt8 = 0x03
  static let constant4: UInt8 = 0x0c
  static let constant8: UInt8 = 0x0e
  static let constantUnsigned: UInt8 = 0x10
  static let plusUnsigned: UInt8 = 0x23
  static let threadLocal: UInt8 = 0x9b
  static let addressIndex: UInt8 = 0xa1
  static let constantIndex: UInt8 = 0xa2
  static let gnuThreadLocal: UInt8 = 0xe0
  static let gnuAddressIndex: UInt8 = 0xfb
  static let gnuConstantIndex: UInt8 = 0xfc
}
