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
package tools
