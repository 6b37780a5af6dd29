/* One jump for each function of the two names.h, through a pointer that pii_bind fills: neither library is linked into the
   program. The arguments stay where they are, so no signature is needed. */
#if defined(__x86_64__)
#define JUMP(name) jmp *at_##name(%rip)
#elif defined(__aarch64__)
#define JUMP(name) adrp x16, at_##name; ldr x16, [x16, :lo12:at_##name]; br x16
#else
#error "only x86-64 and arm64 are known here"
#endif

#define X(name) \
  .text; .balign 8; .globl name; .hidden name; .type name, %function; name: JUMP(name); .size name, . - name; \
  .data; .balign 8; .globl at_##name; .hidden at_##name; at_##name: .quad pii_unbound
#include "csrc/engine/names.h"
#include "csrc/names.h"
.section .note.GNU-stack, "", %progbits
