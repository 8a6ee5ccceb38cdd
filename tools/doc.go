// Package tools holds the commands, and the test of who may import whom.
//
//	distill    distils a teacher into a one-step student: the main command
//	train      trains a teacher or a classifier, and measures a reference
//	sample     draws images by a teacher or a student
//	evaluate   judges images as papers do
//	convert    turns weight files of one format into another
//	plan       says what a distillation will take, before it begins
//	ptx        checks, runs and counts GPU kernels
//
// What they share is in internal, where cli has what is the same for all: reading flags, -h, --version, exit statuses, Ctrl-C.
//
// # To add a command
//
// Three places by hand: a folder with main.go, a line for it in the table of layers_test.go, and one in CHANGELOG.md. main calls cli.Main with a function that
// parses the flags, from one list of cli.Option, and one that does the work. A test of the folder calls clitest.FlagsPage with that list;
// TestCommands fails until it does. The fourth is written by it, the section of FLAGS.md:
//
//	go test ./tools/NAME -run FlagsPage -update
//
// # To add a flag
//
// Two places by hand: the field that it sets, with its default, and a line in the list of options (of distill with what it means for a run that is continued).
// A setting of a run is a field of pid.Config, which checks it, too. -h and FLAGS.md follow from the list, by -update as above.
//
// # What runs where
//
//	                                          -short   go test ./...   ONESTEP_TESTS=all   .ci/run
//	every package's own tests                 most     all             all                 all; of the host's kernels on each instruction set, too
//	golden files, best instruction set        small    each            each                each, of the full set
//	golden files, plain Go and lower levels   -        one in three    each                each
//	golden networks on the interpreted GPU    -        -               each                one of a kind
//	single golden operations there            -        one in three    each                -
//	whole steps there, f32 and f16            -        one of two      both                both
//	GPU kernels on the interpreter            each     each            each                each
//	their trials (sizes, types, addresses)    two      four in nine    all                 all
//	their schedules                           one, 3   one, 3          three, 20           three, 20
//	shapes that try every edge of a tile      -        one in three    all                 all
//	sectors and banks of products             -        one in three    all, and numbers    all, and numbers
//	trials of the host's kernels              two      four in nine    all                 all
//	a whole run on the interpreted GPU        -        -               yes                 yes
//	runs judged by the Inception network      -        one layout      all                 all
//	memory of real processes                  -        one of four     four, full size     four, full size
//	runs of several processes, by mpirun      few      in turn         all                 all
//	runs that are killed at random            2        2               2                   24, seed printed
//	generated assembly is what gen writes     -        -               yes                 yes
//	mutants of GPU kernels                    -        -               -                   24 at random
//	fuzzing                                   seeds    seeds           seeds               15 s a target, or $ONESTEP_FUZZ
//	race detector, arm64, NVIDIA's assembler  -        -               -                   yes
//
// What takes turns ("one in three") does so by the day, or by the number in ONESTEP_TURN, which the log of a test says. ONESTEP_CPU=generic|avx2|avx512
// lowers the instruction set, and ONESTEP_DEVICE=cpu|emulated|cuda keeps golden tests to a kind of device.
package tools
