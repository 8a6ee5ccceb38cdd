package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"

	"onestep/tools/internal/device"
)

// versionHelp explains --version, which [Main] answers for every command, in the help of each.
const versionHelp = "print the version, the kernels that are used here and Go's version, and do nothing else"

// asksVersion says whether --version is among the arguments. After -- there are files only.
func asksVersion(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--version") || slices.Contains(args, "-version")
}

// printVersion is the answer to --version.
func printVersion(w io.Writer, name string, info *debug.BuildInfo) error {
	cpu := device.CPUKernels()
	if info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-tags", Value: "purego"}) {
		cpu = "plain Go, since it was built with -tags purego"
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s/%s\nCPU kernels: %s\nGPU kernels: %s\n", name, program(info), runtime.GOOS, runtime.GOARCH, cpu, device.GPUKernels())
	return err
}

// Program is the version of this program as far as its build knows it: the module with its version or commit, and Go's version.
func Program() string {
	info, _ := debug.ReadBuildInfo()
	return program(info)
}

func program(info *debug.BuildInfo) string {
	if info == nil {
		return runtime.Version()
	}
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	text, commit, version := info.Main.Path, setting("vcs.revision"), info.Main.Version
	switch {
	case commit != "":
		text += " at commit " + commit
	case version != "" && version != "(devel)":
		text += " " + version
	}
	if setting("vcs.modified") == "true" {
		text += ", changed"
	}
	return text + ", " + info.GoVersion
}
