  .text
  .globl tiny
  .type tiny, @function
tiny:
  movl %edi, %eax
#if EDIT
  incl %eax
#endif
  ret
  .size tiny, .-tiny
  .globl next
  .type next, @function
next:
  xorl %eax, %eax
  ret
  .size next, .-next
  .section .note.GNU-stack, "", @progbits
