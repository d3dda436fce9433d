import ArgumentParser
import Foundation
import Journal
import Linker

/// Where an update comes from: what every command takes that records one.
struct ProvenanceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The revision of the source that the program is at then.", valueName: "revision"))
  var sourceRev: String?

  @Option(help: ArgumentHelp("Who made it. Default: the user's name.", valueName: "name"))
  var author: String?

  @Option(help: ArgumentHelp("Sign the update with this private key (Ed25519; see `key`).", valueName: "key"))
  var sign: String?

  func signingKey() throws(JournalError) -> SigningKey? {
    guard let sign else { return nil }
    return try KeyFile.signingKey(at: sign)
  }

  func description(_ message: String) -> IncrementalLinker.Description {
    IncrementalLinker.Description(
      time: PointInTime.now.milliseconds, author: author ?? NSUserName(), message: message, sourceRevision: sourceRev)
  }
}
