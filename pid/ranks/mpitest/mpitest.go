// Package mpitest starts processes of a test with Open MPI.
package mpitest

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// Command is a program on so many ranks, of which there may be more than processors. It ends with the test at the latest; a test on a machine
// without mpirun is skipped.
//
// Every mpirun keeps sockets and files of its session below ompi.HOST.UID in the folder for temporary files. Two that start at once can both find
// that it is not there, and the one that is second to make it gives up. So each has a folder of its own, with a short name, as the paths of sockets
// are limited to about 100 bytes.
func Command(t testing.TB, ranks int, program string, args ...string) *exec.Cmd {
	t.Helper()
	mpirun, err := exec.LookPath("mpirun")
	if err != nil {
		t.Skip("no mpirun: Debian's openmpi-bin has it")
	}
	session, err := os.MkdirTemp("", "mpi")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(session) }) // a rank that is just ending may still write there: what is left is not a fault
	c := exec.CommandContext(t.Context(), mpirun, append([]string{"--allow-run-as-root", "--oversubscribe", "-n", strconv.Itoa(ranks), program}, args...)...)
	c.Env = append(os.Environ(), "TMPDIR="+session)
	return c
}
