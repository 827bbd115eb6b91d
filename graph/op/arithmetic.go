package op

import (
	"fmt"
	"runtime"

	"tapenet/graph/internal/kernel"
	"tapenet/graph/internal/kernel/cpu"
)

// Arithmetic names the way in which ops compute in this process, as in "2", or
// "2 in plain Go for arm64" where there is no assembly. Training from equal
// settings comes to equal bits where the name is the same; where it is another one,
// sums are taken in another order and the last bits differ.
func Arithmetic() string {
	if cpu.Active() == cpu.TierGo {
		return fmt.Sprintf("%d in plain Go for %s", kernel.Revision, runtime.GOARCH)
	}
	return fmt.Sprint(kernel.Revision)
}

// Tier names the instructions that the kernels use on this machine: go, avx2 or avx512.
func Tier() string { return cpu.Active().String() }
