package bench

import (
	"bytes"
	"fmt"
	"os"
)

// peakMB is the process's highest resident memory so far, in 10⁶ bytes: VmHWM
// of Linux, 0 elsewhere.
func peakMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := bytes.Cut(status, []byte("VmHWM:"))
	var kB float64
	if _, err := fmt.Sscan(string(line), &kB); err != nil {
		return 0
	}
	return kB * 1024 / 1e6
}

// resetPeak lowers the mark to what is resident now. Where that is not allowed
// the mark stays, and includes the reading of the dataset.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
