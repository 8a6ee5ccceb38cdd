// Package golden reads the golden files, PyTorch's numbers that the tests compare with, and makes the tensors that those files leave
// out because a hash defines them. It is for tests only.
//
// The files of a test are those of this package's testdata or, if the environment variable ONESTEP_GOLDEN names a folder, the files of that
// folder instead. Tests take networks, shapes and key prefixes ("salts") from the files' metadata, so that
// other files of the same form pass as well:
//
//	ONESTEP_GOLDEN=dir go test -run Golden ./...
//
// A test of golden files has Golden in its name and runs one subtest for each file ([Each]) and in it one for each instruction set
// ([OnEachDevice]). Errors are measured and bounded by [Check].
package golden
