  .section .text.add_ten, "ax", @progbits
  .globl add_ten
  .type add_ten, @function
  .p2align 4
add_ten:
  leal 10(%rdi), %eax
#if EDIT >= 1
  addl step(%rip), %eax
#endif
  ret
  .size add_ten, .-add_ten

  .section .text.in_loop, "ax", @progbits
  .globl in_loop
  .p2align 4
in_loop:
#if EDIT >= 2
  movl $100, %eax
#else
  xorl %eax, %eax
  nop
  nop
  nop
#endif
1:
  incl %eax
  decl %edi
  jnz 1b
  ret

  .section .text.twice, "ax", @progbits
  .globl twice
  .type twice, @function
  .p2align 4
twice:
  leal (%rdi,%rdi), %eax
  ret
  .size twice, .-twice

  .section .data.step, "aw", @progbits
  .globl step
  .type step, @object
  .p2align 2
step:
  .long 10
  .size step, 4
  .section .note.GNU-stack, "", @progbits
