  .section .text.loop, "ax", @progbits
  .globl loop
  .type loop, @function
  .p2align 4
loop:
#if EDIT
  movl $100, %eax
#else
  xorl %eax, %eax
#endif
1:
  addl %edi, %eax
  decl %edi
  jnz 1b
  ret
  .size loop, .-loop
  .section .note.GNU-stack, "", @progbits
