// Without .subsections_via_symbols: no section may be split.
.section __TEXT,__text,regular,pure_instructions
.globl _first
.globl _second
_first: nop
_second: nop
.section __DATA,__data
_datum: .quad _second
