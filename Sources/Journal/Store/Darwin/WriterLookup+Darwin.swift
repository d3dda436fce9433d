#if canImport(Darwin)
  /// Who holds a journal's write lock.
  enum WriterLookup {
    /// Nil: Darwin names lock holders to `fcntl(F_GETLK)` alone, and asking that would drop this process's own locks.
    static func holder(of journal: String) -> String? { nil }
  }
#endif
