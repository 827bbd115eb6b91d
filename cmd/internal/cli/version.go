package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"tapenet/graph/op"
)

// Version is what -version prints: the module's version, the commit, the version of Go,
// and the instructions that the kernels use on this machine.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

// versionOf is the version of a program that was built so.
func versionOf(info *debug.BuildInfo) string {
	version, commit, changed := info.Main.Version, "unknown", ""
	if version == "" {
		version = "(unknown)"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", with changes"
		}
	}
	return fmt.Sprintf("%s %s\ncommit %s%s\n%s %s/%s, kernels for %s\n", Program, version, commit, changed, runtime.Version(), runtime.GOOS, runtime.GOARCH, op.Tier())
}
