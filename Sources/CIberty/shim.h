// Declares what is used of libiberty: its own header asks for types that collide with those of <stdlib.h>.
#ifndef HCS_IBERTY_H
#define HCS_IBERTY_H

// demangle.h: names as g++ and clang (Itanium ABI) and as rustc (legacy and v0) write them. The result is the caller's to free;
// NULL where the name is of no known form.
char *cplus_demangle(const char *mangled, int options);

#define HCS_DEMANGLE_PARAMETERS 1  // DMGL_PARAMS
#define HCS_DEMANGLE_CXX_ABI 2     // DMGL_ANSI: const and the like
#define HCS_DEMANGLE_ITANIUM (1 << 14)  // DMGL_GNU_V3
#define HCS_DEMANGLE_RUST (1 << 17)     // DMGL_RUST
#define HCS_DEMANGLE_AUTO (1 << 8)      // DMGL_AUTO

#endif
