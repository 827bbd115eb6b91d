package torture

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"
)

// slowly writes a file in the place of another as cp does: whoever reads it meanwhile sees
// a part of it.
func slowly(t *testing.T, file string, content []byte) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for part := range slices.Chunk(content, len(content)/3+1) {
		if _, err := f.Write(part); err != nil {
			t.Error(err)
		}
		time.Sleep(60 * time.Millisecond)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
