# What arm64.s and x86_64.s refer to.
.section __TEXT,__text,regular,pure_instructions
.globl _far
.p2align 4
_far:
  nop
  nop
  nop
  nop
  nop
  nop
  nop
  nop
.globl _main
_main:
  ret
.subsections_via_symbols
