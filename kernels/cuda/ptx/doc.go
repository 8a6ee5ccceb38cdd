// Package ptx reads PTX, NVIDIA's virtual assembly: a parser into a [Module], so strict that what it lets through is well formed by the
// PTX ISA for sm_50 to sm_121, as far as ordinary compilers use it for sm_80.
//
// A file is cut into tokens (lexer.go), declarations become variables and functions (declare.go, function.go), and instructions are held to
// a table of forms, a line each (instructions.go; form.go says how to read it): to add an instruction, add its line. A [Module] prints as PTX
// that parses to the same.
//
// # Decisions
//
//   - 2026-11: what NVIDIA's assembler refuses for sm_80 is refused, and testdata/instructions.txt holds us to it. Refused besides, though the
//     assembler takes it: accesses outside or across the alignment of a named variable, modifiers in an order that neither the ISA nor a
//     compiler writes, negated predicates as operands of and, not and mov, lop3 tables above 255. Constants have 64 bits and are cut where
//     instructions use them; an initial value that does not fit is refused.
//   - 2026-11: textures, surfaces, video instructions but vabsdiff, alloca and what needs sm_90 alone are refused by name. A compiler
//     that emits them for our kinds of kernels would change our mind.
//   - 2026-11: the first fault ends the parse. Going on would report what follows from it too.
//
// # References
//
//   - [ptx] NVIDIA, Parallel Thread Execution ISA
package ptx
