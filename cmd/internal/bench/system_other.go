//go:build !unix

package bench

import "time"

// cpuTime is unknown.
func cpuTime() time.Duration { return 0 }
