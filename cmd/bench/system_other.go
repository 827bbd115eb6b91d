//go:build !unix

package main

import "time"

// cpuTime is unknown.
func cpuTime() time.Duration { return 0 }
