// Package picture writes what the commands show: images as PNG grids, PNG folders and .npz files, and plots of losses.
//
// # Decisions
//
//   - 2026-11: plots by gonum.org/v1/plot. It brings eight more modules and 7 MB of binary (fonts, PDF and LaTeX among them) into the
//     commands, none into the library; axes, ticks and text of our own would be 300 lines. A command that must be small would change our mind.
package picture
