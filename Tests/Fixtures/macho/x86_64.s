# Every kind of relocation of x86-64, in each of its forms.
.section __TEXT,__text,regular,pure_instructions
.globl _first
_first:
  callq _far
  callq _far+8
  leaq _datum(%rip), %rax
  leaq _datum+4(%rip), %rax
  cmpb $1, _datum(%rip)
  cmpw $1, _datum+2(%rip)
  cmpl $1, _datum(%rip)
  leaq Lone(%rip), %rdx
  cmpl $1, Lplace+4(%rip)
  movq _far@GOTPCREL(%rip), %rcx
  pushq _far@GOTPCREL(%rip)
  movq _own@TLVP(%rip), %rdi
  jmp _second
.alt_entry _inside
.globl _inside
_inside:
  nop
  ret
_second:
  ret
.section __DATA,__data
.globl _datum
.p2align 3
_datum:
  .quad _far
  .quad _first+16
  .quad _second-_datum
  .long _inside-_datum-4
  .long _far@GOTPCREL+4
  .quad Lplace+8
Lplace:
  .quad 7
.section __DATA,__thread_vars,thread_local_variables
.globl _own
_own:
  .quad __tlv_bootstrap
  .quad 0
  .quad _own$tlv$init
.section __DATA,__thread_bss,thread_local_zerofill
.tbss _own$tlv$init, 4, 2
.section __TEXT,__cstring,cstring_literals
Lone: .asciz "one"
Ltwo: .asciz "two"
.comm _shared,40,3
.lcomm _zeroes,100,4
