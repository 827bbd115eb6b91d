package weights

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// manyTensors is a file of n tensors, each of one number.
func manyTensors(n int) []byte {
	var header strings.Builder
	for i := range n {
		fmt.Fprintf(&header, `,"%d":{"dtype":"F32","shape":[],"data_offsets":[%d,%d]}`, i, 4*i, 4*i+4)
	}
	return raw("{"+header.String()[1:]+"}", strings.Repeat("0", 4*n))
}

// manyEntries is a file of metadata of n entries.
func manyEntries(n int) []byte {
	var header strings.Builder
	for i := range n {
		fmt.Fprintf(&header, `,"%d":""`, i)
	}
	return raw(`{"__metadata__":{`+header.String()[1:]+"}}", "")
}

// TestMany: as many tensors and entries as no network has are read, with memory for
// a header of that size; more are refused, and a longer header is not looked at.
func TestMany(t *testing.T) {
	long := raw("{"+strings.Repeat(" ", maxHeader)+"}", "")
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"tensors of a large network", manyTensors(5000), ""},
		{"most tensors", manyTensors(maxEntries), ""},
		{"more tensors", manyTensors(maxEntries + 1), "more than 65536 tensors"},
		{"most entries", manyEntries(maxEntries), ""},
		{"more entries", manyEntries(20 * maxEntries), "more than 65536 entries"},
		{"long header", long, "found a header of 16777218 bytes, want at most 16777216"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(tt.file)
			runtime.ReadMemStats(&after)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if cost, most := after.TotalAlloc-before.TotalAlloc, uint64(64<<20+4*len(tt.file)); cost > most {
				t.Errorf("allocates %d bytes in all, want at most %d", cost, most)
			}
		})
	}
}
