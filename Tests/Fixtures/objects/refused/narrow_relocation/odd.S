  .section .text.odd, "ax", @progbits
  .globl odd
  .type odd, @function
  .p2align 4
odd:
#if EDIT
  movabsq $value@GOTOFF, %rax
#else
  leaq value(%rip), %rax
#endif
  nop
  nop
  nop
  ret
  .size odd, .-odd
  .data
  .globl value
  .type value, @object
value:
  .long 1
  .size value, 4
  .section .note.GNU-stack, "", @progbits
