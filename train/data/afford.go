package data

import (
	"fmt"

	"tapenet/graph/memory"
)

// available is memory.Available, but for tests.
var available = memory.Available

// afford returns an error if the machine has not the memory that a file needs: a file
// with holes may claim any size.
func afford(bytes int) error {
	if n, known := available(); known && bytes > n {
		return fmt.Errorf("its data need %s of memory, available are %s: want a machine with more, or fewer images", memory.Text(bytes), memory.Text(n))
	}
	return nil
}
