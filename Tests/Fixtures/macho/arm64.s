; What compilers rarely make and an assembler can be told: every kind of relocation, pairs, alternate entries, data in code.
.section __TEXT,__text,regular,pure_instructions
.globl _first
.p2align 2
_first:
  bl _far
  bl _far+8
  adrp x0, _datum@PAGE+4
  add x0, x0, _datum@PAGEOFF+4
  ldr w1, [x0, _datum@PAGEOFF]
  adrp x2, _far@GOTPAGE
  ldr x2, [x2, _far@GOTPAGEOFF]
  adrp x3, _own@TLVPPAGE
  ldr x3, [x3, _own@TLVPPAGEOFF]
  ret
.alt_entry _inside
.globl _inside
_inside:
  nop
  ret
_second:
  adr x4, Ltable
  br x4
.data_region jt32
Ltable:
  .long _second-Ltable
  .long _first-Ltable
.end_data_region
  ret
.section __DATA,__data
.globl _datum
.p2align 3
_datum:
  .quad _far
  .quad _first+16
  .quad _second-_datum
  .long _inside-_datum-4
  .long _far@GOT-.
; ld64.lld takes no such pointer.
.ifndef LINKED
  .quad _far@GOT
.endif
.weak_definition _weak
.globl _weak
_weak:
  .quad -3
.no_dead_strip _weak

.section __DATA,__thread_data,thread_local_regular
_own$tlv$init:
  .long 4
.section __DATA,__thread_vars,thread_local_variables
.globl _own
_own:
  .quad __tlv_bootstrap
  .quad 0
  .quad _own$tlv$init
.section __TEXT,__literal8,8byte_literals
  .quad 0x4004000000000000
  .quad 0x4008000000000000
.section __TEXT,__cstring,cstring_literals
Lone: .asciz "one"
_named: .asciz "two"
.comm _shared,40,3
.private_extern _hidden
.globl _hidden
.set _hidden, 0x1234
.zerofill __DATA,__bss,_zeroes,100,4
.subsections_via_symbols
