// Package runs keeps a run of [onestep/pid] in a folder: its configuration, its log, weight files, and checkpoints, from which it goes on to the bits
// of a run that was never interrupted. It also reads and writes the sets of files in which the PID reference repository keeps a run's state.
package runs
