// Package ledger says what a sequence of launches asks of a GPU, without one: launch for launch the occupancy, the floating-point operations, the
// bytes and conflicts, counted by the interpreter on a few blocks of each, and a time that the package chip predicts from them. Nothing in it is
// measured on a GPU.
//
// # Decisions
//
//   - 2026-11: costs are counted over memory whose contents do not matter, since no kernel's work depends on them but for tables of buffers, which are
//     there, and the plan of the optimiser, which says to make the step. So a step of many gigabytes needs a few megabytes.
//   - 2026-11: bytes of DRAM are compulsory ones: each sector that a launch touches moves once. What a launch reads comes from the L2 instead where
//     the buffers that were used since its last use fit half of the L2; what it writes always goes to DRAM in the end. Both are simple, and the
//     second is on the safe side.
package ledger
