//go:build !amd64 || noasm

package main

// newPeak reports that there is no such work in this build.
func newPeak() (work, bool) { return work{}, false }
